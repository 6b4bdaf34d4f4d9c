"""A dump of a large cluster, as kubectl would print it: accounts, roles and bindings."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

NAMESPACES: Final = 300
_RBAC: Final = "rbac.authorization.k8s.io"
_GROUPS: Final = ("", "", "apps", "batch", "coordination.k8s.io", "example.com")
_RESOURCES: Final = (
    "configmaps",
    "deployments",
    "endpoints",
    "events",
    "jobs",
    "leases",
    "nodes",
    "pods",
    "pods/log",
    "secrets",
    "services",
    "widgets",
)
_VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete")


def items(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Make so many service accounts, roles and bindings of each; every fifth is cluster-wide."""
    chance = random.Random(seed)
    for number in range(count):
        yield _of("v1", "ServiceAccount", number, chance)
    for number in range(count):
        role = _of(f"{_RBAC}/v1", _kind("Role", number), number, chance)
        yield role | {"rules": [_rule(chance) for _ in range(chance.randint(1, 4))]}
    for number in range(count):
        binding = _of(f"{_RBAC}/v1", _kind("RoleBinding", number), number, chance)
        ref = {"apiGroup": _RBAC, "kind": _kind("Role", number), "name": f"app-{number}"}
        subject = {"kind": "ServiceAccount", "name": f"app-{number}", "namespace": _place(number)}
        yield binding | {"roleRef": ref, "subjects": [subject]}


def dump(count: int, seed: int = 1) -> dict[str, Any]:
    """Give the List that kubectl would print."""
    found = list(items(count, seed))
    return {"apiVersion": "v1", "items": found, "kind": "List", "metadata": {"resourceVersion": ""}}


def write(folder: Path, count: int, seed: int = 1, *, with_yaml: bool = True) -> dict[str, Path]:
    """Write the dump as JSON and, unless said otherwise, as YAML."""
    paths = {form: folder / f"{count}-{seed}.{form}" for form in ("json", "yaml")}
    whole = dump(count, seed)
    paths["json"].write_text(json.dumps(whole, indent=4))
    if with_yaml:
        with paths["yaml"].open("w") as file:
            yaml.dump(whole, file, Dumper=yaml.CSafeDumper)
    return paths


def _kind(name: str, number: int) -> str:
    return f"Cluster{name}" if number % 5 == 0 else name


def _place(number: int) -> str:
    return f"ns-{number % NAMESPACES}"


def _of(version: str, kind: str, number: int, chance: random.Random) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "creationTimestamp": f"2025-03-{number % 28 + 1:02}T10:{number % 60:02}:00Z",
        "labels": {"app.kubernetes.io/name": f"app-{number % 500}", "team": f"team-{number % 40}"},
        "name": f"app-{number}",
        "resourceVersion": str(1000 + number),
        "uid": f"{number:08x}-1111-4222-8333-{chance.getrandbits(48):012x}",
    }
    if not kind.startswith("Cluster"):
        meta["namespace"] = _place(number)
    if number % 3 == 0:
        meta["annotations"] = {"example.com/owner": f"team-{number % 40}"}
    return {"apiVersion": version, "kind": kind, "metadata": meta}


def _rule(chance: random.Random) -> dict[str, Any]:
    return {
        "apiGroups": [chance.choice(_GROUPS)],
        "resources": chance.sample(_RESOURCES, chance.randint(1, 4)),
        "verbs": chance.sample(_VERBS, chance.randint(1, 5)),
    }
