"""Claims of the courier: kept while work goes on, and not a moment after."""

import threading
from collections.abc import Callable
from datetime import timedelta

from bot.slack.keeping import KeptClaims
from grants.errors import StoreUnavailable

HOLD = timedelta(seconds=0.06)


class Renewals:
    """Hears what is renewed."""

    def __init__(self, error: Exception | None = None) -> None:
        self._changed = threading.Condition()
        self._error = error
        self.heard: list[frozenset[str]] = []

    def __call__(self, ids: tuple[str, ...], hold: timedelta) -> None:
        assert hold == HOLD
        with self._changed:
            self.heard.append(frozenset(ids))
            self._changed.notify_all()
        if self._error is not None:
            raise self._error

    def wait(self, holds: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(holds, 10)


def _threads() -> int:
    return sum(thread.name == "slack-claims" for thread in threading.enumerate())


def _gone() -> None:
    for thread in threading.enumerate():
        if thread.name == "slack-claims":
            thread.join(10)
    assert _threads() == 0


def test_a_claim_is_renewed_again_and_again_until_its_work_is_done() -> None:
    renewals = Renewals()
    claims = KeptClaims(renewals, HOLD)
    claims.begin("a")
    claims.begin("b")
    renewals.wait(lambda: renewals.heard.count(frozenset({"a", "b"})) >= 3)
    claims.end("a")
    renewals.wait(lambda: frozenset({"b"}) in renewals.heard)
    claims.end("b")
    _gone()


def test_work_that_is_soon_done_costs_no_renewal() -> None:
    renewals = Renewals()
    claims = KeptClaims(renewals, timedelta(hours=1))
    claims.begin("a")
    claims.end("a")
    _gone()
    assert renewals.heard == []


def test_what_begins_later_is_kept_too() -> None:
    renewals = Renewals()
    claims = KeptClaims(renewals, HOLD)
    for row in ("a", "b"):
        claims.begin(row)
        renewals.wait(lambda: frozenset({row}) in renewals.heard)  # noqa: B023
        claims.end(row)
        _gone()


def test_a_database_that_is_away_ends_no_renewing() -> None:
    renewals = Renewals(StoreUnavailable("down"))
    claims = KeptClaims(renewals, HOLD)
    claims.begin("a")
    renewals.wait(lambda: len(renewals.heard) >= 3)
    claims.end("a")
    _gone()
