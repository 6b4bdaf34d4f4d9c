"""Patterns of names, alone and many at once."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grants.policy.patterns import PatternSet, is_literal, matches

NAMES = st.text("ab-", max_size=8)
PATTERNS = st.text("ab-*?", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "name", "matched"),
    [
        ("shop", "shop", True),
        ("shop", "shop-2", False),
        ("shop-*", "shop-", True),
        ("shop-*", "shop", False),
        ("*-dev", "shop-dev", True),
        ("*", "", True),
        ("a*a", "a", False),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "acb", False),
        ("sho?", "shop", True),
        ("[s]hop", "shop", True),
        ("Shop", "shop", False),
    ],
)
def test_patterns_match_whole_names(pattern: str, name: str, *, matched: bool) -> None:
    assert matches(pattern, name) is matched
    assert PatternSet([pattern]).matches(name) is matched


@given(PATTERNS, NAMES)
@example("a*a", "a")
@example("*ab*b", "ab")
def test_matching_is_that_of_the_standard_library(pattern: str, name: str) -> None:
    assert matches(pattern, name) is fnmatchcase(name, pattern)


@given(st.lists(PATTERNS, max_size=6), NAMES)
def test_many_patterns_at_once_match_as_one_by_one(patterns: list[str], name: str) -> None:
    assert PatternSet(patterns).matches(name) is any(fnmatchcase(name, p) for p in patterns)


def test_a_literal_stands_for_itself_alone() -> None:
    assert is_literal("shop-1")
    assert not any(is_literal(pattern) for pattern in ("*", "a?", "[a]"))
