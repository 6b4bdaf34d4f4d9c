"""Hours of messages after an outage: two replicas tell them all, in order, once, and no faster
than Slack takes them.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from bot.playground.slack import SlackApp, SlackDouble, Workspace, words
from bot.playground.slack.rates import Limit
from bot.slack.app import make_client
from bot.slack.delivery import Courier
from bot.slack.members import Members
from bot.slack.ports import SlackPorts, SlackSettings
from grants.clock import SystemClock
from grants.outbox.model import Notice, Place, PlaceKind
from grants.store.store import Store
from tests.support import store_fixtures as fixtures
from tests.support.stores import opened
from tests.support.world import HerePolicy, a_policy

sqlite_template = fixtures.sqlite_template
sqlite_url = fixtures.sqlite_url
migrated_postgres_url = fixtures.migrated_postgres_url
database_url = fixtures.database_url

PLACES = 40
EACH = 5


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with closing(opened(database_url)) as store:
        yield store


@pytest.fixture
def double() -> Iterator[SlackDouble]:
    workspace, app = Workspace(seed="jam"), SlackApp.made_up()
    with SlackDouble(workspace, app, ack_seconds=2.5) as double:
        yield double
        assert workspace.refused == []


def ports(store: Store, double: SlackDouble, **changes: Any) -> SlackPorts:
    settings = SlackSettings(
        team=double.workspace.team_id,
        bot_token=double.app.bot_token,
        public_url="https://valetkey.example",
        api_url=double.api_url,
        delivery_timeout_seconds=2,
        **changes,
    )
    return SlackPorts(
        settings=settings,
        clock=SystemClock(),
        access=store,  # type: ignore[arg-type]
        people=store,  # type: ignore[arg-type]
        policy=HerePolicy(a_policy()),
        verbs=None,  # type: ignore[arg-type]
        lists=store.lists,  # type: ignore[arg-type]
        deliveries=store.deliveries,
        namespaces=lambda _: (),
    )


@contextmanager
def couriers(store: Store, double: SlackDouble, count: int, **changes: Any) -> Iterator[list[Any]]:
    """Run so many replicas' couriers, each round after round."""
    stop, made = threading.Event(), []
    for _ in range(count):
        one = ports(store, double, **changes)
        client = make_client(one.settings, 2, token=one.settings.bot_token)
        members = Members(client, one.clock, one.settings.team, timedelta(minutes=5))
        made.append(Courier(one, client, members))

    def run(courier: Courier) -> None:
        while not stop.is_set():
            courier.deliver_once()
            stop.wait(0.02)

    threads = [threading.Thread(target=run, args=(courier,)) for courier in made]
    for thread in threads:
        thread.start()
    yield made
    stop.set()
    for thread in threads:
        thread.join()
    for courier in made:
        courier.stop()


def fill(store: Store, double: SlackDouble, each: int) -> list[str]:
    users = [double.workspace.add_user(f"u{number}").id for number in range(PLACES)]
    for number in range(each):
        with store.write() as tx:
            for user in users:
                place = Place(PlaceKind.ACCOUNT, f"{double.workspace.team_id}/{user}")
                facts = {"target": f"n{number}", "problem": "p"}
                tx.notify(Notice("delivery-failed", user, place, facts))
    return users


def told(double: SlackDouble, user: str) -> list[str]:
    messages = double.as_user(double.workspace.users[user]).messages()
    return [words(m).split("delivered to ")[1].split(":")[0] for m in messages]


def drained(store: Store, within_seconds: float) -> float:
    begun = time.monotonic()
    while store.deliveries.figures().waiting:
        assert time.monotonic() - begun < within_seconds, store.deliveries.figures()
        time.sleep(0.05)
    return time.monotonic() - begun


def test_all_is_told_in_order_and_once_by_two_replicas_after_an_outage(
    store: Store, double: SlackDouble
) -> None:
    double.control.lift_rate_limits()
    outage = double.control.outage("503")
    users = fill(store, double, EACH)
    with couriers(store, double, 2, post_every=timedelta(0)) as made:
        deadline = time.monotonic() + 10
        while not all(courier.breaker.is_open for courier in made):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        tried = len(double.control.log("call"))
        double.control.end_outage(outage)
        took = drained(store, 100)
    print(f"{PLACES * EACH} messages told in {took:.1f} s")
    assert tried < 40, "while Slack is away it is asked now and then"
    expected = [f"n{number}" for number in range(EACH)]
    assert {user: told(double, user) for user in users} == dict.fromkeys(users, expected)


def test_limits_are_met_seldom_and_waited_for_by_both_replicas(
    store: Store, double: SlackDouble
) -> None:
    """A workspace that takes 20 posts a second after the first 30, and 5 a channel at once."""
    double.control.set_rate_limits({"chat.postMessage": Limit(1200, 30)}, a_channel=Limit(60, 5))
    users = fill(store, double, 3)
    with couriers(store, double, 2):
        drained(store, 100)
    calls = [entry for entry in double.control.log("call") if entry.name == "chat.postMessage"]
    refused = [entry for entry in calls if entry.facts.get("error") == "ratelimited"]
    print(f"{len(calls)} posts, {len(refused)} refused")
    assert len(refused) <= 12
    expected = [f"n{number}" for number in range(3)]
    assert {user: told(double, user) for user in users} == dict.fromkeys(users, expected)
