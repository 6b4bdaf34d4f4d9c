"""What access needs of the world: a cluster, the rows, and roles; adapters implement these."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from grants.access.cluster_port import Clusters, Lookups
from grants.access.model import (
    AccessRequest,
    Decision,
    Grant,
    Proof,
    ProofKind,
)
from grants.authz.model import RoleSnapshot
from grants.clock import Clock
from grants.outbox.model import Outbox
from grants.people.model import Account, Known
from grants.policy.model import Policy
from grants.record.model import EventLog

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Claimed:
    """A grant that is now this worker's to look after, and the alias of its cluster."""

    grant: str
    cluster: str


@dataclass(frozen=True)
class Hold:
    """A claim that a grant is born with: whose it is, and how long it lasts.

    `since` is when it was thought of, in seconds of the worker's own clock: it runs from then,
    however long the transaction took that stored it. None: from when its walk is begun.
    """

    worker: str
    lasts: timedelta
    since: float | None = field(default=None, compare=False)


class AccessTx(EventLog, Outbox, Protocol):
    """The rows that access reads and writes within one write transaction.

    Every `save_...` compares the version that was read, stores version + 1 and raises
    ChangedMeanwhile when the row has moved on. Everything is committed together or not at all.
    """

    def first_time(self, key: str, at: datetime) -> bool:
        """Store the key of an inbound thing; False when it came before."""
        ...

    def came_before(self, key: str) -> bool:
        """Tell whether the key of an inbound thing is stored."""
        ...

    def database_time(self) -> datetime | None:
        """Tell the database's own time; None where it has no clock but the process's."""
        ...

    def known(self, account: Account) -> Known | None:
        """Find the person linked to an account, with the last sign-in."""
        ...

    def known_person(self, person: str) -> Known | None:
        """Find a person by id, with the last sign-in."""
        ...

    def known_both(self, account: Account, person: str) -> tuple[Known | None, Known | None]:
        """Find the person linked to an account, and one by id, at once."""
        ...

    def people_with_email(self, email: str) -> tuple[Known, ...]:
        """Find people pinned to a verified email."""
        ...

    def claim_name(self, cluster_uid: str, name: str, person: str) -> bool:
        """Hold a rendered subject name for a person; False when another person holds it."""
        ...

    def cluster_uid(self, alias: str) -> str | None:
        """Give the uid stored at first contact."""
        ...

    def seen_as(self, alias: str) -> tuple[str, tuple[str, ...]] | None:
        """Give the uid stored at first contact with an alias, and what `aliases_of` it names."""
        ...

    def aliases_of(self, uid: str) -> tuple[str, ...]:
        """Name the aliases under which a cluster was ever seen, the one seen first first."""
        ...

    def add_cluster(self, alias: str, uid: str, at: datetime) -> None:
        """Store a cluster's uid at first contact."""
        ...

    def add_role(self, snapshot: RoleSnapshot) -> None:
        """Keep a role's rules by digest (once)."""
        ...

    def role(self, digest: str) -> RoleSnapshot | None:
        """Give a kept role by digest."""
        ...

    def add_request(self, request: AccessRequest) -> None:
        """Insert a request with its items and terms."""
        ...

    def request(self, request: str, seen: AccessRequest | None = None) -> AccessRequest | None:
        """Read a request; on PostgreSQL its row stays locked to the end of the transaction.

        `seen` is the same request as it was read before: with its version, its items are the same.
        """
        ...

    def save_request(self, request: AccessRequest) -> AccessRequest:
        """Store a moved request (or a draft's new terms); gives it with its new version."""
        ...

    def requests_past(self, now: datetime, limit: int) -> tuple[AccessRequest, ...]:
        """List drafts and pending requests whose `pending_until` has passed."""
        ...

    def open_requests(self, person: str) -> int:
        """Count the drafts and pending requests of a person."""
        ...

    def open_requests_for(self, recipients: Collection[str]) -> tuple[str, ...]:
        """Name the drafts and pending requests for what these people would receive."""
        ...

    def add_decision(self, decision: Decision) -> bool:
        """Insert a decision; False when this approver decided this stage before."""
        ...

    def decisions(self, request: str) -> tuple[Decision, ...]:
        """List a request's decisions, oldest first."""
        ...

    def add_grant(self, grant: Grant, hold: Hold | None = None) -> None:
        """Insert a grant, claimed if that is said; the item has none yet (unique)."""
        ...

    def grant(self, grant: str) -> Grant | None:
        """Read a grant; on PostgreSQL its row stays locked to the end of the transaction."""
        ...

    def save_grant(self, grant: Grant) -> Grant:
        """Store a moved grant; gives it with its new version.

        What was agreed to, for whom and where is stored once, by `add_grant`.
        """
        ...

    def save_grants(self, grants: Sequence[Grant]) -> tuple[Grant, ...]:
        """Store moved grants at once; gives them with their new versions.

        ChangedMeanwhile if any of them was moved meanwhile.
        """
        ...

    def live_grants(
        self, *, person: str | None = None, cluster: str | None = None
    ) -> tuple[Grant, ...]:
        """List grants that are not ended."""
        ...

    def ends_among(self, grants: Sequence[str]) -> tuple[tuple[Grant, Proof | None], ...]:
        """Read those of these grants that are revoking, each with its newest proof before.

        None of them is locked; a row that can't be read is left out.
        """
        ...

    def leases_over(self, now: datetime, limit: int) -> tuple[Grant, ...]:
        """List active grants that are due and whose lease has ended, the longest due first.

        On PostgreSQL a write transaction keeps them locked, and leaves out those that another
        replica is at.
        """
        ...

    def grant_of_request(self, request: str) -> tuple[Grant, ...]:
        """List the grants that followed a request."""
        ...

    def add_proof(self, proof: Proof) -> datetime | None:
        """Keep a proof, the newest of a kind counts; gives the time as `database_time` does."""
        ...

    def add_proofs(self, proofs: Sequence[Proof]) -> None:
        """Keep proofs at once."""
        ...

    def proof(self, grant: str, kind: ProofKind) -> Proof | None:
        """Give the newest proof of a kind."""
        ...


