"""Every problem of reading has a sentence, with its place."""

import re
from pathlib import Path

from bot.wording.reading import READ_PROBLEMS, read_problem_sentence, seen_words
from grants.authz.objects import Origin
from grants.review.inventory import ReadProblem, Seen

ROOT = Path(__file__).parents[2]


def test_every_problem_that_is_told_has_a_sentence_and_no_sentence_is_idle() -> None:
    text = "".join(
        path.read_text() for path in sorted((ROOT / "grants/review/reading").glob("*.py"))
    )
    text += (ROOT / "grants/clusters/inventory.py").read_text()
    told = set(re.findall(r'(?:tell|ReadProblem)\(\s*"([a-z0-9-]+)"', text))
    told |= {"a-template", "cut-off", "not-json", "not-yaml", "not-utf-8", "bad-character"}
    told |= {"too-deep"}
    assert told == set(READ_PROBLEMS)


def test_a_sentence_names_file_and_line() -> None:
    problem = ReadProblem("duplicate-key", Origin("a.yaml", 7), (("key", "rules"),))
    words = "a.yaml:7: The key rules stands twice; the last one was taken."
    assert read_problem_sentence(problem) == words
    assert read_problem_sentence(ReadProblem("empty", Origin("-"))) == "-: There is nothing in it."
    counted = ReadProblem("more-problems", Origin(""), (("count", "7"),))
    assert read_problem_sentence(counted) == "There are 7 more problems."


def test_every_way_of_seeing_has_words() -> None:
    assert all(seen_words(how) for how in Seen)
