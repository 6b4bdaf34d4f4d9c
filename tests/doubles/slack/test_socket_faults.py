"""Socket Mode as it is: silence, resets, refreshes; what comes again, late, twice, reordered."""

from __future__ import annotations

import json
import socket as sockets
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import websocket

from bot.playground.slack import SlackApp, SlackDouble, Workspace
from bot.playground.slack.courier import signature
from tests.support.slack_listener import HttpListener, connect, new_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.playground.slack import Person


@pytest.fixture
def double() -> Iterator[SlackDouble]:
    workspace = Workspace(seed="sockets")
    workspace.add_user("erin")
    with SlackDouble(workspace, SlackApp.made_up()) as double:
        yield double


def impatient(double: SlackDouble) -> None:
    """Have Slack wait less for an ack, where a test is about one that does not come."""
    double.sockets._ack_seconds = double.courier._ack_seconds = 0.3


@pytest.fixture
def erin(double: SlackDouble) -> Person:
    return double.as_user(double.control.user_id("erin"))


class Client(threading.Thread):
    """One connection that acks all it gets (unless told not to), and keeps it."""

    def __init__(self, double: SlackDouble, *, acks: bool = True) -> None:
        super().__init__(daemon=True)
        self.socket = connect(double)
        self.seen: list[dict[str, Any]] = []
        self.ended = ""
        self._acks = acks
        self.start()

    def run(self) -> None:
        try:
            while text := self.socket.recv():
                frame = json.loads(text)
                self.seen.append(frame)
                if self._acks and "envelope_id" in frame:
                    self.socket.send(json.dumps({"envelope_id": frame["envelope_id"]}))
        except (websocket.WebSocketException, OSError) as ended:
            self.ended = type(ended).__name__

    def envelopes(self) -> list[dict[str, Any]]:
        return [frame for frame in self.seen if "envelope_id" in frame]

    def hang_up(self) -> None:
        """End the connection, which its own blocked reading would hold open otherwise."""
        if self.socket.sock:
            with suppress(OSError):
                self.socket.sock.shutdown(sockets.SHUT_RDWR)
        self.join()

    def close(self) -> None:
        self.hang_up()
        self.socket.shutdown()


@pytest.fixture
def clients(double: SlackDouble) -> Iterator[list[Client]]:
    made: list[Client] = []
    yield made
    for client in made:
        client.close()


def test_hello_says_how_many_there_are_and_how_long_it_lives(double: SlackDouble) -> None:
    double.sockets.live(7200)
    first = websocket.create_connection(new_url(double), timeout=2)
    second = websocket.create_connection(new_url(double), timeout=2)
    hellos = [json.loads(first.recv()), json.loads(second.recv())]
    assert [hello["num_connections"] for hello in hellos] == [1, 2]
    assert hellos[0]["debug_info"]["approximate_connection_time"] == 7200
    assert hellos[0]["connection_info"] == {"app_id": double.workspace.app_id}
    first.close()
    second.close()


def test_a_silent_connection_stays_open_and_answers_no_ping(
    double: SlackDouble, erin: Person
) -> None:
    impatient(double)
    socket = connect(double)
    socket.ping("still there?")
    assert socket.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_PONG
    double.control.silence()
    done = erin.slash("/access")
    assert (done.acked, done.error) == (False, "operation_timeout")
    socket.ping("and now?")
    socket.settimeout(0.2)
    with pytest.raises(websocket.WebSocketTimeoutException):
        socket.recv_data(control_frame=True)
    assert double.control.connections() == [1]
    socket.shutdown()
    double.workspace.wait_for(lambda: not double.control.connections())


