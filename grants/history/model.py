"""What people ask of the past, and what they are shown of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from grants.access.model import AccessRequest, Decision, Grant, GrantState, Proof, RequestState
from grants.authz.model import RoleSnapshot
from grants.people.model import Account, SignIn

DEFAULT_LIMIT = 100


@dataclass(frozen=True)
class PersonLabel:
    """A person with the labels of their last sign-in, if they ever had one."""

    id: str
    issuer: str
    subject: str
    name: str | None = None
    email: str | None = None

    def __str__(self) -> str:
        return self.email or self.name or self.subject


@dataclass(frozen=True)
class HistoryFilter:
    """Which rows are wanted; what is None does not matter.

    `people` are person ids: requester or recipient is one of them. `role` is a role's name, or
    `Kind/name`. A row matches `since` and `until` when the request or its grant was open at some
    moment between them. `cursor` is the `next` of the page before.
    """

    people: frozenset[str] | None = None
    cluster: str | None = None
    namespace: str | None = None
    role: str | None = None
    state: RequestState | GrantState | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


@dataclass(frozen=True)
class DecisionLine:
    """Who decided, how, when and why."""

    approver: PersonLabel
    stage: int
    verdict: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class ProofLine:
    """A proof in short: when, at how many API servers, what was asked and allowed, and notes."""

    kind: str
    at: datetime
    binding_uid: str | None
    endpoints: int
    asked: int
    allowed: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class HistoryRow:
    """One item of a request with the grant that followed, if any.

    `state` is the grant's where there is one, else the request's.
    """

    request: str
    item: str
    grant: str | None
    state: str
    request_state: str
    requester: PersonLabel
    recipient: PersonLabel
    cluster: str
    namespace: str | None
    role: str
    entitlement: str
    duration: timedelta
    reason: str
    asked_at: datetime
    closed_at: datetime | None
    active_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None
    cause: str | None
    cause_detail: str
    ended_by: PersonLabel | None
    stuck: bool
    policy_digest: str
    role_digest: str
    decisions: tuple[DecisionLine, ...] = ()
    proofs: tuple[ProofLine, ...] = ()


@dataclass(frozen=True)
class HistoryPage:
    """Rows, the newest request first, and where the next page begins (None: there is none)."""

    rows: tuple[HistoryRow, ...]
    next: str | None = None


@dataclass(frozen=True)
class PersonView:
    """A person with what is known of them now."""

    label: PersonLabel
    sign_in: SignIn | None = None
    accounts: tuple[Account, ...] = ()


@dataclass(frozen=True)
class DecisionView:
    """A decision, its approver, and the sign-in that it was made with."""

    decision: Decision
    approver: PersonView
    sign_in: SignIn | None = None


@dataclass(frozen=True)
class GrantView:
    """A grant with the newest proof of each kind."""

    grant: Grant
    proofs: tuple[Proof, ...] = ()
    ended_by: PersonView | None = None


@dataclass(frozen=True)
class RequestView:
    """A request and everything that belongs to it, as of one moment."""

    request: AccessRequest
    requester: PersonView
    recipient: PersonView
    decisions: tuple[DecisionView, ...] = ()
    grants: tuple[GrantView, ...] = ()
    roles: tuple[RoleSnapshot, ...] = ()


@dataclass(frozen=True)
class Counts:
    """How much there is of what, for metrics: open requests and live grants by state."""

    requests: dict[str, int] = field(default_factory=dict)
    grants: dict[str, int] = field(default_factory=dict)
    stuck: int = 0
    undelivered: int = 0
    events: int = 0
