"""Requests, decisions and grants as values, and what may follow what."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final

from grants.authz.model import Answer, Question, RoleRef
from grants.errors import WrongState
from grants.plain_json import plain_bytes


class RequestState(StrEnum):
    """Where a request stands."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class GrantState(StrEnum):
    """Where a grant stands; nothing ends but through revoking, with proof."""

    ACTIVATING = "activating"
    ACTIVE = "active"
    REVOKING = "revoking"
    ENDED = "ended"


class Cause(StrEnum):
    """Why a grant ends."""

    EXPIRED = "expired"
    GIVEN_BACK = "given-back"
    REVOKED = "revoked"
    REVOKED_OUTSIDE = "revoked-outside"
    ALTERED_OUTSIDE = "altered-outside"
    NEVER_ACTIVE = "never-active"
    RENAMED = "renamed"
    ROLE_CHANGED = "role-changed"


ROLE_GONE: Final = "gone"
"""What stands for the digest of a role that is not there."""


AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""A time that is past by every clock: what ends access must not wait for a clock that is behind."""

R, G = RequestState, GrantState

REQUEST_MOVES: Final = {
    R.DRAFT: frozenset({R.PENDING, R.CANCELLED, R.EXPIRED}),
    R.PENDING: frozenset({R.APPROVED, R.DENIED, R.CANCELLED, R.EXPIRED}),
    R.APPROVED: frozenset[RequestState](),
    R.DENIED: frozenset[RequestState](),
    R.CANCELLED: frozenset[RequestState](),
    R.EXPIRED: frozenset[RequestState](),
}

GRANT_MOVES: Final = {
    G.ACTIVATING: frozenset({G.ACTIVE, G.REVOKING}),
    G.ACTIVE: frozenset({G.REVOKING}),
    G.REVOKING: frozenset({G.ENDED}),
    G.ENDED: frozenset[GrantState](),
}


@dataclass(frozen=True)
class Terms:
    """What exactly is shown and agreed for one item; `namespace` None means cluster-wide."""

    cluster_uid: str
    cluster: str
    namespace: str | None
    role: RoleRef
    role_digest: str
    subject: str
    duration: timedelta
    reason: str
    entitlement: str


@dataclass(frozen=True)
class Item:
    """One cluster, namespace and role of a request; becomes one grant."""

    id: str
    terms: Terms


@dataclass(frozen=True)
class AccessRequest:
    """A person's ask. `groups` are the rendered Kubernetes groups that proof will ask with.

    `stages` is how many steps the route has, `stage` the one now open (from 0). A draft's terms
    are not final: they are judged and completed when it is submitted. `closed_detail` is a stable
    code where the state does not say it all, such as `terms-changed`.
    """

    id: str
    version: int
    state: RequestState
    requester: str
    recipient: str
    items: tuple[Item, ...]
    salt: bytes
    groups: tuple[str, ...]
    policy_digest: str
    created_at: datetime
    pending_until: datetime
    stage: int = 0
    stages: int = 1
    closed_at: datetime | None = None
    closed_detail: str = ""

    @cached_property
    def terms_hash(self) -> str:
        """SHA-256 (hex) of the salted terms: what an approval is for."""
        return terms_hash(tuple(item.terms for item in self.items), self.salt)

    def moved(self, state: RequestState, at: datetime, detail: str = "") -> "AccessRequest":
        """Give this request in its next state; any move not in the table is WrongState."""
        if state not in REQUEST_MOVES[self.state]:
            raise WrongState("request", self.id, str(self.state))
        closed = None if state is RequestState.PENDING else at
        return replace(self, state=state, closed_at=closed, closed_detail=detail)


class Verdict(StrEnum):
    """What an approver says."""

    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True)
class Decision:
    """Approve or deny, by one approver, for exactly these terms, at one stage."""

    id: str
    request: str
    stage: int
    approver: str
    verdict: Verdict
    at: datetime
    terms_hash: str
    sign_in: str
    reason: str = ""


@dataclass(frozen=True)
class Grant:
    """The authorization that follows, with its lease and how far the cluster has been brought.

    Times: `activate_until` is the last moment to become active; `expires_at` is stored before the
    cluster is filled; `due_at` is when the reconciler looks next. `problem` is the last failure's
    code, `failing_since` when the present row of failures began, `stuck` that a human is needed.

    `role_now` is the digest of the rules that the role was last seen to have, or `gone`, where they
    are others than the terms'; empty while they are the terms' own.
    """

    id: str
    version: int
    state: GrantState
    request: str
    item: str
    requester: str
    recipient: str
    approvers: tuple[str, ...]
    cluster_uid: str
    cluster: str
    namespace: str | None
    role: RoleRef
    role_digest: str
    subject: str
    groups: tuple[str, ...]
    entitlement: str
    duration: timedelta
    created_at: datetime
    activate_until: datetime
    due_at: datetime
    binding_name: str
    binding_uid: str | None = None
    expires_at: datetime | None = None
    active_at: datetime | None = None
    revoking_at: datetime | None = None
    ended_at: datetime | None = None
    cause: Cause | None = None
    cause_detail: str = ""
    ended_by: str | None = None
    end_reason: str = ""
    attempts: int = 0
    problem: str = ""
    failing_since: datetime | None = None
    stuck: bool = False
    warned: bool = False
    role_now: str = ""

    @property
    def role_seen(self) -> str:
        """The digest of the rules that the role was last seen to have, or `gone`."""
        return self.role_now or self.role_digest

    def moved(self, state: GrantState) -> "Grant":
        """Give this grant in its next state; any move not in the table is WrongState."""
        if state not in GRANT_MOVES[self.state]:
            raise WrongState("grant", self.id, str(self.state))
        return replace(self, state=state, attempts=0, problem="", failing_since=None)


class ProofKind(StrEnum):
    """When a proof was taken."""

    BEFORE = "before"
    ACTIVE = "active"
    GONE = "gone"


@dataclass(frozen=True)
class Seen:
    """What one API server showed: was it ready, the binding's uid there (None: gone), answers."""

    endpoint: str
    ready: bool
    binding_uid: str | None
    answers: tuple[Answer, ...]
    problem: str = ""


