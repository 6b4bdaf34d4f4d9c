"""The import of audit logs beside a msgspec typed decode of the same file by as many processes.

`python -m tests.bench.usage [--events N] [--processes N] [FILE]`
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from bot.cli.usage_files import Piece, Task, pieces_of, processors, read_piece
from grants.clock import SystemClock
from grants.usage.blocks import Span, blocks
from grants.usage.events import EVENT, Ref
from tests.bench.audit_log import write
from tests.bench.pairs import Figure, in_turns, median, ratios

EVENTS: Final = 1_000_000
PAIRS: Final = 5
LEAST: Final = 0.5


def decode(piece: Piece) -> int:
    """Decode the lines of a piece, in blocks, as fast as that goes: the very types of the import.

    One that decoded more fields, or line by line, would be easier to keep up with.
    """
    count = 0
    with Path(piece.path).open("rb") as file:
        stream = file if piece.end is None else Span(file, piece.start, piece.end)
        for block in blocks(stream):
            count += len(EVENT.decode_lines(block.data))
    return count


class _User(msgspec.Struct):
    username: str = ""
    uid: str = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}


class _Ref(Ref, frozen=True):
    uid: str = ""
    apiVersion: str = ""  # noqa: N815 - the API's names
    resourceVersion: str = ""  # noqa: N815


class _Whole(msgspec.Struct):
    """An event as the API declares it."""

    kind: str = ""
    apiVersion: str = ""  # noqa: N815
    level: str = ""
    auditID: str = ""  # noqa: N815
    stage: str = ""
    requestURI: str = ""  # noqa: N815
    verb: str = ""
    user: _User | None = None
    impersonatedUser: _User | None = None  # noqa: N815
    sourceIPs: list[str] = []  # noqa: N815
    userAgent: str = ""  # noqa: N815
    objectRef: _Ref | None = None  # noqa: N815
    responseStatus: dict[str, Any] | None = None  # noqa: N815
    requestReceivedTimestamp: datetime | None = None  # noqa: N815
    stageTimestamp: datetime | None = None  # noqa: N815
    annotations: dict[str, str] = {}


def decode_whole(piece: Piece) -> int:
    """Decode all that the API declares, line by line, as a program that uses it would."""
    decoder = msgspec.json.Decoder(_Whole)
    with Path(piece.path).open("rb") as file:
        stream = file if piece.end is None else Span(file, piece.start, piece.end)
        return sum(
            1
            for block in blocks(stream)
            for line in block.data.splitlines()
            if decoder.decode(line)
        )


def fold(piece: Piece) -> int:
    """Fold the lines of a piece, as the import does."""
    return read_piece(Task(piece, "bench", SystemClock().now()), lambda _: None).events


PEERS: Final = {
    decode: "a decode of the fields that it needs, in blocks",
    decode_whole: "a decode of all fields, by line",
}


class Pool:
    """Processes that are there already: what is measured is their work, not their start."""

    def __init__(self, path: Path, processes: int) -> None:
        self.pieces = pieces_of(path, processes, least_bytes=1)
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(processes, context)
        list(self._pool.map(fold, [Piece(os.devnull, 0, None)] * processes))

    def timed(self, work: object) -> float:
        """Give how many seconds it takes to have it done with all pieces."""
        began = time.perf_counter()
        list(self._pool.map(work, self.pieces))  # type: ignore[arg-type]
        return time.perf_counter() - began

    def close(self) -> None:
        self._pool.shutdown()


def figure(
    path: Path,
    processes: int,
    events: int,
    pairs: int = PAIRS,
    *,
    peer: Callable[[Piece], int] = decode,
) -> Figure:
    """Measure in turns."""
    pool = Pool(path, processes)
    try:
        bare, ours = in_turns(lambda: pool.timed(peer), lambda: pool.timed(fold), pairs)
    finally:
        pool.close()
    middle, said = ratios(bare, ours)
    each = 1e6 / events
    return Figure(
        f"audit import, {events:,} events, {processes} processes, against {PEERS[peer]}",
        median([seconds * each for seconds in ours], "µs an event"),
        median([seconds * each for seconds in bare], "µs an event"),
        said,
        f"at least {LEAST}",
        middle >= LEAST,
    )


def peak_bytes(path: Path) -> int:
    """Give the most memory that one process takes for it, the interpreter's included."""
    program = (
        "from pathlib import Path\n"
        "from tests.bench.usage import Piece, fold\n"
        f"fold(Piece({str(path)!r}, 0, None))\n"
        "import resource\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tests.bench.usage", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--processes", type=int, default=processors())
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = wanted.file or Path(folder) / "audit.log"
        if wanted.file is None:
            size = write(path, wanted.events)
            sys.stdout.write(f"{size / wanted.events:.0f} bytes an event\n")
        with path.open("rb") as file:
            events = sum(1 for _ in file)
        for peer in PEERS:
            row = figure(path, wanted.processes, events, wanted.pairs, peer=peer).as_row()
            sys.stdout.write(f"{row}\n")
        sys.stdout.write(f"at most {peak_bytes(path) / 1e6:.0f} MB in one process\n")


if __name__ == "__main__":
    main()
