"""Starts and stops an embedded cluster: one thread of this process, ready in 0.1 s.

It is for tests and the playground only. Everything it knows is gone when it stops.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn

from bot.playground.certs import Authority
from bot.playground.cluster import bootstrap
from bot.playground.cluster.accounts import AccountTokens
from bot.playground.cluster.audit import AuditLog
from bot.playground.cluster.authenticating import Authenticator
from bot.playground.cluster.authorizing import Authorizer, User
from bot.playground.cluster.controllers import Controllers
from bot.playground.cluster.parts import Parts
from bot.playground.cluster.resources import Resources
from bot.playground.cluster.reviews import Reviews
from bot.playground.cluster.serving import Application
from bot.playground.cluster.store import LOG_MOST, Store
from bot.playground.cluster.writing import Writer
from bot.playground.controlplane.config import OidcIssuer
from bot.playground.controlplane.programs import ADMIN, API_SERVER_NAMES
from bot.playground.plane import Plane
from bot.playground.processes import ProcessError, free_port
from grants.authz.objects import AUTHENTICATED, MASTERS

_START_SECONDS: Final = 10.0
_GRACE_SECONDS: Final = 1
_SETTLE_TURNS: Final = 8


@dataclass(frozen=True)
class EmbeddedServer:
    """The one API server of an embedded cluster."""

    url: str
    audit_log: Path


class EmbeddedPlane(Plane):
    """A control plane in a thread. Use as a context manager.

    Only the audit log is written to `folder`. `log_most` is how many changes are
    kept for watches and long lists, as an etcd keeps them until it is compacted.
    """

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *,
        issuers: Sequence[OidcIssuer] = (),
        log_most: int = LOG_MOST,
    ) -> None:
        super().__init__(folder, authority)
        self._issuers = tuple(issuers)
        self._log_most = log_most
        self._thread: threading.Thread | None = None
        self._audit: AuditLog | None = None

    def start(self) -> None:
        """Serve; returns when requests are answered. ProcessError when that takes too long."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / "audit-0.log"
        path.touch(mode=0o600)
        self._audit = AuditLog(path)
        self._application = self._make(self._audit)
        port = free_port()
        leaf = self.authority.leaf("embedded-apiserver", *API_SERVER_NAMES)
        config = uvicorn.Config(
            self._application,
            host="127.0.0.1",
            port=port,
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            ssl_certfile=leaf.chain_file,
            ssl_keyfile=leaf.key_file,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            # A client's pool keeps connections for long, and is not told when they are closed.
            timeout_keep_alive=600,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="embedded-cluster", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise ProcessError("the embedded cluster did not start")
            time.sleep(0.002)
        self.servers = [EmbeddedServer(f"https://127.0.0.1:{port}", path)]

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve()
        for one in list(self._server.server_state.connections):
            one.transport.abort()
        # An aborted transport closes its socket some turns of the loop later, with TLS.
        for _ in range(_SETTLE_TURNS):
            await asyncio.sleep(0)

    def _make(self, audit: AuditLog) -> Application:
        store = Store(self._log_most)
        controllers = Controllers(store, self.authority.ca_pem, self._do_later)
        bootstrap.fill(store)
        controllers.settle()
        authorizer, tokens = Authorizer(store), AccountTokens(store)
        admin = User(ADMIN, (MASTERS, AUTHENTICATED), uid=ADMIN)
        authenticator = Authenticator({self.admin_token: admin}, self._issuers, tokens)
        writer = Writer(store, authorizer, controllers.settle)
        self.store = store
        return Application(
            authenticator,
            authorizer,
            Resources(store, authorizer, writer),
            Reviews(authorizer, authenticator),
            Parts(store, writer, tokens),
            audit,
        )

    def _do_later(self, seconds: float, what: Callable[[], None]) -> None:
        # Only a write asks for this, and all of those are made in the loop's thread.
        self._loop.call_later(seconds, what)

    def stop(self) -> None:
        """End every watch and connection; returns when the port is free."""
        self.close_client()
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._application.end_watches)
            self._server.should_exit = True
            self._thread.join(_START_SECONDS)
            self._thread = None
        if self._audit is not None:
            self._audit.close()
            self._audit = None
        self.servers = []
