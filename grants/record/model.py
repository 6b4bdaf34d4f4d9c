"""Events: what is appended, once, in the transaction of the change that it tells of."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

EVENT_SCHEMA = 1


class EventType(StrEnum):
    """Every kind of event; a new kind is a new line here and a line in CHANGELOG."""

    REQUEST_DRAFTED = "request.drafted"
    REQUEST_SUBMITTED = "request.submitted"
    REQUEST_REFUSED = "request.refused"
    REQUEST_APPROVED = "request.approved"
    REQUEST_DENIED = "request.denied"
    REQUEST_CANCELLED = "request.cancelled"
    REQUEST_EXPIRED = "request.expired"
    DECISION_MADE = "decision.made"
    DECISION_REFUSED = "decision.refused"
    GRANT_ACTIVATING = "grant.activating"
    GRANT_ACTIVE = "grant.active"
    GRANT_ROLE_CHANGED = "grant.role-changed"
    GRANT_REVOKING = "grant.revoking"
    GRANT_HELD = "grant.held"
    GRANT_STUCK = "grant.stuck"
    GRANT_ENDED = "grant.ended"
    GRANT_ACTION_REFUSED = "grant.action-refused"
    GRANT_SHORTENED = "grant.shortened"
    BINDING_UNKNOWN = "binding.unknown"
    BINDING_DELETED = "binding.deleted"
    BINDING_STUCK = "binding.stuck"
    BINDING_FOREIGN = "binding.foreign"
    SIGN_IN_OFFERED = "sign-in.offered"
    SIGN_IN_DONE = "sign-in.done"
    SIGN_IN_FAILED = "sign-in.failed"
    ACCOUNT_LINKED = "account.linked"
    ACCOUNT_UNLINKED = "account.unlinked"
    SIGNED_OUT = "sign-in.signed-out"
    POLICY_LOADED = "policy.loaded"
    POLICY_REFUSED = "policy.refused"
    CLUSTER_FIRST_SEEN = "cluster.first-seen"
    CLUSTER_FAILING = "cluster.failing"
    CLUSTER_BACK = "cluster.back"
    CLOCK_SKEWED = "clock.skewed"
    CLOCK_AGREES = "clock.agrees"
    CLOCK_SET_BACK = "clock.set-back"
    RECORD_RESTORED = "record.restored"
    INBOUND_REFUSED = "inbound.refused"
    REVIEW_SCANNED = "review.scanned"
    FINDING_NEW = "finding.new"
    FINDING_BACK = "finding.back"
    FINDING_GONE = "finding.gone"
    FINDING_KEPT = "finding.kept"
    FINDING_KEEP_ENDED = "finding.keep-ended"
    FINDING_NOT_MINE = "finding.not-mine"
    FINDING_ANSWER_REFUSED = "finding.answer-refused"


@dataclass(frozen=True)
class Event:
    """One fact for ever. Holds ids and digests only: names, reasons and terms stand apart.

    `actor` is a person id, `slack:<team>/<user>` for an account nobody is linked to, `system`, or
    `admin-cli`. `facts` are strings, numbers, booleans and lists of these; never what people typed.
    """

    type: EventType
    at: datetime
    actor: str
    recipient: str | None = None
    request: str | None = None
    grant: str | None = None
    why_digest: str | None = None
    terms_hash: str | None = None
    policy_digest: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredEvent:
    """An event as it stands in the log: its number, id and canonical bytes."""

    number: int
    id: str
    canonical: bytes


class EventLog(Protocol):
    """What appends; numbers are given when the transaction commits, gapless, in order."""

    def append(self, event: Event) -> None:
        """Add an event to the transaction."""
        ...


def salted_digest(text: str, salt: bytes) -> str:
    """Give HMAC-SHA-256 (hex) of a text that people wrote, so that the log need not hold it."""
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()
