"""A way to one part that can fail as networks, and what stands in them, fail: on demand, seeded.

It passes bytes. Where TLS runs from end to end it can neither read nor change what is said, only
hold, lose and spoil it; to answer in the other end's place it takes a certificate that is trusted.
"""

import asyncio
import itertools
import random
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from bot.playground.relay import CHUNK_BYTES, Relay

_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)
_PASSES: Final = (0, 0, 0, 1, 2, 4, 6)
_OFTEN: Final = 0.5
_PAGE: Final = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"
_HALF: Final = b'{"ok": true, "kind": "List", "items": [{"metadata": {"na'
_ENDS: Final = (OSError, EOFError, ssl.SSLError, asyncio.LimitOverrunError, asyncio.CancelledError)


class Fault(StrEnum):
    """What a link does until it is mended."""

    NONE = "none"
    """Nothing: what the figures are held against."""
    STALL = "stall"
    """Everything stays open and no byte moves; what was held back arrives late, all of it."""
    RESET = "reset"
    """What is open is reset at once, and what is opened now somewhere in the middle."""
    SLOW = "slow"
    """Each chunk comes late, and then a few bytes at a time."""
    GARBAGE = "garbage"
    """Answers become random bytes, are cut, or are a proxy's page or half of a JSON text."""
    GONE = "gone"
    """What is open is reset, and nobody listens."""


@dataclass(frozen=True)
class Slowness:
    """What a slow link does to each chunk, on its way there and on its way back."""

    late_seconds: float = 0.15
    bytes_a_second: float = 20_000
    step_seconds: float = 0.05


