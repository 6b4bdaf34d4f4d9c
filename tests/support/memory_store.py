"""A store in memory, for fast tests of verbs; the store's contract suite holds it to the real one.

After a test: `store.events`, `store.cards` and `store.notices` are what was committed.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from grants.access.health import ClusterHealth
from grants.access.model import (
    AccessRequest,
    Decision,
    Grant,
    GrantState,
    Proof,
    ProofKind,
    RequestState,
)
from grants.access.ports import Claimed, Hold
from grants.authz.model import RoleSnapshot
from grants.clock import Clock, SystemClock
from grants.errors import ChangedMeanwhile, StoreError
from grants.outbox.model import Card, Notice
from grants.people.model import (
    Account,
    Attempt,
    Known,
    Person,
    SignIn,
    WebSession,
    email_key,
)
from grants.record.model import Event, EventType, StoredEvent
from grants.record.writer import EventBuffer
from tests.support.memory_health import MemoryHealth
from tests.support.memory_hearing import MemoryHearing
from tests.support.memory_restored import MemoryRestored
from tests.support.memory_stage import MemoryStage

FIXED = ("requester", "recipient", "approvers", "namespace", "role", "role_digest", "subject")
"""Of what a grant is given with: a save leaves it as it was."""

T = TypeVar("T")
R = TypeVar("R")

OPEN = frozenset({RequestState.DRAFT, RequestState.PENDING})


@dataclass
class Rows:
    """Every table; values are frozen, so that copying the dictionaries is a snapshot."""

    inbound: dict[str, datetime] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    sign_ins: dict[str, SignIn] = field(default_factory=dict)
    last_sign_in: dict[str, str] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    accounts: dict[Account, str] = field(default_factory=dict)
    sessions: dict[str, WebSession] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    clusters: dict[str, str] = field(default_factory=dict)
    healths: dict[str, ClusterHealth] = field(default_factory=dict)
    roles: dict[str, RoleSnapshot] = field(default_factory=dict)
    requests: dict[str, AccessRequest] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    proofs: dict[str, Proof] = field(default_factory=dict)
    claims: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    policies: dict[str, bytes] = field(default_factory=dict)
    cards: dict[Card, int] = field(default_factory=dict)
    notices: dict[int, Notice] = field(default_factory=dict)
    events: dict[int, tuple[Event, StoredEvent]] = field(default_factory=dict)

    def snapshot(self) -> "Rows":
        """Give a copy that changes apart from this one."""
        return Rows(**{f.name: copy(getattr(self, f.name)) for f in fields(self)})


class _Tx:
    def __init__(self, rows: Rows, *, writable: bool) -> None:
        self.rows = rows
        self._writable = writable
        self._pending = EventBuffer()

    def _must_write(self) -> None:
        if not self._writable:
            raise StoreError("a write in a read transaction")

    def append(self, event: Event) -> None:
        self._must_write()
        self._pending.add(event)

    def flush(self) -> None:
        last = len(self.rows.events) + len(self._pending)
        for event, stored in self._pending.numbered(last):
            self.rows.events[stored.number] = (event, stored)

    def events(self, after: int = 0, limit: int = 1000) -> tuple[StoredEvent, ...]:
        found = [stored for _, stored in self.rows.events.values() if stored.number > after]
        return tuple(found[:limit])

    def tell(self, card: Card) -> None:
        self._must_write()
        self.rows.cards[card] = self.rows.cards.get(card, 0) + 1

    def notify(self, notice: Notice) -> None:
        self._must_write()
        self.rows.notices[len(self.rows.notices)] = notice

    def notify_all(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self.notify(notice)

    def retell(self, about: str) -> None:
        self._must_write()
        for card in self.rows.cards:
            if card.about == about:
                self.rows.cards[card] += 1


class _PeopleTx(_Tx):
    def first_time(self, key: str, at: datetime) -> bool:
        self._must_write()
        if key in self.rows.inbound:
            return False
        self.rows.inbound[key] = at
        return True

    def came_before(self, key: str) -> bool:
        return key in self.rows.inbound

    def add_attempt(self, attempt: Attempt) -> None:
        self._must_write()
        self._new(self.rows.attempts, attempt.id, "attempts")
        if self.attempt_by_secret(attempt.secret_digest) is not None:
            raise ChangedMeanwhile("attempts", "secret_digest")
        self.rows.attempts[attempt.id] = attempt

    def attempt(self, attempt: str) -> Attempt | None:
        return self.rows.attempts.get(attempt)

    def attempt_by_secret(self, secret_digest: str) -> Attempt | None:
        found = (a for a in self.rows.attempts.values() if a.secret_digest == secret_digest)
        return next(found, None)

    def save_attempt(self, attempt: Attempt) -> Attempt:
        self._must_write()
        before = self.rows.attempts.get(attempt.id)
        if before is None or before.version != attempt.version:
            raise ChangedMeanwhile("attempt", attempt.id)
        moved = replace(attempt, version=attempt.version + 1)
        self.rows.attempts[attempt.id] = moved
        return moved

    def known(self, account: Account) -> Known | None:
        person = self.rows.accounts.get(account)
        found = None if person is None else self.known_person(person)
        return None if found is None else replace(found, account=account)

    def known_person(self, person: str) -> Known | None:
        last = self.rows.last_sign_in.get(person)
        if last is None:
            return None
        emails = frozenset(e for e, holder in self.rows.emails.items() if holder == person)
        return Known(self.rows.people[person], self._sign_in(last), emails=emails)

    def known_both(self, account: Account, person: str) -> tuple[Known | None, Known | None]:
        return self.known(account), self.known_person(person)

    def _sign_in(self, sign_in: str) -> SignIn:
        """Give a sign-in with the labels of the person's last one."""
        found = self.rows.sign_ins[sign_in]
        labels = self.rows.sign_ins[self.rows.last_sign_in[found.person]].profile
        return replace(found, profile=labels)

    def people_with_email(self, email: str) -> tuple[Known, ...]:
        person = self.rows.emails.get(email_key(email))
        found = None if person is None else self.known_person(person)
        return () if found is None else (found,)

    def person(self, issuer: str, subject: str) -> Person | None:
        every = self.rows.people.values()
        return next((p for p in every if (p.issuer, p.subject) == (issuer, subject)), None)

    def add_person(self, person: Person, at: datetime) -> None:
        self._must_write()
        self._new(self.rows.people, person.id, "people")
        if self.person(person.issuer, person.subject) is not None:
            raise ChangedMeanwhile("people", "issuer")
        self.rows.people[person.id] = person

    def add_sign_in(self, sign_in: SignIn) -> None:
        self._must_write()
        self._new(self.rows.sign_ins, sign_in.id, "sign_ins")
        self._refers(self.rows.people, sign_in.person)
        self.rows.sign_ins[sign_in.id] = sign_in
        self.rows.last_sign_in[sign_in.person] = sign_in.id
        if sign_in.profile.email and sign_in.profile.email_verified:
            self.rows.emails.setdefault(email_key(sign_in.profile.email), sign_in.person)

    def accounts_of(self, person: str) -> tuple[Account, ...]:
        return tuple(a for a, holder in self.rows.accounts.items() if holder == person)

    def link(self, account: Account, person: str, at: datetime) -> None:
        self._must_write()
        self._new(self.rows.accounts, account, "accounts")
        self._refers(self.rows.people, person)
        self.rows.accounts[account] = person

    def unlink(self, account: Account) -> bool:
        self._must_write()
        person = self.rows.accounts.pop(account, None)
        for session in [s for s in self.rows.sessions.values() if s.person == person]:
            del self.rows.sessions[session.id]
        return person is not None

    def add_session(self, session: WebSession) -> None:
        self._must_write()
        self._new(self.rows.sessions, session.id, "sessions")
        self._refers(self.rows.people, session.person)
        if self.session(session.secret_digest) is not None:
            raise ChangedMeanwhile("sessions", "secret_digest")
        self.rows.sessions[session.id] = session

    def session(self, secret_digest: str) -> WebSession | None:
        found = (s for s in self.rows.sessions.values() if s.secret_digest == secret_digest)
        return next(found, None)

    def end_session(self, session: str) -> None:
        self._must_write()
        self.rows.sessions.pop(session, None)

    @staticmethod
    def _new(table: Mapping[Any, Any], key: object, name: str) -> None:
        if key in table:
            raise ChangedMeanwhile(name, "id")

    @staticmethod
    def _refers(table: Mapping[Any, Any], key: object) -> None:
        if key not in table:
            raise StoreError("a constraint was broken")


