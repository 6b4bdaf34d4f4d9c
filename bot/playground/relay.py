"""A byte relay on 127.0.0.1: a listener that passes each connection on to one backend port.

It runs its own asyncio loop in a thread, so that sync code can hold it. With a TLS context it takes
https off (`tls_front`); with its gate closed it stalls every byte while connections stay open,
which is what a network partition looks like from both ends (`controlplane.tcp`).
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl

CHUNK_BYTES = 64 * 1024
_SETTLE_TURNS = 8


class Relay:
    """Listens on 127.0.0.1:`port` (0: any free one, see `port` after start), feeds
    127.0.0.1:`backend_port`.
    """

    def __init__(
        self, backend_port: int, *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.backend_port = backend_port
        self.port = port
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._gate = asyncio.Event()
        self._gate.set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; OSError if the port is taken."""
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        except OSError:
            self._end_thread()
            raise

    def stop(self) -> None:
        """Close the listener and every connection; returns when the port is free."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._end_thread()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def pause(self) -> None:
        """Stall: connections stay open and new ones are accepted, but no byte moves."""
        self._loop.call_soon_threadsafe(self._gate.clear)

    def resume(self) -> None:
        """Let the bytes move again, those held back first."""
        self._loop.call_soon_threadsafe(self._gate.set)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        server = self._server
        if server is not None:
            # Accept no more, and let what was accepted a moment ago begin its task: asyncio leaks
            # a connection that it meets after the server's close.
            for listener in server.sockets:
                self._loop.remove_reader(listener.fileno())
            await _turns(_SETTLE_TURNS)
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # An aborted transport closes its socket a turn of the loop later, or two with TLS.
        await _turns(_SETTLE_TURNS)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._join(reader, writer)
        except* (OSError, asyncio.CancelledError):
            # Either side may go away at any moment; that ends this connection and nothing else.
            pass
        finally:
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._gate.wait()
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.backend_port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, back_writer))
                both.create_task(self._pump(back_reader, writer))
        finally:
            back_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy until the source ends, then say so to the sink: the other direction may go on."""
        while chunk := await reader.read(CHUNK_BYTES):
            await self._gate.wait()
            writer.write(chunk)
            await writer.drain()
        await self._gate.wait()
        if writer.can_write_eof():
            writer.write_eof()
        else:
            # TLS has no half-close here: the sink learns the end by the whole close.
            await writer.drain()
            writer.close()


async def _turns(count: int) -> None:
    """Let the event loop do everything that is ready, and what that makes ready, `count` times."""
    for _turn in range(count):
        await asyncio.sleep(0)
