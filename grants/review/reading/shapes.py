"""Kubernetes' objects as they are written, as far as they are read; the rest is passed over."""

from datetime import datetime
from typing import Annotated

import msgspec

_When = Annotated[datetime, msgspec.Meta(tz=True)]


class OwnerIn(msgspec.Struct):
    """One owner reference; the one that is in charge says `controller`."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


class MetaIn(msgspec.Struct, rename="camel"):
    """The metadata of an object."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    creation_timestamp: _When | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[OwnerIn, ...] | None = None


class RuleIn(msgspec.Struct, rename="camel"):
    """One PolicyRule."""

    verbs: tuple[str, ...] | None = None
    api_groups: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    resource_names: tuple[str, ...] | None = None
    non_resource_urls: tuple[str, ...] | None = msgspec.field(default=None, name="nonResourceURLs")


class RequirementIn(msgspec.Struct):
    """One matchExpression."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] | None = None


class SelectorIn(msgspec.Struct, rename="camel"):
    """A label selector."""

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[RequirementIn, ...] | None = None


class AggregationIn(msgspec.Struct, rename="camel"):
    """Which roles' rules a ClusterRole gathers."""

    cluster_role_selectors: tuple[SelectorIn, ...] | None = None


class RoleRefIn(msgspec.Struct):
    """The role that a binding names."""

    kind: str = ""
    name: str = ""


class SubjectIn(msgspec.Struct):
    """One subject of a binding."""

    kind: str = ""
    name: str = ""
    namespace: str | None = None


class TokenSourceIn(msgspec.Struct):
    """A token that a volume projects; without an audience it is for the API server."""

    audience: str | None = None


class SecretIn(msgspec.Struct):
    """A Secret that is named where its content is wanted."""

    name: str | None = None


class SourceIn(msgspec.Struct, rename="camel"):
    """One source of a projected volume."""

    service_account_token: TokenSourceIn | None = None
    secret: SecretIn | None = None


class ProjectedIn(msgspec.Struct):
    """A projected volume."""

    sources: tuple[SourceIn, ...] | None = None


class SecretVolumeIn(msgspec.Struct, rename="camel"):
    """A volume from a Secret."""

    secret_name: str | None = None


class VolumeIn(msgspec.Struct):
    """A volume of a pod."""

    projected: ProjectedIn | None = None
    secret: SecretVolumeIn | None = None


class ValueFromIn(msgspec.Struct, rename="camel"):
    """Where the value of a variable comes from."""

    secret_key_ref: SecretIn | None = None


class VariableIn(msgspec.Struct, rename="camel"):
    """A variable of a container's environment."""

    value_from: ValueFromIn | None = None


class VariablesIn(msgspec.Struct, rename="camel"):
    """A whole Secret (or something else) as variables."""

    secret_ref: SecretIn | None = None


class ContainerIn(msgspec.Struct, rename="camel"):
    """A container, as far as it is given Secrets."""

    env: tuple[VariableIn, ...] | None = None
    env_from: tuple[VariablesIn, ...] | None = None


class PodSpecIn(msgspec.Struct, rename="camel"):
    """A pod's spec; `serviceAccount` is the old name of the same field."""

    service_account_name: str | None = None
    service_account: str | None = None
    automount_service_account_token: bool | None = None
    volumes: tuple[VolumeIn, ...] | None = None
    containers: tuple[ContainerIn, ...] | None = None
    init_containers: tuple[ContainerIn, ...] | None = None


class TemplateIn(msgspec.Struct):
    """A pod template."""

    spec: PodSpecIn | None = None


class JobSpecIn(msgspec.Struct):
    """The spec of the Jobs that a CronJob makes."""

    template: TemplateIn | None = None


class JobTemplateIn(msgspec.Struct):
    """A template for Jobs."""

    spec: JobSpecIn | None = None


class SpecIn(PodSpecIn, rename="camel"):
    """The spec of a pod, or of whatever makes pods."""

    replicas: int | None = None
    suspend: bool | None = None
    template: TemplateIn | None = None
    job_template: JobTemplateIn | None = None


class ObjectIn(msgspec.Struct, rename="camel"):
    """Any object: one shape for all kinds, because the kind often stands behind the rest."""

    kind: str = ""
    api_version: str = ""
    metadata: MetaIn | None = None
    rules: tuple[RuleIn, ...] | None = None
    aggregation_rule: AggregationIn | None = None
    role_ref: RoleRefIn | None = None
    subjects: tuple[SubjectIn, ...] | None = None
    automount_service_account_token: bool | None = None
    spec: SpecIn | None = None