def test_an_event_that_a_silent_connection_swallowed_comes_by_another(
    double: SlackDouble, erin: Person, clients: list[Client]
) -> None:
    impatient(double)
    double.control.compress(1000)
    clients += [Client(double), Client(double)]
    double.control.silence(1)
    for _ in range(4):
        erin.open_home()
    live = clients[1]
    double.workspace.wait_for(lambda: len(live.envelopes()) >= 4)
    assert clients[0].envelopes() == []
    again = [e for e in live.envelopes() if e["retry_attempt"]]
    assert again
    assert {e["retry_reason"] for e in again} == {"timeout"}
    assert len({e["payload"]["event_id"] for e in live.envelopes()}) == 4
    ids = [e["envelope_id"] for e in live.envelopes()]
    assert len(set(ids)) == len(ids)


def test_events_are_sent_again_three_times_and_no_more(
    double: SlackDouble, erin: Person, clients: list[Client]
) -> None:
    impatient(double)
    double.control.compress(1000)
    clients.append(Client(double, acks=False))
    erin.open_home()
    double.workspace.wait_for(lambda: len(clients[0].envelopes()) == 4, 10)
    assert [e["retry_attempt"] for e in clients[0].envelopes()] == [0, 1, 2, 3]
    assert len({e["payload"]["event_id"] for e in clients[0].envelopes()}) == 1
    double.workspace.wait_for(lambda: len(double.control.log("acked")) == 4, 10)
    assert double.courier.retries.waiting == 0


def test_a_command_without_ack_is_not_sent_again(
    double: SlackDouble, erin: Person, clients: list[Client]
) -> None:
    impatient(double)
    clients.append(Client(double, acks=False))
    assert erin.slash("/access").error == "operation_timeout"
    assert len(clients[0].envelopes()) == 1
    assert double.courier.retries.waiting == 0


def test_retries_can_be_switched_off(
    double: SlackDouble, erin: Person, clients: list[Client]
) -> None:
    impatient(double)
    double.control.retry_events(on=False)
    clients.append(Client(double, acks=False))
    erin.open_home()
    assert double.courier.retries.waiting == 0
    assert len(clients[0].envelopes()) == 1


def test_what_was_not_acked_when_its_connection_ended_goes_to_another(
    double: SlackDouble, erin: Person, clients: list[Client]
) -> None:
    clients += [Client(double, acks=False), Client(double, acks=False)]
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(erin.slash("/access")))
    thread.start()
    double.workspace.wait_for(lambda: any(c.envelopes() for c in clients))
    had, other = sorted(clients, key=lambda c: -len(c.envelopes()))
    other._acks = True
    had.hang_up()
    thread.join()
    assert done[0].acked
    assert had.envelopes() == other.envelopes()


def test_what_was_not_acked_waits_for_the_connection_that_comes_next(
    double: SlackDouble, erin: Person, clients: list[Client]
) -> None:
    clients.append(Client(double, acks=False))
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(erin.slash("/access")))
    thread.start()
    double.workspace.wait_for(lambda: bool(clients[0].envelopes()))
    clients[0].hang_up()
    clients.append(Client(double))
    thread.join()
    assert done[0].acked
    assert clients[0].envelopes() == clients[1].envelopes()


def test_a_reset_a_half_close_and_a_cut_frame_end_a_connection(
    double: SlackDouble, clients: list[Client]
) -> None:
    for way in (double.control.reset_socket, double.control.half_close, double.control.cut_frame):
        client = Client(double)
        clients.append(client)
        way()
        client.join(5)
        assert client.ended in ("ConnectionResetError", "WebSocketConnectionClosedException"), way
        assert client.seen == []


def test_a_half_closed_connection_still_hears(double: SlackDouble) -> None:
    socket = connect(double)
    double.control.half_close()
    assert socket.sock.recv(1) == b""
    socket.send(json.dumps({"envelope_id": "late"}))
    double.workspace.wait_for(lambda: {"envelope_id": "late"} in double.sockets.frames)
    socket.shutdown()


def test_a_warning_comes_before_the_refresh_and_the_connection_goes_on(
    double: SlackDouble, erin: Person, clients: list[Client]
) -> None:
    clients.append(Client(double))
    double.control.warn()
    assert erin.slash("/access").ok
    assert [f.get("reason") for f in clients[0].seen] == ["warning", None]
    double.control.refresh()
    clients[0].join(5)
    assert clients[0].seen[-1]["reason"] == "refresh_requested"


