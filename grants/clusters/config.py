"""How one cluster is reached, as a frozen value that refuses what can't be safe."""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from grants.errors import Problem, SettingsInvalid
from grants.proxies import NO_PROXIES, ProxyRules

# Besides walks, questions and people's lookups: the look at the cluster, a sweep, and watches.
_OTHERS: Final = 13


@dataclass(frozen=True)
class ClusterTimes:
    """How long calls may take.

    `connect` and `read` bound one wait on the network each; one answer may take both together,
    a list of many pages `whole_list`, and the question whether a server is ready `ready`. `watch`
    is how long a stream of changes is asked to last; `watch_grace` later it counts as hung.
    `plugin` bounds a run of a credential plugin (None: it may take as long as it likes).
    """

    connect: timedelta = timedelta(seconds=2)
    read: timedelta = timedelta(seconds=5)
    whole_list: timedelta = timedelta(seconds=20)
    ready: timedelta = timedelta(seconds=2)
    watch: timedelta = timedelta(minutes=2)
    watch_grace: timedelta = timedelta(seconds=15)
    plugin: timedelta | None = timedelta(seconds=10)


@dataclass(frozen=True)
class ClusterConfig:
    """One cluster. SettingsInvalid names every field that can't be used.

    Credentials come from `kubeconfig` and `context` (None: kubectl's defaults), or with
    `in_cluster` from the pod's service account. `endpoints` are the addresses of every API server;
    each is proven apart with the same credentials and CA. Without them the proof says that one
    server was asked. `pool_size` bounds the questions of each server at once, and people's lookups;
    `threads` is how many grants are worked on at once. `proxies` says how it is reached.
    """

    alias: str
    installation: str
    kubeconfig: Path | None = None
    context: str | None = None
    in_cluster: bool = False
    endpoints: tuple[str, ...] = ()
    times: ClusterTimes = ClusterTimes()
    pool_size: int = 8
    threads: int = 4
    proxies: ProxyRules = NO_PROXIES

    @property
    def connections(self) -> int:
        """How many connections to each server are kept: as many as there are threads that use it.

        Above it urllib3 opens more, warns, and throws them away after one call.
        """
        # Each walk may have had its questions asked ahead, on a thread apart.
        return 2 * self.threads + 2 * self.pool_size + _OTHERS

    def __post_init__(self) -> None:
        problems = [
            Problem(f"endpoints[{number}]", "not-https", (("url", url),))
            for number, url in enumerate(self.endpoints)
            if not is_safe_url(url)
        ]
        if len(set(self.endpoints)) != len(self.endpoints):
            # The same server asked twice would count as two that agree.
            problems.append(Problem("endpoints", "twice"))
        if self.in_cluster and (self.kubeconfig is not None or self.context is not None):
            problems.append(Problem("in_cluster", "excludes-kubeconfig"))
        for name, number in (("pool_size", self.pool_size), ("threads", self.threads)):
            if number < 1:
                problems.append(Problem(name, "too-small"))
        if problems:
            raise SettingsInvalid(tuple(problems))


def is_safe_url(url: str) -> bool:
    """Tell whether a token may be sent there: https, or this machine itself; no user, no query."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
