"""How fast dumps are read: `python -m tests.bench.review`, alone, without a control plane.

Each reading is a process of its own, so that memory is that reading's. The seconds are those that
the process worked, its start left out; beside YAML stands a bare loop over libyaml's events.
"""

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import yaml

from grants.review.reading import read_paths
from tests.bench import dump
from tests.bench.pairs import HEAD, PAIRS, Figure, machine, median, ratios

COUNT: Final = 10_000
LARGE: Final = 10 * COUNT
READ_SECONDS: Final = 0.6
MEMORY_MB: Final = 300.0
EVENTS_MOST: Final = 1.3
# Ten times the objects may take a little more than ten times as long: caches are no larger.
LINEAR_MOST: Final = 1.25


@dataclass(frozen=True)
class Reading:
    """What one process needed."""

    seconds: float
    megabytes: float
    objects: int


def read(path: str) -> int:
    """Read a dump as the review does."""
    found = read_paths([path], now=datetime.now(UTC))
    if found.problems:
        raise AssertionError(found.problems[:3])
    return len(found.accounts) + len(found.roles) + len(found.bindings)


def events(path: str) -> int:
    """Go through libyaml's events and do nothing with them."""
    loader = yaml.CSafeLoader(Path(path).read_bytes())
    get_event = loader.get_event
    gc.disable()
    count = 0
    while get_event() is not None:
        count += 1
    return count


WAYS: Final = {"read": read, "events": events}


def in_process(way: str, path: Path) -> Reading:
    """Run one way in a process of its own."""
    words = [sys.executable, "-m", "tests.bench.review", "--one", way, str(path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return Reading(**json.loads(done.stdout))


def _one(way: str, path: str) -> None:
    began = time.process_time()
    count = WAYS[way](path)
    seconds = time.process_time() - began
    sys.stdout.write(json.dumps({"seconds": seconds, "megabytes": _peak_mb(), "objects": count}))


def _peak_mb() -> float:
    """Give this process's own peak: that of getrusage begins with the process that started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def figures(folder: Path, *, large: bool = True) -> list[Figure]:
    """Measure both forms against their bounds, in turns."""
    paths = dump.write(folder, COUNT)
    found: dict[str, list[Reading]] = {"json": [], "yaml": [], "events": []}
    for _ in range(PAIRS):
        found["json"].append(in_process("read", paths["json"]))
        found["yaml"].append(in_process("read", paths["yaml"]))
        found["events"].append(in_process("events", paths["yaml"]))
    rows = [_json_row(found["json"]), _memory_row(found), _yaml_row(found)]
    if large:
        path = dump.write(folder, LARGE, with_yaml=False)["json"]
        rows.append(_linear_row([in_process("read", path) for _ in range(3)], found["json"]))
    return rows


def _seconds(readings: Sequence[Reading]) -> list[float]:
    return [reading.seconds for reading in readings]


def _json_row(readings: list[Reading]) -> Figure:
    seconds = _seconds(readings)
    holds = sorted(seconds)[len(seconds) // 2] <= READ_SECONDS
    name = f"reading a JSON dump of {COUNT} accounts, roles and bindings each"
    spread = f"({min(seconds):.2f}-{max(seconds):.2f} s)"
    return Figure(name, median(seconds, "s", 2), "", spread, f"under {READ_SECONDS} s", holds)


def _memory_row(found: dict[str, list[Reading]]) -> Figure:
    peaks = [max(each.megabytes for each in found[form]) for form in ("json", "yaml")]
    ours = f"{peaks[0]:.0f} MB, YAML {peaks[1]:.0f} MB"
    holds = max(peaks) < MEMORY_MB
    return Figure("memory at its highest", ours, "", "", f"under {MEMORY_MB:.0f} MB", holds)


def _yaml_row(found: dict[str, list[Reading]]) -> Figure:
    """The bound: the figure for JSON, and 1.3 times the bare loop."""
    most = [
        plain + EVENTS_MOST * bare
        for plain, bare in zip(_seconds(found["json"]), _seconds(found["events"]), strict=True)
    ]
    middle, said = ratios(_seconds(found["yaml"]), _seconds(found["events"]))
    middle, of_most = ratios(_seconds(found["yaml"]), most)
    return Figure(
        "reading it as YAML",
        median(_seconds(found["yaml"]), "s", 2),
        f"{median(_seconds(found['events']), 's', 2)} a bare loop over the events",
        said,
        f"at most JSON + {EVENTS_MOST} x bare: {of_most} of it",
        middle <= 1,
    )


def _linear_row(large: list[Reading], small: list[Reading]) -> Figure:
    each = [reading.seconds / LARGE * COUNT for reading in large]
    middle, said = ratios(each, _seconds(small)[: len(each)])
    ours = f"{median(_seconds(large), 's')}, {max(r.megabytes for r in large):.0f} MB"
    name = f"reading {LARGE} of each, per object against {COUNT}"
    return Figure(name, ours, "", said, f"at most {LINEAR_MOST}", middle <= LINEAR_MOST)


def main() -> None:
    """Measure and print the table; `--one` is how it calls itself."""
    parser = argparse.ArgumentParser(prog="tests.bench.review", description=__doc__)
    parser.add_argument("--one", nargs=2, metavar=("WAY", "FILE"))
    parser.add_argument("--quick", action="store_true", help="without the dump of ten times")
    wanted = parser.parse_args()
    if wanted.one:
        _one(*wanted.one)
        return
    with tempfile.TemporaryDirectory(prefix="dumps-") as folder:
        rows = figures(Path(folder), large=not wanted.quick)
    table = "\n".join([HEAD, *(row.as_row() for row in rows)])
    sys.stdout.write(f"Measured {time.strftime('%Y-%m-%d')} on {machine()}.\n\n{table}\n")


if __name__ == "__main__":
    main()
