"""What was read, gathered object by object until it is an inventory."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from grants.authz.objects import Account, Binding, Meta, Origin, Role
from grants.review.inventory import (
    KINDS,
    WORKLOAD_KINDS,
    Inventory,
    ReadProblem,
    Seen,
    TokenSecret,
    Workload,
)
from grants.review.reading import values
from grants.review.reading.shapes import MetaIn, ObjectIn
from grants.review.reading.values import Values

PROBLEMS_MOST: Final = 1000
"""Of more than that nobody reads the next; how many there were is said."""

RBAC_GROUP: Final = "rbac.authorization.k8s.io"

_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("Namespace", "ServiceAccount", "Pod", "ReplicationController", "Secret"),
    RBAC_GROUP: ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"),
    "apps": ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"),
    "extensions": ("Deployment", "DaemonSet", "ReplicaSet"),
    "batch": ("Job", "CronJob"),
}
_OUTSIDE: Final = frozenset({"Namespace", "ClusterRole", "ClusterRoleBinding"})
_NO_META: Final = MetaIn()

_Key = tuple[str, str, str]


class Gathering:
    """Takes objects and problems in the order in which they come; the last of a name stays.

    `namespace` is where an object stands that names none, as kubectl would put it there;
    `elsewhere` is said of problems with what has no origin.
    """

    def __init__(self, namespace: str = "default", elsewhere: str = "") -> None:
        self._namespace = namespace
        self._elsewhere = Origin(elsewhere)
        self._values = Values()
        self._known: dict[tuple[str, str], str] = {}
        self._found: dict[str, dict[_Key, Any]] = {kind: {} for kind in KINDS}
        self._others: Counter[str] = Counter()
        self._templates: dict[_Key, Any] = {}
        self._seen: dict[str, Seen] = {}
        self._problems: list[ReadProblem] = []
        self._left_out = 0
        self._make: dict[str, Callable[[ObjectIn, Meta], Any]] = {
            "Namespace": lambda _, meta: meta,
            "ServiceAccount": values.account_of,
            "Role": self._values.role,
            "ClusterRole": self._values.role,
            "RoleBinding": self._binding,
            "ClusterRoleBinding": self._binding,
            "Secret": lambda _, meta: values.token_secret_of(meta),
            **dict.fromkeys(("Pod", *WORKLOAD_KINDS), _workload),
        }

    def take(self, read: ObjectIn, origin: Origin | None) -> None:
        """Take one object, of whatever kind; a cluster's objects have no origin."""
        kind = self._known.get((read.api_version, read.kind))
        if kind is None:
            kind = self._name_kind(read, origin)
        make = self._make.get(kind)
        if make is None:
            self._take_other(read, kind, origin)
            return
        if kind not in self._seen:
            self._seen[kind] = Seen.SEEN
        meta = self._meta(read, kind, origin)
        if meta is None:
            return
        made = make(read, meta)
        if made is not None:
            self._keep(self._found[kind], kind, read, meta, made)

    def tell(self, code: str, origin: Origin | None, **facts: str) -> None:
        """Take a problem; after a thousand they are only counted."""
        if len(self._problems) >= PROBLEMS_MOST:
            self._left_out += 1
            return
        self._problems.append(ReadProblem(code, origin or self._elsewhere, tuple(facts.items())))

    def count(self, what: str) -> None:
        """Count something that was passed over."""
        self._others[what] += 1

    def mark(self, kind: str, how: Seen) -> None:
        """Say how much of a kind was seen, where that is known better than from what came."""
        self._seen[kind] = how

    def inventory(self, cluster: str, taken_at: datetime) -> Inventory:
        """Give what was gathered."""
        found = self._found
        problems = self._problems
        if self._left_out:
            facts = (("count", str(self._left_out)),)
            problems = [*problems, ReadProblem("more-problems", Origin(""), facts)]
        workloads = [each for kind in WORKLOAD_KINDS for each in found[kind].values()]
        return Inventory(
            cluster=cluster,
            taken_at=taken_at,
            accounts=tuple(found["ServiceAccount"].values()),
            roles=(*found["ClusterRole"].values(), *found["Role"].values()),
            bindings=(*found["ClusterRoleBinding"].values(), *found["RoleBinding"].values()),
            workloads=(*workloads, *self._templates.values()),
            pods=tuple(found["Pod"].values()),
            token_secrets=tuple(found["Secret"].values()),
            namespaces=tuple(found["Namespace"].values()),
            seen={kind: self._seen.get(kind, Seen.NOT_ASKED) for kind in KINDS},
            others=dict(sorted(self._others.items())),
            problems=tuple(problems),
        )

    def _name_kind(self, read: ObjectIn, origin: Origin | None) -> str:
        """Name a kind by itself where it is one of ours, else with its group."""
        group = read.api_version.rpartition("/")[0]
        if read.api_version:
            ours = read.kind in _GROUPS.get(group, ())
            plain = ours or (not group and read.kind not in self._make)
            kind = read.kind if plain else f"{read.kind}.{group or 'core'}"
            self._known[read.api_version, read.kind] = kind
            return kind
        if read.kind in self._make:
            self.tell("no-api-version", origin, kind=read.kind)
        return read.kind

    def _take_other(self, read: ObjectIn, kind: str, origin: Origin | None) -> None:
        self._others[kind] += 1
        if values.names_an_account(read):
            meta = self._meta(read, kind, origin)
            if meta is not None:
                made = values.workload_of(read, meta, kind)
                self._keep(self._templates, kind, read, meta, made)

    def _meta(self, read: ObjectIn, kind: str, origin: Origin | None) -> Meta | None:
        given = read.metadata or _NO_META
        if not given.name and not given.generate_name:
            self.tell("no-name", origin, kind=kind)
            return None
        namespace = "" if kind in _OUTSIDE else given.namespace or self._namespace
        return values.meta_of(given, namespace, origin)

    def _binding(self, read: ObjectIn, meta: Meta) -> Binding | None:
        made = values.binding_of(read, meta)
        if made is None:
            self.tell("no-role", meta.origin, kind=read.kind, name=meta.name)
        return made

    def _keep(
        self, among: dict[_Key, Any], kind: str, read: ObjectIn, meta: Meta, made: Any
    ) -> None:
        name = meta.name
        if read.metadata is None or not read.metadata.name:
            # One that is yet to be generated may stand any number of times.
            name += str(len(among))
        key = (kind, meta.namespace, name)
        before = among.get(key)
        among[key] = made
        if before is not None and not _alike(before, made):
            first = _meta_of(before).origin or Origin("")
            self.tell(
                "twice",
                meta.origin,
                kind=kind,
                name=meta.name,
                first_file=first.file,
                first_line=str(first.line),
            )


def _workload(read: ObjectIn, meta: Meta) -> Workload:
    return values.workload_of(read, meta, read.kind)


_Made = Account | Role | Binding | Workload | TokenSecret


def _meta_of(made: Meta | _Made) -> Meta:
    return made if isinstance(made, Meta) else made.meta


def _alike(one: Meta | _Made, other: Meta | _Made) -> bool:
    """Tell whether two are the same but for where they were read."""
    return _without_origin(one) == _without_origin(other)


def _without_origin(made: Meta | _Made) -> Meta | _Made:
    if isinstance(made, Meta):
        return replace(made, origin=None)
    return replace(made, meta=replace(made.meta, origin=None))
