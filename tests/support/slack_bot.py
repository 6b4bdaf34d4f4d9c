"""The surface in Slack over the small world of verbs, talking to the strict double of Slack."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from wsgiref.simple_server import make_server

import falcon

from bot.playground.slack import Message, Person, SlackApp, SlackDouble, Workspace, words
from bot.slack.app import build_app, make_courier, make_socket, make_surface
from bot.slack.delivery import Counts, Courier
from bot.slack.endpoint import SlackEndpoint
from bot.slack.namespaces import Namespaces
from bot.slack.ports import FindingSource, SlackPorts, SlackSettings, Verbs
from bot.slack.waking import Due, waking
from grants.access.cancel_request import cancel_request
from grants.access.decide import decide
from grants.access.give_back import give_back
from grants.access.model import AccessRequest, Grant, RequestState
from grants.access.request_access import request_access
from grants.access.revoke_grant import revoke_grant
from grants.clock import SystemClock
from grants.people.model import Account
from grants.people.offer_sign_in import offer_sign_in
from grants.review.keep_finding import keep_finding, may_keep
from grants.review.not_mine import say_not_mine
from tests.support.memory_deliveries import MemoryDeliveries
from tests.support.memory_store import MemoryStore
from tests.support.slack_world import QuietRequestHandler, ThreadingServer
from tests.support.world import World

PUBLIC_URL = "https://valetkey.example"
TEAM = "T1"  # the team of the small world's accounts


class MemoryLists:
    """What status, history and Home list, from the store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def pending_requests(self, limit: int) -> Sequence[AccessRequest]:
        found = self._store._rows.requests.values()
        return [r for r in found if r.state is RequestState.PENDING][:limit]

    def requests_of(self, person: str, limit: int) -> Sequence[AccessRequest]:
        found = [r for r in self._store._rows.requests.values() if r.requester == person]
        return found[::-1][:limit]

    def grants(self, person: str | None, limit: int) -> Sequence[Grant]:
        found = self._store._rows.grants.values()
        return [g for g in found if person in (None, g.recipient)][::-1][:limit]


def make_ports(world: World, settings: SlackSettings, waked: list[int] | None = None) -> SlackPorts:
    """Give the surface's ports over the verbs of a small world."""

    def namespaces(alias: str) -> Sequence[str]:
        cluster = world.clusters.get(alias)
        return cluster.namespaces() if cluster else ()

    def wake(_due: Sequence[Due]) -> None:
        if waked is not None:
            waked.append(1)

    verbs = Verbs(
        request_access=waking(wake, partial(request_access, ports=world)),
        cancel_request=waking(wake, partial(cancel_request, ports=world)),
        decide=waking(wake, partial(decide, ports=world)),
        give_back=waking(wake, partial(give_back, ports=world)),
        revoke_grant=waking(wake, partial(revoke_grant, ports=world)),
        offer_sign_in=partial(offer_sign_in, ports=world),  # type: ignore[arg-type]
        may_keep=partial(may_keep, ports=world),  # type: ignore[arg-type]
        keep_finding=waking(wake, partial(keep_finding, ports=world)),  # type: ignore[arg-type]
        say_not_mine=waking(wake, partial(say_not_mine, ports=world)),  # type: ignore[arg-type]
    )
    store: Any = world.store
    in_memory = isinstance(store, MemoryStore)
    return SlackPorts(
        settings=settings,
        clock=world.clock,
        access=world.store,  # type: ignore[arg-type]
        people=world.store,  # type: ignore[arg-type]
        policy=world.policy,
        verbs=verbs,
        lists=MemoryLists(store) if in_memory else store.lists,
        deliveries=MemoryDeliveries(store) if in_memory else store.deliveries,
        namespaces=Namespaces(namespaces),
    )


