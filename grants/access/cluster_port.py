"""What access needs of Kubernetes: one cluster, all of them, and reads that do not hang."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from grants.authz.model import Answer, Question, RoleRef, RoleSnapshot
from grants.clock import Offset


@dataclass(frozen=True, order=True)
class BindingPlace:
    """Where a binding stands: no namespace means a ClusterRoleBinding."""

    name: str
    namespace: str | None


@dataclass(frozen=True)
class BindingWish:
    """The binding that a grant wants; the subject is added by the filling PUT alone."""

    place: BindingPlace
    grant: str
    role: RoleRef
    subject: str
    requester: str
    approvers: tuple[str, ...]


@dataclass(frozen=True)
class Binding:
    """A binding as a cluster gave it. `subjects` are `kind:name` (or `kind:namespace/name`).

    `grant` and `installation` are its labels' values, `expires_at` its annotation, if valid.
    `managed` tells whether it bears our managed-by label, by which it is listed and watched.
    """

    place: BindingPlace
    uid: str
    resource_version: str
    role: RoleRef
    subjects: tuple[str, ...]
    installation: str | None
    grant: str | None
    expires_at: datetime | None
    finalizers: tuple[str, ...]
    created_at: datetime
    deleting: bool = False
    managed: bool = True


class ClusterPort(Protocol):
    """One cluster. Every call has a time-out; each raises only ClusterError and its kinds.

    Writes carry uid and resourceVersion (PUT) or the uid (DELETE), so that none can act on a
    binding that somebody else made, or bring a deleted one back.
    """

    alias: str

    def uid(self) -> str:
        """Give the uid of the kube-system namespace, asked anew."""
        ...

    def clock_offset(self, endpoint: str) -> Offset:
        """Tell how far our clock is ahead of one API server's, by the date of an answer."""
        ...

    def endpoints(self) -> tuple[str, ...]:
        """Name every API server that proof must ask; one name when only one is known."""
        ...

    def knows_all_endpoints(self) -> bool:
        """Tell whether `endpoints` was configured; else a proof is "as seen from one endpoint"."""
        ...

    def role(self, ref: RoleRef, namespace: str | None) -> RoleSnapshot | None:
        """Read a role's rules, dated; None when there is no such role."""
        ...

    def has_namespace(self, name: str) -> bool:
        """Tell whether a namespace exists and is not terminating."""
        ...

    def namespaces(self) -> tuple[str, ...]:
        """List the names of the namespaces (may be seconds old)."""
        ...

    def binding(self, place: BindingPlace, endpoint: str | None = None) -> Binding | None:
        """Read a binding by a consistent GET; None when there is none."""
        ...

    def managed_bindings(self) -> tuple[Binding, ...]:
        """List every binding and cluster binding that bears our managed-by label."""
        ...

    def create_empty(self, wish: BindingWish) -> Binding | None:
        """Create the binding without subjects; None when the name is taken."""
        ...

    def fill(self, binding: Binding, wish: BindingWish, expires_at: datetime) -> Binding:
        """Add the subject and the expiry annotation; ClusterConflict when it changed or went."""
        ...

    def empty(self, binding: Binding) -> Binding:
        """Take all subjects away; ClusterForbidden when the bot may no longer bind the role."""
        ...

    def drop_finalizers(self, binding: Binding) -> None:
        """Take all finalizers away."""
        ...

    def delete(self, place: BindingPlace, uid: str) -> Binding | None:
        """Delete by uid. None: gone. A binding: it is held by finalizers and still counts."""
        ...

    def ready(self, endpoint: str) -> bool:
        """Tell whether one API server says that it is ready."""
        ...

    def ask(
        self, subject: str, groups: Sequence[str], questions: Sequence[Question], endpoint: str
    ) -> tuple[Answer, ...]:
        """Ask one API server by SubjectAccessReview, in order; `system:authenticated` is added."""
        ...


class Clusters(Protocol):
    """All configured clusters."""

    def get(self, alias: str) -> ClusterPort | None:
        """Find a cluster by its alias."""
        ...

    def aliases(self) -> tuple[str, ...]:
        """Name every configured cluster."""
        ...


T = TypeVar("T")


S_co = TypeVar("S_co", covariant=True)


class Started(Protocol[S_co]):
    """A call that is being made meanwhile."""

    def result(self) -> S_co:
        """Wait for its end, and raise what failed; one that has not begun is made by who waits."""
        ...

    def leave(self) -> None:
        """Hear that nobody waits: what has not begun is not made."""
        ...


class Lookups(Protocol):
    """Runs reads of clusters beside the caller, so that a hung cluster costs a bounded time."""

    def run(self, alias: str, call: Callable[[], T], within: timedelta) -> T:
        """Run a call on that cluster's own threads; ClusterUnavailable when time is up."""
        ...

    def run_all(
        self, alias: str, calls: Sequence[Callable[[], object]], within: timedelta
    ) -> tuple[object, ...]:
        """Run several at once, all within that time; the first one's error that fails is raised."""
        ...

    def start(self, alias: str, call: Callable[[], T]) -> "Started[T]":
        """Have a call made while the caller does something else, on threads of its own."""
        ...

    def run_beside(self, alias: str, calls: Sequence[Callable[[], T]]) -> tuple[T, ...]:
        """Run several at once, the first by whoever asks: for those who can wait for calls to end
        by their own time-outs.
        """
        ...
