"""Events, one after the other, into rows: the loop on which the speed of an import depends."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from grants.usage.acts import acts_of, makes
from grants.usage.events import COMPLETE, PANIC, STARTED, Event
from grants.usage.folded import FUTURE, NOBODY, REPEATED, UNTIMED, Folded, Part
from grants.usage.model import whose
from grants.usage.seen import Traced
from grants.usage.table import Row
from grants.usage.times import EARLIEST, LENGTH, as_text, is_plain, plain
from grants.usage.window import Window

AHEAD: Final = timedelta(minutes=10)
"""An event further in the future than that is a wrong clock's, and is not believed."""

_DAYS_AT_ONCE: Final = 4
_ROWS_AT_HAND: Final = 100_000
_USED: Final = frozenset({COMPLETE, STARTED, PANIC})

Memo = dict[int, Row]


class Folder:
    """Folds the events of one cluster; `now` bounds what times are believed.

    Rows that were met today are found again by a hash alone. It is of 64 bits and keyed anew in
    each process, so that nobody can make two acts meet, and by chance they meet once in a hundred
    million imports of a hundred thousand rows.
    """

    def __init__(self, part: Part, folded: Folded, window: Window, now: datetime) -> None:
        self._part = part
        self._folded = folded
        self.window = window
        self._limit = as_text(now + AHEAD)
        self._minute = ""
        self._day = ""
        self._memos: dict[str, Memo] = {}
        self._memo: Memo = {}
        self._collapsed = 0
        self._recent, self._older = window.at("")
        # No row at hand was first seen later: whatever began since then can't come before it.
        self._begun = ""

    @property
    def hour(self) -> str:
        """The hour of the last event that was used; "" before the first."""
        return self._minute[:13]

    def fold(self, events: Iterable[Event]) -> list[Event]:
        """Fold events; gives those that are none, because things may be wrapped in them."""
        rest: list[Event] = []
        # It may have turned since, and it is only looked into by the minute.
        self._recent, self._older = self.window.at(self._minute)
        minute, memo = self._minute, self._memo
        recent, older, begun = self._recent, self._older, self._begun
        known = len(recent)
        for event in events:
            last = event.stageTimestamp
            if last[:16] != minute or event.stage != COMPLETE or len(last) != LENGTH:
                is_plain_one = self._is_new_minute(last) and event.stage == COMPLETE
                if not is_plain_one:
                    self._odd(event, rest)
                minute, memo = self._minute, self._memo
                recent, older, begun = self._recent, self._older, self._begun
                known = len(recent)
                if not is_plain_one:
                    continue
            audit_id = event.auditID
            if audit_id in older:
                self._again(event, rest)
                continue
            recent.add(audit_id)
            if len(recent) == known:
                self._again(event, rest)
                continue
            known += 1
            key = hash(
                (
                    event.user,
                    event.verb,
                    event.objectRef,
                    event.annotations,
                    event.responseStatus,
                    event.impersonatedUser is None,
                )
            )
            row = memo.get(key)
            if row is None:
                self._learn(event, key, memo)
                begun = self._begun
                continue
            row.count += 1
            if last > row.last:  # noqa: PLR1730 - a call of `max` would take as long as the rest
                row.last = last
            first = event.requestReceivedTimestamp
            if first < begun and first < row.first:
                row.first = min(plain(first) or last, row.first)
        return rest

    def _is_new_minute(self, last: str) -> bool:
        """Go on to the minute of a time; False when the time can't be believed as it stands."""
        if last[:16] == self._minute and len(last) == LENGTH:
            return True
        if not is_plain(last) or not EARLIEST <= last <= self._limit:
            return False
        self._minute = last[:16]
        self._recent, self._older = self.window.at(self._minute)
        self._part.seen.at(last)
        if last[:10] != self._day:
            self._day = last[:10]
            self._memo = self._memos.setdefault(self._day, {})
            if len(self._memos) > _DAYS_AT_ONCE:
                del self._memos[next(iter(self._memos))]
        return True

    def _again(self, event: Event, rest: list[Event]) -> None:
        """Leave out what was counted; what has no id can't have been."""
        if event.auditID:
            self._folded.words[REPEATED] += 1
        else:
            rest.append(event)

    def _odd(self, event: Event, rest: list[Event]) -> None:
        """Deal with whatever is not a request that ended, with times of the one form."""
        if not event.auditID:
            rest.append(event)
            return
        last = self._believed(event.stageTimestamp)
        if not last or event.stage not in _USED:
            return
        first = plain(event.requestReceivedTimestamp) or last
        if event.stage == STARTED:
            self._take(event, min(first, last), last, 0)
            return
        audit_id = event.auditID if event.stage == COMPLETE else f"{PANIC}:{event.auditID}"
        if audit_id in self._recent or audit_id in self._older:
            self._folded.words[REPEATED] += 1
            return
        self._recent.add(audit_id)
        self._take(event, min(first, last), last, 1)

    def _believed(self, text: str) -> str:
        """Give a time in the one form and go on to its minute; "" when it can't be believed."""
        last = plain(text)
        if last is None or last > self._limit:
            word = UNTIMED if last is None else FUTURE
            self._folded.words[word] += 1
            self.lose(word, 1)
            return ""
        if last[:16] != self._minute:
            self._is_new_minute(last)
        return last

    def _learn(self, event: Event, key: int, memo: Memo) -> None:
        """Put in an act that was not met yet today, and keep its row at hand."""
        if event.objectRef is None:
            key = hash((key, event.requestURI.partition("?")[0]))
        last = event.stageTimestamp
        first = min(plain(event.requestReceivedTimestamp) or last, last)
        row = memo.get(key) if event.objectRef is None else None
        if row is not None:
            row.merge(first, last, 1)
            return
        row = self._take(event, first, last, 1)
        if row is None or event.impersonatedUser is not None or event.annotations is None:
            return  # what it is does not follow from what the key is made of
        if makes(event):
            return  # that is more than one row
        if len(memo) >= _ROWS_AT_HAND:
            memo.clear()
        memo[key] = row
        self._begun = max(self._begun, row.first)

    def _take(self, event: Event, first: str, last: str, count: int) -> Row | None:
        """Put in all that an event shows; gives the row of what was asked for."""
        acts = acts_of(event)
        if not acts:
            self._folded.words[NOBODY] += 1
            return None
        rows, seen = self._part.rows, self._part.seen
        taken = [rows.merge(act, first, last, count) for act in acts]
        for act in acts:
            seen.of(Traced(act.kind, whose(act.user)), last[:10])
        if rows.collapsed != self._collapsed:
            # Rows that are at hand may be rows no more.
            self._collapsed = rows.collapsed
            for memo in self._memos.values():
                memo.clear()
        return taken[0]

    def lose(self, word: str, count: int) -> None:
        """Note that something was lost about when the last event was."""
        self._part.losses[self.hour, word] += count
