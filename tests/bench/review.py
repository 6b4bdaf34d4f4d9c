"""How fast a large cluster is reviewed: `python -m tests.bench.review`, without a control plane.

`review scan` is measured as people start it, from the start of its process to its end. Beside YAML
stands a bare loop over libyaml's events, and beside all of it what others need for their checks.
"""

import argparse
import gc
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

from grants.authz.objects import Caller, account_caller
from grants.review.findings.escalations import paths_of
from grants.review.findings.look import Look
from grants.review.reading import read_paths
from tests.bench import dump, peers
from tests.bench.pairs import HEAD, PAIRS, Figure, machine, median, ratios

COUNT: Final = 10_000
LARGE: Final = 10 * COUNT
SECONDS_MOST: Final = 2.0
MEMORY_MB: Final = 300.0
EVENTS_MOST: Final = 1.3
RIGHTS_MOST_MS: Final = 50.0
PATHS_MOST_SECONDS: Final = 10.0
# Ten times the objects may take a little more than ten times as long: caches are no larger.
LINEAR_MOST: Final = 1.25
_SUBJECTS: Final = 500
_FOUND: Final = 1  # the scan's exit code where something weighs as much as `--fail-on`


@dataclass(frozen=True)
class Scanned:
    """What one process needed."""

    seconds: float
    megabytes: float


def scan(path: Path, *options: str) -> Scanned:
    """Have it reviewed by a process, which writes JSON."""
    words = [sys.executable, "-m", "tests.bench.whole", "review", "scan", str(path)]
    began = time.perf_counter()
    done = subprocess.run(
        [*words, "--format", "json", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
    )
    seconds = time.perf_counter() - began
    if done.returncode != _FOUND:
        raise AssertionError(done.stderr)
    return Scanned(seconds, int(done.stderr.split()[-1]) / 1024)


def events(path: Path) -> float:
    """Go through libyaml's events and do nothing with them; gives the seconds that it took."""
    data = path.read_bytes()
    gc.disable()
    began = time.perf_counter()
    get_event = yaml.CSafeLoader(data).get_event
    while get_event() is not None:
        pass
    seconds = time.perf_counter() - began
    gc.enable()
    return seconds


def figures(folder: Path, *, large: bool = True, others: bool = True) -> list[Figure]:
    """Measure against the bounds, in turns."""
    paths = dump.write(folder, COUNT)
    plain, as_yaml, bare = [], [], []
    scan(paths["json"])
    for _ in range(PAIRS):
        plain.append(scan(paths["json"]))
        as_yaml.append(scan(paths["yaml"]))
        bare.append(events(paths["yaml"]))
    rows = [_json_row(plain), _memory_row(plain, as_yaml), _yaml_row(plain, as_yaml, bare)]
    rows += [_rights_row(paths["json"]), _paths_row(paths["json"])]
    if large:
        path = dump.write(folder, LARGE, with_yaml=False)["json"]
        rows.append(_linear_row([scan(path) for _ in range(3)], plain))
        path.unlink()
    return rows + (peers.figures(folder, scan) if others else [])


def _seconds(found: Sequence[Scanned]) -> list[float]:
    return [one.seconds for one in found]


def _json_row(found: list[Scanned]) -> Figure:
    seconds = _seconds(found)
    return Figure(
        f"`review scan` of a JSON dump of {COUNT:,} accounts, roles and bindings each",
        median(seconds, "s", 2),
        "",
        f"({min(seconds):.2f}-{max(seconds):.2f} s)",
        f"at most {SECONDS_MOST:.0f} s",
        sorted(seconds)[len(seconds) // 2] <= SECONDS_MOST,
    )


def _memory_row(plain: list[Scanned], as_yaml: list[Scanned]) -> Figure:
    peaks = [max(one.megabytes for one in found) for found in (plain, as_yaml)]
    ours = f"{peaks[0]:.0f} MB, of YAML {peaks[1]:.0f} MB"
    wanted, holds = f"at most {MEMORY_MB:.0f} MB", max(peaks) <= MEMORY_MB
    return Figure("its memory at the highest", ours, "", "", wanted, holds)


def _yaml_row(plain: list[Scanned], as_yaml: list[Scanned], bare: list[float]) -> Figure:
    """The bound: the figure for JSON, and 1.3 times the bare loop."""
    most = [one.seconds + EVENTS_MOST * loop for one, loop in zip(plain, bare, strict=True)]
    middle, of_most = ratios(_seconds(as_yaml), most)
    return Figure(
        "`review scan` of it as YAML",
        median(_seconds(as_yaml), "s", 2),
        f"{median(bare, 's', 2)} a bare loop over the events",
        of_most,
        f"at most 1 of JSON + {EVENTS_MOST} x bare",
        middle <= 1,
    )


def _rights_row(path: Path) -> Figure:
    rbac = Look(read_paths([path], now=datetime.now(UTC))).rbac
    took = []
    for number in range(0, COUNT, COUNT // _SUBJECTS):
        caller: Caller = account_caller(f"ns-{number % dump.NAMESPACES}", f"app-{number}")
        began = time.perf_counter()
        rights = rbac.rights(caller)
        took.append(1000 * (time.perf_counter() - began))
        if not rights:
            raise AssertionError(caller)
    return Figure(
        f"effective rights of one subject in it, the slowest of {len(took)}",
        f"{max(took):.2f} ms",
        "",
        f"median {median(took, 'ms', 3)}",
        f"under {RIGHTS_MOST_MS:.0f} ms",
        max(took) < RIGHTS_MOST_MS,
    )


def _paths_row(path: Path) -> Figure:
    look = Look(read_paths([path], now=datetime.now(UTC)))
    began = time.perf_counter()
    found = paths_of(look)
    count = sum(1 for _ in found.all())
    seconds = time.perf_counter() - began
    return Figure(
        "escalation paths of all its subjects",
        f"{seconds:.2f} s, {count:,} paths",
        "",
        "",
        f"under {PATHS_MOST_SECONDS:.0f} s",
        seconds < PATHS_MOST_SECONDS,
    )


def _linear_row(large: list[Scanned], small: list[Scanned]) -> Figure:
    each = [one.seconds / LARGE * COUNT for one in large]
    middle, said = ratios(each, _seconds(small)[: len(each)])
    ours = f"{median(_seconds(large), 's')}, {max(one.megabytes for one in large):.0f} MB"
    name = f"`review scan` of {LARGE:,} of each, per object against {COUNT:,}"
    return Figure(name, ours, "", said, f"at most {LINEAR_MOST}", middle <= LINEAR_MOST)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="tests.bench.review", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the dump of ten times")
    parser.add_argument("--alone", action="store_true", help="without the others")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dumps-") as folder:
        rows = figures(Path(folder), large=not wanted.quick, others=not wanted.alone)
    table = "\n".join([HEAD, *(row.as_row() for row in rows)])
    sys.stdout.write(f"Measured {time.strftime('%Y-%m-%d')} on {machine()}.\n\n{table}\n")


if __name__ == "__main__":
    main()
