"""Rate limits as Slack has them: by method and workspace, and by channel for posting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import urllib3

from bot.playground.slack import SlackApp, SlackDouble, Workspace
from bot.playground.slack.rates import LIMITS, Limit, Rates
from bot.playground.slack.routes import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator


class Ticks:
    """A clock in seconds that tests move."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def passed(rates: Rates, method: str, calls: int, place: str = "") -> int:
    return sum(rates.take(method, place) is None for _ in range(calls))


def test_every_method_has_a_limit() -> None:
    assert LIMITS.keys() == METHODS.keys()


@pytest.mark.parametrize(
    ("method", "per_minute"),
    [("usergroups.list", 20), ("chat.update", 50), ("users.info", 100), ("auth.test", 600)],
)
def test_a_method_has_its_burst_and_then_its_rate(method: str, per_minute: int) -> None:
    ticks = Ticks()
    rates = Rates(monotonic=ticks)
    burst = LIMITS[method].burst
    assert passed(rates, method, burst + 50) == burst
    assert rates.take(method) == max(1, -(-60 // per_minute))
    ticks.now += 60
    assert passed(rates, method, per_minute + 50) == min(per_minute, burst)
    ticks.now += 3600
    assert passed(rates, method, burst + 50) == burst


def test_posting_is_limited_by_channel_and_one_channel_does_not_limit_another() -> None:
    ticks = Ticks()
    rates = Rates(monotonic=ticks)
    assert passed(rates, "chat.postMessage", 30, "C1") == 10
    assert passed(rates, "chat.postMessage", 30, "C2") == 10
    ticks.now += 3
    assert passed(rates, "chat.postMessage", 30, "C1") == 3
    assert rates.take("chat.postMessage", "C1") == 1


def test_posting_is_limited_in_the_whole_workspace_too() -> None:
    rates = Rates(monotonic=Ticks())
    assert sum(passed(rates, "chat.postMessage", 10, f"C{n}") for n in range(20)) == 100


def test_limits_can_be_set_and_lifted() -> None:
    rates = Rates(monotonic=Ticks())
    rates.reset({"users.info": Limit(60, 1)})
    assert passed(rates, "users.info", 5) == 1
    rates.lifted = True
    assert passed(rates, "users.info", 5) == 5


@pytest.fixture
def double() -> Iterator[SlackDouble]:
    with SlackDouble(Workspace(seed="rates"), SlackApp.made_up()) as double:
        yield double


def call(double: SlackDouble, method: str, **args: object) -> urllib3.BaseHTTPResponse:
    headers = {"Authorization": f"Bearer {double.app.bot_token}"}
    url = f"{double.api_url}{method}"
    return urllib3.request("POST", url, json=args, headers=headers, retries=False)


def test_a_call_too_many_is_answered_429_and_does_nothing(double: SlackDouble) -> None:
    erin = double.workspace.add_user("erin")
    double.control.set_rate_limits(a_channel=Limit(60, 2))
    dm = double.workspace.dm(erin.id).id
    answers = [call(double, "chat.postMessage", channel=to, text="hi") for to in (erin.id, dm, dm)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "1"
    assert answers[2].json() == {"ok": False, "error": "ratelimited"}
    assert len(double.workspace.messages[dm]) == 2
    assert call(double, "auth.test").json()["ok"]


def test_the_limits_can_be_lifted_and_put_back(double: SlackDouble) -> None:
    double.control.set_rate_limits({"auth.test": Limit(60, 1)})
    assert [call(double, "auth.test").status for _ in range(2)] == [200, 429]
    double.control.lift_rate_limits()
    assert [call(double, "auth.test").status for _ in range(3)] == [200] * 3
    double.control.lift_rate_limits(lifted=False)
    assert [call(double, "auth.test").status for _ in range(2)] == [200, 429]