class MemoryTx(MemoryHealth, MemoryHearing, MemoryRestored, _PeopleTx):
    """One transaction on a snapshot; `clock` is the one that claims go by."""

    clock: Clock = SystemClock()

    def database_time(self) -> datetime | None:
        return None

    def claim_name(self, cluster_uid: str, name: str, person: str) -> bool:
        self._must_write()
        if self.rows.names.setdefault((cluster_uid, name), person) != person:
            return False
        bound = {g.subject for g in self.live_grants() if g.cluster_uid == cluster_uid} | {name}
        for held, holder in list(self.rows.names.items()):
            if held[0] == cluster_uid and holder == person and held[1] not in bound:
                del self.rows.names[held]
        return True

    def cluster_uid(self, alias: str) -> str | None:
        return self.rows.clusters.get(alias)

    def seen_as(self, alias: str) -> tuple[str, tuple[str, ...]] | None:
        uid = self.cluster_uid(alias)
        return None if uid is None else (uid, self.aliases_of(uid))

    def aliases_of(self, uid: str) -> tuple[str, ...]:
        return tuple(alias for alias, seen in self.rows.clusters.items() if seen == uid)

    def add_cluster(self, alias: str, uid: str, at: datetime) -> None:
        self._must_write()
        if self.rows.clusters.setdefault(alias, uid) != uid:
            raise ChangedMeanwhile("cluster", alias)
        self.rows.healths.setdefault(alias, ClusterHealth(alias, uid, seen_at=at))

    def add_role(self, snapshot: RoleSnapshot) -> None:
        self._must_write()
        self.rows.roles.setdefault(snapshot.digest, snapshot)

    def role(self, digest: str) -> RoleSnapshot | None:
        return self.rows.roles.get(digest)

    def add_request(self, request: AccessRequest) -> None:
        self._must_write()
        self._new(self.rows.requests, request.id, "requests")
        self._refers(self.rows.people, request.requester)
        self._refers(self.rows.people, request.recipient)
        self._check_request(request)
        self.rows.requests[request.id] = request

    def request(self, request: str, seen: AccessRequest | None = None) -> AccessRequest | None:
        return self.rows.requests.get(request)

    def save_request(self, request: AccessRequest) -> AccessRequest:
        self._must_write()
        before = self.rows.requests.get(request.id)
        if before is None or before.version != request.version:
            raise ChangedMeanwhile("request", request.id)
        if before.items != request.items and before.state is not RequestState.DRAFT:
            raise StoreError("the terms of a submitted request are not changed")
        self._check_request(request)
        moved = replace(request, version=request.version + 1)
        self.rows.requests[request.id] = moved
        return moved

    def requests_past(self, now: datetime, limit: int) -> tuple[AccessRequest, ...]:
        past = [
            r for r in self.rows.requests.values() if r.state in OPEN and r.pending_until <= now
        ]
        return tuple(sorted(past, key=lambda r: (r.pending_until, r.id))[:limit])

    def open_requests(self, person: str) -> int:
        every = self.rows.requests.values()
        return sum(r.state in OPEN and r.requester == person for r in every)

    def open_requests_for(self, recipients: Collection[str]) -> tuple[str, ...]:
        every = self.rows.requests.values()
        return tuple(sorted(r.id for r in every if r.state in OPEN and r.recipient in recipients))

    def add_decision(self, decision: Decision) -> bool:
        self._must_write()
        self._refers(self.rows.requests, decision.request)
        self._refers(self.rows.people, decision.approver)
        if any(
            (d.stage, d.approver) == (decision.stage, decision.approver)
            for d in self.decisions(decision.request)
        ):
            return False
        self._new(self.rows.decisions, decision.id, "decisions")
        self.rows.decisions[decision.id] = decision
        return True

    def decisions(self, request: str) -> tuple[Decision, ...]:
        return tuple(d for d in self.rows.decisions.values() if d.request == request)

    def add_grant(self, grant: Grant, hold: Hold | None = None) -> None:
        self._must_write()
        self._new(self.rows.grants, grant.id, "grants")
        if any(g.item == grant.item for g in self.rows.grants.values()):
            raise ChangedMeanwhile("grants", "item")
        request = self.rows.requests.get(grant.request)
        if request is None or grant.item not in {item.id for item in request.items}:
            raise StoreError("a constraint was broken")
        self._refers(self.rows.people, grant.recipient)
        self._check_grant(grant)
        self.rows.grants[grant.id] = grant
        if hold is not None:
            self.rows.claims[grant.id] = (hold.worker, self.clock.now() + hold.lasts)

    def grant(self, grant: str) -> Grant | None:
        return self.rows.grants.get(grant)

    def save_grant(self, grant: Grant) -> Grant:
        self._must_write()
        before = self.rows.grants.get(grant.id)
        if before is None or before.version != grant.version:
            raise ChangedMeanwhile("grant", grant.id)
        self._check_grant(grant)
        fixed = {name: getattr(before, name) for name in FIXED}
        moved = replace(grant, version=grant.version + 1, **fixed)
        self.rows.grants[grant.id] = moved
        return moved

    def save_grants(self, grants: Sequence[Grant]) -> tuple[Grant, ...]:
        return tuple(self.save_grant(grant) for grant in grants)

    def live_grants(
        self, *, person: str | None = None, cluster: str | None = None
    ) -> tuple[Grant, ...]:
        live = (g for g in self._grants() if g.state is not GrantState.ENDED)
        return tuple(
            g
            for g in live
            if (person is None or person in {g.recipient, g.requester})
            and (cluster is None or g.cluster == cluster)
        )

    def ends_among(self, grants: Sequence[str]) -> tuple[tuple[Grant, Proof | None], ...]:
        found = (self.rows.grants[one] for one in grants if one in self.rows.grants)
        revoking = [grant for grant in found if grant.state is GrantState.REVOKING]
        return tuple((grant, self.proof(grant.id, ProofKind.BEFORE)) for grant in revoking)

    def leases_over(self, now: datetime, limit: int) -> tuple[Grant, ...]:
        over = [
            grant
            for grant in self._grants()
            if grant.state is GrantState.ACTIVE
            and grant.expires_at is not None
            and max(grant.due_at, grant.expires_at) <= now
        ]
        return tuple(sorted(over, key=lambda grant: (grant.due_at, grant.id))[:limit])

    def grant_of_request(self, request: str) -> tuple[Grant, ...]:
        return tuple(g for g in self._grants() if g.request == request)

    def add_proof(self, proof: Proof) -> datetime | None:
        self._must_write()
        self._new(self.rows.proofs, proof.id, "proofs")
        self._refers(self.rows.grants, proof.grant)
        self.rows.proofs[proof.id] = proof
        return self.database_time()

    def add_proofs(self, proofs: Sequence[Proof]) -> None:
        for proof in proofs:
            self.add_proof(proof)

    def proof(self, grant: str, kind: ProofKind) -> Proof | None:
        found = [p for p in self.rows.proofs.values() if (p.grant, p.kind) == (grant, kind)]
        return found[-1] if found else None

    def add_policy(self, digest: str, body: bytes, at: datetime) -> None:
        self._must_write()
        self.rows.policies.setdefault(digest, body)

    def last_policy(self) -> bytes | None:
        loaded = [e for e, _ in self.rows.events.values() if e.type is EventType.POLICY_LOADED]
        return self.policy_body(loaded[-1].policy_digest or "") if loaded else None

    def policy_body(self, digest: str) -> bytes | None:
        return self.rows.policies.get(digest)

    def known_groups(self) -> frozenset[str]:
        last = (self.rows.sign_ins[s] for s in self.rows.last_sign_in.values())
        return frozenset(group for sign_in in last for group in sign_in.groups or ())

    def _grants(self) -> list[Grant]:
        return sorted(self.rows.grants.values(), key=lambda g: (g.created_at, g.id))

    @staticmethod
    def _check_request(request: AccessRequest) -> None:
        if (request.closed_at is None) != (request.state in OPEN):
            raise StoreError("a constraint was broken: closed")

    def _check_grant(self, grant: Grant) -> None:
        past = grant.state in {GrantState.REVOKING, GrantState.ENDED}
        if grant.state is GrantState.ACTIVE and not (grant.binding_uid and grant.expires_at):
            raise StoreError("a constraint was broken: active")
        if past and grant.cause is None:
            raise StoreError("a constraint was broken: caused")
        if (grant.ended_at is not None) != (grant.state is GrantState.ENDED):
            raise StoreError("a constraint was broken: ended")
        bound = (grant.cluster_uid, grant.binding_uid)
        if grant.binding_uid is not None and any(
            (g.cluster_uid, g.binding_uid) == bound and g.id != grant.id
            for g in self.rows.grants.values()
        ):
            raise ChangedMeanwhile("grants", "binding")


