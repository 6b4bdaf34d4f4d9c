"""A month of audit traffic, as API servers write it, of the deeds of a truth file."""

import gzip
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tests.review.truth import form
from tests.review.truth.casting import PREFIX, drops
from tests.review.truth.form import Deed, Truth

Event = dict[str, Any]


def write_logs(truth: Truth, folder: Path) -> list[Path]:
    """Write the log in two files, as a rotated one: the older is packed."""
    lines = list(_lines(truth))
    half = len(lines) // 2
    older, newer = folder / "audit-1.log.gz", folder / "audit-2.log"
    older.write_bytes(gzip.compress("".join(lines[:half]).encode(), 1))
    newer.write_text("".join(lines[half:]))
    return [older, newer]


def _lines(truth: Truth) -> Iterator[str]:
    dice = Random(f"traffic/{truth.seed}")
    when = [(at, deed) for deed in truth.deeds for at in _times(truth, deed, dice)]
    when.sort(key=lambda pair: (pair[0], pair[1].user, pair[1].verb, pair[1].resource))
    broken = set(dice.sample(range(len(when) // 4, len(when)), 5))
    lost = [n for n, (_, deed) in enumerate(when) if len(deed.days_ago) == 1]
    broken = broken | set(lost) if truth.lack == form.LOSSES else set()
    for number, (at, deed) in enumerate(when):
        for event in _events(truth.seed, number, at, deed, dice):
            line = json.dumps(event)
            # Half a line, as where a disk was full: it can't be read any more.
            yield (line[: len(line) // 2] if number in broken else line) + "\n"


def _times(truth: Truth, deed: Deed, dice: Random) -> Iterator[datetime]:
    for ago in deed.days_ago:
        in_gap = truth.gap and truth.gap[1] <= ago <= truth.gap[0]
        seen = ago < truth.days_of_log and not in_gap
        if seen and not drops(truth.lack, deed.verb, deed.resource, deed.user):
            yield truth.ends - timedelta(days=ago, seconds=dice.uniform(1, 50))


def _events(seed: int, number: int, at: datetime, deed: Deed, dice: Random) -> Iterator[Event]:
    event = _event(seed, number, at, deed)
    if deed.verb == "watch":
        yield event | {"stage": "ResponseStarted"}
        end = at + timedelta(seconds=dice.uniform(0.1, 0.9))
        yield event | {"stageTimestamp": _stamp(end)}
        return
    if dice.random() < 0.1:
        without = {
            key: value
            for key, value in event.items()
            if key not in {"annotations", "responseStatus"}
        }
        yield without | {"stage": "RequestReceived", "stageTimestamp": _stamp(at)}
    yield event


def _event(seed: int, number: int, at: datetime, deed: Deed) -> Event:
    resource, _, sub = deed.resource.partition("/")
    ref = {
        "resource": resource,
        "namespace": deed.namespace,
        "name": deed.name,
        "apiGroup": deed.group,
        "apiVersion": "v1",
        "subresource": sub,
    }
    by = {"username": deed.user, "groups": _groups(deed.user)}
    made: Event = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": f"{seed:08d}-0000-4000-8000-{number:012d}",
        "stage": "ResponseComplete",
        "requestURI": _address(deed, resource, sub),
        "verb": deed.verb,
        "user": by,
        "sourceIPs": ["10.0.0.7"],
        "userAgent": "client/1.0",
        "objectRef": {key: value for key, value in ref.items() if value},
        "responseStatus": {"metadata": {}, "code": 200 if deed.allowed else 403},
        "requestReceivedTimestamp": _stamp(at),
        "stageTimestamp": _stamp(at + timedelta(milliseconds=7)),
        "annotations": _decided(deed),
    }
    if deed.acting_as:
        made["impersonatedUser"] = {"username": deed.acting_as, "groups": _groups(deed.acting_as)}
    return made


def _decided(deed: Deed) -> dict[str, str]:
    said = f"RBAC: allowed by {deed.through}" if deed.through else ""
    return {
        "authorization.k8s.io/decision": "allow" if deed.allowed else "forbid",
        "authorization.k8s.io/reason": said if deed.allowed else "",
    }


def _groups(user: str) -> list[str]:
    if not user.startswith(PREFIX):
        return ["system:authenticated"]
    namespace = user.removeprefix(PREFIX).partition(":")[0]
    shared = "system:serviceaccounts"
    return [shared, f"{shared}:{namespace}", "system:authenticated"]


def _address(deed: Deed, resource: str, sub: str) -> str:
    root = f"/apis/{deed.group}/v1" if deed.group else "/api/v1"
    path = f"{root}/namespaces/{deed.namespace}/{resource}"
    if deed.name and deed.verb not in {"create", "list", "watch"}:
        path += f"/{deed.name}"
    if sub:
        path = f"{root}/namespaces/{deed.namespace}/{resource}/{deed.name}/{sub}"
    return f"{path}?watch=true" if deed.verb == "watch" else path


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
