"""Rows of findings: since when each is known, since when it is gone, and what it is now."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Row, Select, and_, func, or_, select, update

from grants.review.details import Detail, body_of, detail_from
from grants.review.news import News, Untold
from grants.review.tracking import Known
from grants.store import tables as t
from grants.store.base import TxBase

T = TypeVar("T")

_C: Final = t.review_findings.c
_D: Final = t.review_details.c
_NOW: Final = t.review_details.join(t.review_findings, _D.key == _C.key)
_AT_ONCE: Final = 500
_THERE: Final = "there"
_GONE: Final = "gone"


class FindingRows(TxBase):
    """What FindingsTx asks for."""

    def known_findings(self, clusters: Sequence[str]) -> tuple[Known, ...]:
        """Give what is known of findings in these clusters, those that are gone too."""
        wanted = select(t.review_findings).where(_C.cluster.in_(clusters)).order_by(_C.key)
        return self._readable("finding", self._rows(wanted), _known)

    def keep_findings(self, known: Iterable[Known]) -> None:
        """Keep what is known now, in the place of what was."""
        self._must_write()
        new = self._insert(t.review_findings)
        statement = new.on_conflict_do_update(
            index_elements=[_C.key], set_={"resolved_at": new.excluded.resolved_at}
        )
        # In one order, so that two transactions wait for each other and never both for ever.
        for some in _batches(sorted(map(_values, known), key=_key)):
            self._run(statement, some)

    def keep_details(self, details: Iterable[Detail]) -> None:
        """Keep what findings are now, in the place of what they were."""
        self._must_write()
        new = self._insert(t.review_details)
        moved = {name: new.excluded[name] for name in ("cluster", "weight", "body")}
        statement = new.on_conflict_do_update(index_elements=[_D.key], set_=moved)
        for some in _batches(sorted(map(_detail_values, details), key=_key)):
            self._run(statement, some)

    def open_details(self, clusters: Sequence[str], limit: int) -> tuple[Detail, ...]:
        """Give findings that somebody has to act on, worst first."""
        wanted = _open(select(_D.key.label("id"), _D.body), clusters)
        rows = self._rows(wanted.order_by(_D.weight.desc(), _C.rule, _D.key).limit(limit))
        return self._readable("finding", rows, _detail)

    def open_counts(self, clusters: Sequence[str]) -> Mapping[tuple[str, int], int]:
        """Count them by cluster and severity."""
        wanted = _open(select(_D.cluster, _D.weight, func.count().label("many")), clusters)
        rows = self._rows(wanted.group_by(_D.cluster, _D.weight))
        return {(row.cluster, row.weight): row.many for row in rows}

    def detail(self, key: str) -> Detail | None:
        """Give one finding that is there, whether or not somebody has to act on it."""
        there = select(_D.key.label("id"), _D.body).select_from(_NOW).where(_D.key == key)
        row = self._row(there.where(_C.resolved_at.is_(None)))
        return None if row is None else self._read("finding", row, _detail)

    def open_places(
        self, fingerprints: Sequence[str], clusters: Sequence[str]
    ) -> tuple[Detail, ...]:
        """Give these findings wherever in these clusters somebody has to act on them."""
        keys = (f"{one}@{cluster}" for one in fingerprints for cluster in clusters)
        rows: list[Row[Any]] = []
        for some in _batches(sorted(keys)):
            wanted = _open(select(_D.key.label("id"), _D.body), clusters).where(_D.key.in_(some))
            rows += self._rows(wanted.order_by(_D.key))
        return self._readable("finding", rows, _detail)

    def untold(self, clusters: Sequence[str]) -> tuple[Untold, ...]:
        """Give what is news of these clusters' findings, by what people heard last."""
        there = and_(_C.resolved_at.is_(None), _D.weight >= 0, _D.told != _THERE)
        gone = and_(_C.resolved_at.is_not(None), _D.told == _THERE)
        columns = (_D.key.label("id"), _D.told, _D.body, _C.resolved_at)
        wanted = (
            select(*columns).select_from(_NOW).where(_D.cluster.in_(clusters), or_(there, gone))
        )
        locked = wanted.order_by(_D.key).with_for_update(of=t.review_details)
        return self._readable("finding", self._rows(locked), _untold)

    def note_told(self, news: Mapping[str, News]) -> None:
        """Note what people have heard now of findings."""
        self._must_write()
        for told, those in ((_GONE, {News.GONE}), (_THERE, {News.NEW, News.BACK})):
            for some in _batches(sorted(key for key, one in news.items() if one in those)):
                self._run(update(t.review_details).where(_D.key.in_(some)).values(told=told))


def _values(one: Known) -> dict[str, object]:
    return {
        "key": one.key,
        "cluster": one.cluster,
        "rule": one.rule,
        "subject": one.subject,
        "first_at": one.first_seen,
        "resolved_at": one.resolved_at,
    }


def _known(row: Row[Any]) -> Known:
    return Known(row.key, row.cluster, row.rule, row.subject, row.first_at, row.resolved_at)


def _open(wanted: Select[Any], clusters: Sequence[str]) -> Select[Any]:
    mine = (_D.cluster.in_(clusters), _D.weight >= 0, _C.resolved_at.is_(None))
    return wanted.select_from(_NOW).where(*mine)


def _detail_values(detail: Detail) -> dict[str, object]:
    return {
        "key": detail.finding.key,
        "cluster": detail.finding.cluster,
        "weight": detail.weight,
        "told": "",
        "body": body_of(detail),
    }


def _detail(row: Row[Any]) -> Detail:
    return detail_from(row.body)


def _untold(row: Row[Any]) -> Untold:
    if row.resolved_at is not None:
        return Untold(_detail(row), News.GONE)
    return Untold(_detail(row), News.BACK if row.told == _GONE else News.NEW)


def _key(values: Mapping[str, object]) -> str:
    return str(values["key"])


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    left = iter(things)
    while some := list(islice(left, _AT_ONCE)):
        yield some
