"""What a cluster in memory holds, and the scenes that a test can set in it.

Faults, races and other people's acts live here; `fake_cluster` is the port over it.
"""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from grants.access.cluster_port import Binding, BindingPlace
from grants.authz.model import Answer, Question, RoleRef, Rule
from grants.clock import Clock
from grants.errors import ClusterConflict, ClusterError, ClusterForbidden, ClusterUnavailable
from tests.support.fake_rbac import ALL_AUTHENTICATED, Asker, judge

VIEW_RULES = (Rule(("get", "list", "watch"), ("",), ("pods", "configmaps")),)


@dataclass
class _Fault:
    """What goes wrong at a coming call; `done` means that the call acts and its answer is lost."""

    error: ClusterError
    times: int
    done: bool


class FakeState:
    """The stage. Public methods are for tests; the rest is for the port."""

    def __init__(
        self,
        alias: str,
        *,
        clock: Clock,
        installation: str,
        uid: str = "",
        endpoints: tuple[str, ...] = (),
    ) -> None:
        self.alias = alias
        # The names of the calls made, in order.
        self.calls: list[str] = []
        # How far our clock is ahead of this cluster's servers'.
        self.clock_ahead = timedelta(0)
        self._clock = clock
        self._installation = installation
        self._uid = uid or f"uid-of-{alias}"
        self._endpoints = endpoints
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._faults: dict[str, list[_Fault]] = {}
        self._before: dict[str, list[Callable[[], None]]] = {}
        self._bindings: dict[BindingPlace, Binding] = {}
        self._managed: set[str] = set()
        self._roles: dict[tuple[RoleRef, str | None], tuple[Rule, ...]] = {}
        self._namespaces: dict[str, bool] = {"default": True, "kube-system": True}
        self._unbindable: set[RoleRef] = set()
        self._others: dict[str, str] = {}
        self._new_finalizers: tuple[str, ...] = ()
        # What a cut-off API server last saw: it goes on answering reviews from it.
        self._stale: dict[str, dict[BindingPlace, Binding]] = {}

    def add_namespace(self, name: str, *, terminating: bool = False) -> None:
        """Put a namespace there."""
        with self._lock:
            self._namespaces[name] = not terminating

    def remove_namespace(self, name: str) -> None:
        """Take a namespace away with all its bindings."""
        with self._lock:
            self._namespaces.pop(name, None)
            for place in [p for p in self._bindings if p.namespace == name]:
                del self._bindings[place]

    def put_role(
        self, ref: RoleRef, rules: tuple[Rule, ...] = VIEW_RULES, namespace: str | None = None
    ) -> None:
        """Make a role, or give it other rules; a Role needs its namespace."""
        with self._lock:
            self._roles[ref, namespace] = rules

    def remove_role(self, ref: RoleRef, namespace: str | None = None) -> None:
        """Take a role away; bindings to it dangle."""
        with self._lock:
            self._roles.pop((ref, namespace), None)

    def add_binding(
        self,
        place: BindingPlace,
        role: RoleRef,
        subjects: tuple[str, ...],
        *,
        grant: str | None = None,
        installation: str | None = None,
        expires_at: datetime | None = None,
        finalizers: tuple[str, ...] = (),
    ) -> Binding:
        """Make a binding as somebody else would; with `grant` it bears our labels."""
        with self._lock:
            made = self._insert(
                place, role, subjects, grant=grant, managed=grant is not None or bool(installation)
            )
            return self._store(
                replace(
                    made,
                    expires_at=expires_at,
                    finalizers=finalizers,
                    installation=installation or made.installation,
                )
            )

    def remove_binding(self, place: BindingPlace) -> None:
        """Take a binding away as somebody else would, finalizers or not."""
        with self._lock:
            self._bindings.pop(place, None)

    def edit_binding(self, place: BindingPlace, **fields: object) -> Binding:
        """Change a binding as somebody else would; its resource version moves on."""
        with self._lock:
            return self._store(replace(self._bindings[place], **fields))  # type: ignore[arg-type]

    def add_finalizer(self, place: BindingPlace, name: str = "example.com/hold") -> Binding:
        """Hold a binding by a finalizer."""
        held = self._bindings[place].finalizers
        return self.edit_binding(place, finalizers=(*held, name))

    def hold_new_bindings(self, *finalizers: str) -> None:
        """Give every binding made from now on these finalizers, as a mutating webhook would."""
        with self._lock:
            self._new_finalizers = finalizers

    def peek(self, place: BindingPlace) -> Binding | None:
        """Look at a binding without a call being made."""
        with self._lock:
            return self._bindings.get(place)

    def all_bindings(self) -> tuple[Binding, ...]:
        """Look at every binding without a call being made."""
        with self._lock:
            return tuple(self._bindings.values())

    def allowed(self, subject: str, question: Question, groups: Sequence[str] = ()) -> Answer:
        """Judge a question as the cluster stands, without a call being made."""
        with self._lock:
            asker = Asker(subject, (*groups, ALL_AUTHENTICATED))
            return self._answer(question, asker, self._bindings)

    def forbid_bind(self, role: RoleRef) -> None:
        """Take `bind` on a role away from the bot."""
        with self._lock:
            self._unbindable.add(role)

    def allow_bind(self, role: RoleRef) -> None:
        """Give `bind` on a role back."""
        with self._lock:
            self._unbindable.discard(role)

    def allow_otherwise(self, subject: str, reason: str = "") -> None:
        """Let another authorizer (not RBAC) allow a subject everything, for a reason or none."""
        with self._lock:
            self._others[subject] = reason

    def cut_off(self, endpoint: str) -> None:
        """Part an API server from etcd: not ready, no reads, reviews as of now for ever."""
        with self._lock:
            self._stale[endpoint] = dict(self._bindings)

    def join(self, endpoint: str) -> None:
        """Let a cut-off API server catch up."""
        with self._lock:
            self._stale.pop(endpoint, None)

    def move_to(self, uid: str) -> None:
        """Let the alias lead to another cluster."""
        with self._lock:
            self._uid = uid

    def fail(
        self,
        method: str,
        error: type[ClusterError] = ClusterUnavailable,
        *,
        times: int = 1,
        done: bool = False,
    ) -> None:
        """Let the next calls of a method fail; with `done` they act and only the answer is lost."""
        with self._lock:
            fault = _Fault(error(self.alias, method, "made to fail"), times, done)
            self._faults.setdefault(method, []).append(fault)

    def fail_all(self, error: type[ClusterError] = ClusterUnavailable) -> None:
        """Let every call fail until `mend`."""
        self.fail("*", error, times=10**9)

    def mend(self) -> None:
        """Take every fault away."""
        with self._lock:
            self._faults.clear()

    def before(self, method: str, act: Callable[[], None]) -> None:
        """Do something once, just before the next call of a method acts: races as scenes."""
        with self._lock:
            self._before.setdefault(method, []).append(act)

    @contextmanager
    def _call(self, method: str, endpoint: str | None = None) -> Iterator[None]:
        for act in self._take_before(method):
            act()
        with self._lock:
            self.calls.append(method)
            if endpoint in self._stale:
                raise ClusterUnavailable(self.alias, method, "cut off")
            fault = self._take_fault(method)
            if fault is not None and not fault.done:
                raise fault.error
            yield
            if fault is not None:
                raise fault.error

    def _take_before(self, method: str) -> Iterable[Callable[[], None]]:
        with self._lock:
            return self._before.pop(method, [])

    def _take_fault(self, method: str) -> _Fault | None:
        for key in (method, "*"):
            waiting = self._faults.get(key)
            if waiting:
                fault = waiting[0]
                fault.times -= 1
                if fault.times <= 0:
                    waiting.pop(0)
                return fault
        return None

    def _needs_bind(self, role: RoleRef, action: str) -> None:
        if role in self._unbindable:
            raise ClusterForbidden(self.alias, action, f"no bind on {role}")

    def _current(self, binding: Binding, action: str) -> Binding:
        current = self._bindings.get(binding.place)
        if current is None or (current.uid, current.resource_version) != (
            binding.uid,
            binding.resource_version,
        ):
            raise ClusterConflict(self.alias, action, "gone, or moved on")
        return current

    def _insert(
        self,
        place: BindingPlace,
        role: RoleRef,
        subjects: tuple[str, ...],
        *,
        grant: str | None,
        managed: bool,
    ) -> Binding:
        uid = f"uid-{next(self._numbers)}"
        if managed:
            self._managed.add(uid)
        made = Binding(
            place=place,
            uid=uid,
            resource_version="",
            role=role,
            subjects=subjects,
            installation=self._installation if grant is not None else None,
            grant=grant,
            expires_at=None,
            finalizers=self._new_finalizers,
            created_at=self._clock.now().replace(microsecond=0),
        )
        return self._store(made)

    def _store(self, binding: Binding) -> Binding:
        stored = replace(binding, resource_version=str(next(self._numbers)))
        self._bindings[binding.place] = stored
        return stored

    def _answer(
        self, question: Question, asker: Asker, bindings: dict[BindingPlace, Binding]
    ) -> Answer:
        answer = judge(question, asker, bindings, self._roles)
        if not answer.allowed and asker.user in self._others:
            return Answer(question, allowed=True, reason=self._others[asker.user])
        return answer
