"""How soon it is ready, how much memory it takes, and how soon it tells its options."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.bench.pairs import PAIRS, Figure, median
from tests.replicas.stage import Stage

REST_SECONDS: Final = 60.0
READY_SECONDS: Final = 2.0
HELP_SECONDS: Final = 0.3
RSS_MOST_MB: Final = 150.0
_LOOK_SECONDS: Final = 0.005


def ready_seconds(stage: Stage) -> float:
    """Start it and give how long it took until its readiness was well, Slack included."""
    began = time.monotonic()
    (replica,) = stage.start("both")
    while not replica.is_ready():
        time.sleep(_LOOK_SECONDS)
    took = time.monotonic() - began
    replica.tell_to_stop()
    replica.wait_ended()
    stage.replicas.remove(replica)
    return took


def rss_megabytes(pid: int) -> float:
    """Give how much memory a process holds, as the kernel says it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def help_seconds() -> float:
    """Run `valetkey --help` and give how long it took."""
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "bot", "--help"],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ,
    )
    return time.monotonic() - began


def measure(stage: Stage) -> list[Figure]:
    """Measure on a stage where nothing runs yet; one process runs when it is done."""
    helps = [help_seconds() for _ in range(PAIRS + 1)][1:]
    starts = [ready_seconds(stage) for _ in range(PAIRS + 1)][1:]
    (replica,) = stage.start("both")
    time.sleep(REST_SECONDS)
    rss = rss_megabytes(replica.running.pid)
    return [
        _figure("ready (warm bytecode, migrated, one cluster)", starts, READY_SECONDS),
        Figure(
            "memory held 60 s after the start",
            f"{rss:.0f} MB",
            "",
            "",
            "under 150 MB",
            rss < RSS_MOST_MB,
        ),
        _figure("`valetkey --help`", helps, HELP_SECONDS),
    ]


def _figure(name: str, values: list[float], most: float) -> Figure:
    spread = f"({min(values):.2f}-{max(values):.2f} s)"
    middle = sorted(values)[len(values) // 2]
    return Figure(name, median(values, "s", 2), "", spread, f"at most {most:g} s", middle <= most)
