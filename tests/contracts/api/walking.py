"""Random scripts: drawn once and asked of both, each with its own uids and versions."""

import random
from dataclasses import dataclass, field
from typing import Any

from tests.contracts.api.kinds import shown
from tests.contracts.api.manifests import (
    ACCOUNTS,
    BINDINGS,
    CLUSTER_ROLES,
    ROLES,
    Json,
    binding,
    cluster_role,
    group,
    paths,
    role,
    rule,
    service_account,
    user,
)
from tests.contracts.api.served import Reply
from tests.contracts.api.stage import JSON_PATCH, MERGE, STRATEGIC, Stage, without_managers

NAMES = ("one-{word}", "two-{word}", "three-{word}")
KINDS = {ROLES: role, CLUSTER_ROLES: cluster_role, BINDINGS: binding, ACCOUNTS: service_account}
RULES = (
    rule("get", "pods"),
    rule("get list", "pods secrets", "core apps"),
    rule("*", "*", "*"),
    rule("get", "pods", names="a b"),
    paths("get", "/metrics"),
    {"verbs": [], "apiGroups": [""], "resources": ["pods"]},
    {"verbs": ["get"]},
)
SUBJECTS = (
    user("ada"),
    group("g"),
    {"kind": "ServiceAccount", "name": "robot", "namespace": "x"},
    {"kind": "ServiceAccount", "name": "robot"},
    {"kind": "Robot", "name": "x"},
    {"kind": "User", "name": ""},
)
METADATA: tuple[Json, ...] = (
    {"labels": {"a": "b"}},
    {"labels": {"a": "c", "d": "e"}},
    {"labels": {"a b": "c"}},
    {"labels": None},
    {"annotations": {"a": "b"}},
    {"annotations": {"x/y": "1", "z": ""}},
    {"finalizers": ["example.com/hold"]},
    {"finalizers": ["example.com/hold", "example.com/more"]},
    {"finalizers": None},
    {"finalizers": []},
    {"generateName": "made-"},
    {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}]},
)
STEPS: tuple[Json, ...] = (
    {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
    {"op": "add", "path": "/metadata/labels/n", "value": "m"},
    {"op": "replace", "path": "/metadata/labels/a", "value": "z"},
    {"op": "remove", "path": "/metadata/labels/a"},
    {"op": "test", "path": "/metadata/labels/a", "value": "b"},
    {"op": "remove", "path": "/metadata/finalizers"},
    {"op": "add", "path": "/metadata/finalizers", "value": ["example.com/hold"]},
    {"op": "add", "path": "/rules/-", "value": rule("get", "nodes")},
    {"op": "remove", "path": "/rules/0"},
    {"op": "replace", "path": "/subjects", "value": [group("h")]},
    {"op": "remove", "path": "/subjects/0"},
    {"op": "replace", "path": "/roleRef/name", "value": "other"},
)
QUERIES: tuple[Json, ...] = (
    {},
    {},
    {},
    {"dryRun": "All"},
    {"fieldValidation": "Strict"},
)
LISTS: tuple[Json, ...] = (
    {},
    {"labelSelector": "a"},
    {"labelSelector": "a=b"},
    {"labelSelector": "a notin (b)"},
    {"labelSelector": "!a"},
    {"limit": 1},
    {"fieldSelector": "metadata.name=one-{word}"},
    {"fieldSelector": "metadata.name!=one-{word}"},
)
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
METADATA_ALONE = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}


@dataclass
class Walker:
    """One server's side of a walk: what it said of each object lately, to come back to."""

    stage: Stage
    seen: list[Json] = field(default_factory=list)

    def ask(self, method: str, path: str, body: object = None, **options: Any) -> Reply:
        reply = self.stage.ask(method, path, body, show=_shown, **options)
        metadata = (reply.body or {}).get("metadata", {})
        if reply.status < 300 and "uid" in metadata and "rows" not in reply.body:
            # Who wrote what is not kept by the double.
            self.seen.append(without_managers(reply.body))
        return reply


