"""Lengths of time as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.policy.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30m", timedelta(minutes=30)),
        ("1h30m", timedelta(minutes=90)),
        ("90m", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("1d1h1m1s", timedelta(days=1, hours=1, minutes=1, seconds=1)),
        ("0m", timedelta(0)),
        ("999999d", timedelta(days=999_999)),
    ],
)
def test_lengths_are_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text",
    ["", "1", "h", "-1h", "+1h", "1.5h", "1h 30m", "30m1h", "1H", "1w", "1h1h", "1000000d", "1h\n",
     "\u0661h", " 1h"],
)  # fmt: skip
def test_what_is_no_length_is_none(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=900), "0s"),
        (timedelta(hours=36, seconds=5), "1d12h5s"),
        (timedelta(minutes=-90), "-1h30m"),
    ],
)
def test_lengths_are_written(length: timedelta, text: str) -> None:
    assert format_duration(length) == text


@given(st.integers(0, 10**10))
def test_what_is_written_is_read_back(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length
