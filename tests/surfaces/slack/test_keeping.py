"""Claims of the courier: kept while work goes on, and not a moment after."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.slack.keeping import ClaimLostError, KeptClaims
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
    a, b = claims.begin("a", claims.now()), claims.begin("b", claims.now())
    renewals.wait(lambda: renewals.heard.count(frozenset({"a", "b"})) >= 3)
    claims.end(a)
    renewals.wait(lambda: frozenset({"b"}) in renewals.heard)
    claims.must_hold(b)
    claims.end(b)
    _gone()


def test_work_that_is_soon_done_costs_no_renewal() -> None:
    renewals = Renewals()
    claims = KeptClaims(renewals, timedelta(hours=1))
    claims.end(claims.begin("a", claims.now()))
    _gone()
    assert renewals.heard == []


def test_what_begins_later_is_kept_too() -> None:
    renewals = Renewals()
    claims = KeptClaims(renewals, HOLD)
    for row in ("a", "b"):
        claim = claims.begin(row, claims.now())
        renewals.wait(lambda: frozenset({row}) in renewals.heard)  # noqa: B023
        claims.end(claim)
        _gone()


def test_a_claim_whose_holder_stood_still_is_lost_and_never_renewed() -> None:
    """Woken after its claim had run out, a replica posted what another had posted meanwhile.

    It may have claimed the row anew by then: the sleeper's own claim is lost all the same.
    """
    now = [0]
    renewals = Renewals()
    claims = KeptClaims(renewals, HOLD, lambda: now[0])
    slept = claims.begin("a", claims.now())
    claims.must_hold(slept)
    now[0] = int(HOLD.total_seconds() * 1e9)
    with pytest.raises(ClaimLostError):
        claims.must_hold(slept)
    anew = claims.begin("b", claims.now())
    renewals.wait(lambda: renewals.heard.count(frozenset({"b"})) >= 2)
    claims.must_hold(anew)
    with pytest.raises(ClaimLostError):
        claims.must_hold(slept)
    claims.end(slept)
    claims.end(anew)
    _gone()
    assert frozenset({"a", "b"}) not in renewals.heard


def test_a_database_that_is_away_ends_no_renewing_and_the_claim_is_lost_in_time() -> None:
    now = [0]
    renewals = Renewals(StoreUnavailable("down"))
    claims = KeptClaims(renewals, HOLD, lambda: now[0])
    claim = claims.begin("a", claims.now())
    renewals.wait(lambda: len(renewals.heard) >= 3)
    claims.must_hold(claim)
    now[0] = int(HOLD.total_seconds() * 1e9)
    with pytest.raises(ClaimLostError):
        claims.must_hold(claim)
    claims.end(claim)
    _gone()