class Walk:
    """Steps drawn by one random source, taken on every walker alike."""

    def __init__(self, dice: random.Random, walkers: list[Walker]) -> None:
        self._dice = dice
        self._walkers = walkers
        self._ways = (
            (self._create, 5),
            (self._read, 2),
            (self._list, 2),
            (self._put, 5),
            (self._merge, 5),
            (self._json_patch, 4),
            (self._delete, 4),
            (self._delete_many, 1),
        )

    def step(self) -> None:
        """Take one step everywhere."""
        (way,) = self._dice.choices([w for w, _ in self._ways], [n for _, n in self._ways])
        way(self._dice.choice(list(KINDS)), self._dice.choice(NAMES))

    def _everywhere(self, method: str, path: str, body: object = None, **options: Any) -> None:
        for walker in self._walkers:
            walker.ask(method, path, body, **options)

    def _create(self, path: str, name: str) -> None:
        self._everywhere("POST", path, self._object(path, name), **self._query())

    def _read(self, path: str, name: str) -> None:
        headers = self._dice.choice([None, None, METADATA_ALONE])
        self._everywhere("GET", f"{path}/{name}", headers=headers)

    def _list(self, path: str, _name: str) -> None:
        query = dict(self._dice.choice(LISTS))
        if path in {CLUSTER_ROLES, ACCOUNTS}:
            # The others there are the server's own.
            query = {"fieldSelector": "metadata.name=two-{word}"}
        self._everywhere("GET", path, headers=self._dice.choice([None, TABLE]), **query)

    def _put(self, path: str, name: str) -> None:
        number = self._remembered(path)
        if number is None or self._dice.random() < 0.15:
            self._everywhere("PUT", f"{path}/{name}", self._object(path, name), **self._query())
            return
        change, dropped = self._change(path), self._dice.sample(["uid", "resourceVersion", ""], 1)
        query = self._query()
        stray = self._dice.random() < 0.1
        for walker in self._walkers:
            old = walker.seen[number]
            meta = {**old["metadata"], **change["metadata"]}
            meta = {key: item for key, item in meta.items() if key not in dropped}
            at = name if stray else old["metadata"]["name"]
            walker.ask("PUT", f"{path}/{at}", {**old, **change, "metadata": meta}, **query)

    def _merge(self, path: str, name: str) -> None:
        change, number = self._change(path), self._remembered(path)
        fenced = self._dice.choice(["", "", "uid", "resourceVersion"])
        kind, query = self._dice.choice([MERGE, STRATEGIC]), self._patch_query()
        for walker in self._walkers:
            meta = dict(change.get("metadata", {}))
            if fenced and number is not None:
                meta[fenced] = walker.seen[number]["metadata"].get(fenced)
            body = {**change, "metadata": meta}
            walker.ask("PATCH", f"{path}/{name}", body, kind=kind, **query)

    def _json_patch(self, path: str, name: str) -> None:
        steps = self._dice.sample(STEPS, self._dice.randint(1, 3))
        self._everywhere("PATCH", f"{path}/{name}", steps, kind=JSON_PATCH, **self._patch_query())

    def _delete(self, path: str, name: str) -> None:
        number, how = self._remembered(path), self._dice.choice(["", "", "uid", "resourceVersion"])
        dry = self._dice.random() < 0.1
        for walker in self._walkers:
            options: Json = {"apiVersion": "v1", "kind": "DeleteOptions"}
            if how and number is not None:
                options["preconditions"] = {how: walker.seen[number]["metadata"].get(how)}
            if dry:
                options["dryRun"] = ["All"]
            walker.ask("DELETE", f"{path}/{name}", options if how or dry else None)

    def _delete_many(self, path: str, _name: str) -> None:
        if path in {ROLES, BINDINGS}:
            query = self._dice.choice([{"labelSelector": "a=b"}, {"labelSelector": "a"}])
            self._everywhere("DELETE", path, **query)

    def _object(self, path: str, name: str) -> Json:
        fields = dict(self._dice.choice([*METADATA, *({},) * 10]))
        if path == BINDINGS:
            subjects = self._dice.sample(SUBJECTS[:4], self._dice.randint(0, 3))
            if self._dice.random() < 0.2:
                subjects.append(self._dice.choice(SUBJECTS))
            of = self._dice.choice(["Role/x", "ClusterRole/view", "ClusterRole/y", "Pod/z"])
            return binding(name, of, *subjects, **fields)
        made: Json = KINDS[path](name, **fields)
        if path in {ROLES, CLUSTER_ROLES}:
            made["rules"] = self._rules()
        return made

    def _rules(self) -> list[Json]:
        return [self._dice.choice(RULES) for _ in range(self._dice.choice([0, 1, 1, 2]))]

    def _change(self, path: str) -> Json:
        change: Json = {"metadata": dict(self._dice.choice(METADATA))}
        if path in {ROLES, CLUSTER_ROLES} and self._dice.random() < 0.5:
            change["rules"] = self._rules()
        if path == BINDINGS and self._dice.random() < 0.5:
            change["subjects"] = self._dice.sample(SUBJECTS, self._dice.randint(0, 3))
        if self._dice.random() < 0.1:
            change["nonsense"] = {"a": 1}
        return change

    def _query(self) -> Json:
        return dict(self._dice.choice(QUERIES))

    def _patch_query(self) -> Json:
        # A strict patch is refused with the whole object in the text, and who wrote what in that.
        return {key: item for key, item in self._query().items() if key != "fieldValidation"}

    def _remembered(self, path: str) -> int | None:
        """Draw one of the objects of a kind that were seen, the latest as a rule."""
        kind = KINDS[path]("x")["kind"] if path != BINDINGS else "RoleBinding"
        seen = self._walkers[0].seen
        numbers = [at for at, one in enumerate(seen) if one["kind"] == kind]
        if not numbers:
            return None
        return numbers[-1] if self._dice.random() < 0.6 else self._dice.choice(numbers)


def _shown(body: Any) -> Any:
    """Show all but who wrote what, and ages."""
    if "rows" in body:
        return [row["cells"][0] for row in body["rows"] or ()]
    return body if body.get("kind") == "Status" else shown(body)
