"""One API server: the connections to it, and what authenticates there."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import quote, urlsplit

import urllib3
from urllib3.exceptions import ClosedPoolError

from grants.clusters.call import Call
from grants.clusters.config import ClusterTimes
from grants.clusters.reply import Deadline, Reply, read_body
from grants.clusters.warm import WarmPool, header_lines, host_of, request_of, warm_up

# What urllib3 leaves as it is in a path; a kubeconfig's address may have one.
_PATH_SAFE: Final = "%/:=~+!$&,;'@()*"
_USER_AGENT: Final = "valetkey"
# Tokens in files are read again once a minute by the loaders, and a plugin is run anew minutes
# before its token ends. Whoever is answered 401 asks at once.
_CREDENTIAL_SECONDS: Final = 5.0


def _own_pool(manager: urllib3.PoolManager, host: str) -> urllib3.HTTPConnectionPool | None:
    """Find the pool that the manager would find for each call anew, by reading the URL.

    None where it does more than that: by a proxy a plain http address is asked for in other words.
    """
    if urlsplit(host).scheme != "https" and manager.proxy is not None:
        return None
    return manager.connection_from_url(host)


@dataclass(frozen=True)
class Credential:
    """The headers that authenticate, and the same as they are sent."""

    headers: Mapping[str, str]
    lines: bytes


def _credential(headers: dict[str, str]) -> Credential:
    return Credential(headers, header_lines(headers))


class Door:
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
        warm_up(self._manager)
        self._pool = _own_pool(self._manager, self._host)
        self._base = quote(urlsplit(self._host).path, safe=_PATH_SAFE)
        self._credential = _credential({})
        self._asked_at: float | None = None

    def credential(self) -> Credential:
        """Give the headers that authenticate; asked for anew when they are some seconds old."""
        now = time.monotonic()
        if self._asked_at is None or now - self._asked_at > _CREDENTIAL_SECONDS:
            fresh: dict[str, str] = {}
            self._api.update_params_for_auth(fresh, None, ["BearerToken"], "", "", None)
            self._credential, self._asked_at = _credential(fresh), now
        return self._credential

    def reply(
        self, call: Call, credential: Credential, deadline: Deadline, times: ClusterTimes
    ) -> Reply:
        """Send one request and read the answer whole, over a connection that stands if one does."""
        if isinstance(self._pool, WarmPool):
            reply = self._exchange(self._pool, call, credential, deadline, times)
            if reply is not None:
                return reply
        response = self.send(call, credential, deadline, times)
        body = read_body(response, deadline)
        return Reply(response.status, body, response.headers.get("Date"))

    def _exchange(
        self,
        pool: WarmPool,
        call: Call,
        credential: Credential,
        deadline: Deadline,
        times: ClusterTimes,
    ) -> Reply | None:
        lines = _lines(call.accept, call.kind) + credential.lines
        target = f"{self._base}{call.target}"
        request = request_of(call.method, target, host_of(pool), lines, call.body_bytes())
        wait_seconds = min(times.read.total_seconds(), deadline.left_seconds())
        try:
            return pool.exchange(call.method, request, deadline, wait_seconds)
        except ClosedPoolError:
            return None  # another thread renewed the credentials; nothing was sent yet

    def send(
        self, call: Call, credential: Credential, deadline: Deadline, times: ClusterTimes
    ) -> urllib3.BaseHTTPResponse:
        """Send one request by urllib3; headers are in when it returns, the body is not."""
        timeout = urllib3.Timeout(
            connect=min(times.connect.total_seconds(), deadline.left_seconds()),
            read=min(times.read.total_seconds(), deadline.left_seconds()),
        )
        options: dict[str, Any] = {
            "body": call.body_bytes(),
            "headers": {**_headers(call.accept, call.kind), **credential.headers},
            "timeout": timeout,
            "retries": False,
            "redirect": False,
            "preload_content": False,
        }
        target = call.target
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


@cache
def _headers(accept: str, kind: str | None) -> dict[str, str]:
    told = {} if kind is None else {"Content-Type": kind}
    return {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": _USER_AGENT, **told}


@cache
def _lines(accept: str, kind: str | None) -> bytes:
    return header_lines(_headers(accept, kind))
