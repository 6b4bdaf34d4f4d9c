"""Connections to the API servers of one cluster: one pool each, the same credentials and CA."""

import copy
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import urllib3
from kubernetes import client
from urllib3.exceptions import ClosedPoolError

from grants.clusters import credentials
from grants.clusters.config import ClusterConfig
from grants.clusters.credentials import Loaded
from grants.clusters.failures import unreachable
from grants.clusters.gates import Gates
from grants.clusters.reply import BodyTooLarge, Deadline, Reply, read_body
from grants.errors import ClusterUnavailable
from grants.proxies import Proxy

log = logging.getLogger("valetkey.clusters")

_USER_AGENT: Final = "valetkey"
# What urllib3 makes of `False` anew for each call.
_NEVER_AGAIN: Final = urllib3.Retry(total=False, redirect=False)
# Tokens in files are read again once a minute by the loaders, and a plugin is run anew minutes
# before its token ends. Whoever is answered 401 asks at once.
_CREDENTIAL_SECONDS: Final = 5.0
_FILES_SECONDS: Final = 1.0
"""How often files that credentials were read from are looked at: they are replaced while we run."""


@dataclass(frozen=True)
class Call:
    """One request. `action` is the verb and resource for errors; `path` is already quoted."""

    action: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: dict[str, Any] | None = None
    accept: str = "application/json"


def path_of(*segments: str) -> str:
    """Join names to a path, each quoted: names of roles may hold spaces, `:`, quotes and more."""
    return "/" + "/".join([_quoted(segment) for segment in segments])


@lru_cache(maxsize=1024)
def _quoted(segment: str) -> str:
    """Quote a name; most of a path is the same in every call."""
    return quote(segment, safe="")


