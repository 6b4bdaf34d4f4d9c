"""Reads audit logs with as many processes as there are, and says how far it is."""

import hashlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from grants.garbage import without_gc
from grants.usage.blocks import BLOCK_BYTES, Readable, Span
from grants.usage.folded import Folded
from grants.usage.reading import Reader, is_document

STDIN: Final = "-"
LEAST_BYTES: Final = 32 * 1024 * 1024
"""A process of its own is not worth its start for less."""
_GZIP: Final = b"\x1f\x8b"
_SAMPLES: Final = 64
_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Piece:
    """The lines of a file that begin between two places; all of it where it can't be parted."""

    path: str
    start: int
    end: int | None


@dataclass(frozen=True)
class Task:
    """What a process is told to read; picklable."""

    piece: Piece
    cluster: str
    now: datetime


def fingerprint(path: Path) -> str:
    """Name what is in a file by its size and by samples of it: reading ten gigabytes twice would
    take as long as folding them.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for number in range(_SAMPLES):
            file.seek(max(size - BLOCK_BYTES, 0) * number // (_SAMPLES - 1))
            digest.update(file.read(BLOCK_BYTES // 2))
            if size <= BLOCK_BYTES // 2:
                break
    return digest.hexdigest()


def pieces_of(path: Path, processes: int, least_bytes: int = LEAST_BYTES) -> tuple[Piece, ...]:
    """Part a file; what is packed, or is JSON over many lines, can be read from its start alone."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(BLOCK_BYTES)
    count = min(processes, size // least_bytes)
    if count < 2 or head.startswith(_GZIP) or is_document(head):  # noqa: PLR2004 - two at least
        return (Piece(str(path), 0, None),)
    edges = [size * number // count for number in range(count + 1)]
    return tuple(Piece(str(path), start, end) for start, end in pairwise(edges))


class _Counted:
    """A stream that says how much of it was read."""

    def __init__(self, stream: Readable, count: Callable[[int], None]) -> None:
        self._stream = stream
        self._count = count

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._count(len(data))
        return data


def read_piece(task: Task, count: Callable[[int], None]) -> Folded:
    """Read one piece."""
    reader = Reader(task.now, task.cluster)
    piece = task.piece
    with without_gc():
        if piece.path == STDIN:
            reader.read(_Counted(sys.stdin.buffer, count), "standard input")
            return reader.folded
        with Path(piece.path).open("rb") as file:
            stream = file if piece.end is None else Span(file, piece.start, piece.end)
            reader.read(_Counted(stream, count), piece.path)
    return reader.folded


_counter: Any = None


def _begin(counter: Any) -> None:
    global _counter  # noqa: PLW0603 - a process of the pool has one
    _counter = counter


def _count(size: int) -> None:
    with _counter.get_lock():
        _counter.value += size


def _work(task: Task) -> Folded:
    return read_piece(task, _count)


def read_all(
    tasks: Sequence[Task], processes: int, say: Callable[[int], None]
) -> Iterator[tuple[Task, Folded]]:
    """Read pieces and give each as it is asked for, in order; `say` hears how many bytes were."""
    if processes == 1 or len(tasks) < 2:  # noqa: PLR2004 - one, or none
        read = 0

        def count(size: int) -> None:
            nonlocal read
            read += size
            say(read)

        for task in tasks:
            yield task, read_piece(task, count)
        return
    with _pool(min(processes, len(tasks))) as (pool, counter):
        futures = [pool.submit(_work, task) for task in tasks]
        for task, future in zip(tasks, futures, strict=True):
            _wait(future, counter, say)
            yield task, future.result()


@contextmanager
def _pool(processes: int) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
    # Not by fork: threads of whoever calls may hold locks at that moment.
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    pool = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(counter,))
    try:
        yield pool, counter
    finally:
        pool.shutdown(cancel_futures=True)


def _wait(future: "Future[Folded]", counter: Any, say: Callable[[int], None]) -> None:
    while not future.done():
        wait([future], timeout=_LOOK_SECONDS)
        say(counter.value)


def processors() -> int:
    """Tell how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
