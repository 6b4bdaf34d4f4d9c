"""Rows of use: merged as they come, in whatever order."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Row as DbRow
from sqlalchemy import delete, func, select

from grants.store import tables as t
from grants.store.base import TxBase
from grants.usage.coverage import Coverage, Loss, hour_of
from grants.usage.folded import Part
from grants.usage.model import Act, Kind, Use, VerbClass, Whose
from grants.usage.seen import Traced, bits
from grants.usage.table import Row, family
from grants.usage.times import as_text, as_time

T = TypeVar("T")

_C: Final = t.usage.c
_AT_ONCE: Final = 500
_ACT: Final = tuple(_C[name] for name in Act._fields)
_NONE: Final = ""
_BEFORE: Final = timedelta(days=1)


class UsageRows(TxBase):
    """What UsageTx asks for, beside the keys of inbound things."""

    def add_usage(self, cluster: str, part: Part) -> None:
        """Merge what was read of a cluster into its rows."""
        self._must_write()
        rows = {act: (row.first, row.last, row.count) for act, row in part.rows}
        for some in _batches(sorted(rows)):
            self._add_acts(cluster, {act: rows[act] for act in some})
        self._add_seen(cluster, part)

    def _add_acts(self, cluster: str, rows: Mapping[Act, tuple[str, str, int]]) -> None:
        crowds = {each.many: each.kept for act in rows if (each := family(act)) is not None}
        keys = {_key(cluster, many): many for many in crowds}
        known = select(_C.key).where(_C.key.in_(keys))
        one_by_now = {keys[row.key] for row in self._rows(known)}
        merged: dict[Act, Row] = {}
        for act, seen in rows.items():
            mine = family(act)
            put = mine.many if mine is not None and mine.many in one_by_now else act
            if put in merged:
                merged[put].merge(*seen)
            else:
                merged[put] = Row(*seen)
        self._upsert(cluster, merged)
        self._crowd(cluster, {many: n for many, n in crowds.items() if many not in one_by_now})

    def _upsert(self, cluster: str, rows: Mapping[Act, Row]) -> None:
        least, greatest = (
            (func.min, func.max) if self._database.is_sqlite else (func.least, func.greatest)
        )
        new = self._insert(t.usage)
        statement = new.on_conflict_do_update(
            index_elements=[_C.key],
            set_={
                "first_at": least(_C.first_at, new.excluded.first_at),
                "last_at": greatest(_C.last_at, new.excluded.last_at),
                "count": _C.count + new.excluded.count,
            },
        )
        values = [_values(cluster, act, row) for act, row in rows.items()]
        # In one order, so that two transactions wait for each other and never both for ever.
        self._run(statement, sorted(values, key=lambda each: str(each["key"])))

    def _crowd(self, cluster: str, crowds: Mapping[Act, int]) -> None:
        """Make one row of those whose like have become too many."""
        families = {_key(cluster, many): many for many in crowds}
        if not families:
            return
        counted = (
            select(_C.family, func.count().label("n"))
            .where(_C.family.in_(families))
            .group_by(_C.family)
        )
        for found in self._rows(counted):
            many = families[found.family]
            if found.n > crowds[many]:
                self._make_one(cluster, found.family, many)

    def _make_one(self, cluster: str, key: str, many: Act) -> None:
        mine = (_C.family == key, _C.key != key)
        sums = select(
            func.min(_C.first_at).label("first_at"),
            func.max(_C.last_at).label("last_at"),
            func.sum(_C.count).label("n"),
        ).where(*mine)
        row = self._row(sums)
        if row is None:
            return
        self._run(delete(t.usage).where(*mine))
        # PostgreSQL sums 64-bit integers to a decimal.
        whole = Row(as_text(row.first_at), as_text(row.last_at), int(row.n))
        self._upsert(cluster, {many: whole})

    def _add_seen(self, cluster: str, part: Part) -> None:
        hours = [
            {"cluster": cluster, "hour_at": hour_of(hour), "minutes": minutes}
            for hour, minutes in sorted(part.seen.hours.items())
        ]
        self._merge(t.usage_hours, "minutes", hours)
        months = [
            {
                "cluster": cluster,
                "verb_class": str(traced.kind.verb_class),
                "api_group": traced.kind.api_group,
                "resource": traced.kind.resource,
                "whose": str(traced.whose),
                "month": int(month.replace("-", "")),
                "days": days,
            }
            for (traced, month), days in sorted(part.seen.months.items())
        ]
        self._merge(t.usage_months, "days", months)
        losses = [
            {"cluster": cluster, "hour_at": hour_of(hour), "word": word, "count": count}
            for (hour, word), count in sorted(part.losses.items())
            if hour
        ]
        self._merge(t.usage_losses, "count", losses)

    def _merge(self, table: Any, column: str, values: Sequence[dict[str, object]]) -> None:
        """Put bits beside those that stand, and add what is counted."""
        if not values:
            return
        new = self._insert(table)
        old, added = table.c[column], new.excluded[column]
        both = old + added if column == "count" else old.bitwise_or(added)
        keys = list(table.primary_key.columns)
        statement = new.on_conflict_do_update(index_elements=keys, set_={column: both})
        for some in _batches(values):
            self._run(statement, list(some))

    def usage(
        self, cluster: str | None = None, user: str | None = None, limit: int | None = None
    ) -> tuple[Use, ...]:
        """Read rows of one cluster or all, and of one user or all, in order."""
        wanted = select(t.usage).order_by(_C.cluster, *_ACT).limit(limit)
        if cluster is not None:
            wanted = wanted.where(_C.cluster == cluster)
        if user is not None:
            wanted = wanted.where(_C.user == user)
        return self._readable("usage", self._rows(wanted), _use_of)

    def usage_clusters(self) -> dict[str, datetime]:
        """Name the clusters of which anything was read, each with when last."""
        columns = t.usage_hours.c
        last = select(columns.cluster, func.max(columns.hour_at).label("at"))
        found = self._rows(last.group_by(columns.cluster).order_by(columns.cluster))
        return {row.cluster: row.at for row in found}

    def coverage(self, cluster: str, since: datetime | None = None) -> Coverage:
        """Read what was heard of a cluster, from a day before `since` on; kinds always whole."""
        hours, losses = t.usage_hours.c, t.usage_losses.c
        heard = select(hours.hour_at, hours.minutes).where(hours.cluster == cluster)
        lost = select(losses.hour_at, losses.word, losses["count"].label("n"))
        lost = lost.where(losses.cluster == cluster)
        if since is not None:
            begin = since - _BEFORE  # so that what was heard just before it counts
            heard, lost = heard.where(hours.hour_at >= begin), lost.where(losses.hour_at >= begin)
        return Coverage(
            cluster,
            {row.hour_at: row.minutes for row in self._rows(heard)},
            self._days(cluster),
            tuple(Loss(row.hour_at, row.word, row.n) for row in self._rows(lost)),
        )

    def _days(self, cluster: str) -> dict[Traced, tuple[date, ...]]:
        columns = t.usage_months.c
        found: dict[Traced, list[date]] = {}
        wanted = select(t.usage_months).where(columns.cluster == cluster).order_by(columns.month)
        for row in self._rows(wanted):
            kind = Kind(VerbClass(row.verb_class), row.api_group, row.resource)
            year, month = divmod(row.month, 100)
            days = found.setdefault(Traced(kind, Whose(row.whose)), [])
            days.extend(date(year, month, day) for day in bits(row.days))
        return {traced: tuple(days) for traced, days in found.items()}


def _key(cluster: str, act: Act) -> str:
    parts = (cluster, *(part if isinstance(part, str) else str(int(part)) for part in act))
    return hashlib.blake2b("\x00".join(parts).encode(), digest_size=16).hexdigest()


def _values(cluster: str, act: Act, row: Row) -> dict[str, object]:
    mine = family(act)
    return {
        "key": _key(cluster, act),
        "family": _NONE if mine is None else _key(cluster, mine.many),
        "cluster": cluster,
        **act._asdict(),
        "first_at": as_time(row.first),
        "last_at": as_time(row.last),
        "count": row.count,
    }


def _use_of(row: DbRow[Any]) -> Use:
    act = Act(**{name: getattr(row, name) for name in Act._fields})
    return Use(row.cluster, act, row.first_at, row.last_at, row._mapping["count"])  # noqa: SLF001 - `count` is also a method of a row


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    """Give them by so many at once as a statement takes without growing long."""
    some: list[T] = []
    for each in values:
        some.append(each)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some
