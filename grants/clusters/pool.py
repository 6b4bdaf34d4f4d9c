"""All configured clusters, and threads of their own for reads that people wait for."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Final, Generic, TypeVar

from grants.authz.model import RoleRef, RoleSnapshot
from grants.clock import Clock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig, ClusterTimes
from grants.clusters.inventory import read_cluster
from grants.clusters.reply import Deadline
from grants.errors import ClusterUnavailable, Problem, SettingsInvalid
from grants.proxies import NO_PROXIES, ProxyRules
from grants.review.inventory import Inventory

T = TypeVar("T")
_LONGER_THAN_ANY_CALL: Final = timedelta(minutes=1)


class ClusterPool:
    """The `Clusters` and the `Lookups` port: a hung cluster starves only those who ask for it."""

    def __init__(self, configs: Iterable[ClusterConfig], clock: Clock) -> None:
        self._clusters: dict[str, KubernetesCluster] = {}
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._ahead: dict[str, ThreadPoolExecutor] = {}
        self._configs: dict[str, ClusterConfig] = {}
        self._clock = clock
        for config in configs:
            if config.alias in self._clusters:
                raise SettingsInvalid((Problem("clusters", "twice", (("alias", config.alias),)),))
            self._configs[config.alias] = config
            self._clusters[config.alias] = KubernetesCluster(config, clock)
            self._threads[config.alias] = ThreadPoolExecutor(
                config.pool_size, f"look-{config.alias}"
            )
            self._ahead[config.alias] = ThreadPoolExecutor(config.threads, f"ahead-{config.alias}")

    def get(self, alias: str) -> KubernetesCluster | None:
        """Find a cluster by its alias."""
        return self._clusters.get(alias)

    def aliases(self) -> tuple[str, ...]:
        """Name every configured cluster."""
        return tuple(self._clusters)

    def threads(self) -> dict[str, int]:
        """Tell how many grants are worked on at once in each cluster."""
        return {alias: config.threads for alias, config in self._configs.items()}

    def longest_look(self) -> timedelta:
        """Tell how long one call to a cluster may take, the loading of credentials with it."""
        every = (config.times for config in self._configs.values())
        nothing = timedelta(0)
        longest = (times.connect + times.read + (times.plugin or nothing) for times in every)
        return max(longest, default=nothing)

    def inventory(self, alias: str) -> Inventory:
        """Read what a review looks at, over connections of its own: long lists hold up no grant.

        ClusterUnavailable: there is no such cluster. One that does not answer is an empty one.
        """
        config = self._configs.get(alias)
        if config is None:
            raise ClusterUnavailable(alias, "look", "no such cluster")
        return read_cluster(config, self._clock)

    def run(self, alias: str, call: Callable[[], T], within: timedelta) -> T:
        """Run a call on that cluster's own threads; ClusterUnavailable when time is up."""
        (asked,) = self._submit(alias, (call,))
        return _answer(alias, asked, Deadline(within))

    def run_all(
        self, alias: str, calls: Sequence[Callable[[], object]], within: timedelta
    ) -> tuple[object, ...]:
        """Run several at once, all within that time; the first one's error that fails is raised."""
        deadline, asked = Deadline(within), self._submit(alias, calls)
        try:
            return tuple(_answer(alias, one, deadline) for one in asked)
        finally:
            for one in asked:
                one.cancel()

    def start(self, alias: str, call: Callable[[], T]) -> "_Started[T]":
        """Have a call made meanwhile, on threads that no look waits for."""
        threads = self._ahead.get(alias)
        if threads is None:
            raise ClusterUnavailable(alias, "look", "no such cluster")
        return _Started(alias, call, threads.submit(call))

    def run_beside(self, alias: str, calls: Sequence[Callable[[], T]]) -> tuple[T, ...]:
        """Run several at once, the first on the caller's own thread, which has not to be woken.

        Each ends by its own time-outs; the first one's error that fails is raised.
        """
        own, *others = calls
        deadline, asked = Deadline(_LONGER_THAN_ANY_CALL), self._submit(alias, others)
        try:
            return own(), *(_answer(alias, one, deadline) for one in asked)
        finally:
            for one in asked:
                one.cancel()

    def _submit(self, alias: str, calls: Sequence[Callable[[], T]]) -> tuple["Future[T]", ...]:
        threads = self._threads.get(alias)
        if threads is None:
            raise ClusterUnavailable(alias, "look", "no such cluster")
        return tuple(threads.submit(call) for call in calls)

    def close(self) -> None:
        """Close every cluster; calls on their way end by their own time-outs."""
        for threads in (*self._threads.values(), *self._ahead.values()):
            threads.shutdown(wait=False, cancel_futures=True)
        for cluster in self._clusters.values():
            cluster.close()


class _Started(Generic[T]):
    """The `Started` port over a future."""

    def __init__(self, alias: str, call: Callable[[], T], asked: "Future[T]") -> None:
        self._alias = alias
        self._call = call
        self._asked = asked
        self._deadline = Deadline(_LONGER_THAN_ANY_CALL)

    def result(self) -> T:
        """Wait for its end; one that has not begun is made by who waits."""
        if self._asked.cancel():
            return self._call()
        return _answer(self._alias, self._asked, self._deadline)

    def leave(self) -> None:
        """Hear that nobody waits."""
        self._asked.cancel()


def _answer(alias: str, asked: "Future[T]", deadline: Deadline) -> T:
    try:
        return asked.result(timeout=deadline.left_seconds())
    except TimeoutError:
        raise ClusterUnavailable(alias, "look", "no answer in time") from None
    finally:
        # Nobody waits any more: what has not begun must not make the next one wait.
        asked.cancel()


def read_role(
    kubeconfig: Path | None,
    context: str | None,
    ref: RoleRef,
    namespace: str | None,
    clock: Clock,
    proxies: ProxyRules = NO_PROXIES,
) -> RoleSnapshot | None:
    """Read one role with a person's own kubeconfig, for checking a policy; None: no such role.

    Paths and contexts of None are kubectl's defaults. Raises ClusterError and its kinds.
    """
    config = ClusterConfig(
        alias=context or "kubeconfig",
        installation="",
        kubeconfig=kubeconfig,
        context=context,
        # A person's plugin may have to wait for that person.
        times=ClusterTimes(plugin=None),
        proxies=proxies,
    )
    cluster = KubernetesCluster(config, clock)
    try:
        return cluster.role(ref, namespace)
    finally:
        cluster.close()
