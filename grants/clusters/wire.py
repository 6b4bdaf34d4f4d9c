"""Kubernetes' JSON as values, decoded strictly where a proof rests on it."""

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from grants.access.cluster_port import Binding, BindingPlace
from grants.authz.model import RoleRef, RoleSnapshot, Rule
from grants.clusters import labels

ROLE_BINDING: Final = "RoleBinding"
CLUSTER_ROLE_BINDING: Final = "ClusterRoleBinding"

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII
)


class Meta(msgspec.Struct, rename="camel"):
    """The metadata of an object, as far as we read it."""

    name: str = ""
    namespace: str | None = None
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: list[str] | None = None


class ListMeta(msgspec.Struct, rename="camel"):
    """The metadata of a list: where the next page begins."""

    continue_: str = msgspec.field(default="", name="continue")
    resource_version: str = ""


class SubjectIn(msgspec.Struct):
    """One subject of a binding."""

    kind: str
    name: str
    namespace: str | None = None


class RoleRefIn(msgspec.Struct):
    """The role that a binding names."""

    kind: str
    name: str


class BindingIn(msgspec.Struct, rename="camel"):
    """A RoleBinding or ClusterRoleBinding; items of a list bear no kind."""

    metadata: Meta
    role_ref: RoleRefIn
    subjects: list[SubjectIn] | None = None
    kind: str = ""


class BindingListIn(msgspec.Struct):
    """One page of bindings."""

    items: list[BindingIn]
    metadata: ListMeta


class RuleIn(msgspec.Struct, rename="camel"):
    """One PolicyRule."""

    verbs: list[str] | None = None
    api_groups: list[str] | None = None
    resources: list[str] | None = None
    resource_names: list[str] | None = None
    non_resource_urls: list[str] | None = msgspec.field(default=None, name="nonResourceURLs")


class RoleIn(msgspec.Struct):
    """A Role or ClusterRole."""

    metadata: Meta
    rules: list[RuleIn] | None = None


class Phase(msgspec.Struct):
    """The status of a namespace."""

    phase: str = ""


class NamespaceIn(msgspec.Struct):
    """A namespace."""

    metadata: Meta
    status: Phase = msgspec.field(default_factory=Phase)


class ObjectIn(msgspec.Struct):
    """Any object's metadata."""

    metadata: Meta


class ObjectListIn(msgspec.Struct):
    """One page of objects of which only the metadata was asked for."""

    items: list[ObjectIn]
    metadata: ListMeta


class ReviewStatusIn(msgspec.Struct, rename="camel"):
    """What an API server answers to an access review; `allowed` must be said."""

    allowed: bool
    reason: str = ""
    evaluation_error: str = ""


class ReviewIn(msgspec.Struct):
    """A SubjectAccessReview that was answered."""

    status: ReviewStatusIn


def to_binding(read: BindingIn, place: BindingPlace) -> Binding:
    """Turn what was read into the core's value; ValueError when it is not the one asked for."""
    meta = read.metadata
    if (meta.name, meta.namespace) != (place.name, place.namespace):
        raise ValueError
    if not meta.uid or not meta.resource_version or meta.creation_timestamp is None:
        raise ValueError
    found = meta.labels or {}
    return Binding(
        place=place,
        uid=meta.uid,
        resource_version=meta.resource_version,
        role=_role_ref(read.role_ref),
        subjects=tuple(_subject(subject) for subject in read.subjects or ()),
        installation=found.get(labels.INSTALLATION_LABEL),
        grant=found.get(labels.GRANT_LABEL),
        expires_at=parse_time((meta.annotations or {}).get(labels.EXPIRES_ANNOTATION)),
        finalizers=tuple(meta.finalizers or ()),
        created_at=meta.creation_timestamp.astimezone(UTC),
        deleting=meta.deletion_timestamp is not None,
        managed=found.get(labels.MANAGED_BY_LABEL) == labels.MANAGED_BY,
    )


def to_role(read: RoleIn, ref: RoleRef, read_at: datetime) -> RoleSnapshot:
    """Turn a role into a dated snapshot; ValueError when it is not the one asked for."""
    if read.metadata.name != ref.name:
        raise ValueError
    return RoleSnapshot(ref, to_rules(read), read_at)


def to_rules(read: RoleIn) -> tuple[Rule, ...]:
    """Turn a role into its rules."""
    return tuple(_rule(rule) for rule in read.rules or ())


def parse_time(text: str | None) -> datetime | None:
    """Read an RFC 3339 time as UTC; None for anything else, and for no text."""
    if text is None or _RFC3339.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_time(at: datetime) -> str:
    """Write a time as RFC 3339 in UTC; the API server's own expressions can read it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _role_ref(read: RoleRefIn) -> RoleRef:
    if read.kind == "Role":
        return RoleRef("Role", read.name)
    if read.kind == "ClusterRole":
        return RoleRef("ClusterRole", read.name)
    raise ValueError


def _subject(read: SubjectIn) -> str:
    if read.namespace:
        return f"{read.kind}:{read.namespace}/{read.name}"
    return f"{read.kind}:{read.name}"


def _rule(read: RuleIn) -> Rule:
    return Rule(
        verbs=tuple(read.verbs or ()),
        api_groups=tuple(read.api_groups or ()),
        resources=tuple(read.resources or ()),
        resource_names=tuple(read.resource_names or ()),
        non_resource_urls=tuple(read.non_resource_urls or ()),
    )
