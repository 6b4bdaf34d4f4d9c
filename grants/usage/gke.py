"""Google's Cloud Logging writes audit events anew; this gives them back."""

from typing import Final

from msgspec import Struct, field

from grants.decoding import decoder
from grants.usage.acts import ref_of
from grants.usage.events import COMPLETE, Annotations, Event, Line, Ref, Status, User

SERVICE: Final = "k8s.io"
_DENIED: Final = 7  # google.rpc.Code.PERMISSION_DENIED
_UNKNOWN: Final = 16  # google.rpc.Code.UNAUTHENTICATED
_METHODS: Final = "io.k8s."


class _Who(Struct):
    email: str = field(default="", name="principalEmail")


class _Payload(Struct, rename="camel"):
    service_name: str = ""
    method_name: str = ""
    resource_name: str = ""
    authentication_info: _Who | None = None
    status: Status | None = None


class _Operation(Struct):
    id: str = ""


class _Labels(Struct):
    cluster_name: str = ""


class _Resource(Struct):
    labels: _Labels | None = None


_PAYLOAD: Final = decoder(_Payload)
_OPERATION: Final = decoder(_Operation)
_RESOURCE: Final = decoder(_Resource)
_ANNOTATIONS: Final = decoder(Annotations)
_TEXT: Final = decoder(str)


def cluster_of(entry: Line) -> str:
    """Give the cluster's name that an entry bears; "" when it bears none."""
    found = _RESOURCE.decode(entry.resource) if entry.resource else None
    return found.labels.cluster_name if found and found.labels else ""


def event_of(entry: Line) -> Event | None:
    """Give the event of an entry; None when it is not of Kubernetes' API.

    An entry is written once for each request, when it has ended. It has one time, and names no
    impersonation.
    """
    payload = _PAYLOAD.decode(entry.protoPayload)
    if payload.service_name != SERVICE or not payload.method_name.startswith(_METHODS):
        return None
    at = _TEXT.decode(entry.timestamp) if entry.timestamp else ""
    who = payload.authentication_info
    return Event(
        auditID=_id_of(entry),
        stage=COMPLETE,
        verb=payload.method_name.rpartition(".")[2],
        requestURI="/" + payload.resource_name.lstrip("/"),
        user=User(who.email) if who else None,
        objectRef=_ref_of(payload),
        responseStatus=Status(_http_code(payload.status)),
        requestReceivedTimestamp=at,
        stageTimestamp=at,
        annotations=_ANNOTATIONS.decode(entry.labels) if entry.labels else None,
    )


def _id_of(entry: Line) -> str:
    operation = _OPERATION.decode(entry.operation) if entry.operation else None
    if operation and operation.id:
        return operation.id
    return _TEXT.decode(entry.insertId) if entry.insertId else ""


def _ref_of(payload: _Payload) -> Ref | None:
    """Read `apps/v1/namespaces/shop/deployments/web`, in which the core group is called `core`."""
    group, slash, rest = payload.resource_name.partition("/")
    # `io.k8s.get` of `healthz` has a path alone; `io.k8s.core.v1.pods.get` has a resource.
    if not slash or payload.method_name.count(".") <= len(("io", "k8s")):
        return None
    base = "/api" if group == "core" else f"/apis/{group}"
    return ref_of(f"{base}/{rest}")


def _http_code(status: Status | None) -> int:
    code = status.code if status else 0
    return {_DENIED: 403, _UNKNOWN: 401}.get(code, 200)
