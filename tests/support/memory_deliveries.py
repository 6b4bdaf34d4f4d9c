"""The outbox's rows of the store in memory, as the courier sees them.

The store's contract suite holds it to the real one. After a test: `rows`, `retries` (id, wait,
problem), `given_up` (id, problem), `holds`.
"""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from grants.errors import ChangedMeanwhile
from grants.outbox.model import (
    BROKEN,
    CHANGES,
    EVERYWHERE,
    FIRST_SENDS,
    URGENCY,
    Card,
    CardKind,
    Delivery,
    Figures,
    Notice,
    Pace,
    Place,
    PlaceKind,
    Reach,
    Undelivered,
    scope_of,
)

if TYPE_CHECKING:
    from tests.support.memory_store import MemoryStore


@dataclass
class _Extra:
    """What a row has beside what the courier sees."""

    number: int
    dropped: int = 0
    claimed_until: datetime | None = None
    problem: str = ""


@dataclass
class MemoryDeliveries:
    store: "MemoryStore"
    rows: dict[object, Delivery] = field(default_factory=dict)
    holds: dict[str, datetime] = field(default_factory=dict)
    retries: list[tuple[str, timedelta, str]] = field(default_factory=list)
    given_up: list[tuple[str, str]] = field(default_factory=list)
    _extra: dict[str, _Extra] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def now(self) -> datetime:
        return self.store._clock.now()

    def claim(self, limit: int, hold: timedelta) -> tuple[Delivery, ...]:
        with self._lock:
            self._refresh()
            turns: dict[Place, Delivery] = {}
            heads: set[Place] = set()
            for row in self._waiting():
                in_line = self._is_in_line(row)
                head = in_line and row.place not in heads
                heads |= {row.place} if in_line else set()
                if (head or not in_line) and row.place not in turns and self._is_free(row):
                    turns[row.place] = row
            taken = [row for row in turns.values() if not self._is_busy(row.place)][:limit]
            for row in taken:
                self._extra[row.id].claimed_until = self.now() + hold
            return tuple(taken)

    def renew(self, ids: Collection[str], hold: timedelta) -> None:
        with self._lock:
            for one in (self._extra[each] for each in ids):
                if one.claimed_until and one.claimed_until > self.now():
                    one.claimed_until = self.now() + hold

    def sending(self, row: Delivery, at: datetime) -> None:
        with self._lock:
            now = self._now_of(row)
            if (now.ts, now.sending_since) != (row.ts, row.sending_since):
                raise ChangedMeanwhile("delivery", row.id)
            self._put(row, sending_since=at)

    def sent(
        self, row: Delivery, channel: str | None, ts: str | None, paces: Collection[Pace] = ()
    ) -> None:
        with self._lock:
            self._refresh()
            now = self._now_of(row)
            newer = now.sent > row.wanted
            self._put(
                row,
                sent=now.sent if newer else row.wanted,
                channel=channel,
                ts=ts,
                attempts=0,
                sending_since=None,
            )
            if newer:
                self.store._rows.cards[self._key(row)] += 1  # type: ignore[index]
            self._end(row, "")
            for pace in paces:
                earliest = self.now() - pace.every * (pace.burst - 1)
                begun = max(self.holds.get(pace.scope, earliest), earliest)
                self.holds[pace.scope] = begun + pace.every

    def put_back(self, row: Delivery, problem: str = "") -> None:
        with self._lock:
            self._extra[row.id].claimed_until = None
            self._extra[row.id].problem = problem

    def retry(self, row: Delivery, wait: timedelta, problem: str) -> None:
        with self._lock:
            self._put(row, attempts=self._now_of(row).attempts + 1)
            self._end(row, problem)
            self.retries.append((row.id, wait, problem))
            self.hold(f"row:{row.id}", wait)

    def dropped(self, row: Delivery, problem: str) -> None:
        with self._lock:
            self._put(row, sending_since=None)
            self._end(row, problem)
            self._extra[row.id].dropped = max(row.wanted, self._extra[row.id].dropped)
            self.given_up.append((row.id, problem))

    def hold(self, scope: str, wait: timedelta) -> None:
        with self._lock:
            until = self.now() + wait
            self.holds[scope] = max(until, self.holds.get(scope, until))

    def places_of(self, row: Delivery) -> frozenset[Place]:
        self._refresh()
        same = (row.kind, row.about, row.code, dict(row.facts))
        together = row.since - timedelta(seconds=1)
        return frozenset(
            one.place
            for one in self.rows.values()
            if (one.kind, one.about, one.code, dict(one.facts)) == same
            and (one.since >= together or one.kind is not CardKind.NOTICE)
        )

    def reach(self, kind: CardKind, about: str) -> Reach:
        self._refresh()
        rows = [row for row in self.rows.values() if (row.kind, row.about) == (kind, about)]
        groups = [row for row in rows if row.place.kind is PlaceKind.USER_GROUP]
        others = [row for row in rows if row not in groups]
        return Reach(
            sum(row.sent > 0 for row in others),
            sum(row.sent == 0 and self._is_wanted(row) for row in others)
            + sum(self._is_wanted(row) for row in groups),
            sum(row.sent == 0 and not self._is_wanted(row) for row in others),
        )

    def undelivered(self, limit: int, *, given_up: bool | None = None) -> tuple[Undelivered, ...]:
        self._refresh()
        untold = [row for row in self.rows.values() if row.wanted > row.sent]
        found = [
            Undelivered(
                row.id,
                row.kind,
                row.about,
                row.place,
                row.code,
                row.since,
                row.attempts,
                self._extra[row.id].problem,
                given_up=not self._is_wanted(row),
            )
            for row in sorted(untold, key=lambda r: (r.since, self._extra[r.id].number))
        ]
        those = [one for one in found if given_up in (None, one.given_up)]
        return tuple(those[::-1] if given_up else those)[:limit]

    def figures(self) -> Figures:
        found = self.undelivered(1_000_000)
        waiting = [one for one in found if not one.given_up]
        problems = [one.problem for one in found if one.given_up]
        return Figures(
            {kind: n for kind in CardKind if (n := sum(one.kind is kind for one in waiting))},
            min((one.since for one in waiting), default=None),
            {problem: problems.count(problem) for problem in set(problems)},
        )

    def again(self, ids: Collection[str]) -> int:
        known = {row.id: row for row in self.rows.values()}
        rows = [known[one] for one in set(ids) if one in known]
        dropped = [row for row in rows if row.wanted > row.sent and not self._is_wanted(row)]
        for row in dropped:
            self._put(row, attempts=0, sending_since=None)
            self._extra[row.id] = _Extra(self._extra[row.id].number)
        return len(dropped)

    def _refresh(self) -> None:
        rows = self.store._rows
        for card, version in rows.cards.items():
            self._see(card, version)
        for number, notice in rows.notices.items():
            self._see_notice(number, notice)

    def _see(self, card: Card, version: int) -> None:
        known = self.rows.get(card)
        if known is None:
            fresh = _row_of(card, len(self.rows), self.now())
            self._extra[fresh.id] = _Extra(len(self.rows))
            self.rows[card] = replace(fresh, wanted=version)
        elif known.wanted != version:
            since = known.since if self._is_wanted(known) else self.now()
            self.rows[card] = replace(known, wanted=version, since=since)

    def _see_notice(self, number: int, notice: Notice) -> None:
        if number not in self.rows:
            fresh = _notice_row(notice, number, self.now())
            self._extra[fresh.id] = _Extra(len(self.rows))
            self.rows[number] = fresh

    def _waiting(self) -> list[Delivery]:
        rows = [row for row in self.rows.values() if self._is_wanted(row)]
        return sorted(rows, key=lambda r: (URGENCY[r.kind], self._extra[r.id].number))

    def _is_wanted(self, row: Delivery) -> bool:
        return row.wanted > max(row.sent, self._extra[row.id].dropped)

    def _is_free(self, row: Delivery) -> bool:
        in_line = self._is_in_line(row)
        scopes = [EVERYWHERE, f"row:{row.id}", FIRST_SENDS if in_line else CHANGES]
        scopes += [scope_of(row.place)] if in_line else []
        return all(self.holds.get(scope, self.now()) <= self.now() for scope in scopes)

    def _is_in_line(self, row: Delivery) -> bool:
        return row.ts is None and self._extra[row.id].problem != BROKEN

    def _is_busy(self, place: Place) -> bool:
        there = [self._extra[row.id] for row in self.rows.values() if row.place == place]
        return any(one.claimed_until and one.claimed_until > self.now() for one in there)

    def _key(self, row: Delivery) -> object:
        return next(key for key, one in self.rows.items() if one.id == row.id)

    def _now_of(self, row: Delivery) -> Delivery:
        return self.rows[self._key(row)]

    def _put(self, row: Delivery, **values: object) -> None:
        with self._lock:
            key = self._key(row)
            self.rows[key] = replace(self.rows[key], **values)  # type: ignore[arg-type]

    def _end(self, row: Delivery, problem: str) -> None:
        self._extra[row.id].claimed_until = None
        self._extra[row.id].problem = problem
        self.holds.pop(f"row:{row.id}", None)


def _row_of(card: Card, number: int, now: datetime) -> Delivery:
    return Delivery(
        f"crd-{number}", card.kind, card.about, card.place, wanted=0, sent=0, attempts=0, since=now
    )


def _notice_row(notice: Notice, number: int, now: datetime) -> Delivery:
    return Delivery(
        f"ntc-{number}",
        CardKind.NOTICE,
        notice.about,
        notice.place,
        wanted=1,
        sent=0,
        attempts=0,
        since=now,
        code=notice.code,
        facts=notice.facts,
    )