@dataclass
class SlackBot:
    """A small world, the double of Slack, and the bot between them."""

    world: World
    workspace: Workspace
    double: SlackDouble
    ports: SlackPorts
    courier: Courier
    waked: list[int]

    @property
    def deliveries(self) -> MemoryDeliveries:
        return self.ports.deliveries  # type: ignore[return-value]

    def user(self, name: str, **about: Any) -> Person:
        """Add somebody to the workspace who is linked to nobody."""
        return self.double.as_user(self.workspace.add_user(name, **about))

    def person(self, name: str, *groups: str, **about: Any) -> Person:
        """Add somebody to the workspace who is linked and has just signed in."""
        user = self.workspace.add_user(name, f"{name.title()} Example", **about)
        linked = self.world.person(name, *groups, account=user.id)
        if linked.team != self.ports.settings.team:
            with self.world.store.write() as tx:
                known = tx.known(linked)
                tx.unlink(linked)
                home = Account(self.ports.settings.team, user.id)
                tx.link(home, known.person.id, self.world.clock.now())
        return self.double.as_user(user)

    def account(self, person: Person) -> Account:
        return Account(self.ports.settings.team, person.id)

    def with_settings(self, **changes: Any) -> None:
        """Deliver with other settings from now on."""
        self.ports = replace(self.ports, settings=replace(self.ports.settings, **changes))
        self.courier.stop()
        self.courier = make_courier(make_surface(self.ports))

    def deliver(self) -> Counts:
        """Deliver everything that is due."""
        counts = Counts()
        while True:
            done = self.courier.deliver_once()
            counts = Counts(
                counts.sent + done.sent,
                counts.retried + done.retried,
                counts.dropped + done.dropped,
            )
            if done == Counts():
                return counts

    def read(self, person: Person, place: Any = None) -> str:
        """Give the words of the last message but pings that somebody sees there."""
        return words(card_of(person, place))


@contextmanager
def slack_bot(
    world: World,
    mode: str = "http",
    organisation: str = "",
    findings: FindingSource | None = None,
    **changes: Any,
) -> Iterator[SlackBot]:
    """Run the bot against the double, by signed HTTP or Socket Mode; `changes` to its settings.

    `organisation`: installed for a whole one; "team" or "enterprise" is what payloads then name.
    """
    workspace = Workspace(seed="bot", clock=world.clock.now)
    workspace.team_id = TEAM
    served = TEAM
    if organisation:
        served = workspace.join_grid("Fleet", org_wide=True, user_team=organisation).id  # type: ignore[arg-type]
    app = SlackApp.made_up()
    waked: list[int] = []
    with SlackDouble(workspace, app, ack_seconds=2.5) as double:
        settings = SlackSettings(
            team=served,
            bot_token=app.bot_token,
            public_url=PUBLIC_URL,
            api_url=double.api_url,
            **changes,
        )
        ports = replace(make_ports(world, settings, waked), findings=findings)
        surface = make_surface(ports)
        courier = make_courier(surface)
        bot = SlackBot(world, workspace, double, ports, courier, waked)
        bolt = build_app(surface)
        if mode == "socket":
            connection = make_socket(surface, bolt, app.app_token)
            connection.start()
            double.wait_connected()
            yield bot
            connection.stop()
            courier.stop()
            return
        endpoint = SlackEndpoint(bolt, app.signing_secret, SystemClock())
        with serve(endpoint) as url:
            double.courier.request_url = url
            yield bot
        courier.stop()


@contextmanager
def serve(endpoint: SlackEndpoint) -> Iterator[str]:
    """Serve the endpoint on loopback; gives its URL."""
    wsgi = falcon.App()
    wsgi.add_route("/slack/events", endpoint)
    server = make_server("127.0.0.1", 0, wsgi, ThreadingServer, QuietRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/slack/events"
    server.shutdown()
    thread.join()
    server.server_close()


def card_of(person: Person, place: Any = None) -> Message:
    """Give the newest message that is no ping: pings come after the card that they mean."""
    found: list[Message] = person.messages(place)
    return next((m for m in reversed(found) if not is_ping(m)), found[-1])


def is_ping(message: Message) -> bool:
    """Tell whether a message is a sentence that says aloud what a card shows in silence."""
    begins = (
        "Your access is active until ",
        "Your access has ended: ",
        "Your request was ",
        "Your request reached nobody ",
    )
    return len(message.blocks) == 1 and message.text.startswith(begins)
