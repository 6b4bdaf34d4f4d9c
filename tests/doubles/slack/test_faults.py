"""Errors, delays and outages on demand: each met, and each over when it should be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from bot.playground.slack import SlackApp, SlackDouble, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]


class Caller:
    """Calls the Web API over real connections, each time a new one, without retries."""

    def __init__(self, double: SlackDouble) -> None:
        self.double = double
        self.pool = urllib3.PoolManager(retries=False, timeout=2.0, maxsize=1)

    def raw(self, method: str, token: str | None = None, **args: Any) -> urllib3.BaseHTTPResponse:
        token = self.double.app.bot_token if token is None else token
        return self.pool.request(
            "POST",
            f"{self.double.api_url}{method}",
            json=args,
            headers={"Authorization": f"Bearer {token}"},
        )

    def call(self, method: str, **args: Any) -> Json:
        answer: Json = self.raw(method, **args).json()
        return answer

    def error(self, method: str, **args: Any) -> str:
        return str(self.call(method, **args).get("error", ""))


@pytest.fixture
def double() -> Iterator[SlackDouble]:
    workspace = Workspace(seed="faults")
    workspace.add_channel("ops")
    with SlackDouble(workspace, SlackApp.made_up()) as double:
        yield double


@pytest.fixture
def caller(double: SlackDouble) -> Iterator[Caller]:
    made = Caller(double)
    yield made
    made.pool.clear()


def ops(double: SlackDouble) -> str:
    return next(c.id for c in double.workspace.channels.values() if c.name == "ops")


def posted(double: SlackDouble) -> int:
    return len(double.workspace.messages[ops(double)])


def test_an_error_is_met_as_often_as_asked_and_does_nothing(
    double: SlackDouble, caller: Caller
) -> None:
    double.control.inject("chat.postMessage", error="fatal_error", times=2)
    args = {"channel": ops(double), "text": "hi"}
    assert [caller.error("chat.postMessage", **args) for _ in range(3)] == ["fatal_error"] * 2 + [
        ""
    ]
    assert posted(double) == 1


def test_an_error_is_for_one_method_and_one_argument(double: SlackDouble, caller: Caller) -> None:
    other = double.workspace.add_channel("other")
    double.control.inject("chat.*", where={"channel": ops(double)}, error="is_archived", times=None)
    assert caller.error("chat.postMessage", channel=other.id, text="hi") == ""
    assert caller.error("auth.test") == ""
    for _ in range(3):
        assert caller.error("chat.postMessage", channel=ops(double), text="hi") == "is_archived"
    double.control.lift()
    assert caller.error("chat.postMessage", channel=ops(double), text="hi") == ""


def test_a_limit_by_hand_says_when_to_come_again(double: SlackDouble, caller: Caller) -> None:
    double.control.inject("auth.test", retry_after_seconds=7)
    answer = caller.raw("auth.test")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json()["error"] == "ratelimited"


def test_a_call_may_take_effect_and_lose_its_answer(double: SlackDouble, caller: Caller) -> None:
    double.control.inject("chat.postMessage", trouble="reset", takes_effect=True)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        caller.raw("chat.postMessage", channel=ops(double), text="hi")
    assert posted(double) == 1
    double.control.inject("chat.postMessage", trouble="reset")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        caller.raw("chat.postMessage", channel=ops(double), text="hi")
    assert posted(double) == 1
    lost, refused = double.control.log("call")
    assert (lost.facts["done"], refused.facts["done"]) == (True, False)


def test_garbage_of_each_kind(double: SlackDouble, caller: Caller) -> None:
    double.control.inject("auth.test", trouble="html")
    answer = caller.raw("auth.test")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"<html>" in answer.data
    double.control.inject("auth.test", trouble="truncated", takes_effect=True)
    answer = caller.raw("auth.test")
    assert answer.status == 200
    with pytest.raises(ValueError, match="char"):
        answer.json()
    double.control.inject("auth.test", trouble="empty")
    assert caller.raw("auth.test").data == b""
    double.control.inject("auth.test", status=503)
    assert caller.raw("auth.test").status == 503
    double.control.inject("auth.test", trouble="cut", takes_effect=True)
    with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
        caller.raw("auth.test")
    assert caller.error("auth.test") == ""


def test_a_stall_ends_when_it_is_lifted(double: SlackDouble, caller: Caller) -> None:
    caller.pool.connection_pool_kw["timeout"] = 0.3
    fault = double.control.inject("auth.test", trouble="stall", times=None)
    began = time.monotonic()
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        caller.raw("auth.test")
    assert time.monotonic() - began > 0.25
    double.control.lift(fault)
    assert caller.error("auth.test") == ""


def test_a_delay_is_waited_and_then_the_answer_is_true(double: SlackDouble, caller: Caller) -> None:
    double.control.inject("auth.test", delay_seconds=0.2)
    began = time.monotonic()
    assert caller.call("auth.test")["team_id"] == double.workspace.team_id
    assert time.monotonic() - began >= 0.2


def faults_met(seed: str) -> list[str]:
    workspace = Workspace(seed=seed)
    workspace.faults.add("*", None, times=None, probability=0.5)
    return ["x" if workspace.faults.decide("auth.test", {}) else "." for _ in range(64)]


def test_what_is_met_by_chance_follows_from_the_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert faults_met("one") == faults_met("one")
    assert faults_met("one") != faults_met("two")
    assert 10 < faults_met("one").count("x") < 54
    assert "seed 'one'" in capsys.readouterr().out


def test_a_seed_that_was_printed_can_be_given_again() -> None:
    def drawn(faults: Any) -> list[float]:
        return [faults.dice("fault").random(), faults.dice("fault").random()]

    first, other = Workspace(seed="one").faults, Workspace(seed="two").faults
    before = drawn(first)
    assert before[0] != before[1]
    assert drawn(other) != before
    other.reseed("one")
    assert drawn(other) == before


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "html", "truncated", "empty"])
def test_an_outage_that_answers_badly_begins_and_ends(
    double: SlackDouble, caller: Caller, kind: Any
) -> None:
    assert caller.error("auth.test") == ""
    outage = double.control.outage(kind)
    answer = caller.raw("auth.test")
    assert answer.status == (int(kind) if kind.isdecimal() else 200)
    with pytest.raises(ValueError, match=r"char|column"):
        answer.json()
    double.control.end_outage(outage)
    assert caller.error("auth.test") == ""


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_an_outage_that_breaks_connections(double: SlackDouble, caller: Caller, kind: Any) -> None:
    double.control.outage(kind)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        caller.raw("auth.test")
    double.control.end_outage()
    assert caller.error("auth.test") == ""


def test_an_outage_in_which_nothing_listens(double: SlackDouble, caller: Caller) -> None:
    assert caller.error("auth.test") == ""
    double.control.outage("refuse")
    for _ in range(2):  # the open connection is reset, and no new one is taken
        with pytest.raises(
            (urllib3.exceptions.ProtocolError, urllib3.exceptions.NewConnectionError)
        ):
            caller.raw("auth.test")
    caller.pool.clear()
    with pytest.raises(urllib3.exceptions.NewConnectionError, match="refused"):
        caller.raw("auth.test")
    double.control.end_outage()
    assert caller.error("auth.test") == ""


def test_an_outage_ends_by_itself(double: SlackDouble, caller: Caller) -> None:
    double.control.outage("refuse", seconds=0.2)
    double.workspace.wait_for(lambda: not double.workspace.faults.outages)
    caller.pool.clear()
    assert caller.error("auth.test") == ""
    names = [entry.name for entry in double.control.log("outage")]
    assert names == ["refuse begins", "refuse ends"]


def test_an_outage_may_spare_the_web_api(double: SlackDouble, caller: Caller) -> None:
    double.control.outage("503", areas=["sockets"])
    assert caller.error("auth.test") == ""


def test_planned_outages_follow_from_the_seed() -> None:
    def plan(seed: str) -> list[tuple[str, float]]:
        double = SlackDouble(Workspace(seed=seed), SlackApp.made_up())
        now = time.monotonic()
        planned = double.control.plan_outages(5, 600)
        double.stop()
        assert all(o.ends is not None and o.ends <= now + 601 for o in planned)
        return [(o.kind, round((o.ends or 0) - o.begins, 3)) for o in planned]

    assert plan("one") == plan("one") != plan("two")


def test_an_outage_of_no_known_kind_is_refused(double: SlackDouble) -> None:
    with pytest.raises(ValueError, match="no such outage"):
        double.control.outage("fire")  # type: ignore[arg-type]