class Connections:
    """Sends calls to the cluster's servers; thread-safe.

    Credentials are loaded at the first call, again when a file that they came from was replaced,
    and once more when a server answers 401: whatever it was, it was not done, so it is sent again.
    """

    def __init__(self, config: ClusterConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._loaded: Loaded | None = None
        self._loaded_at = 0.0
        self._looked_at = 0.0
        self._doors: dict[str, _Door] = {}
        self._gates = Gates(config.alias)

    def main_server(self) -> str:
        """Give the address that the kubeconfig (or the pod's environment) names."""
        with self._held(Deadline(self._config.times.connect + self._config.times.read)):
            return str(self._current().configuration.host)

    def send(self, call: Call, server: str | None, deadline: Deadline) -> Reply:
        """Send one request to one server (None: the main one) and read the answer whole.

        ClusterUnavailable when there is none in time, and at once from a listed server that did
        not answer a moment ago; any HTTP status is an answer.
        """
        if server is None:
            return self._send(call, None, deadline)
        with self._gates.passing(server, call.action):
            return self._send(call, server, deadline)

    def _send(self, call: Call, server: str | None, deadline: Deadline) -> Reply:
        begun = time.monotonic()
        reply, door = self._send_once(call, server, deadline)
        if reply.status == HTTPStatus.UNAUTHORIZED and self._is_renewed(door, begun, deadline):
            reply, _ = self._send_once(call, server, deadline)
        return reply

    def stream(self, call: Call, idle: timedelta) -> urllib3.BaseHTTPResponse | Reply:
        """Send one request to the main server, whose answer goes on; whoever is given it closes it.

        Headers must come as soon as any answer's; after them a wait for bytes may take `idle`. What
        is no 200 is read whole and given as a reply.
        """
        deadline = Deadline(self._config.times.connect + self._config.times.read)
        with self._translated(call):
            response, _ = self._open(call, None, deadline)
            if response.status == HTTPStatus.OK:
                _wait_longer(response, idle)
                return response
            reply = Reply(response.status, read_body(response, deadline))
        if reply.status == HTTPStatus.UNAUTHORIZED:
            self.forget()
        return reply

    def forget(self) -> None:
        """Drop credentials and connections; the next call loads them anew."""
        with self._lock:
            self._loaded = None
            self._close_doors()

    def _close_doors(self) -> None:
        doors, self._doors = self._doors, {}
        for old in doors.values():
            old.close()

    def _is_renewed(self, door: "_Door", begun: float, deadline: Deadline) -> bool:
        """Drop credentials that were refused, and tell whether to try with others.

        Those that were loaded for this very call are not: a plugin would be run twice for each.
        """
        with self._held(deadline):
            if door not in self._doors.values():
                return True  # another thread met the same refusal and was first
            self._loaded = None
            self._close_doors()
            return self._loaded_at < begun

    def _send_once(
        self, call: Call, server: str | None, deadline: Deadline
    ) -> tuple[Reply, "_Door"]:
        with self._translated(call):
            response, door = self._open(call, server, deadline)
            body = read_body(response, deadline)
            return Reply(response.status, body, response.headers.get("Date")), door

    @contextmanager
    def _translated(self, call: Call) -> Iterator[None]:
        try:
            yield
        except ClusterUnavailable:
            raise
        except BodyTooLarge:
            raise ClusterUnavailable(self._config.alias, call.action, "answer too large") from None
        except Exception as error:  # noqa: BLE001 - urllib3's, ssl's, the client's and http.client's errors have no common root, and their texts quote headers
            raise unreachable(self._config.alias, call.action, error) from None

    def _open(
        self, call: Call, server: str | None, deadline: Deadline
    ) -> tuple[urllib3.BaseHTTPResponse, "_Door"]:
        door, credential = self._prepare(server, deadline)
        deadline.check()
        times = self._config.times
        timeout = urllib3.Timeout(
            connect=min(times.connect.total_seconds(), deadline.left_seconds()),
            read=min(times.read.total_seconds(), deadline.left_seconds()),
        )
        return door.send(call, credential, timeout), door

    def _prepare(self, server: str | None, deadline: Deadline) -> tuple["_Door", dict[str, str]]:
        # Under the lock: the loaders' hook may run an exec plugin, and one run serves all.
        with self._held(deadline):
            loaded = self._current()
            host = server or str(loaded.configuration.host)
            door = self._doors.get(host)
            if door is None:
                proxy = self._config.proxies.choose(host, loaded.proxy)
                door = self._doors[host] = _Door(_new_client(loaded, host, proxy), host)
            return door, door.credential()

    @contextmanager
    def _held(self, deadline: Deadline) -> Iterator[None]:
        # A plugin that hangs holds the thread that runs it; the others give up in time.
        if not self._lock.acquire(timeout=deadline.left_seconds()):
            raise ClusterUnavailable(
                self._config.alias, "load credentials", "still being loaded by another thread"
            )
        try:
            yield
        finally:
            self._lock.release()

    def _current(self) -> Loaded:
        now = time.monotonic()
        if self._loaded is None:
            self._loaded = credentials.load(self._config)
            self._loaded_at = self._looked_at = now
        elif now - self._looked_at >= _FILES_SECONDS:
            self._looked_at = now
            if self._loaded.is_stale():
                self._reload(now)
        return self._loaded

    def _reload(self, now: float) -> None:
        """Take what was replaced. What can't be read, half written say, replaces nothing yet."""
        try:
            self._loaded = credentials.load(self._config)
        except ClusterUnavailable as error:
            log.warning("credentials were replaced and can't be used", extra=error.facts())
            return
        self._loaded_at = now
        self._close_doors()


def _new_client(loaded: Loaded, host: str, proxy: Proxy | None) -> Any:
    mine = copy.deepcopy(loaded.configuration)
    mine.host = host
    # Said outright: the client would ask the environment by a rule of its own.
    mine.proxy = proxy.url if proxy else None
    mine.no_proxy = ""
    mine.proxy_headers = (
        {"Proxy-Authorization": proxy.authorization} if proxy and proxy.authorization else None
    )
    return client.ApiClient(configuration=mine)


def _own_pool(manager: urllib3.PoolManager, host: str) -> urllib3.HTTPConnectionPool | None:
    """Find the pool that the manager would find for each call anew, by reading the URL.

    None where it does more than that: by a proxy a plain http address is asked for in other words.
    """
    if urlsplit(host).scheme != "https":
        return None
    return manager.connection_from_url(host)


class _Door:
    """One API server: the official client's connections and credential, without its models.

    Its `call_api` costs as much again as the call itself, because it asks for the credential, and
    for the environment's proxies, at each one.
    """

    def __init__(self, api: Any, host: str) -> None:
        self._api = api
        # Said outright: the hook that renews a token sets the configuration's host back to the
        # kubeconfig's, and a second server would be proven by asking the first.
        self._host = host.rstrip("/")
        self._manager: urllib3.PoolManager = api.rest_client.pool_manager
        self._pool = _own_pool(self._manager, self._host)
        self._base = urlsplit(self._host).path
        self._credential: dict[str, str] = {}
        self._asked_at: float | None = None

    def credential(self) -> dict[str, str]:
        """Give the headers that authenticate; asked for anew when they are some seconds old."""
        now = time.monotonic()
        if self._asked_at is None or now - self._asked_at > _CREDENTIAL_SECONDS:
            fresh: dict[str, str] = {}
            self._api.update_params_for_auth(fresh, None, ["BearerToken"], "", "", None)
            self._credential, self._asked_at = fresh, now
        return self._credential

    def send(
        self, call: Call, credential: dict[str, str], timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse:
        """Send one request; headers are in when it returns, the body is not."""
        headers = {"Accept": call.accept, "User-Agent": _USER_AGENT, **credential}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        query = f"?{urlencode(call.query)}" if call.query else ""
        options: dict[str, Any] = {
            "body": None if call.body is None else msgspec.json.encode(call.body),
            "headers": headers,
            "timeout": timeout,
            "retries": _NEVER_AGAIN,
            "redirect": False,
            "preload_content": False,
        }
        target = f"{call.path}{query}"
        if self._pool is not None:
            try:
                return self._pool.urlopen(
                    call.method, f"{self._base}{target}", assert_same_host=False, **options
                )
            except ClosedPoolError:
                pass  # another thread renewed the credentials; nothing was sent yet
        return self._manager.urlopen(call.method, f"{self._host}{target}", **options)

    def close(self) -> None:
        """Close its connections."""
        self._api.close()


def _wait_longer(response: urllib3.BaseHTTPResponse, idle: timedelta) -> None:
    """Let each wait for bytes of a stream take longer than the wait for its headers."""
    sock = getattr(response.connection, "sock", None)
    if sock is None:
        # Else an answer whose connection is not kept would end after the shorter wait, again and
        # again, as if it were well.
        response.close()
        raise TimeoutError
    sock.settimeout(idle.total_seconds())
