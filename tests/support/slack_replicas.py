"""Several replicas of the bot over one store, each reachable by HTTP and by a socket of its own."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlencode

import requests

from bot.playground.slack import Person, SlackApp, SlackDouble, Workspace
from bot.playground.slack.courier import signature
from bot.playground.slack.records import Delivery
from bot.slack.app import build_app, make_courier, make_socket, make_surface
from bot.slack.delivery import Courier
from bot.slack.endpoint import SlackEndpoint
from bot.slack.ports import SlackPorts, SlackSettings
from bot.slack.socket_connection import Pace
from bot.slack.socket_mode import SocketMode, SocketOptions
from grants.clock import SystemClock
from tests.support.slack_bot import PUBLIC_URL, TEAM, card_of, make_ports, serve
from tests.support.world import World

T = TypeVar("T")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
QUICK = Pace(ping_seconds=0.1, silent_after_seconds=0.6, hello_seconds=2.0, linger_seconds=0.3)


@dataclass
class Replica:
    """One process of the bot, as far as Slack can tell."""

    world: World
    ports: SlackPorts
    endpoint: SlackEndpoint
    socket: SocketMode
    courier: Courier
    url: str


@dataclass
class Replicas:
    """The workspace, and the replicas that serve it."""

    workspace: Workspace
    double: SlackDouble
    waked: list[int]
    each: list[Replica] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.each[0].world

    def person(self, name: str, *groups: str) -> Person:
        """Add somebody who is linked and has just signed in."""
        user = self.workspace.add_user(name, f"{name.title()} Example")
        self.world.person(name, *groups, account=user.id)
        return self.double.as_user(user)

    def by_http(self, number: int = 0) -> None:
        """Have Slack send by HTTP to one replica."""
        self.double.courier.request_url = self.each[number].url

    def by_socket(self) -> None:
        self.double.courier.request_url = None

    def deliver(self) -> None:
        """Deliver what is due to be told."""
        courier = self.each[0].courier
        while courier.deliver_once().sent:
            pass

    def ask(self, person: Person, reason: str = "To look") -> None:
        """Ask by the form."""
        fill(person, reason)
        done = person.submit(person.view())
        assert done.errors == {}, done.errors
        self.deliver()

    def card(self, person: Person) -> Any:
        return card_of(person)

    def post(self, number: int, payload: dict[str, Any], **headers: str) -> requests.Response:
        """Send a payload to one replica by HTTP, signed now."""
        fields = payload if "command" in payload else {"payload": json.dumps(payload)}
        body, at = urlencode(fields).encode(), str(int(time.time()))
        signed = {
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": signature(self.double.app.signing_secret, at, body),
        }
        url = self.each[number].url
        return requests.post(url, data=body, headers=FORM | signed | headers, timeout=5)

    def wait(self, is_so: Callable[[], T], seconds: float = 10.0) -> T:
        return self.workspace.wait_for(is_so, seconds)

    def heard(self) -> list[str]:
        """Which methods of the Web API were called, in order."""
        return [call.method for call in self.workspace.calls]


def fill(person: Person, reason: str = "To look") -> None:
    """Open the form and fill it in."""
    assert person.slash("/access").ok
    person.choose(person.view(), "cluster", "prod")
    person.choose(person.view(), "namespace", "payments-dev")
    person.choose(person.view(), "entitlement", "view-payments")
    person.choose(person.view(), "duration", "3600")
    person.type(person.view(), "reason", reason)


def together(*calls: Callable[[], T]) -> list[T]:
    """Make calls at the same moment, each on a thread of its own."""
    barrier, done = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number: int) -> None:
        barrier.wait(10)
        done[number] = calls[number]()  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return done  # type: ignore[return-value]


@contextmanager
def slack_replicas(
    worlds: Sequence[World], change: Callable[[SlackPorts, World], SlackPorts] | None = None
) -> Iterator[Replicas]:
    """Run one replica for each world; the worlds share their rows."""
    workspace = Workspace(seed="replicas", clock=worlds[0].clock.now)
    workspace.team_id = TEAM
    app = SlackApp.made_up()
    with SlackDouble(workspace, app, ack_seconds=2.5) as double, ExitStack() as stack:
        double.control.lift_rate_limits()
        town = Replicas(workspace, double, [])
        settings = SlackSettings(
            TEAM, app.bot_token, PUBLIC_URL, api_url=double.api_url, post_burst=1000
        )
        for world in worlds:
            ports = make_ports(world, settings, town.waked)
            ports = change(ports, world) if change else ports
            town.each.append(_replica(town, app, world, ports, stack))
        town.wait(lambda: double.sockets.count == len(worlds))
        yield town


def _replica(
    town: Replicas, app: SlackApp, world: World, ports: SlackPorts, stack: ExitStack
) -> Replica:
    surface = make_surface(ports)
    bolt = build_app(surface)
    endpoint = SlackEndpoint(bolt, app.signing_secret, SystemClock())
    url = stack.enter_context(serve(endpoint))
    options = SocketOptions(connections=1, retry_most_seconds=0.4, pace=QUICK)
    socket = make_socket(surface, bolt, app.app_token, options)
    courier = make_courier(surface)
    stack.callback(courier.stop)
    socket.start()
    stack.callback(lambda: socket.stop(1.0))
    return Replica(world, ports, endpoint, socket, courier, url)


def as_new_click(delivery: Delivery, **changes: Any) -> dict[str, Any]:
    """The payload of another click on the same button, a moment later."""
    action = {**delivery.payload["actions"][0], "action_ts": f"{time.time():.6f}"}
    return {**delivery.payload, "actions": [action], **changes}


__all__ = ["Replicas", "as_new_click", "fill", "replace", "slack_replicas", "together"]
