"""What access may hear of a cluster between two looks: changes, as hints and nothing more."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from grants.access.cluster_port import Binding
from grants.authz.model import RoleRef, Rule


class BindingKind(StrEnum):
    """Which of our bindings: one namespace's each, or the whole cluster's."""

    NAMESPACED = "role-bindings"
    CLUSTER_WIDE = "cluster-role-bindings"


Watched = BindingKind | RoleRef
"""What one stream tells of: our bindings of a kind, or the roles of one kind and name."""


@dataclass(frozen=True)
class BindingChange:
    """A binding of ours as it is now; `gone` when it was deleted, or lost our labels."""

    binding: Binding
    gone: bool = False


@dataclass(frozen=True)
class RoleChange:
    """A role's rules as they are now; None when there is no such role any more.

    `namespace` is None for a ClusterRole.
    """

    ref: RoleRef
    namespace: str | None
    rules: tuple[Rule, ...] | None


Change = BindingChange | RoleChange


C_co = TypeVar("C_co", covariant=True)


class Stream(Protocol[C_co]):
    """One open watch. It is read by one thread, and may be closed by any."""

    @property
    def goes_on(self) -> bool:
        """Tell whether nothing can have been missed since the stream before this one."""
        ...

    def batches(self) -> Iterator[tuple[C_co, ...]]:
        """Give what comes, as it comes; ends when the server ends it as agreed.

        Raises ClusterError when it was cut, hangs, or says what can't be believed.
        """
        ...

    def close(self) -> None:
        """End it now, also while another thread waits for what comes next."""
        ...


class Watcher(Protocol[C_co]):
    """Opens one stream after the other on the same thing, and knows where the last one ended."""

    def open(self) -> Stream[C_co]:
        """Open the next stream; ClusterError when there is none to be had."""
        ...


class WatchPort(Protocol):
    """A cluster that tells of changes."""

    alias: str

    def watcher(self, watched: Watched) -> Watcher[Change]:
        """Give what watches one thing; nothing is sent yet."""
        ...
