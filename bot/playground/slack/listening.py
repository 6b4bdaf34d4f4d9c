"""The double's server in its thread: a port that can be shut and opened again."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import uvicorn

from bot.playground.slack.wire import WIRE, HttpProtocol, SocketProtocol, Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.applications import Starlette

HOST = "127.0.0.1"
START_SECONDS = 10.0
BACKLOG = 2048


class Listening:
    """Serves an application on 127.0.0.1:`port` (0: any free one).

    A second socket is bound to the port all the time, without listening, so that nobody else
    gets the port while it is shut.
    """

    def __init__(self, port: int, certfile: str | None, keyfile: str | None) -> None:
        self._holder = _bound(port)
        self.port: int = self._holder.getsockname()[1]
        self._listener = _listener(self.port)
        self._certfile, self._keyfile = certfile, keyfile
        self._thread: threading.Thread | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.is_shut = False

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return HOST, self.port

    @property
    def should_exit(self) -> bool:
        """Whether it is about to stop."""
        return self._thread is not None and self._server.should_exit

    def start(self, application: Starlette) -> None:
        """Serve in a thread; returns when it takes connections."""
        config = uvicorn.Config(
            application,
            http=HttpProtocol,
            ws=SocketProtocol,
            lifespan="off",
            log_level="error",
            access_log=False,
            ssl_certfile=self._certfile,
            ssl_keyfile=self._keyfile,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="slack-double", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the Slack double did not start")
            time.sleep(0.005)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        """Close every connection and end the thread."""
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=START_SECONDS)
        self._listener.close()
        self._holder.close()

    def connections(self) -> list[Any]:
        """Return the sockets of the open connections."""
        state = self._server.server_state
        return [one.transport.get_extra_info("socket") for one in list(state.connections)]

    def shut(self) -> None:
        """Refuse connections from now on, and reset those that are open."""
        self._run(self._shut)

    def reset_all(self) -> None:
        """Reset every open connection."""
        self._run(self._reset_all)

    def open_again(self) -> None:
        """Take connections again."""
        self._run(self._open_again)

    def _run(self, what: Callable[[], Awaitable[None]]) -> None:
        if self.loop is None:
            raise RuntimeError("the Slack double is not running")

        async def running() -> None:
            await what()

        asyncio.run_coroutine_threadsafe(running(), self.loop).result(START_SECONDS)

    async def _shut(self) -> None:
        if self.is_shut:
            return
        self.is_shut = True
        for server in self._server.servers:
            server.close()
        self._server.servers.clear()
        await self._reset_all()

    async def _reset_all(self) -> None:
        for protocol in list(self._server.server_state.connections):
            with suppress(OSError):
                wire: Wire = protocol.app_state[WIRE]
                wire.reset()

    async def _open_again(self) -> None:
        if not self.is_shut:
            return
        self.is_shut = False
        config, loop = self._server.config, asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            return HttpProtocol(config=config, server_state=self._server.server_state, app_state={})

        self._listener = _listener(self.port)
        self._server.servers.append(
            await loop.create_server(protocol, sock=self._listener, ssl=config.ssl, backlog=BACKLOG)
        )


def _bound(port: int) -> socket.socket:
    # asyncio turns Nagle's delay off only for sockets that say their protocol: 40 ms a call.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((HOST, port))
    return made


def _listener(port: int) -> socket.socket:
    made = _bound(port)
    made.listen(BACKLOG)
    return made
