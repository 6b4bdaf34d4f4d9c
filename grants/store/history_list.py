"""The filtered history: items of requests with the grants that followed, page by page."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, case, func, literal, or_, select

from grants.access.model import Proof
from grants.errors import BadInput, Problem
from grants.history.model import (
    DecisionLine,
    HistoryFilter,
    HistoryPage,
    HistoryRow,
    PersonLabel,
    ProofLine,
)
from grants.store import tables as t
from grants.store.history import HistoryRows
from grants.store.rows import proof_of
from grants.store.types import as_micros, from_micros

_R: Final = t.requests.c
_I: Final = t.items.c
_G: Final = t.grants.c
_STATE: Final = func.coalesce(_G.state, _R.state)
# When the row's story ended: the grant's end where there is one, else the request's.
_OVER_AT: Final = case((_G.id.is_not(None), _G.ended_at), else_=_R.closed_at)
_COLUMNS: Final[list[ColumnElement[Any]]] = [
    *t.items.columns,
    *(column.label(f"r_{column.name}") for column in t.requests.columns),
    *(column.label(f"g_{column.name}") for column in t.grants.columns),
    _STATE.label("row_state"),
]


class HistoryList(HistoryRows):
    """What HistoryTx asks for of the filtered list."""

    def history(self, wanted: HistoryFilter) -> HistoryPage:
        """List what was asked for and what followed; BadInput when the cursor is not one."""
        query = (
            select(*_COLUMNS)
            .select_from(t.items.join(t.requests, _R.id == _I.request))
            .outerjoin(t.grants, _G.item == _I.id)
            .where(*_conditions(wanted))
            .order_by(_R.created_at.desc(), _I.id.desc())
            .limit(wanted.limit + 1)
        )
        rows = self._rows(query)
        shown = rows[: wanted.limit]
        more = len(rows) > wanted.limit
        return HistoryPage(self._told(shown), _cursor_of(shown[-1]) if more else None)

    def _told(self, rows: Sequence[Row[Any]]) -> tuple[HistoryRow, ...]:
        decided = self._decided({row.request for row in rows})
        proofs = self._proofs({row.g_id for row in rows if row.g_id})
        people = {p for row in rows for p in (row.r_requester, row.r_recipient, row.g_ended_by)}
        people |= {d.approver for each in decided.values() for d in each}
        labels = _Labels(self._labels(person for person in people if person))
        return tuple(
            _history_row(row, labels, decided[row.request], proofs[row.g_id]) for row in rows
        )

    def _decided(self, requests: Iterable[str]) -> dict[str, list[Row[Any]]]:
        columns = t.decisions.c
        query = select(t.decisions).where(columns.request.in_(sorted(requests)))
        found: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in self._rows(query.order_by(columns.seq)):
            found[row.request].append(row)
        return found

    def _proofs(self, grants: Iterable[str]) -> dict[str | None, tuple[ProofLine, ...]]:
        """Read the newest proof of each kind for each grant, in the order they were taken."""
        columns = t.proofs.c
        newest = (
            select(func.max(columns.seq))
            .where(columns.grant_id.in_(sorted(grants)))
            .group_by(columns.grant_id, columns.kind)
        )
        found: dict[str | None, tuple[ProofLine, ...]] = defaultdict(tuple)
        for row in self._rows(
            select(t.proofs).where(columns.seq.in_(newest)).order_by(columns.seq)
        ):
            found[row.grant_id] += (_proof_line(proof_of(row)),)
        return found


class _Labels:
    """Labels by person id; somebody the tables do not know is called by the id."""

    def __init__(self, found: dict[str, PersonLabel]) -> None:
        self._found = found

    def __call__(self, person: str) -> PersonLabel:
        return self._found.get(person) or PersonLabel(person, "", person)


def _conditions(wanted: HistoryFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.people is not None:
        people = sorted(wanted.people)
        conditions.append(or_(_R.requester.in_(people), _R.recipient.in_(people)))
    if wanted.cluster is not None:
        conditions.append(_I.cluster == wanted.cluster)
    if wanted.namespace is not None:
        conditions.append(_I.namespace == wanted.namespace)
    if wanted.role is not None:
        kind, _, name = wanted.role.rpartition("/")
        conditions.append(_I.role_name == name)
        conditions += [_I.role_kind == kind] if kind else []
    if wanted.state is not None:
        conditions.append(literal(str(wanted.state)) == _STATE)
    if wanted.since is not None:
        conditions.append(or_(_OVER_AT.is_(None), wanted.since <= _OVER_AT))
    if wanted.until is not None:
        conditions.append(_R.created_at < wanted.until)
    if wanted.cursor is not None:
        conditions.append(_after(wanted.cursor))
    return conditions


def _cursor_of(row: Row[Any]) -> str:
    return f"{as_micros(row.r_created_at)}.{row.id}"


def _after(cursor: str) -> ColumnElement[bool]:
    micros, _, item = cursor.partition(".")
    if not (micros.isascii() and micros.isdigit() and len(micros) < 18 and item):  # noqa: PLR2004 -- microseconds to the year 5138
        raise BadInput((Problem("cursor", "unknown-cursor"),))
    at = from_micros(int(micros))
    return or_(_R.created_at < at, and_(_R.created_at == at, _I.id < item))


def _history_row(
    row: Row[Any], label: _Labels, decided: Sequence[Row[Any]], proofs: tuple[ProofLine, ...]
) -> HistoryRow:
    return HistoryRow(
        request=row.request,
        item=row.id,
        grant=row.g_id,
        state=row.row_state,
        request_state=row.r_state,
        requester=label(row.r_requester),
        recipient=label(row.r_recipient),
        cluster=row.cluster,
        namespace=row.namespace,
        role=f"{row.role_kind}/{row.role_name}",
        entitlement=row.entitlement,
        duration=row.duration,
        reason=row.reason,
        asked_at=row.r_created_at,
        closed_at=row.r_closed_at,
        active_at=row.g_active_at,
        expires_at=row.g_expires_at,
        ended_at=row.g_ended_at,
        cause=row.g_cause,
        cause_detail=row.g_cause_detail or "",
        ended_by=label(row.g_ended_by) if row.g_ended_by else None,
        stuck=bool(row.g_stuck),
        policy_digest=row.r_policy_digest,
        role_digest=row.role_digest,
        decisions=tuple(
            DecisionLine(label(d.approver), d.stage, d.verdict, d.at, d.reason) for d in decided
        ),
        proofs=proofs,
    )


def _proof_line(proof: Proof) -> ProofLine:
    answers = [answer for seen in proof.seen for answer in seen.answers]
    return ProofLine(
        kind=str(proof.kind),
        at=proof.at,
        binding_uid=proof.binding_uid,
        endpoints=len(proof.seen),
        asked=len(answers),
        allowed=sum(answer.allowed for answer in answers),
        notes=proof.notes,
    )
