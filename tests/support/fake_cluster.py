"""A cluster in memory, behind the same port as the real one and held by the same contract suite.

It keeps what the design rests on: uids and resource versions that every write must carry,
finalizers that hold a deleted binding while it goes on authorizing, roles that may be missing,
API servers that are cut off and go on answering from what they last saw.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from grants.access.cluster_port import Binding, BindingPlace, BindingWish
from grants.authz.model import Answer, Question, RoleRef, RoleSnapshot
from grants.clock import Offset, offset_from
from grants.errors import ClusterConflict, ClusterRefused
from tests.support.fake_rbac import ALL_AUTHENTICATED, Asker
from tests.support.fake_state import VIEW_RULES, FakeState

__all__ = ["VIEW_RULES", "FakeCluster", "FakeClusters"]


class FakeCluster(FakeState):
    """A `ClusterPort` in memory; the scenes that a test can set are `FakeState`'s."""

    def uid(self) -> str:
        with self._call("uid"):
            return self._uid

    def clock_offset(self, endpoint: str) -> Offset:
        with self._call("clock_offset", endpoint):
            theirs = (self._clock.now() - self.clock_ahead).replace(microsecond=0)
            return offset_from(self._clock.now(), timedelta(0), theirs, timedelta(seconds=1))

    def endpoints(self) -> tuple[str, ...]:
        return self._endpoints or (f"https://{self.alias}.example",)

    def knows_all_endpoints(self) -> bool:
        return bool(self._endpoints)

    def role(self, ref: RoleRef, namespace: str | None) -> RoleSnapshot | None:
        with self._call("role"):
            home = namespace if ref.kind == "Role" else None
            rules = self._roles.get((ref, home))
            return None if rules is None else RoleSnapshot(ref, rules, self._clock.now())

    def has_namespace(self, name: str) -> bool:
        with self._call("has_namespace"):
            return self._namespaces.get(name, False)

    def namespaces(self) -> tuple[str, ...]:
        with self._call("namespaces"):
            return tuple(sorted(name for name, active in self._namespaces.items() if active))

    def binding(self, place: BindingPlace, endpoint: str | None = None) -> Binding | None:
        with self._call("binding", endpoint):
            return self._bindings.get(place)

    def managed_bindings(self) -> tuple[Binding, ...]:
        with self._call("managed_bindings"):
            return tuple(b for b in self._bindings.values() if b.uid in self._managed and b.managed)

    def create_empty(self, wish: BindingWish) -> Binding | None:
        with self._call("create_empty"):
            namespace = wish.place.namespace
            if namespace is not None and not self._namespaces.get(namespace, False):
                raise ClusterRefused(self.alias, "create_empty", "no such namespace")
            self._needs_bind(wish.role, "create_empty")
            if wish.place in self._bindings:
                return None
            return self._insert(wish.place, wish.role, (), grant=wish.grant, managed=True)

    def fill(self, binding: Binding, wish: BindingWish, expires_at: datetime) -> Binding:
        with self._call("fill"):
            current = self._current(binding, "fill")
            if current.deleting or current.subjects or current.role != wish.role:
                raise ClusterConflict(self.alias, "fill", "not empty, or being deleted")
            self._needs_bind(current.role, "fill")
            return self._store(
                replace(current, subjects=(f"User:{wish.subject}",), expires_at=expires_at)
            )

    def empty(self, binding: Binding) -> Binding:
        with self._call("empty"):
            current = self._current(binding, "empty")
            self._needs_bind(current.role, "empty")
            return self._store(replace(current, subjects=()))

    def drop_finalizers(self, binding: Binding) -> None:
        with self._call("drop_finalizers"):
            current = self._current(binding, "drop_finalizers")
            if current.deleting:
                del self._bindings[current.place]
            else:
                self._store(replace(current, finalizers=()))

    def delete(self, place: BindingPlace, uid: str) -> Binding | None:
        with self._call("delete"):
            current = self._bindings.get(place)
            if current is None:
                return None
            if current.uid != uid:
                raise ClusterConflict(self.alias, "delete", "another uid")
            if not current.finalizers:
                del self._bindings[place]
                return None
            return current if current.deleting else self._store(replace(current, deleting=True))

    def ready(self, endpoint: str) -> bool:
        with self._lock:
            return endpoint not in self._stale and self._take_fault("ready") is None

    def ask(
        self, subject: str, groups: Sequence[str], questions: Sequence[Question], endpoint: str
    ) -> tuple[Answer, ...]:
        # A cut-off server answers reviews from memory, so `endpoint` is no reason to fail here.
        with self._call("ask"):
            bindings = self._stale.get(endpoint, self._bindings)
            asker = Asker(subject, (*groups, ALL_AUTHENTICATED))
            return tuple(self._answer(question, asker, bindings) for question in questions)


class FakeClusters:
    """The `Clusters` port over fakes."""

    def __init__(self, *clusters: FakeCluster) -> None:
        self._by_alias = {cluster.alias: cluster for cluster in clusters}

    def get(self, alias: str) -> FakeCluster | None:
        return self._by_alias.get(alias)

    def aliases(self) -> tuple[str, ...]:
        return tuple(self._by_alias)
