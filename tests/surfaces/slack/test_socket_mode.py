"""Slack by Socket Mode: several connections, silence noticed, refreshed without a gap, drained."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from slack_bolt import BoltRequest, BoltResponse

from bot.playground.slack import words
from bot.slack import socket_work
from bot.slack.socket_connection import Pace
from bot.slack.socket_mode import SocketMode, SocketOptions
from tests.support.slack_bot import slack_bot
from tests.support.socket_server import SocketServer, refused
from tests.support.world import World

QUICK = Pace(ping_seconds=0.1, silent_after_seconds=0.6, hello_seconds=0.5, linger_seconds=0.3)


class FakeApp:
    """Stands for the Bolt app: does what the test says, and remembers what came."""

    def __init__(self) -> None:
        self.act: Callable[[str], object] = lambda _: None
        self.seen: list[str] = []

    def dispatch(self, request: BoltRequest) -> BoltResponse:
        name = str(request.body.get("text", ""))
        self.seen.append(name)
        answer = self.act(name)
        return answer if isinstance(answer, BoltResponse) else BoltResponse(status=200, body="")


class Watch:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.stood: list[int] = []
        self.ends: list[str] = []
        self.outcomes: list[tuple[str, str]] = []

    def standing(self, count: int) -> None:
        self.stood.append(count)

    def ended(self, why: str) -> None:
        self.ends.append(why)

    def came(self, way: str, kind: str, outcome: str, seconds: float) -> None:
        assert way == "socket"
        self.outcomes.append((kind, outcome))


class Bench:
    """A server, an app, and the connections between them."""

    def __init__(self, server: SocketServer) -> None:
        self.server, self.app, self.watch = server, FakeApp(), Watch()
        self.socket: SocketMode | None = None

    def connect(self, connections: int = 2, **options: Any) -> SocketMode:
        options = {"retry_most_seconds": 0.4, "pace": QUICK} | options
        self.socket = SocketMode(
            self.app,  # type: ignore[arg-type]
            lambda: "xapp-1",
            self.server,  # type: ignore[arg-type]
            SocketOptions(connections=connections, **options),
            self.watch,
        )
        self.socket.start()
        return self.socket

    def standing(self, count: int) -> SocketMode:
        socket = self.connect(count)
        self.server.wait(lambda: socket.standing == count)
        return socket

    def send(self, number: int, envelope: str, kind: str = "command") -> None:
        self.server.links[number].envelope(envelope, **payload(envelope, kind))


def payload(name: str, kind: str = "command") -> dict[str, Any]:
    """Something of a kind, called `name`."""
    if kind == "command":
        return {"command": "/access", "text": name, "trigger_id": name}
    if kind == "click":
        one = {"action_id": "approve", "action_ts": "1.2"}
        return {"type": "block_actions", "actions": [one], "text": name}
    return {"type": kind, "text": name, "event_id": name, "view": {"id": name}}


@contextmanager
def bench() -> Iterator[Bench]:
    with SocketServer().running() as server:
        made = Bench(server)
        try:
            yield made
        finally:
            if made.socket is not None:
                made.socket.stop(drain_seconds=1.0)


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


def test_the_same_handlers_answer_by_socket(world: World) -> None:
    with slack_bot(world, "socket") as bot:
        erin = bot.person("erin", "engineers")
        assert erin.slash("/access", "help").ok
        assert "/access status" in words(erin.messages()[-1])
        erin.slash("/access")
        assert erin.choose(erin.view(), "cluster", "prod").ok  # type: ignore[union-attr]
        done = erin.submit(erin.view())
        assert done.error == "incomplete"
        assert bot.workspace.refused == []


def test_as_many_connections_stand_as_are_wanted_and_each_is_answered(table: Bench) -> None:
    socket = table.standing(3)
    for number in range(3):
        table.send(number, f"e{number}")
    table.server.wait(lambda: all(table.server.acked(f"e{n}") for n in range(3)))
    assert sorted(table.app.seen) == ["e0", "e1", "e2"]
    assert [link.acks for link in table.server.links] == [
        [{"envelope_id": f"e{n}"}] for n in (0, 1, 2)
    ]
    assert socket.problem is None
    # What is counted is counted once the ack is out.
    table.server.wait(lambda: len(table.watch.outcomes) == 3)
    assert table.watch.outcomes == [("command", "done")] * 3


@pytest.mark.parametrize("number", [0, 11, 99])
def test_never_more_than_slack_takes_nor_none(table: Bench, number: int) -> None:
    socket = table.connect(number)
    table.server.wait(lambda: socket.standing == (10 if number else 1))
    threading.Event().wait(0.1)
    assert len(table.server.links) == (10 if number else 1)


def test_it_connects_once_slack_is_there(table: Bench) -> None:
    table.server.fails = [refused("internal_error"), ConnectionRefusedError(), KeyError("url")]
    socket = table.connect(1)
    assert socket.problem == "not-connected"
    table.server.wait(lambda: socket.is_connected)
    assert table.watch.ends == ["not-opened"] * 3


def test_waits_between_tries_grow_and_are_spread_by_chance(table: Bench) -> None:
    table.server.fails = [refused("internal_error")] * 4
    socket = table.connect(1, retry_most_seconds=0.4)
    table.server.wait(lambda: socket.is_connected)
    waits = [
        later - one
        for one, later in zip(table.server.opened, table.server.opened[1:], strict=False)
    ]
    assert 0.12 <= waits[0] <= 0.4
    assert all(0.2 <= wait <= 0.6 for wait in waits[1:])


def test_when_slack_limits_us_we_wait_as_long_as_it_says(table: Bench) -> None:
    table.server.fails = [refused("ratelimited", 429, Retry_After="1")]
    socket = table.connect(1)
    table.server.wait(lambda: socket.is_connected)
    first, second = table.server.opened
    assert second - first >= 1.0


def test_without_hello_a_connection_does_not_count_and_is_replaced(table: Bench) -> None:
    table.server.hello = False
    socket = table.connect(1)
    table.server.wait(lambda: table.server.links)
    assert not socket.is_connected
    table.server.wait(lambda: "no-hello" in table.watch.ends)
    table.server.hello = True
    table.server.wait(lambda: socket.is_connected)


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "something new"])
def test_a_refresh_leaves_no_gap(table: Bench, reason: str) -> None:
    """The successor stands before the old one is left, and what still comes on it is acked."""
    socket = table.standing(1)
    old = table.server.links[0]
    old.disconnect(reason)
    table.server.wait(lambda: len(table.server.links) == 2)
    table.server.wait(lambda: socket.is_connected)
    assert not old.closed.is_set(), "it was left before another stood"
    table.send(0, "late")
    table.server.wait(lambda: old.acked("late"))
    table.send(1, "new")
    table.server.wait(lambda: table.server.links[1].acked("new"))
    assert old.closed.wait(5), "nothing comes any more, so it is left"
    table.server.wait(lambda: bool(table.watch.ends))
    assert table.watch.ends == ["refreshed"]
    assert len(table.server.links) == 2


def test_while_no_other_can_be_had_the_old_connection_is_kept(table: Bench) -> None:
    table.standing(1)
    table.server.fails = [refused("internal_error")] * 4
    table.server.links[0].disconnect("warning")
    table.server.wait(lambda: len(table.server.opened) >= 4)
    table.send(0, "still")
    table.server.wait(lambda: table.server.links[0].acked("still"))
    assert not table.server.links[0].closed.is_set()


def test_all_are_refreshed_at_once_and_nothing_is_lost(table: Bench) -> None:
    socket = table.standing(2)
    for link in table.server.links[:2]:
        link.disconnect("refresh_requested")
    for number in (0, 1):
        table.send(number, f"during{number}")
    table.server.wait(lambda: len(table.server.links) == 4)
    table.server.wait(lambda: table.server.acked("during0") and table.server.acked("during1"))
    table.server.wait(lambda: socket.standing == 2)
    assert all(link.closed.wait(5) for link in table.server.links[:2])


def test_socket_mode_switched_off_is_said_and_tried_again(table: Bench) -> None:
    socket = table.standing(1)
    table.server.fails = [refused("socket_mode_disabled")] * 5
    table.server.links[0].disconnect("link_disabled")
    table.server.links[0].socket.close()
    table.server.wait(lambda: socket.problem == "socket-mode-off")
    table.server.wait(lambda: socket.is_connected)
    assert socket.problem is None
    assert table.watch.ends.count("link-disabled") == 1


def test_one_too_many_is_tried_again_after_growing_waits(table: Bench) -> None:
    """Replicas times connections may be more than the ten that Slack takes."""
    table.server.hello = False
    table.connect(1, retry_most_seconds=2.0)
    begun = time.monotonic()
    refused: set[int] = set()
    while time.monotonic() - begun < 1.0:
        for number, link in enumerate(tuple(table.server.links)):
            if number not in refused:
                refused.add(number)
                link.disconnect("too_many_websockets")
                link.socket.close()
        threading.Event().wait(0.01)
    assert set(table.watch.ends) == {"too-many"}
    assert len(table.server.opened) <= 5


def test_a_dropped_connection_is_made_again(table: Bench) -> None:
    socket = table.standing(2)
    table.server.links[0].cut()
    assert socket.is_connected, "the other one stands meanwhile"
    table.server.wait(lambda: len(table.server.links) == 3 and socket.standing == 2)
    table.send(2, "again")
    table.server.wait(lambda: table.server.acked("again"))
    assert table.watch.ends in (["lost"], ["closed"])


def test_one_that_ends_at_once_is_not_begun_anew_without_a_breath(table: Bench) -> None:
    table.connect(1, retry_most_seconds=2.0)
    begun = time.monotonic()
    while time.monotonic() - begun < 1.0:
        for link in table.server.links:
            link.cut()
        threading.Event().wait(0.01)
    assert len(table.server.opened) <= 6


def test_a_socket_that_goes_silent_is_found_in_time_and_replaced(table: Bench) -> None:
    """Nothing is closed and nothing comes: only pings that stay without answer tell."""
    socket = table.standing(2)
    table.server.silent.add(0)
    begun = time.monotonic()
    table.server.wait(lambda: table.watch.ends == ["silent"])
    assert time.monotonic() - begun <= QUICK.silent_after_seconds + 2 * QUICK.ping_seconds + 0.3
    table.server.wait(lambda: socket.standing == 2)
    table.send(2, "heard")
    table.server.wait(lambda: table.server.acked("heard"))


def test_pings_alone_keep_a_connection(table: Bench) -> None:
    table.standing(1)
    threading.Event().wait(QUICK.silent_after_seconds * 2)
    assert len(table.server.links) == 1


def test_half_a_frame_is_waited_for(table: Bench) -> None:
    # No ping meanwhile: an answer to it would stand in the middle of the frame.
    socket = table.connect(1, pace=Pace(ping_seconds=2.0))
    table.server.wait(lambda: socket.is_connected)
    text = json.dumps({"envelope_id": "whole", "payload": payload("whole")})
    rest = table.server.links[0].half(text)
    threading.Event().wait(1.2)
    assert table.app.seen == []
    rest()
    table.server.wait(lambda: table.server.acked("whole"))
    assert table.app.seen == ["whole"]


def test_a_frame_that_never_ends_is_silence(table: Bench) -> None:
    socket = table.standing(1)
    table.server.links[0].half('{"envelope_id": "half"}' * 20)
    table.server.wait(lambda: "silent" in table.watch.ends)
    table.server.wait(lambda: len(table.server.links) == 2 and socket.is_connected)


def test_frames_that_are_no_envelopes_do_no_harm(table: Bench) -> None:
    table.standing(1)
    deep = "[" * 5000
    for frame in ('"text"', "[1]", '{"envelope_id": 7}', "{", "", deep, '{"type": "hello"}'):
        table.server.links[0].tell(frame)
    table.server.links[0].socket.send(b"\x00\xff")
    table.server.links[0].socket.send(b'{"envelope_id": "\xff"}', text=True)
    table.send(0, "after")
    table.server.wait(lambda: table.server.acked("after"))
    assert table.app.seen == ["after"]
    assert len(table.server.links) == 1


def test_whatever_breaks_the_reader_another_connection_is_made(
    table: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The one thread that connects died of an error it did not know, and the bot was deaf for
    ever while it said that it was connected.
    """
    socket = table.standing(1)
    broken = RuntimeError("nobody promised this")

    def hear(*_: object) -> None:
        raise broken

    with monkeypatch.context() as patched:
        connection = next(iter(socket._connections))
        patched.setattr(connection, "_hear", hear)
        table.send(0, "breaks")
        table.server.wait(lambda: table.watch.ends == ["broken"])
    table.server.wait(lambda: len(table.server.links) == 2 and socket.is_connected)
    assert "broke" in caplog.text