def test_connections_are_refreshed_every_so_often(
    double: SlackDouble, clients: list[Client]
) -> None:
    double.control.refresh_every(0.2, warning_seconds=0.1)
    began = time.monotonic()
    clients.append(Client(double))
    clients[0].join(5)
    assert [frame["reason"] for frame in clients[0].seen] == ["warning", "refresh_requested"]
    assert time.monotonic() - began >= 0.2
    double.control.refresh_every(None)
    clients.append(Client(double))
    clients[1].join(0.4)
    assert clients[1].is_alive()


def test_socket_mode_can_be_turned_off(double: SlackDouble, clients: list[Client]) -> None:
    clients.append(Client(double))
    double.control.disable_link()
    clients[0].join(5)
    assert clients[0].seen[-1]["reason"] == "link_disabled"
    refused = websocket.create_connection(new_url(double), timeout=2)
    assert json.loads(refused.recv())["reason"] == "link_disabled"
    refused.shutdown()
    double.control.enable_link()
    clients.append(Client(double))
    assert double.sockets.count == 1


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"status": 502}, websocket.WebSocketBadStatusException),
        ({"trouble": "reset"}, (OSError, websocket.WebSocketException)),
    ],
)
def test_a_connection_can_be_refused(double: SlackDouble, fault: Any, problem: Any) -> None:
    double.control.inject("socket", **fault)
    with pytest.raises(problem):
        websocket.create_connection(new_url(double), timeout=2)
    connect(double).close()


def test_a_connection_that_ends_at_once_is_not_kept(double: SlackDouble) -> None:
    for _ in range(20):
        connect(double).sock.close()
    double.workspace.wait_for(lambda: double.sockets.count == 0)


def test_a_stalled_slack_silences_open_connections(double: SlackDouble, erin: Person) -> None:
    impatient(double)
    socket = connect(double)
    double.control.outage("stall", areas=["sockets"])
    assert erin.slash("/access").error == "operation_timeout"
    assert double.sockets.count == 1
    socket.shutdown()


def test_a_refused_slack_resets_open_connections(
    double: SlackDouble, clients: list[Client]
) -> None:
    clients.append(Client(double))
    double.control.outage("refuse")
    clients[0].join(5)
    assert not clients[0].is_alive()


def test_a_duplicate_comes_by_socket_with_the_same_envelope(
    double: SlackDouble, erin: Person, clients: list[Client]
) -> None:
    clients += [Client(double), Client(double)]
    double.control.hinder("slash_commands", copies=1)
    assert erin.slash("/access").ok
    double.workspace.wait_for(lambda: sum(len(c.envelopes()) for c in clients) == 2)
    (one,), (two,) = (c.envelopes() for c in clients)
    assert one == two
    for _ in range(10):  # whichever is acked first, it is acked
        double.control.hinder("slash_commands", copies=2)
        assert erin.slash("/access").ok


def test_an_envelope_of_2_mb_arrives_whole(
    double: SlackDouble, erin: Person, clients: list[Client]
) -> None:
    clients.append(Client(double))
    double.sockets._ack_seconds = 30.0  # it is about the size, on a machine that may be busy
    double.control.hinder(pad_bytes=2_000_000)
    assert erin.slash("/access").ok
    (envelope,) = clients[0].envelopes()
    assert len(envelope["payload"]["playground_padding"]) == 2_000_000
    assert "playground_padding" not in double.deliveries[-1].payload


def test_a_late_delivery_brings_a_trigger_that_has_run_out(double: SlackDouble) -> None:
    erin = double.as_user(double.control.user_id("erin"))
    with HttpListener(lambda _: (200, None)) as app:
        double.courier.request_url = app.url
        double.control.hinder(delay_seconds=0.3)
        began = time.monotonic()
        assert erin.slash("/access").ok
        assert time.monotonic() - began >= 0.3