class AccessStore(Protocol):
    """Where transactions come from."""

    def write(self) -> AbstractContextManager[AccessTx]:
        """Open one write transaction; leaving it without an error commits."""
        ...

    def read(self) -> AbstractContextManager[AccessTx]:
        """Open one read transaction; writing in it is an error."""
        ...

    def write_together(self, write: Callable[[AccessTx, Sequence[T]], Sequence[R]], one: T) -> R:
        """Write one thing, in one transaction with others of its kind that come at this moment.

        Returns when that is committed, with what `write` gave for this one; what fails for one is
        made again for each alone, and raised to whom it is about. `write` is the kind: the same
        function for all of them. It may be called twice, and by another's thread.
        """
        ...

    def due_clusters(self) -> tuple[str, ...]:
        """Name the clusters in which grants that nobody holds are due."""
        ...

    def claim_grants(
        self, worker: str, limit: int, hold: timedelta, cluster: str | None = None
    ) -> tuple[Claimed, ...]:
        """Claim grants that are due and not ended, of one cluster or of all: ends first, the
        oldest of them before all, then what should begin, then looks.

        Due is told by the clock that `due_at` was written by, this process's; how long a claim
        holds by the database's, which all replicas share.
        """
        ...

    def claim_each(
        self, worker: str, limits: Mapping[str, int], hold: timedelta
    ) -> tuple[Claimed, ...]:
        """Claim grants of several clusters, of each at most so many, in one transaction."""
        ...

    def claim_grant(self, grant: str, worker: str, hold: timedelta) -> bool:
        """Claim one grant now, due or not; False when another worker holds it."""
        ...

    def release_grant(self, grant: str, worker: str) -> None:
        """Give a claim back early."""
        ...


class PolicySource(Protocol):
    """The policy in force."""

    def current(self) -> Policy:
        """Give the last good version."""
        ...


@dataclass(frozen=True)
class AccessTimes:
    """How long things may take; each is a setting.

    `signin_max_age`: how old a sign-in may be to count. `look_within`: what the network may take
    before a transaction, all reads together. `activate_within`: from the last approval to active.
    `warn_before`: how long before the end people are warned. `drift_interval`: between two looks
    at an active grant's binding. `stuck_after`: how long a revocation may fail before a human is
    called. `skew_alarm`: how far clocks may be apart before people are told. `retry_first` and
    `retry_most`: back-off of failures. `claim_hold`: a worker's claim.
    """

    signin_max_age: timedelta = timedelta(hours=12)
    look_within: timedelta = timedelta(seconds=1.5)
    activate_within: timedelta = timedelta(minutes=15)
    warn_before: timedelta = timedelta(minutes=5)
    drift_interval: timedelta = timedelta(seconds=30)
    stuck_after: timedelta = timedelta(minutes=2)
    skew_alarm: timedelta = timedelta(seconds=2)
    retry_first: timedelta = timedelta(milliseconds=500)
    retry_most: timedelta = timedelta(seconds=30)
    claim_hold: timedelta = timedelta(seconds=5)


class StepWatch(Protocol):
    """Is told of each step of the reconciler: metrics, and the tests that kill at each."""

    def before(self, step: str, grant: str) -> None:
        """Hear that a step begins."""
        ...

    def after(self, step: str, grant: str) -> None:
        """Hear that a step is done."""
        ...


class AccessPorts(Protocol):
    """What a verb of access is given."""

    @property
    def installation(self) -> str:
        """The id of this installation, in labels and binding names."""
        ...

    @property
    def lookups(self) -> Lookups:
        """Where reads of clusters run."""
        ...

    @property
    def watch(self) -> StepWatch:
        """Who is told of the reconciler's steps."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock; verbs read it once."""
        ...

    @property
    def store(self) -> AccessStore:
        """The rows."""
        ...

    @property
    def clusters(self) -> Clusters:
        """The clusters."""
        ...

    @property
    def policy(self) -> PolicySource:
        """The policy in force."""
        ...

    @property
    def times(self) -> AccessTimes:
        """How long things may take."""
        ...

    @property
    def own_namespace(self) -> str | None:
        """The namespace that this bot runs in, if any."""
        ...