class MemoryStore(MemoryStage):
    """Implements AccessStore and PeopleStore; one writer at a time, as SQLite has it."""

    # How long a transaction is waited for; more is taken for one within another.
    patience_seconds = 5.0

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock or SystemClock()
        self._rows = Rows()
        self._writer = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[MemoryTx]:
        self._act_before_write()
        if not self._writer.acquire(timeout=self.patience_seconds):
            raise StoreError("a transaction within a transaction")
        try:
            tx = self._staged(MemoryTx(self._rows.snapshot(), writable=True))
            tx.clock = self._clock
            yield tx
            tx.flush()
            self._rows = tx.rows
        finally:
            self._writer.release()

    def write_together(self, write: Callable[[MemoryTx, Sequence[T]], Sequence[R]], one: T) -> R:
        with self.write() as tx:
            (result,) = write(tx, [one])
        return result

    @contextmanager
    def read(self) -> Iterator[MemoryTx]:
        yield self._staged(MemoryTx(self._rows, writable=False))

    @property
    def events(self) -> tuple[Event, ...]:
        """The committed events, in order."""
        return tuple(event for event, _ in self._rows.events.values())

    @property
    def cards(self) -> dict[Card, int]:
        """The committed cards, each with its wanted version."""
        return dict(self._rows.cards)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The committed notices, in order."""
        return tuple(self._rows.notices.values())

    def due_clusters(self) -> tuple[str, ...]:
        with self.read() as tx:
            return tuple(sorted({g.cluster for g in self._due(tx)}))

    def claim_grants(
        self, worker: str, limit: int, hold: timedelta, cluster: str | None = None
    ) -> tuple[Claimed, ...]:
        now = self._clock.now()
        with self.write() as tx:
            due = [g for g in self._due(tx) if cluster is None or g.cluster == cluster]
            first = sorted(due, key=lambda g: turn_of(g, now))[:limit]
            tx.rows.claims.update({g.id: (worker, now + hold) for g in first})
        return tuple(Claimed(g.id, g.cluster) for g in first)

    def claim_each(
        self, worker: str, limits: Mapping[str, int], hold: timedelta
    ) -> tuple[Claimed, ...]:
        some = (self.claim_grants(worker, most, hold, there) for there, most in limits.items())
        return tuple(one for claimed in some for one in claimed)

    def claim_grant(self, grant: str, worker: str, hold: timedelta) -> bool:
        with self.write() as tx:
            if grant not in {g.id for g in tx.live_grants()}:
                return False
            if self._held(tx, grant) and tx.rows.claims[grant][0] != worker:
                return False
            tx.rows.claims[grant] = (worker, self._clock.now() + hold)
        return True

    def release_grant(self, grant: str, worker: str) -> None:
        with self.write() as tx:
            if tx.rows.claims.get(grant, ("",))[0] == worker:
                del tx.rows.claims[grant]

    def _due(self, tx: MemoryTx) -> list[Grant]:
        now = self._clock.now()
        return [g for g in tx.live_grants() if g.due_at <= now and not self._held(tx, g.id)]

    def _held(self, tx: MemoryTx, grant: str) -> bool:
        return grant in tx.rows.claims and tx.rows.claims[grant][1] > self._clock.now()


def turn_of(grant: Grant, now: datetime) -> tuple[object, ...]:
    """Give what claims are sorted by: what presses most comes first."""
    over = grant.expires_at is not None and grant.expires_at <= now
    if grant.state is GrantState.REVOKING or (grant.state is GrantState.ACTIVE and over):
        turn = 0 if grant.attempts == 0 else 1
    else:
        turn = 2 if grant.state is GrantState.ACTIVATING else 3
    ends = grant.expires_at
    return (turn, ends is None, ends or now, grant.due_at, grant.id)
