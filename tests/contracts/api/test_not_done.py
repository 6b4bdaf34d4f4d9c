"""What the double leaves out stands in one place."""

import re
from pathlib import Path

from tests.contracts.api.not_done import NOT_DONE

PAGE = Path(__file__).parents[3] / "docs" / "embedded-cluster.md"


def test_the_docs_list_what_is_not_done_and_nothing_else() -> None:
    part = PAGE.read_text().partition("## What it does not")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^- \*\*(.+?)\*\*", part, re.MULTILINE)) == NOT_DONE