def test_payloads_can_be_held_and_let_go_in_another_order(
    double: SlackDouble, erin: Person, clients: list[Client]
) -> None:
    clients.append(Client(double))
    double.control.hold()
    threads = []
    for number in range(3):
        thread = threading.Thread(target=erin.slash, args=("/access", str(number)))
        thread.start()
        threads.append(thread)
        double.workspace.wait_for(lambda: double.courier.hindrances.held == len(threads))
    assert clients[0].seen == []
    assert double.control.release("reversed") == 3
    for thread in threads:
        thread.join()
    assert [e["payload"]["text"] for e in clients[0].envelopes()] == ["2", "1", "0"]
    assert erin.slash("/access").ok


def test_events_by_http_are_sent_again_with_their_reason(double: SlackDouble, erin: Person) -> None:
    double.control.compress(1000)
    with HttpListener(lambda _: (500, None)) as app:
        double.courier.request_url = app.url
        erin.open_home()
        double.workspace.wait_for(lambda: len(app.requests) == 4, 10)
    headers = [head for head, _ in app.requests[1:]]
    assert [h["X-Slack-Retry-Num"] for h in headers] == ["1", "2", "3"]
    assert {h["X-Slack-Retry-Reason"] for h in headers} == {"http_error"}
    assert len({body for _, body in app.requests}) == 1


def test_a_retry_says_what_went_wrong(double: SlackDouble, erin: Person) -> None:
    impatient(double)

    def reasons() -> set[str]:
        return {head.get("X-Slack-Retry-Reason", "") for head, _ in app.requests} - {""}

    double.control.compress(1000)
    answered = threading.Event()

    def late(_: Any) -> tuple[int, None]:
        answered.wait(0.6)
        return 200, None

    with HttpListener(late) as app:
        double.courier.request_url = app.url
        erin.open_home()
        double.workspace.wait_for(reasons, 10)
        answered.set()
        assert reasons() == {"http_timeout"}
    double.courier.retries.on = False
    double.courier.request_url = "http://127.0.0.1:9/slack"
    assert erin.open_home().failure == "connection_failed"


@pytest.mark.parametrize("forge", ["signature", "unsigned", "timestamp"])
def test_requests_can_be_forged(double: SlackDouble, erin: Person, forge: Any) -> None:
    with HttpListener(lambda _: (200, None)) as app:
        double.courier.request_url = app.url
        double.control.hinder(forge=forge)
        for _ in range(2):
            erin.slash("/access")
    (forged, _), (true, body) = app.requests
    secret, stamp = double.app.signing_secret, true["X-Slack-Request-Timestamp"]
    assert true["X-Slack-Signature"] == signature(secret, stamp, body)
    if forge == "unsigned":
        assert "X-Slack-Signature" not in forged
    if forge == "signature":
        assert forged["X-Slack-Signature"] != signature(
            secret, forged["X-Slack-Request-Timestamp"], app.requests[0][1]
        )
    if forge == "timestamp":
        old = forged["X-Slack-Request-Timestamp"]
        assert time.time() - int(old) > 300
        assert forged["X-Slack-Signature"] == signature(secret, old, app.requests[0][1])


def test_an_app_may_ask_for_no_retry(double: SlackDouble, erin: Person) -> None:
    with HttpListener(lambda _: (500, None), {"X-Slack-No-Retry": "1"}) as app:
        double.courier.request_url = app.url
        done = erin.open_home()
    assert (done.acked, done.wants_retry, len(app.requests)) == (False, False, 1)
    assert double.courier.retries.waiting == 0


def test_the_socket_is_a_real_one(double: SlackDouble) -> None:
    """What is silent must not look closed to the kernel."""
    socket = connect(double)
    double.control.silence()
    raw = socket.sock
    raw.settimeout(0.1)
    with pytest.raises(TimeoutError):
        raw.recv(1)
    raw.sendall(b"x")
    assert raw.getsockopt(sockets.SOL_SOCKET, sockets.SO_ERROR) == 0
    socket.shutdown()
