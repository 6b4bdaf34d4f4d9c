"""Another way to count paths: ask the authorizer about each pair, and walk on until nothing new.

It knows fewer kinds of step than the code under test, so it is for clusters of those rules alone.
"""

from grants.authz.model import Question
from grants.authz.objects import Caller, account_caller
from grants.authz.paths.model import Party, PartyKind
from grants.authz.paths.surroundings import Surroundings
from grants.authz.rbac import Rbac

_RBAC = "rbac.authorization.k8s.io"
# What a Secret of one's own can be called: rules may allow reading one name alone.
_NAMES = ("any-name", "a-token")
ADMIN, SECRETS, NODE = PartyKind.CLUSTER_ADMIN, PartyKind.EVERY_SECRET, PartyKind.NODE


class Oracle:
    """Answers for one cluster, by questions alone."""

    def __init__(self, rbac: Rbac, around: Surroundings) -> None:
        self.rbac = rbac
        self.accounts = around.accounts or ()
        self.workloads = around.workloads or ()
        self.tokens = around.token_secrets or ()
        users = {s.name for b in rbac.bindings for s in b.subjects if s.kind == "User"}
        groups = {s.name for b in rbac.bindings for s in b.subjects if s.kind == "Group"}
        signed_in = frozenset({"system:authenticated"})
        self.callers: dict[tuple[str, ...], Caller] = {
            **{("account", ns, name): account_caller(ns, name) for ns, name in self.accounts},
            **{("user", name): Caller(name, signed_in) for name in users},
            **{("group", name): Caller("", signed_in | {name}) for name in groups},
        }

    def reached(self, start: Party) -> set[PartyKind]:
        """Give the goals that a service account comes to."""
        held, waiting = set[tuple[str, ...]](), [("account", start.namespace, start.name)]
        goals: set[PartyKind] = set()
        while waiting:
            key = waiting.pop()
            if key in held:
                continue
            held.add(key)
            caller = self.callers[key]
            goals |= self._goals(caller)
            waiting += [other for other in self.callers if self._becomes(caller, other)]
            if NODE in goals:
                waiting += [("account", w.namespace, w.account) for w in self.workloads if w.runs]
                waiting = [key for key in waiting if key in self.callers]
        return goals

    def _ask(self, caller: Caller, verb: str, what: str, name: str = "", ns: str = "") -> bool:
        resource, _, group = what.partition("@")
        kind, _, sub = resource.partition("/")
        return self.rbac.allowed(caller, Question(verb, group, kind, sub, name, ns or None))

    def _goals(self, caller: Caller) -> set[PartyKind]:
        binds = self._ask(caller, "bind", f"clusterroles@{_RBAC}", "cluster-admin")
        if self._ask(caller, "*", "*@*") or (
            binds and self._ask(caller, "create", f"clusterrolebindings@{_RBAC}")
        ):
            return {ADMIN, SECRETS, NODE}
        found = set()
        if any(self._ask(caller, verb, "secrets") for verb in ("get", "list", "watch")):
            found.add(SECRETS)
        if any(self._ask(caller, verb, "nodes/proxy") for verb in ("get", "create")):
            found.add(NODE)
        return found

    def _becomes(self, caller: Caller, other: tuple[str, ...]) -> bool:
        if other[0] == "user":
            return self._ask(caller, "impersonate", "users", other[1])
        if other[0] == "group":
            anybody = any(self._ask(caller, "impersonate", "users", n) for n in ("", "u0", "u1"))
            anybody |= any(
                self._ask(caller, "impersonate", "serviceaccounts", n, ns)
                for ns, n in self.accounts
            )
            return anybody and self._ask(caller, "impersonate", "groups", other[1])
        _, ns, name = other
        return (
            self._ask(caller, "create", "serviceaccounts/token", name, ns)
            or self._ask(caller, "impersonate", "serviceaccounts", name, ns)
            or self._mints(caller, ns)
            or self._shell(caller, ns, name)
            or self._reads(caller, ns, name)
        )

    def _mints(self, caller: Caller, ns: str) -> bool:
        reads = ("get", "list", "watch", "update", "patch")
        return self._ask(caller, "create", "secrets", "", ns) and any(
            self._ask(caller, verb, "secrets", name, ns) for verb in reads for name in _NAMES
        )

    def _shell(self, caller: Caller, ns: str, name: str) -> bool:
        runs = any(
            (w.namespace, w.account) == (ns, name) and w.runs and w.mounts_token is not False
            for w in self.workloads
        )
        return runs and (
            self._ask(caller, "create", "pods/exec", "any-name", ns)
            or self._ask(caller, "get", "nodes/proxy", "any-node")
            or self._ask(caller, "create", "nodes/proxy", "any-node")
        )

    def _reads(self, caller: Caller, ns: str, name: str) -> bool:
        return any(
            self._ask(caller, verb, "secrets", one.name, ns)
            for one in self.tokens
            if (one.namespace, one.account) == (ns, name)
            for verb in ("get", "list", "watch")
        )
