"""The verdict on outages is itself checked: each rule finds the log in which it is broken."""

import pytest

from tests.outages.stage import Part
from tests.outages.verdict import check, lags_of
from tests.replicas.checker import Seen
from tests.replicas.log import Entry
from tests.replicas.test_checker import BINDING, a_good_log
from tests.support.faulty_link import Fault


def _outage(part: Part, began: float, ended: float, settled: float) -> list[Entry]:
    about = {"part": str(part), "fault": str(Fault.STALL)}
    moments = (("fault", began), ("mended", ended), ("settled", settled))
    return [Entry(at, kind, about) for kind, at in moments]


def _allowed(at: float) -> Entry:
    said = {"allowed": True, "binding": BINDING, "answered": at + 0.01, "user": "oidc:ann"}
    return Entry(at, "review", said)


def _late(part: Part, at: float, *, mended: float) -> list[Entry]:
    """The good log, whose access should be over at 22, and is still seen `at` some time."""
    log = [entry for entry in a_good_log() if entry.facts.get("type") != "grant.ended"]
    (ended,) = [entry for entry in a_good_log() if entry.facts.get("type") == "grant.ended"]
    over = Entry(at + 0.1, "event", ended.facts | {"event_at": at + 0.1})
    return [*log, _allowed(at), over, *_outage(part, 20, mended, mended + 1)]


def _broken(log: list[Entry]) -> list[str]:
    return [violation.rule for violation in check(Seen(log))]


@pytest.mark.parametrize("part", Part)
def test_an_outage_in_which_all_went_well_is_found_good(part: Part) -> None:
    assert _broken([*a_good_log(), *_outage(part, 15, 30, 31)]) == []


@pytest.mark.parametrize("part", [Part.SLACK_API, Part.SLACK_SOCKETS, Part.PROVIDER])
def test_access_that_waits_for_a_part_it_needs_not_is_found(part: Part) -> None:
    assert _broken(_late(part, 27, mended=30)) == ["ends on time"]


@pytest.mark.parametrize("part", [Part.CLUSTER, Part.DATABASE])
def test_access_may_outlast_its_end_while_nothing_can_end(part: Part) -> None:
    log = _late(part, 58, mended=50)
    assert _broken(log) == []
    (lags,) = lags_of(Seen(log))
    assert lags.during is None
    assert lags.after == pytest.approx(8)


@pytest.mark.parametrize("part", [Part.CLUSTER, Part.DATABASE])
def test_access_that_goes_on_for_long_after_the_cluster_is_back_is_found(part: Part) -> None:
    assert "never past its end" in _broken(_late(part, 66, mended=50))


def test_no_other_part_gives_leave_to_go_on() -> None:
    assert "never past its end" in _broken(_late(Part.SLACK_API, 40, mended=50))


def test_an_outage_that_was_over_before_gives_no_leave() -> None:
    log = [*a_good_log(), *_outage(Part.CLUSTER, 15, 18, 19), _allowed(40)]
    assert "never past its end" in _broken(log)


def test_somebody_who_was_told_to_be_signed_in_and_is_not_is_found() -> None:
    told = Entry(16, "signed-in", {"person": "ann"})
    assert _broken([*a_good_log(), told]) == ["sign-ins stand"]


def test_a_lag_is_counted_from_the_end_of_the_fault() -> None:
    log = [*a_good_log(), *_outage(Part.PROVIDER, 15, 30, 33.5)]
    (lags,) = lags_of(Seen(log))
    assert lags.after == pytest.approx(3.5)
    assert lags.during == pytest.approx(0)
    assert lags.ended == 1