class FaultyLink(Relay):
    """A relay to 127.0.0.1:`backend_port` that fails as `begin` says until `end`.

    `speaks_http`: whether an HTTP answer in the other end's place means anything to whoever asks.
    `impostor`: with what such an answer is given where TLS runs through. The seed decides what
    happens to which connection. `done` counts what was done, by words.
    """

    def __init__(
        self,
        backend_port: int,
        seed: str,
        *,
        port: int = 0,
        speaks_http: bool = True,
        impostor: ssl.SSLContext | None = None,
        slowness: Slowness | None = None,
    ) -> None:
        super().__init__(backend_port, port=port)
        self.fault = Fault.NONE
        self.done: Counter[str] = Counter()
        self._seed = seed
        self._numbers = itertools.count(1)
        self._speaks_http = speaks_http
        self._impostor = impostor
        self._slowness = slowness or Slowness()
        self._open: set[asyncio.StreamWriter] = set()
        self._mended = asyncio.Event()
        self._holder: socket.socket | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Listen; the port stays ours while nobody listens on it."""
        super().start()
        # Bound and not listening: connections are refused, and nobody else gets the port.
        self._holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def stop(self) -> None:
        """Close the listener and every connection."""
        super().stop()
        if self._holder is not None:
            self._holder.close()

    def begin(self, fault: Fault) -> None:
        """Fail in this way from now on; returns when it does."""
        asyncio.run_coroutine_threadsafe(self._begin(fault), self._loop).result(10)

    def end(self) -> None:
        """Be well again."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)

    async def _begin(self, fault: Fault) -> None:
        self.fault = fault
        self._mended.clear()
        if fault is Fault.STALL:
            self._gate.clear()
        if fault is Fault.GONE:
            await self._refuse()
        if fault in {Fault.RESET, Fault.GONE}:
            for writer in tuple(self._open):
                self._reset(writer)

    async def _end(self) -> None:
        was, self.fault = self.fault, Fault.NONE
        self._mended.set()
        self._gate.set()
        if was is Fault.GONE:
            await self._listen()

    async def _refuse(self) -> None:
        """Listen no more, and keep the port."""
        server, holder = self._server, self._holder
        if server is None or holder is None:
            raise RuntimeError("the link is not started")
        # As in `_close`: asyncio leaks a connection that it meets after the server's close.
        for listener in server.sockets:
            self._loop.remove_reader(listener.fileno())
        for _turn in range(8):
            await asyncio.sleep(0)
        server.close()
        with suppress(OSError):  # bound since the last time
            holder.bind(("127.0.0.1", self.port))

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        raw: socket.socket | None = writer.get_extra_info("socket")
        if raw is not None:
            with suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        self.done["reset"] += 1
        writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        # Of each connection its own, so that what happens to one does not hang on the others.
        dice = random.Random(f"{self._seed}:{next(self._numbers)}")
        is_impostor = dice.random() < _OFTEN
        try:
            if self.fault is Fault.GARBAGE and self._speaks_http and is_impostor:
                await self._answer(reader, writer, dice)
            else:
                await self._connect(reader, writer, dice)
        except* _ENDS:
            # Either side may go away at any moment; that ends this connection and nothing else.
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dice: random.Random
    ) -> None:
        """Answer in the other end's place: a proxy's page, or half of what was wanted."""
        if self._impostor is not None:
            await writer.start_tls(self._impostor)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if _is_length(line)), 0
        )
        await reader.readexactly(length)
        self.done["answered for it"] += 1
        if dice.random() < _OFTEN:
            status, kind, body = b"502 Bad Gateway", b"text/html", _PAGE
        else:
            status, kind, body = b"200 OK", b"application/json", _HALF
        writer.write(
            b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            % (status, kind, len(body), body)
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dice: random.Random
    ) -> None:
        await self._through_gate()
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.backend_port)
        self._open.add(back_writer)
        spoil = self._spoiler(writer, back_writer, dice)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, back_writer))
                both.create_task(self._carry_back(back_reader, writer, spoil))
        finally:
            self._open.discard(back_writer)
            back_writer.transport.abort()

    def _spoiler(
        self, writer: asyncio.StreamWriter, back: asyncio.StreamWriter, dice: random.Random
    ) -> Callable[[bytes], bytes]:
        """Decide what becomes of a connection's answers, each time that a fault begins."""
        left: dict[Fault, int] = {}

        def spoil(chunk: bytes) -> bytes:
            fault = self.fault
            if fault not in {Fault.RESET, Fault.GARBAGE}:
                left.clear()
                return chunk
            left.setdefault(fault, dice.choice(_PASSES))
            left[fault] -= 1
            if left[fault] >= 0:
                return chunk
            if fault is Fault.RESET:
                self._reset(writer)
                self._reset(back)
                raise ConnectionResetError
            return self._spoilt(chunk, dice)

        return spoil

    def _spoilt(self, chunk: bytes, dice: random.Random) -> bytes:
        if dice.random() < _OFTEN:
            self.done["made noise of it"] += 1
            return dice.randbytes(len(chunk))
        self.done["cut it"] += 1
        return chunk[: len(chunk) // 2]

    async def _carry_back(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        spoil: Callable[[bytes], bytes],
    ) -> None:
        """Carry answers; after one that was cut short the connection is over."""
        while chunk := await reader.read(CHUNK_BYTES):
            await self._through_gate()
            carried = spoil(chunk)
            await self._write(writer, carried)
            if len(carried) < len(chunk):
                self._reset(writer)
                raise ConnectionResetError
        await self._through_gate()
        with suppress(OSError):
            writer.write_eof()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what is asked, until whoever asks is done."""
        while chunk := await reader.read(CHUNK_BYTES):
            await self._through_gate()
            await self._write(writer, chunk)
        await self._through_gate()
        with suppress(OSError):
            writer.write_eof()

    async def _write(self, writer: asyncio.StreamWriter, chunk: bytes) -> None:
        """Write a chunk at the pace of now; as soon as the link is mended the rest goes at once."""
        slow, rest = self._slowness, memoryview(chunk)
        if self.fault is Fault.SLOW:
            self.done["slowed"] += 1
            await self._pass(slow.late_seconds)
        while rest and self.fault is Fault.SLOW:
            part = max(1, int(slow.bytes_a_second * slow.step_seconds))
            writer.write(bytes(rest[:part]))
            rest = rest[part:]
            await writer.drain()
            if rest:
                await self._pass(slow.step_seconds)
        if rest:
            writer.write(bytes(rest))
        await writer.drain()

    async def _through_gate(self) -> None:
        """Wait while everything stands still."""
        if not self._gate.is_set():
            self.done["held back"] += 1
        await self._gate.wait()

    async def _pass(self, seconds: float) -> None:
        """Let time pass, or less when the link is mended meanwhile."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._mended.wait(), seconds)


def _is_length(line: bytes) -> bool:
    return line.startswith(b"content-length:")
