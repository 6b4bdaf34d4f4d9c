"""The README shows every picture that there is, wide and narrow, and they stay small."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 150_000
# What a terminal prints has no narrow form.
WIDE_ONLY = {"cli-history", "cli-playground", "cli-policy", "kubectl"}


def shown() -> set[str]:
    return set(re.findall(r"docs/pictures/([^\s\")]+)", (ROOT / "README.md").read_text()))


def test_the_readme_shows_all_pictures_and_no_others() -> None:
    assert shown() == {path.name for path in PICTURES.iterdir()}


def test_each_picture_is_there_wide_and_as_on_a_phone() -> None:
    wide, narrow = (
        {name.removesuffix(f"-{width}.png") for name in shown() if name.endswith(f"-{width}.png")}
        for width in (1280, 390)
    )
    assert wide - narrow == WIDE_ONLY
    assert narrow <= wide


def test_no_picture_is_large() -> None:
    assert [path.name for path in PICTURES.iterdir() if path.stat().st_size > MOST_BYTES] == []


def test_the_browser_tests_take_each_of_them() -> None:
    code = "".join(
        path.read_text()
        for path in [*(ROOT / "tests" / "browser").glob("*.py"), ROOT / "tests/support/desk.py"]
    )
    names = {re.sub(r"-\d+\.png$", "", name) for name in shown()}
    assert {name for name in names if f'"{name}"' not in code} == set()
