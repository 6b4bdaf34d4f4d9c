"""The table of a run, as text of docs/review-truth.md."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.review.truth.measure import INSUFFICIENT, NOTHING, STALE, UNUSED, Tally

BEGIN, END = "<!-- run -->", "<!-- /run -->"
_LEFT_OUT = ("default account", "managed component")


def recall(told: Mapping[tuple[str, str], int], word: str) -> tuple[int, int]:
    """Give how many of those that should be told were, and how many should be."""
    return told.get((word, word), 0), sum(n for (should, _), n in told.items() if should == word)


def precision(told: Mapping[tuple[str, str], int], word: str) -> tuple[int, int]:
    """Give how many of those that were told should be, and how many were."""
    return told.get((word, word), 0), sum(n for (_, is_told), n in told.items() if is_told == word)


def line(number: str, lack: str, tally: Tally) -> str:
    """Give one line of the table: a seed, or all of them."""
    cells = [
        number,
        lack,
        _of(*precision(tally.accounts, STALE)),
        _of(*recall(tally.accounts, STALE)),
        _of(*recall(tally.accounts, INSUFFICIENT)),
        _of(*precision(tally.rights, UNUSED)),
        _of(*recall(tally.rights, UNUSED)),
        _of(*recall(tally.rights, INSUFFICIENT)),
        str(len(tally.wrong_stale)),
        str(len(tally.wrong_unused)),
        str(len(tally.differing)),
    ]
    return f"| {' | '.join(cells)} |"


def tables(tallies: Mapping[int, tuple[str, Tally]], total: Tally) -> Iterator[str]:
    """Give the tables: by seed, by what the evidence lacks, and by how accounts live."""
    yield "| seed | the evidence lacks | stale: precision | recall | insufficient, as it should be"
    yield " | unused: precision | recall | insufficient, as it should be | wrong stale"
    yield " | wrong unused | other differences |\n" + "|---" * 11 + "|\n"
    for seed, (lack, tally) in tallies.items():
        yield line(str(seed), lack or "nothing", tally) + "\n"
    yield line("**all**", "", total) + "\n"
    yield "\n| accounts about which nothing can be said, because | of all seeds |\n|---|---|\n"
    for lack, count in sorted(total.lacks.items()):
        yield f"| {lack} | {count} |\n"
    yield "\n| account | should be | is told | of all seeds |\n|---|---|---|---|\n"
    for (cast, should, told), count in sorted(total.casts.items()):
        yield f"| {cast} | {_word(should, cast)} | {_word(told, cast)} | {count} |\n"


def write(path: Path, text: str) -> None:
    """Put a text between the markers of a page."""
    page = path.read_text()
    made, count = re.subn(
        f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{text}{END}", page, flags=re.DOTALL
    )
    assert count == 1, path
    path.write_text(made)


def _of(some: int, every: int) -> str:
    return f"{some} of {every} ({some / every:.3f})" if every else "none"


def _word(word: str, cast: str) -> str:
    return "set apart or no finding" if word == NOTHING and cast in _LEFT_OUT else word
