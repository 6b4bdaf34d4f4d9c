"""Rows of what reviewers said of findings."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

import msgspec
from sqlalchemy import Row, and_, or_, select, update

from grants.decoding import decoder
from grants.review.answers import Answer, Answered, AnswerKind, Ended
from grants.review.substance import Substance
from grants.store import tables as t
from grants.store.access import LIVE
from grants.store.base import TxBase, one_row

_A: Final = t.review_answers.c
_F: Final = t.review_findings.c
_L: Final = t.inventory_looks.c
_G: Final = t.grants.c


class AnswerRows(TxBase):
    """What AnswersTx asks for, and what a click on a finding asks beside."""

    def add_answer(self, answer: Answer) -> bool:
        """Insert an answer; False when one stands."""
        self._must_write()
        new = self._insert(t.review_answers).on_conflict_do_nothing().returning(_A.id)
        return self._row(new, _values(answer)) is not None

    def end_answers(self, ended: Iterable[Answer]) -> None:
        """Store why and when answers ended; those that ended before stay as they are."""
        self._must_write()
        for one in sorted(ended, key=lambda one: one.id):
            values = {"ended": one.ended, "ended_at": one.ended_at, "ended_by": one.ended_by}
            mine = and_(_A.id == one.id, _A.ended.is_(None))
            self._run(update(t.review_answers).where(mine).values(values))

    def standing_answers(self, clusters: Sequence[str]) -> tuple[Answer, ...]:
        """Give the answers that stand in these clusters, the oldest first."""
        wanted = select(t.review_answers).where(_A.cluster.in_(clusters), _A.ended.is_(None))
        return self._readable("answer", self._rows(wanted.order_by(_A.at, _A.id)), _answer)

    def answers_of(self, finding: str, limit: int) -> tuple[Answer, ...]:
        """Give the answers to a finding, those that have ended too, the latest first."""
        wanted = select(t.review_answers).where(_A.finding == finding)
        rows = self._rows(wanted.order_by(_A.at.desc(), _A.id).limit(limit))
        return self._readable("answer", rows, _answer)

    def answered(self, clusters: Sequence[str], limit: int) -> tuple[Answered, ...]:
        """List answers with what they are about, the latest first; no cluster named: of all."""
        about = t.review_answers.outerjoin(t.review_findings, _A.finding == _F.key)
        wanted = select(t.review_answers, _F.rule, _F.subject).select_from(about)
        if clusters:
            wanted = wanted.where(_A.cluster.in_(clusters))
        rows = self._rows(wanted.order_by(_A.at.desc(), _A.id).limit(limit))
        return self._readable(
            "answer", rows, lambda row: Answered(_answer(row), row.rule or "", row.subject or "")
        )

    def hold_looks(self, cluster: str) -> None:
        """Have scans of a cluster wait, and wait for one that is being kept."""
        last = select(t.inventory_looks).where(_L.cluster == cluster)
        self._locked(one_row(last.order_by(_L.at.desc()).limit(1)))

    def has_access(self, person: str, cluster: str, namespace: str | None) -> bool:
        """Tell whether a person holds access by a grant there (None: anywhere in the cluster)."""
        there = (LIVE, _G.recipient == person, _G.cluster == cluster)
        wanted = select(_G.id).where(*there).limit(1)
        if namespace is not None:
            wanted = wanted.where(or_(_G.namespace == namespace, _G.namespace.is_(None)))
        return self._row(wanted) is not None


def _values(answer: Answer) -> dict[str, object]:
    return {
        "id": answer.id,
        "finding": answer.finding,
        "cluster": answer.cluster,
        "kind": str(answer.kind),
        "person": answer.person,
        "sign_in": answer.sign_in,
        "at": answer.at,
        "substance": msgspec.json.encode(answer.substance, order="deterministic").decode(),
        "until": answer.until.isoformat() if answer.until else None,
        "reason": answer.reason,
        "salt": answer.salt,
        "ended_at": answer.ended_at,
        "ended": answer.ended,
        "ended_by": answer.ended_by,
    }


def _answer(row: Row[Any]) -> Answer:
    return Answer(
        id=row.id,
        finding=row.finding,
        cluster=row.cluster,
        kind=AnswerKind(row.kind),
        person=row.person,
        sign_in=row.sign_in,
        at=row.at,
        substance=_substance(row.substance),
        until=date.fromisoformat(row.until) if row.until else None,
        reason=row.reason,
        salt=bytes(row.salt),
        ended_at=row.ended_at,
        ended=Ended(row.ended) if row.ended else None,
        ended_by=row.ended_by,
    )


def _substance(body: str) -> Substance:
    try:
        return decoder(Substance).decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
