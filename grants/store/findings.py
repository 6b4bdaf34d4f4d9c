"""Rows of findings: since when each is known, and since when it is gone."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Row, select

from grants.review.tracking import Known
from grants.store import tables as t
from grants.store.base import TxBase

_C: Final = t.review_findings.c
_AT_ONCE: Final = 500


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
        values = iter(sorted(map(_values, known), key=lambda each: str(each["key"])))
        while some := list(islice(values, _AT_ONCE)):
            self._run(statement, some)


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
