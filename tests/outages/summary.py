"""The table of the long runs: fault, rounds, what was lost, and how late things were."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.outages.stage import Part
from tests.outages.verdict import HOLDS_UP, Lags
from tests.support.faulty_link import Fault

HEAD: Final = (
    "part",
    "fault",
    "seconds",
    "rounds",
    "Slack's payloads meanwhile",
    "ends of access meanwhile",
    "lost",
    "worst lag of an end meanwhile, s",
    "worst lag after it was over, s",
)
NOBODY: Final = "nothing at all"


@dataclass
class Figures:
    """What came of one fault of one part, over all rounds."""

    lags: list[Lags] = field(default_factory=list)
    lost: int = 0


@dataclass
class Report:
    """Collects rounds; `text` is the table."""

    rows: dict[tuple[Part | None, Fault], Figures] = field(
        default_factory=lambda: defaultdict(Figures)
    )

    def add(self, lags: Iterable[Lags], lost: int) -> None:
        """Take in one run; what it lost stands with its last fault."""
        figures = None
        for one in lags:
            part = None if one.window.fault is Fault.NONE else one.window.part
            figures = self.rows[part, one.window.fault]
            figures.lags.append(one)
        if figures is not None:
            figures.lost += lost

    def text(self) -> str:
        """Lay the table out as Markdown."""
        order = [None, *Part]
        faults = list(Fault)
        keys = sorted(self.rows, key=lambda key: (order.index(key[0]), faults.index(key[1])))
        lines = [_line(HEAD), _line(["---"] * len(HEAD))]
        lines += [_line(_row(key, self.rows[key])) for key in keys]
        return "\n".join(lines) + "\n"

    def write(self, page: Path) -> None:
        """Put the table between its marks on a page."""
        before, mark, rest = page.read_text(encoding="utf-8").partition("<!-- run -->\n")
        end = "<!-- /run -->"
        assert mark, f"{page} has no place for the table"
        page.write_text(f"{before}{mark}{self.text()}{end}{rest.partition(end)[2]}", "utf-8")


def _row(key: tuple[Part | None, Fault], figures: Figures) -> Sequence[str]:
    part, fault = key
    lags = figures.lags
    during = [one.during for one in lags if one.during is not None]
    held_up = part in HOLDS_UP
    return (
        part or NOBODY,
        str(fault),
        f"{max(one.window.ended - one.window.began for one in lags):.0f}",
        str(len(lags)),
        str(sum(one.payloads for one in lags)),
        str(sum(one.ended for one in lags)),
        str(figures.lost),
        "held up" if held_up else f"{max(during):.2f}" if during else "-",
        f"{max(one.after for one in lags):.1f}",
    )


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