@dataclass(frozen=True)
class Proof:
    """What showed that access exists or is gone: uid, answers, endpoints asked, when.

    `unsampled` counts the permissions of the role that no question stood for. `notes` are stable
    codes: `one-endpoint`, `adds-nothing`, `still-allowed-by-other`, `no-questions`.
    """

    id: str
    grant: str
    kind: ProofKind
    at: datetime
    binding_uid: str | None
    seen: tuple[Seen, ...]
    unsampled: int = 0
    notes: tuple[str, ...] = ()

    def questions(self) -> tuple[Question, ...]:
        """Give the questions that were asked: the same at each endpoint that answered."""
        answered = (one.answers for one in self.seen if one.answers)
        return tuple(a.question for a in next(answered, ()))


def terms_as_json(terms: Terms) -> dict[str, str | int | None]:
    """Give terms in the form that is hashed: field names are part of the contract."""
    return {
        "cluster": terms.cluster,
        "cluster_uid": terms.cluster_uid,
        "duration_seconds": int(terms.duration.total_seconds()),
        "entitlement": terms.entitlement,
        "namespace": terms.namespace,
        "reason": terms.reason,
        "role": str(terms.role),
        "role_digest": terms.role_digest,
        "subject": terms.subject,
    }


def terms_hash(terms: tuple[Terms, ...], salt: bytes) -> str:
    """Give SHA-256 (hex) over the salt and the RFC 8785 form of the terms."""
    body = plain_bytes([terms_as_json(t) for t in terms])
    return hashlib.sha256(salt + body).hexdigest()
