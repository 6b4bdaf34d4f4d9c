"""Pairs taken in turns in one run, and what is said of them: medians, ratios, spread."""

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PAIRS = 5


@dataclass(frozen=True)
class Figure:
    """One row of the table: what was measured, against what, and what it should be."""

    name: str
    ours: str
    bare: str
    ratio: str
    wanted: str
    holds: bool | None

    def as_row(self) -> str:
        """Give a line of a Markdown table."""
        word = {True: "holds", False: "**does not hold**", None: "told"}[self.holds]
        cells = (self.name, self.ours, self.bare, self.ratio, self.wanted, word)
        return "| " + " | ".join(cells) + " |"


HEAD = "| what | ours | bare | ratio: median (spread) | wanted | |\n|---|---|---|---|---|---|"


def in_turns(
    bare: Callable[[], float], ours: Callable[[], float], pairs: int = PAIRS
) -> tuple[list[float], list[float]]:
    """Measure bare and ours one after the other, `pairs` times, after one of each that warms up."""
    bare(), ours()
    first, second = [], []
    for _ in range(pairs):
        first.append(bare())
        second.append(ours())
    return first, second


def ratios(above: Sequence[float], below: Sequence[float]) -> tuple[float, str]:
    """Give the median of the pairs' ratios, and it with its spread as text."""
    found = sorted(a / b for a, b in zip(above, below, strict=True))
    middle = statistics.median(found)
    return middle, f"{middle:.2f} ({found[0]:.2f}-{found[-1]:.2f})"


def median(values: Sequence[float], unit: str, digits: int = 1) -> str:
    """Give the median as text."""
    return f"{statistics.median(values):.{digits}f} {unit}"


def share(values: Sequence[float], part: float) -> float:
    """Give the value within which that share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def machine() -> str:
    """Describe this machine: what a figure is worth nothing without."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}; load when it began "
        f"{os.getloadavg()[0]:.1f}"
    )