def test_a_keeper_that_died_is_begun_anew(table: Bench, caplog: pytest.LogCaptureFixture) -> None:
    class Dying(SocketMode):
        died = False

        def _keep(self) -> None:
            if not self.died:
                self.died = True
                return
            super()._keep()

    socket = Dying(
        table.app,  # type: ignore[arg-type]
        lambda: "xapp-1",
        table.server,  # type: ignore[arg-type]
        SocketOptions(connections=1, pace=QUICK),
    )
    table.socket = socket
    socket.start()
    table.server.wait(lambda: not socket._keeper.is_alive())
    socket.check()
    table.server.wait(lambda: socket.is_connected)
    assert "had died" in caplog.text


def test_an_answer_that_is_an_error_is_acked_all_the_same(table: Bench) -> None:
    table.app.act = lambda _: BoltResponse(status=500, body="broken")
    table.standing(1)
    table.send(0, "broken")
    table.server.wait(lambda: table.server.acked("broken"))
    assert table.server.links[0].acks == [{"envelope_id": "broken"}]


def test_what_can_not_be_read_is_acked_and_done_by_nobody(
    table: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    table.standing(1)
    table.server.links[0].envelope("odd", type="block_actions", actions={"a": 1}, user=["U1"])
    table.server.wait(lambda: table.server.acked("odd"))
    assert table.app.seen == []
    assert "a payload is malformed: wrong-type" in caplog.text


def test_a_listener_that_raises_costs_only_its_own_ack(
    table: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(name: str) -> None:
        if name == "breaks":
            raise RuntimeError("broken")

    table.app.act = broken
    table.standing(1)
    table.send(0, "breaks")
    table.send(0, "after")
    table.server.wait(lambda: table.server.acked("after"))
    table.server.wait(lambda: ("command", "failed") in table.watch.outcomes)
    assert not table.server.acked("breaks")
    table.server.wait(lambda: "was not worked on to its end" in caplog.text)


class Gate:
    """Holds whoever comes by one of the names, until it is opened."""

    def __init__(self, *names: str) -> None:
        self.names, self.held, self.open = names, threading.Semaphore(0), threading.Event()

    def __call__(self, name: str) -> None:
        if name.startswith(self.names):
            self.held.release()
            assert self.open.wait(20)


def test_an_ack_whose_connection_is_gone_goes_by_another(table: Bench) -> None:
    table.app.act = gate = Gate("slow")
    socket = table.standing(2)
    table.send(0, "slow")
    assert gate.held.acquire(timeout=5)
    table.server.links[0].cut()
    table.server.wait(lambda: len(table.server.links) == 3 and socket.standing == 2)
    gate.open.set()
    table.server.wait(lambda: table.server.acked("slow"))
    assert table.app.seen == ["slow"]


def test_what_only_answers_does_not_keep_decisions_waiting(table: Bench) -> None:
    table.app.act = gate = Gate("look")
    socket = table.standing(1)
    for number in range(30):
        table.send(0, f"look{number}")
    assert gate.held.acquire(timeout=5)
    table.send(0, "decision", "click")
    table.server.wait(lambda: table.server.acked("decision"))
    assert socket.is_connected
    gate.open.set()


def test_a_full_house_holds_no_reader_up(table: Bench) -> None:
    """Pings are answered while every worker is busy, and what has no room is left un-acked."""
    table.app.act = gate = Gate("busy")
    table.standing(1)
    for number in range(120):
        table.send(0, f"busy{number}")
    table.server.wait(lambda: ("command", "full") in table.watch.outcomes)
    threading.Event().wait(QUICK.silent_after_seconds * 2)
    assert len(table.server.links) == 1, "its reader went on reading"
    gate.open.set()
    full = table.watch.outcomes.count(("command", "full"))
    assert full == 120 - 6 - 6 * 8
    table.server.wait(lambda: len(table.server.links[0].acks) == 120 - full)


def test_what_waited_too_long_is_answered_to_nobody_and_what_changes_is_done_for_a_while(
    table: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_work, "WORTH_SECONDS", 0.2)
    table.app.act = gate = Gate("busy")
    table.connect(1, workers=2)
    table.server.wait(lambda: table.socket and table.socket.is_connected)
    table.send(0, "busy-command")
    table.send(0, "busy-click", "click")
    assert gate.held.acquire(timeout=5)
    assert gate.held.acquire(timeout=5)
    table.send(0, "late-command")
    table.send(0, "late-click", "click")
    threading.Event().wait(0.4)
    gate.open.set()
    table.server.wait(lambda: table.server.acked("late-click"))
    table.server.wait(lambda: ("command", "late") in table.watch.outcomes)
    assert not table.server.acked("late-command")
    assert sorted(table.app.seen) == ["busy-click", "busy-command", "late-click"]


def test_what_changes_something_is_not_done_behind_peoples_backs(
    table: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_work, "DONE_WITHIN_SECONDS", 0.2)
    table.app.act = gate = Gate("busy")
    socket = table.connect(1, workers=2)
    table.server.wait(lambda: socket.is_connected)
    table.send(0, "busy-click", "click")
    assert gate.held.acquire(timeout=5)
    table.send(0, "forgotten", "click")
    threading.Event().wait(0.3)
    gate.open.set()
    table.server.wait(lambda: ("action", "late") in table.watch.outcomes)
    assert table.app.seen == ["busy-click"]
    assert not table.server.acked("forgotten"), "so that Slack says that it failed"


def test_stopping_waits_for_what_is_under_way_and_takes_no_more(table: Bench) -> None:
    """What came late stays without ack, so that Slack sends it to another connection."""
    table.app.act = gate = Gate("slow")
    socket = table.standing(2)
    table.send(0, "slow")
    assert gate.held.acquire(timeout=5)
    stopped: list[bool] = []
    stopping = threading.Thread(target=lambda: stopped.append(socket.stop(60.0)))
    stopping.start()
    table.server.wait(lambda: socket._work._draining)
    table.send(1, "late")
    table.server.wait(lambda: ("command", "left") in table.watch.outcomes)
    gate.open.set()
    stopping.join()
    assert stopped == [True]
    assert table.app.seen == ["slow"]
    assert table.server.acked("slow") == 1
    assert all(link.closed.wait(5) for link in table.server.links)
    assert table.watch.ends == ["stopped", "stopped"]
    assert len(table.server.links) == 2


def test_stopping_gives_up_on_what_hangs(table: Bench) -> None:
    table.app.act = gate = Gate("hangs")
    socket = table.standing(1)
    table.send(0, "hangs")
    assert gate.held.acquire(timeout=5)
    assert socket.under_way == 1
    assert socket.stop(drain_seconds=0.05) is False
    gate.open.set()


def test_a_stop_before_anything_stands_is_quick(table: Bench) -> None:
    table.server.fails = [refused("internal_error")] * 100
    socket = table.connect(1, retry_most_seconds=30.0)
    table.server.wait(lambda: len(table.server.opened) >= 3)
    begun = time.monotonic()
    assert socket.stop(5.0)
    assert time.monotonic() - begun < 2.0
