"""The surroundings, indexed by what the edges ask: who is there, what runs, what guards."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from grants.authz.paths.model import CLUSTER, EACH, Need, NeedKind, Party, account
from grants.authz.paths.surroundings import Surroundings, TokenSecret, Workload

WIDE: Final = frozenset({CLUSTER, EACH})
"""The scopes that take in every namespace."""

_PERMISSIVE: Final = frozenset({"", "privileged"})


class Scene:
    """What was read around the roles and bindings."""

    def __init__(self, around: Surroundings, bound: Iterable[tuple[str, str]]) -> None:
        """Index everything once; `bound` are the accounts in bindings, if none were read."""
        self.around: Final = around
        self.accounts: Final[dict[str, dict[str, None]]] = defaultdict(dict)
        self._places_of: Final[dict[str, list[str]]] = defaultdict(list)
        for namespace, name in bound if around.accounts is None else around.accounts:
            if name not in self.accounts[namespace]:
                self.accounts[namespace][name] = None
                self._places_of[name].append(namespace)
        self.running: Final[dict[str, list[Workload]]] = defaultdict(list)
        self._pods: Final[dict[str, list[Workload]]] = defaultdict(list)
        self._made: Final[dict[str, dict[str, list[str]]]] = defaultdict(lambda: defaultdict(list))
        for one in around.workloads or ():
            self._take(one)
        self.tokens: Final[dict[str, list[TokenSecret]]] = defaultdict(list)
        self._tokens: Final[dict[str, list[TokenSecret]]] = defaultdict(list)
        for secret in around.token_secrets or ():
            self.tokens[secret.namespace].append(secret)
            self._tokens[secret.name].append(secret)
        self._lax: Final[dict[str, Need | None]] = {}

    def _take(self, one: Workload) -> None:
        self._made[one.kind][one.namespace].append(one.name)
        if one.runs:
            self.running[one.namespace].append(one)
            if one.kind == "Pod":
                self._pods[one.name].append(one)

    @property
    def knows_workloads(self) -> bool:
        """Tell whether pods and what makes them were looked at."""
        return self.around.workloads is not None

    def has_account(self, namespace: str, name: str) -> bool:
        """Tell whether a service account is there."""
        return namespace in self.accounts and name in self.accounts[namespace]

    def accounts_named(self, scope: str, names: Iterable[str]) -> Iterator[Party]:
        """Give the accounts of these names in a scope."""
        for name in names:
            for place in self._places_of.get(name, ()):
                if scope in WIDE or place == scope:
                    yield account(place, name)

    def pods_named(self, scope: str, names: Iterable[str]) -> Iterator[Workload]:
        """Give the pods of these names in a scope that run and have a token mounted."""
        for name in names:
            for pod in self._pods.get(name, ()):
                if (scope in WIDE or pod.namespace == scope) and pod.mounts_token is not False:
                    yield pod

    def tokens_named(self, scope: str, names: Iterable[str]) -> Iterator[TokenSecret]:
        """Give the token Secrets of these names in a scope."""
        for name in names:
            for secret in self._tokens.get(name, ()):
                if scope in WIDE or secret.namespace == scope:
                    yield secret

    def places_with(self, kind: str) -> Iterable[str]:
        """Give the namespaces that have something of a kind."""
        return self._made.get(kind, ())

    def changeable(self, kind: str, place: str, names: tuple[str, ...] = ()) -> Need | None:
        """Say of what kind something is there to change; None: there is nothing."""
        if not self.knows_workloads:
            return Need(NeedKind.WORKLOAD_EXISTS, place, kind, seen=False)
        for name in self._made[kind].get(place, ()) if kind in self._made else ():
            if not names or name in names:
                return Need(NeedKind.WORKLOAD_EXISTS, place, f"{kind} {name}")
        return None

    def may_run_on_host(self, namespace: str) -> Need | None:
        """Say whether Pod Security lets a pod reach its node's root; None: it does not."""
        levels = self.around.pod_security
        if levels is None or namespace not in levels:
            return Need(NeedKind.POD_SECURITY, namespace, seen=False)
        if levels[namespace] in _PERMISSIVE:
            return Need(NeedKind.POD_SECURITY, namespace)
        return None

    def lax_namespace(self, kind: str = "") -> Need | None:
        """Find a namespace whose pods may reach their node's root; None: there is none.

        With a kind it is one that has something of this kind.
        """
        if kind not in self._lax:
            self._lax[kind] = self._find_lax(kind)
        return self._lax[kind]

    def _find_lax(self, kind: str) -> Need | None:
        levels = self.around.pod_security
        if levels is None:
            return Need(NeedKind.POD_SECURITY, seen=False)
        places = self.places_with(kind) if kind else {**levels, **self.accounts}
        needs = [need for place in sorted(places) if (need := self.may_run_on_host(place))]
        return next((need for need in needs if need.seen), needs[0] if needs else None)
