"""Rows of access: requests, decisions, grants, proofs, and what they refer to."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from grants.access.model import (
    AccessRequest,
    Cause,
    Decision,
    Grant,
    GrantState,
    Item,
    Proof,
    ProofKind,
    RequestState,
)
from grants.access.ports import Hold
from grants.authz.model import RoleSnapshot
from grants.errors import ChangedMeanwhile, StoreError
from grants.store import tables as t
from grants.store.base import TxBase, Upsert, one_row, upsert
from grants.store.engine import UNTIL_HERE, UNTIL_THERE, Database
from grants.store.marks import MARKS
from grants.store.rows import (
    decision_of,
    decision_values,
    grant_of,
    grant_values,
    item_of,
    item_values,
    moved_grant_values,
    proof_of,
    proof_values,
    request_of,
    request_values,
    role_of,
    role_values,
)

# Written out, not bound: only so does SQLite know that the partial indexes hold what is asked for.
LIVE = t.grants.c.state != literal_column(f"'{GrantState.ENDED}'")
READABLE = and_(
    t.grants.c.state.in_([str(state) for state in GrantState]),
    or_(t.grants.c.cause.is_(None), t.grants.c.cause.in_([str(cause) for cause in Cause])),
)
OPEN = t.requests.c.state.in_(
    [literal_column(f"'{state}'") for state in (RequestState.DRAFT, RequestState.PENDING)]
)
_OVER = (
    select(t.grants)
    .where(
        LIVE,
        t.grants.c.state == literal_column(f"'{GrantState.ACTIVE}'"),
        t.grants.c.due_at <= bindparam("now"),
        t.grants.c.expires_at <= bindparam("now"),
    )
    .order_by(t.grants.c.due_at, t.grants.c.id)
    .limit(bindparam("limit"))
)
_OVER_LOCKED = _OVER.with_for_update(skip_locked=True)

_UID = select(t.clusters.c.uid).where(t.clusters.c.alias == bindparam("alias"))
_ALIASES = (
    select(t.clusters.c.alias)
    .where(t.clusters.c.uid == bindparam("uid"))
    .order_by(t.clusters.c.at, t.clusters.c.alias)
)
_SAME = t.clusters.alias("same")
_SEEN_AS = (
    select(t.clusters.c.uid, _SAME.c.alias)
    .join(_SAME, _SAME.c.uid == t.clusters.c.uid)
    .where(t.clusters.c.alias == bindparam("alias"))
    .order_by(_SAME.c.at, _SAME.c.alias)
)
_ROLE = select(t.roles).where(t.roles.c.digest == bindparam("digest"))

_ADD_REQUEST = insert(t.requests)
_REQUEST_LOCKED = select(t.requests).where(t.requests.c.id == bindparam("id")).with_for_update()
_ITEM_COLUMNS = (t.items.c.id.label("item"), *(c for c in t.items.c if c.name != "id"))
# For a transaction that sees one moment. A locked row is read as it is by then, joined ones not.
_REQUEST_WITH_ITEMS = (
    select(t.requests, *_ITEM_COLUMNS)
    .outerjoin(t.items, t.items.c.request == t.requests.c.id)
    .where(t.requests.c.id == bindparam("id"))
    .order_by(t.items.c.ordinal)
)
_STATE_OF = one_row(select(t.requests.c.state).where(t.requests.c.id == bindparam("id")))
_SAVE_REQUEST = update(t.requests).where(
    t.requests.c.id == bindparam("read_id"), t.requests.c.version == bindparam("read_version")
)
_ADD_ITEM = insert(t.items)
_ITEMS = (
    select(*_ITEM_COLUMNS)
    .where(t.items.c.request == bindparam("request"))
    .order_by(t.items.c.ordinal)
)
_OPEN_FOR = (
    select(t.requests.c.id)
    .where(OPEN, t.requests.c.recipient.in_(bindparam("recipients", expanding=True)))
    .order_by(t.requests.c.id)
)
_OPEN_OF = select(func.count()).where(OPEN, t.requests.c.requester == bindparam("requester"))

_D = t.decisions.c
_ADD_DECISION = upsert(
    t.decisions,
    lambda new: new.on_conflict_do_nothing(
        index_elements=[_D.request, _D.stage, _D.approver]
    ).returning(_D.seq),
)
_DECISIONS = select(t.decisions).where(_D.request == bindparam("request")).order_by(_D.seq)

_ADD_GRANT = insert(t.grants)
_ADD_HELD = Upsert(
    *(
        insert(t.grants).values(claimed_by=bindparam("worker"), claimed_until=until)
        for until in (UNTIL_HERE, UNTIL_THERE)
    )
)
_GRANT = one_row(select(t.grants).where(t.grants.c.id == bindparam("id")))
_REVOKING_AMONG = select(t.grants).where(
    t.grants.c.id.in_(bindparam("grants", expanding=True)),
    t.grants.c.state == literal_column(f"'{GrantState.REVOKING}'"),
)
_BEFORE_AMONG = select(t.proofs).where(
    t.proofs.c.seq.in_(
        select(func.max(t.proofs.c.seq))
        .where(
            t.proofs.c.grant_id.in_(bindparam("grants", expanding=True)),
            t.proofs.c.kind == str(ProofKind.BEFORE),
        )
        .group_by(t.proofs.c.grant_id)
    )
)
_SAVE_GRANT = update(t.grants).where(
    t.grants.c.id == bindparam("read_id"), t.grants.c.version == bindparam("read_version")
)
# Marks ride along: what saves a grant alone, without an event, needs no statement more for them.
_SAVE_GRANT_MARKED = _SAVE_GRANT.returning(*MARKS)
_ADD_PROOF = insert(t.proofs)
_ADD_PROOF_TIMED = _ADD_PROOF.returning(func.clock_timestamp())
_PROOF = (
    select(t.proofs)
    .where(t.proofs.c.grant_id == bindparam("grant"), t.proofs.c.kind == bindparam("kind"))
    .order_by(t.proofs.c.seq.desc())
    .limit(1)
)


def _with_items(rows: Sequence[Row[Any]]) -> AccessRequest:
    """Give the request of the rows of its items; without any there is one row, of no item."""
    return request_of(rows[0], [item_of(row) for row in rows if row.item is not None])


def _moved_values(grant: Grant) -> dict[str, Any]:
    read = {"read_id": grant.id, "read_version": grant.version}
    return moved_grant_values(grant) | {"version": grant.version + 1} | read


class AccessRows(TxBase):
    """What AccessTx asks for, beside what PeopleRows has."""

    def __init__(self, connection: Connection, database: Database, *, writable: bool) -> None:
        super().__init__(connection, database, writable=writable)
        self._read_items: dict[str, tuple[Item, ...]] = {}

    def claim_name(self, cluster_uid: str, name: str, person: str) -> bool:
        """Hold a rendered subject name for a person; False when another person holds it.

        The person's former names on that cluster become free, but for those that a grant not yet
        ended still binds: whoever is given such a name next must not be given that access.
        """
        names = t.subject_names.c
        self._insert_once(
            t.subject_names, {"cluster_uid": cluster_uid, "name": name, "person": person}
        )
        here = names.cluster_uid == cluster_uid
        held = self._row(select(names.person).where(here, names.name == name))
        if held is None or held.person != person:
            return False
        bound = select(t.grants.c.subject).where(t.grants.c.cluster_uid == cluster_uid, LIVE)
        self._run(
            delete(t.subject_names).where(
                here, names.person == person, names.name != name, names.name.not_in(bound)
            )
        )
        return True

    def cluster_uid(self, alias: str) -> str | None:
        """Give the uid stored at first contact."""
        row = self._row(_UID, {"alias": alias})
        return None if row is None else str(row.uid)

    def seen_as(self, alias: str) -> tuple[str, tuple[str, ...]] | None:
        """Give the uid stored at first contact with an alias, and what `aliases_of` it names."""
        rows = self._rows(_SEEN_AS, {"alias": alias})
        return (rows[0].uid, tuple(row.alias for row in rows)) if rows else None

    def aliases_of(self, uid: str) -> tuple[str, ...]:
        """Name the aliases under which a cluster was ever seen, the one seen first first."""
        return tuple(row.alias for row in self._rows(_ALIASES, {"uid": uid}))

    def add_cluster(self, alias: str, uid: str, at: datetime) -> None:
        """Store a cluster's uid at first contact; ChangedMeanwhile when the alias has another."""
        self._insert_once(t.clusters, {"alias": alias, "uid": uid, "at": at})
        if self.cluster_uid(alias) != uid:
            raise ChangedMeanwhile("cluster", alias)

    def add_role(self, snapshot: RoleSnapshot) -> None:
        """Keep a role's rules by digest (once)."""
        self._insert_once(t.roles, role_values(snapshot))

    def role(self, digest: str) -> RoleSnapshot | None:
        """Give a kept role by digest."""
        row = self._row(_ROLE, {"digest": digest})
        return None if row is None else role_of(row)

    def add_request(self, request: AccessRequest) -> None:
        """Insert a request with its items and terms."""
        self._run(_ADD_REQUEST, request_values(request))
        self._add_items(request)

    def request(self, request: str, seen: AccessRequest | None = None) -> AccessRequest | None:
        """Read a request; on PostgreSQL its row stays locked to the end of the transaction.

        Items change with the version alone: where that is the same they are those of `seen`.
        """
        if not self._writable:
            rows = self._rows(_REQUEST_WITH_ITEMS, {"id": request})
            return self._read("request", rows[0], lambda _: _with_items(rows)) if rows else None
        row = self._row(_REQUEST_LOCKED, {"id": request})
        if row is None:
            return None
        if seen is None or (seen.id, seen.version) != (row.id, row.version):
            return self._read("request", row, self._request_of)
        self._read_items[request] = seen.items
        return self._read("request", row, lambda row: request_of(row, seen.items))

    def save_request(self, request: AccessRequest) -> AccessRequest:
        """Store a moved request (or a draft's new terms); gives it with its new version."""
        moved = replace(request, version=request.version + 1)
        changed = self._items_as_read(request.id) != request.items
        before = self._locked(_STATE_OF, {"id": request.id}) if changed else None
        read = {"read_id": request.id, "read_version": request.version}
        done = self._run(_SAVE_REQUEST, request_values(moved) | read)
        self._must_have_moved(done, "request", request.id)
        if changed:
            if before is None or before.state != RequestState.DRAFT:
                raise StoreError("the terms of a submitted request are not changed")
            self._run(delete(t.items).where(t.items.c.request == request.id))
            self._add_items(request)
        return moved

    def requests_past(self, now: datetime, limit: int) -> tuple[AccessRequest, ...]:
        """List drafts and pending requests whose `pending_until` has passed, the oldest first."""
        columns = t.requests.c
        rows = self._rows(
            select(t.requests)
            .where(OPEN, columns.pending_until <= now)
            .order_by(columns.pending_until, columns.id)
            .limit(limit)
        )
        return self._readable("request", rows, self._request_of)

    def open_requests(self, person: str) -> int:
        """Count the drafts and pending requests of a person."""
        row = self._row(_OPEN_OF, {"requester": person})
        return int(row[0]) if row is not None else 0

    def open_requests_for(self, recipients: Collection[str]) -> tuple[str, ...]:
        """Name the drafts and pending requests for what these people would receive."""
        rows = self._rows(_OPEN_FOR, {"recipients": sorted(recipients)})
        return tuple(row.id for row in rows)

    def add_decision(self, decision: Decision) -> bool:
        """Insert a decision; False when this approver decided this stage before."""
        return self._row(self._own(_ADD_DECISION), decision_values(decision)) is not None

    def decisions(self, request: str) -> tuple[Decision, ...]:
        """List a request's decisions, oldest first."""
        rows = self._rows(_DECISIONS, {"request": request})
        return tuple(self._read("decision", row, decision_of) for row in rows)

    def add_grant(self, grant: Grant, hold: Hold | None = None) -> None:
        """Insert a grant, claimed if that is said; the item has none yet (unique)."""
        if hold is None:
            self._run(_ADD_GRANT, grant_values(grant))
            return
        claim = {"worker": hold.worker} | self._database.holding(hold.lasts)
        self._run(self._own(_ADD_HELD), grant_values(grant) | claim)

    def grant(self, grant: str) -> Grant | None:
        """Read a grant; on PostgreSQL its row stays locked to the end of the transaction."""
        row = self._locked(_GRANT, {"id": grant})
        return None if row is None else self._read("grant", row, grant_of)

    def save_grant(self, grant: Grant) -> Grant:
        """Store a moved grant; gives it with its new version."""
        moved = replace(grant, version=grant.version + 1)
        if self._database.is_sqlite:
            done = self._run(_SAVE_GRANT, _moved_values(grant))
            self._must_have_moved(done, "grant", grant.id)
            return moved
        row = self._row(_SAVE_GRANT_MARKED, _moved_values(grant))
        if row is None:
            raise ChangedMeanwhile("grant", grant.id)
        self._database.note(self._connection, row)
        return moved

    def save_grants(self, grants: Sequence[Grant]) -> tuple[Grant, ...]:
        """Store moved grants at once; ChangedMeanwhile if any of them was moved meanwhile."""
        if not grants:
            return ()
        done = self._run(_SAVE_GRANT, [_moved_values(grant) for grant in grants])
        if done.rowcount != len(grants):
            raise ChangedMeanwhile("grant", f"one of {len(grants)}")
        return tuple(replace(grant, version=grant.version + 1) for grant in grants)

    def live_grants(
        self, *, person: str | None = None, cluster: str | None = None
    ) -> tuple[Grant, ...]:
        """List grants not ended, of a recipient or requester and on a cluster's alias if given."""
        columns = t.grants.c
        wanted: list[ColumnElement[bool]] = [LIVE]
        if person is not None:
            wanted.append(or_(columns.recipient == person, columns.requester == person))
        if cluster is not None:
            wanted.append(columns.cluster == cluster)
        return self._grants(*wanted)

    def ends_among(self, grants: Sequence[str]) -> tuple[tuple[Grant, Proof | None], ...]:
        """Read those of these grants that are revoking, each with its newest proof before."""
        rows = self._rows(_REVOKING_AMONG, {"grants": list(grants)})
        found = self._readable("grant", rows, grant_of)
        if not found:
            return ()
        rows = self._rows(_BEFORE_AMONG, {"grants": [grant.id for grant in found]})
        before = {proof.grant: proof for proof in self._readable("proof", rows, proof_of)}
        return tuple((grant, before.get(grant.id)) for grant in found)

    def leases_over(self, now: datetime, limit: int) -> tuple[Grant, ...]:
        """List active grants whose lease has ended, locked; another replica's are left out."""
        over = _OVER_LOCKED if self._writable else _OVER
        rows = self._rows(over, {"now": now, "limit": limit})
        return self._readable("grant", rows, grant_of)

    def grant_of_request(self, request: str) -> tuple[Grant, ...]:
        """List the grants that followed a request."""
        return self._grants(t.grants.c.request == request)

    def add_proof(self, proof: Proof) -> datetime | None:
        """Keep a proof, the newest of a kind counts; gives the database's time, if it has one."""
        if self._database.is_sqlite:
            self._run(_ADD_PROOF, proof_values(proof))
            return None
        stored: datetime = self._run(_ADD_PROOF_TIMED, proof_values(proof)).scalar_one()
        return stored

    def add_proofs(self, proofs: Sequence[Proof]) -> None:
        """Keep proofs at once."""
        if proofs:
            self._run(_ADD_PROOF, [proof_values(proof) for proof in proofs])

    def proof(self, grant: str, kind: ProofKind) -> Proof | None:
        """Give the newest proof of a kind."""
        row = self._row(_PROOF, {"grant": grant, "kind": str(kind)})
        return None if row is None else self._read("proof", row, proof_of)

    def _grants(self, *wanted: ColumnElement[bool]) -> tuple[Grant, ...]:
        columns = t.grants.c
        rows = self._rows(select(t.grants).where(*wanted).order_by(columns.created_at, columns.id))
        return self._readable("grant", rows, grant_of)

    def _request_of(self, row: Row[Any]) -> AccessRequest:
        return request_of(row, self._items(row.id))

    def _items(self, request: str) -> tuple[Item, ...]:
        found = tuple(item_of(row) for row in self._rows(_ITEMS, {"request": request}))
        self._read_items[request] = found
        return found

    def _items_as_read(self, request: str) -> tuple[Item, ...]:
        """Give a request's items, read again only if this transaction has not read them.

        They change with the request's version alone, and that is compared as it is stored.
        """
        found = self._read_items.get(request)
        return self._items(request) if found is None else found

    def _add_items(self, request: AccessRequest) -> None:
        for ordinal, item in enumerate(request.items):
            self._run(_ADD_ITEM, item_values(request.id, ordinal, item))
        self._read_items[request.id] = request.items
