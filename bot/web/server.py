"""The web server: waitress with limits of our own, started and stopped cleanly."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from waitress.server import create_server

from bot.logs import get_logger

LARGEST_BODY_BYTES: Final = 2 * 1024 * 1024
_LARGEST_HEADER_BYTES: Final = 32 * 1024
_MOST_CONNECTIONS: Final = 512
_IDLE_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.02

_log = get_logger("web.server")


class Server:
    """Serves one WSGI application on its own threads.

    `port` 0 takes a free one; `server.port` says which. waitress' own defaults are four threads
    and bodies of a gigabyte, which one slow neighbour would fill.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        host: str = "127.0.0.1",
        port: int = 8080,
        threads: int = 24,
    ) -> None:
        self._server: Any = create_server(
            app,
            host=host,
            port=port,
            threads=threads,
            connection_limit=_MOST_CONNECTIONS,
            channel_timeout=_IDLE_SECONDS,
            cleanup_interval=5,
            max_request_header_size=_LARGEST_HEADER_BYTES,
            max_request_body_size=LARGEST_BODY_BYTES,
            clear_untrusted_proxy_headers=True,
            expose_tracebacks=False,
            ident=None,
        )
        self.host = host
        self.port = int(self._server.effective_port)
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)

    def start(self) -> None:
        """Begin to serve, on threads of its own."""
        self._thread.start()
        _log.info("listening", extra={"host": self.host, "port": self.port})

    def is_alive(self) -> bool:
        """Tell whether the loop that takes requests still runs."""
        return self._thread.is_alive()

    def stop(self, within: timedelta = timedelta(seconds=10)) -> bool:
        """Take no more, finish what was begun, close; False when something had to be cut off."""
        deadline = time.monotonic() + within.total_seconds()
        server = self._server
        server.accepting = False
        self._in_loop(server.del_channel)
        self._wait(lambda: not self._busy(), deadline)
        left = max(0.0, deadline - time.monotonic())
        server.task_dispatcher.shutdown(cancel_pending=False, timeout=left)
        clean = not self._busy()
        self._in_loop(self._close)
        self._thread.join(timeout=max(1.0, deadline - time.monotonic()))
        _log.info("stopped", extra={"clean": clean})
        return clean

    def _busy(self) -> bool:
        """Tell whether a request runs or an answer is not sent yet."""
        channels = tuple(self._server.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)

    def _close(self) -> None:
        for channel in tuple(self._server.active_channels.values()):
            channel.handle_close()
        self._server.close()

    def _in_loop(self, act: Callable[[], object]) -> None:
        """Run something on the loop's own thread: its tables are nobody else's to change."""
        # The loop may run the last act and close its trigger before the second write to it.
        with suppress(OSError):
            self._server.trigger.pull_trigger(act)

    @staticmethod
    def _wait(is_so: Callable[[], bool], deadline: float) -> None:
        while not is_so() and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
