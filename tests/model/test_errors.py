"""The tree of errors: one stable code each, facts as fields, nothing of any surface in it."""

import logging
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

from grants import errors
from grants.errors import (
    BadInput,
    ChangedMeanwhile,
    ClusterError,
    ClusterUnavailable,
    NotFound,
    Problem,
    SignInNeeded,
    SignInTooOld,
    StoreError,
    ValetkeyError,
)


def kinds(root: type[ValetkeyError] = ValetkeyError) -> Iterator[type[ValetkeyError]]:
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in kinds()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.code)
def test_every_error_is_a_value_with_a_plain_code_and_says_what_it_is_for(
    kind: type[ValetkeyError],
) -> None:
    assert is_dataclass(kind)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)
    assert (kind.__doc__ or "").strip().endswith(".")
    assert not {"args", "status", "message", "text"} & {field.name for field in fields(kind)}


def test_facts_are_the_fields_by_name() -> None:
    error = ClusterUnavailable("prod", "read", "timed out")
    assert error.facts() == {"cluster": "prod", "action": "read", "detail": "timed out"}
    assert str(error).startswith("cluster-unavailable(cluster='prod'")
    assert NotFound("grant", "gra-1").facts() == {"kind": "grant", "name": "gra-1"}


def test_every_problem_is_kept() -> None:
    problems = (Problem("reason", "reason-empty"), Problem("cluster", "missing"))
    assert BadInput(problems).problems == problems


def test_two_errors_are_never_taken_for_one() -> None:
    """Errors are compared and hashed by identity, as exceptions must be."""
    one, other = NotFound("grant", "gra-1"), NotFound("grant", "gra-1")
    assert one != other
    assert len({one, other}) == 2


def test_what_is_caught_together_hangs_together() -> None:
    assert issubclass(SignInTooOld, SignInNeeded)
    stores = {kind.code for kind in kinds(StoreError)}
    assert stores == {
        "store-error",
        "store-unavailable",
        "store-outcome-unknown",
        "store-row-unreadable",
        "store-schema",
        "store-in-use",
    }
    assert all(kind.code.startswith("cluster-") for kind in kinds(ClusterError))


def test_every_errors_facts_can_stand_in_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    """A race lost at the database has a fact called `name`: logging it raised, and the thread that
    looked at a cluster died of it.
    """
    logging.getLogger("test").warning("lost", extra=ChangedMeanwhile("cluster", "prod").for_log())
    (line,) = caplog.records
    assert vars(line)["which"] == "prod"
