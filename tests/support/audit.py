"""Audit events made by hand, as API servers, clouds and log shippers write them."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from grants.usage.folded import Folded
from grants.usage.reading import Reader

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
WEB = "system:serviceaccount:shop:web"


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event(number: int = 1, at: datetime = START, **changes: Any) -> dict[str, Any]:
    """A request of an account that got a ConfigMap; `changes` with None take fields away."""
    made = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": f"00000000-0000-4000-8000-{number:012d}",
        "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/shop/configmaps/prices",
        "verb": "get",
        "user": {"username": WEB, "groups": ["system:serviceaccounts"]},
        "sourceIPs": ["10.1.2.3"],
        "objectRef": {
            "resource": "configmaps",
            "namespace": "shop",
            "name": "prices",
            "apiVersion": "v1",
        },
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": stamp(at),
        "stageTimestamp": stamp(at + timedelta(milliseconds=4)),
        "annotations": {
            "authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": reason(),
        },
    } | changes
    return {name: value for name, value in made.items() if value is not None}


def reason(binding: str = "web", role: str = "reader") -> str:
    return (
        f'RBAC: allowed by RoleBinding "{binding}/shop" of Role "{role}" '
        'to ServiceAccount "web/shop"'
    )


def denied(number: int = 1, **changes: Any) -> dict[str, Any]:
    said = {"authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": ""}
    return event(number, annotations=said, responseStatus={"code": 403}, **changes)


def ref(resource: str = "configmaps", **more: str) -> dict[str, str]:
    return {"resource": resource, "namespace": "shop", **more}


def lines(*values: Any) -> bytes:
    """Values as JSON lines; bytes stand as they are."""
    return b"".join(
        (each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in values
    )


def read(data: bytes, cluster: str = "prod", **options: Any) -> Folded:
    reader = Reader(options.pop("now", NOW), cluster, **options)
    reader.read(BytesIO(data), "audit.log")
    return reader.folded


def acts(folded: Folded, cluster: str = "prod") -> set[str]:
    """Write the rows so that a test can be read: user verb what where."""
    return {said(act) for act, _ in folded.parts[cluster].rows}


def said(act: Any) -> str:
    user = act.user.removeprefix("system:serviceaccount:")
    via = f" via {act.via}" if act.via else ""
    kind = f"{act.resource}/{act.subresource}" if act.subresource else act.resource
    group = f".{act.api_group}" if act.api_group else ""
    what = act.path or f"{kind}{group} {act.namespace}/{act.name}"
    return f"{user}{via}{'' if act.allowed else ' not'} {act.verb} {what}"


def only(folded: Folded, cluster: str = "prod") -> Any:
    """Give the one row as (act, first, last, count)."""
    ((act, row),) = folded.parts[cluster].rows
    return act, row.first, row.last, row.count
