"""The file that says how each cluster is reached; YAML, because policy is YAML too."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from bot.settings_checks import as_default_text
from bot.settings_kinds import PREFIX, Duration
from bot.settings_proxy import ProxyAddress
from grants.errors import Problem, SettingsInvalid

IN_CLUSTER_ALIAS: Final = "in-cluster"
_LONGEST_FILE_BYTES: Final = 1_048_576
_VARIABLE: Final = f"{PREFIX}CLUSTERS_PATH"

Alias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][-a-z0-9.]{0,62}$")]
Endpoint = Annotated[str, StringConstraints(pattern=r"^https://[^/?#@\s]+$")]
_SPAN: Final = {"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$", "minLength": 2}


_Short = Annotated[Duration, Field(le=timedelta(seconds=30)), WithJsonSchema(_SPAN)]
_Long = Annotated[Duration, Field(le=timedelta(minutes=5)), WithJsonSchema(_SPAN)]


def _time(default: timedelta, says: str) -> Any:
    # The schema would tell the default in another form than the one that is read.
    written: dict[str, Any] = {"default": as_default_text(default)}
    return Field(default=default, description=says, json_schema_extra=written)


class Timeouts(BaseModel):
    """How long calls to one cluster may take, written as `2s`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    connect: _Short = _time(timedelta(seconds=2), "Until a connection stands.")
    read: _Short = _time(
        timedelta(seconds=5),
        "Each wait for bytes; a whole answer may take this and `connect` together.",
    )
    whole_list: _Long = _time(timedelta(seconds=20), "A list of many pages, all of it.")
    ready: _Short = _time(timedelta(seconds=2), "The question whether an API server is ready.")
    plugin: _Short = _time(timedelta(seconds=10), "A run of a credential plugin.")


class ClusterAccess(BaseModel):
    """How one cluster is reached: `in_cluster` or a `kubeconfig`, and what differs from others."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    in_cluster: bool = Field(
        default=False, description="By the service account of the pod that Valetkey runs in."
    )
    kubeconfig: Path | None = Field(
        default=None, description="By this kubeconfig; a relative path is meant from the file on."
    )
    context: str | None = Field(
        default=None, description="The kubeconfig's context; without it its current one."
    )
    endpoints: tuple[Endpoint, ...] = Field(
        default=(),
        description=(
            "The addresses of every API server: proof asks each of them. Without them the record "
            'says "as seen from one endpoint".'
        ),
    )
    proxy: ProxyAddress | None = Field(
        default=None,
        description=(
            "The proxy to this cluster, `http://user:password@host:port`. Without it the "
            "kubeconfig's `proxy-url`, then the environment's HTTPS_PROXY."
        ),
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="How many grants are worked on at once; without it VALETKEY_WORKER_COUNT.",
    )
    pool_size: int = Field(
        default=8,
        ge=1,
        le=64,
        description="How many access reviews run at once at each API server, and how many lookups.",
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, description="How long calls may take.")

    @model_validator(mode="after")
    def _one_way(self) -> "ClusterAccess":
        if self.in_cluster == (self.kubeconfig is not None):
            raise ValueError("say either in_cluster: true or kubeconfig: a path")
        if self.in_cluster and self.context:
            raise ValueError("context goes with kubeconfig")
        return self


class ClustersFile(BaseModel):
    """The file: clusters by the alias that policy calls them."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    clusters: dict[Alias, ClusterAccess] = Field(
        min_length=1, json_schema_extra={"additionalProperties": False}
    )


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of the file, as it is published in docs/clusters.schema.json."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | ClustersFile.model_json_schema()


def read_clusters(path: Path | None) -> dict[str, ClusterAccess]:
    """Read the file; without one there is the cluster that Valetkey runs in.

    SettingsInvalid names every problem. A kubeconfig's relative path is meant from the file on.
    """
    if path is None:
        return {IN_CLUSTER_ALIAS: ClusterAccess(in_cluster=True)}
    found = _parse(path)
    return {alias: _from_here(access, path.parent) for alias, access in found.clusters.items()}


def _parse(path: Path) -> ClustersFile:
    try:
        with path.open(encoding="utf-8") as file:
            data = yaml.safe_load(file.read(_LONGEST_FILE_BYTES))
        return ClustersFile.model_validate(data)
    except (OSError, UnicodeError) as error:
        raise _invalid(f"{path}: {type(error).__name__}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise _invalid(f"{path} is no YAML{where}") from None
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False, include_context=False)
        raise _invalid(*(f"{_where(one['loc'])}: {one['msg']}" for one in said)) from None


def _where(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc) or "the file"


def _invalid(*details: str) -> SettingsInvalid:
    return SettingsInvalid(
        tuple(Problem(_VARIABLE, "invalid", (("detail", detail),)) for detail in details)
    )


def _from_here(access: ClusterAccess, folder: Path) -> ClusterAccess:
    if access.kubeconfig is None:
        return access
    return access.model_copy(update={"kubeconfig": folder / access.kubeconfig.expanduser()})
