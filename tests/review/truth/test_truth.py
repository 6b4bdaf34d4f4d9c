"""Clusters of which the truth is known: what is told of use is held against it.

`make truth` runs twenty and writes docs/review-truth.md.
"""

import ast
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from tests.review.truth import form, table, tools
from tests.review.truth.casting import WEEKS
from tests.review.truth.form import Truth, from_json
from tests.review.truth.measure import INSUFFICIENT, STALE, UNUSED, Tally, measure

HERE = Path(__file__).parent
FEW = (0, WEEKS.index(form.READS), WEEKS.index(form.NO_SECRETS))
KEPT = 14  # a complete month, and a robot that asks for many tokens
SEEDS = int(os.environ.get("VALETKEY_TEST_TRUTH_SEEDS", "0"))  # the long form: `make truth`
REPORT = os.environ.get("VALETKEY_TEST_TRUTH_REPORT", "")
MADE_FROM = ("form.py", "casting.py", "town.py", "objects.py", "traffic.py")


def judged(seed: int, folder: Path) -> tuple[Truth, Tally, tools.Made]:
    """Make a seed's cluster, scan it and measure; the moment is printed, to make it again."""
    now = datetime.now(UTC)
    made = tools.make(seed, folder, now)
    print(f"seed {seed}, now {now.isoformat()}")
    truth = from_json(json.loads(made.truth.read_text()))
    return truth, measure(truth, tools.scan(made)), made


def hold(tally: Tally) -> None:
    """Hold what must be true of any seed, and of all of them."""
    assert not tally.wrong_stale, "\n".join(tally.wrong_stale)
    assert not tally.wrong_unused, "\n".join(tally.wrong_unused)
    for told, word in ((tally.accounts, STALE), (tally.rights, UNUSED)):
        found, every = table.recall(told, word)
        assert found >= 0.9 * every, "\n".join(tally.differing)
    for told in (tally.accounts, tally.rights):
        found, every = table.recall(told, INSUFFICIENT)
        assert found == every, "\n".join(tally.differing)


def test_what_was_imported_and_kept_gives_the_same_verdicts_as_the_logs(tmp_path: Path) -> None:
    truth, _, made = judged(KEPT, tmp_path)
    tally = measure(truth, tools.scan_stored(made, tmp_path))
    hold(tally)
    direct = measure(truth, tools.scan(made))
    assert (tally.accounts, tally.rights) == (direct.accounts, direct.rights)


def test_the_generator_knows_nothing_of_the_code_that_it_tries() -> None:
    """Who makes the truth by what is tried finds it true whatever it says."""
    for name in MADE_FROM:
        tree = ast.parse((HERE / name).read_text())
        for node in ast.walk(tree):
            named = [node.module] if isinstance(node, ast.ImportFrom) else []
            named += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            ours = [one for one in named if str(one).startswith(("grants", "bot"))]
            assert not ours, f"{name}: {ours}"


def test_a_truth_file_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    now = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        tools.make(3, folder, now)
    for name in ("truth.json", "dump.json", "audit-2.log"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_nothing_wrong_is_told_and_little_is_missed(tmp_path: Path) -> None:
    """All seeds that are asked for, which `make truth` does; without it a few of unlike kinds."""
    seeds = range(SEEDS) if SEEDS else FEW
    tallies: dict[int, tuple[str, Tally]] = {}
    total = Tally()
    for seed in seeds:
        folder = tmp_path / str(seed)
        folder.mkdir()
        truth, tally, _ = judged(seed, folder)
        tallies[seed] = truth.lack, tally
        total.add(tally)
        print(table.line(str(seed), truth.lack, tally))
    print(table.line("all", "", total))
    print("\n".join((*total.wrong_stale, *total.wrong_unused, *total.differing)))
    if REPORT:
        table.write(Path(REPORT), "".join(table.tables(tallies, total)))
    assert {lack for lack, _ in tallies.values()} == {WEEKS[seed % len(WEEKS)] for seed in seeds}
    hold(total)
