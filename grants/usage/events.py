"""Audit events as far as they are read, decoded by type: what is not named here is skipped."""

from typing import Final

from msgspec import Raw, Struct, field

from grants.decoding import decoder

COMPLETE: Final = "ResponseComplete"
STARTED: Final = "ResponseStarted"
PANIC: Final = "Panic"
RECEIVED: Final = "RequestReceived"

NOTHING: Final = Raw()


class User(Struct, frozen=True, gc=False):
    """Who asked."""

    username: str = ""


class Impersonated(Struct, frozen=True):
    """Whom somebody acted as, with all that they had to be allowed for that."""

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, object] | None = None


class Metadata(Struct, frozen=True, gc=False):
    """How somebody was authenticated; `impersonation:user-info` and its like."""

    impersonation: str = field(default="", name="impersonationConstraint")


class Ref(Struct, frozen=True, gc=False, rename="camel"):
    """What was asked for."""

    resource: str = ""
    namespace: str = ""
    name: str = ""
    api_group: str = ""
    subresource: str = ""


class Annotations(Struct, frozen=True, gc=False):
    """What was decided, and why."""

    decision: str = field(default="", name="authorization.k8s.io/decision")
    reason: str = field(default="", name="authorization.k8s.io/reason")


class Status(Struct, frozen=True, gc=False):
    """What was answered."""

    code: int = 0


class Event(Struct, gc=False):
    """One event. Fields have the API's names: a renamed one would cost a look-up at each event."""

    auditID: str = ""  # noqa: N815 - as said above
    stage: str = ""
    verb: str = ""
    requestURI: str = ""  # noqa: N815
    user: User | None = None
    impersonatedUser: Impersonated | None = None  # noqa: N815
    authenticationMetadata: Metadata | None = None  # noqa: N815
    objectRef: Ref | None = None  # noqa: N815
    responseStatus: Status | None = None  # noqa: N815
    requestReceivedTimestamp: str = ""  # noqa: N815
    stageTimestamp: str = ""  # noqa: N815
    annotations: Annotations | None = None


class Line(Event, gc=False):
    """Whatever may stand on a line: an event, or something that events are wrapped in.

    Apart from `Event`, because a field that is never there takes its time, too.
    """

    items: Raw = NOTHING
    records: Raw = NOTHING
    events: Raw = NOTHING
    logEvents: Raw = NOTHING  # noqa: N815
    logGroup: Raw = NOTHING  # noqa: N815
    protoPayload: Raw = NOTHING  # noqa: N815
    resource: Raw = NOTHING
    operation: Raw = NOTHING
    insertId: Raw = NOTHING  # noqa: N815
    labels: Raw = NOTHING
    timestamp: Raw = NOTHING
    properties: Raw = NOTHING
    resourceId: Raw = NOTHING  # noqa: N815
    log: Raw = NOTHING
    message: Raw = NOTHING


EVENT: Final = decoder(Event)
LINE: Final = decoder(Line)
LINES: Final = decoder(list[Line])
