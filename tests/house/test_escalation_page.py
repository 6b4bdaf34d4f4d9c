"""The page on escalation paths has every kind of step, and no other."""

import re
from pathlib import Path

from grants.authz.paths.words import STEP_KINDS

PAGE = Path(__file__).parents[2] / "docs" / "escalation-paths.md"


def test_the_table_has_each_step_once_and_no_other() -> None:
    steps = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(steps) == sorted(STEP_KINDS)
