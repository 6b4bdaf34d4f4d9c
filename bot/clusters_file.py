"""The file that says how each cluster is reached; YAML, because policy is YAML too."""

from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bot.settings_kinds import PREFIX
from grants.errors import Problem, SettingsInvalid

IN_CLUSTER_ALIAS: Final = "in-cluster"
_LONGEST_FILE_BYTES: Final = 1_048_576
_VARIABLE: Final = f"{PREFIX}CLUSTERS_PATH"

Alias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][-a-z0-9.]{0,62}$")]
Endpoint = Annotated[str, StringConstraints(pattern=r"^https://[^/?#@\s]+$")]


class ClusterAccess(BaseModel):
    """How one cluster is reached.

    Either `in_cluster` (the service account of the pod) or `kubeconfig` with a `context` (without
    one, the file's current context). `endpoints` are the addresses of every API server; proof asks
    each of them, and says "as seen from one endpoint" where none are given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_cluster: bool = False
    kubeconfig: Path | None = None
    context: str | None = None
    endpoints: tuple[Endpoint, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> "ClusterAccess":
        if self.in_cluster == (self.kubeconfig is not None):
            raise ValueError("say either in_cluster: true or kubeconfig: a path")
        if self.in_cluster and self.context:
            raise ValueError("context goes with kubeconfig")
        return self


class ClustersFile(BaseModel):
    """The file: clusters by the alias that policy calls them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clusters: dict[Alias, ClusterAccess] = Field(min_length=1)


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
