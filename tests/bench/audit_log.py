"""Makes an audit log as a busy cluster writes one: accounts that do their few things again and
again, leases most of all, with requests of 1.5 kB at the mean.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
NAMESPACES: Final = 40
ACCOUNTS_EACH: Final = 8
_KINDS: Final = (
    ("", "pods"),
    ("", "configmaps"),
    ("", "secrets"),
    ("", "events"),
    ("", "endpoints"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("batch", "jobs"),
    ("example.com", "widgets"),
)
_VERBS: Final = ("get", "list", "watch", "update", "patch", "create")
_NAMED: Final = frozenset({"get", "update", "patch"})


def pattern(dice: random.Random, namespace: str, account: str) -> dict[str, Any]:
    """Make something that an account does again and again."""
    group, resource = dice.choice(_KINDS)
    verb = dice.choice(_VERBS)
    ref = {"resource": resource, "namespace": namespace, "apiVersion": "v1"}
    if group:
        ref["apiGroup"] = group
    if verb in _NAMED:
        ref["name"] = f"{account}-{dice.randrange(5)}"
    return _event(dice, namespace, account, verb, ref)


def lease(dice: random.Random, namespace: str, account: str) -> dict[str, Any]:
    """Make what every controller does each two seconds."""
    ref = {
        "resource": "leases",
        "namespace": namespace,
        "name": f"{account}-leader",
        "apiGroup": "coordination.k8s.io",
        "apiVersion": "v1",
    }
    return _event(dice, namespace, account, dice.choice(("get", "update")), ref)


def _event(
    dice: random.Random, namespace: str, account: str, verb: str, ref: dict[str, str]
) -> dict[str, Any]:
    group = ref.get("apiGroup", "")
    base = f"/apis/{group}/v1" if group else "/api/v1"
    path = f"{base}/namespaces/{namespace}/{ref['resource']}"
    rest = f"/{ref['name']}" if "name" in ref else "?limit=500&resourceVersion=0&timeout=7m12s"
    pod = f"{account}-{dice.getrandbits(40):x}-{dice.getrandbits(24):x}"
    said = (
        f'RBAC: allowed by RoleBinding "{account}/{namespace}" of Role "{account}" '
        f'to ServiceAccount "{account}/{namespace}"'
    )
    extra = "authentication.kubernetes.io"
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": "@ID@",
        "stage": "ResponseComplete",
        "requestURI": path + rest,
        "verb": verb,
        "user": {
            "username": f"system:serviceaccount:{namespace}:{account}",
            "uid": _uuid(dice),
            "groups": [
                "system:serviceaccounts",
                f"system:serviceaccounts:{namespace}",
                "system:authenticated",
            ],
            "extra": {
                f"{extra}/credential-id": [f"JTI={_uuid(dice)}"],
                f"{extra}/node-name": [f"node-{dice.randrange(90)}"],
                f"{extra}/pod-name": [pod],
                f"{extra}/pod-uid": [_uuid(dice)],
            },
        },
        "sourceIPs": [f"10.{dice.randrange(255)}.{dice.randrange(255)}.{dice.randrange(255)}"],
        "userAgent": f"{account}/v1.9.2 (linux/amd64) kubernetes/{dice.getrandbits(28):x}",
        "objectRef": {**ref, "uid": _uuid(dice), "resourceVersion": "@VERSION@"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": "@FIRST@",
        "stageTimestamp": "@LAST@",
        "annotations": {
            "authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": said,
        },
    }


def _uuid(dice: random.Random) -> str:
    digits = f"{dice.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def templates(dice: random.Random) -> list[str]:
    """Make all that the cluster's accounts do, leases in a third of it."""
    made = []
    for n in range(NAMESPACES):
        for a in range(ACCOUNTS_EACH):
            namespace, account = f"team-{n:02d}-services", f"controller-manager-{a}"
            some = [pattern(dice, namespace, account) for _ in range(dice.randrange(4, 14))]
            some += [lease(dice, namespace, account)] * (len(some) // 2)
            made += [json.dumps(each, separators=(",", ":")) for each in some]
    return made


def log(events: int, seed: int = 1) -> Iterator[str]:
    """Give the lines of a log of that many events over a day; a few are out of order."""
    dice = random.Random(seed)
    known = templates(dice)
    step = timedelta(days=1) / events
    for number in range(events):
        at = START + number * step + timedelta(milliseconds=dice.randrange(-200, 200))
        first, last = (
            (at + timedelta(microseconds=more)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            for more in (200_000, 204_217)
        )
        line = dice.choice(known)
        line = line.replace("@ID@", _uuid(dice)).replace("@VERSION@", str(10**8 + number))
        yield line.replace("@FIRST@", first).replace("@LAST@", last)


def write(path: Path, events: int, seed: int = 1) -> int:
    """Write such a log; gives its bytes."""
    with path.open("w") as file:
        for line in log(events, seed):
            file.write(f"{line}\n")
    return path.stat().st_size


def main() -> None:
    """Write a log: `python -m tests.bench.audit_log EVENTS FILE`."""
    parser = argparse.ArgumentParser(prog="tests.bench.audit_log", description=__doc__)
    parser.add_argument("events", type=int)
    parser.add_argument("file", type=Path)
    wanted = parser.parse_args()
    size = write(wanted.file, wanted.events)
    sys.stdout.write(f"{size / wanted.events:.0f} bytes an event\n")


if __name__ == "__main__":
    main()
