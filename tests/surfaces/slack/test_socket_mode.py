"""Slack by Socket Mode: the same handlers, silence noticed, nothing lost at the end."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from slack_bolt import BoltRequest, BoltResponse
from slack_sdk import WebClient

from bot.playground.slack import SlackApp, SlackDouble, Workspace, words
from bot.slack.socket_mode import SocketMode
from tests.support.slack_bot import slack_bot
from tests.support.world import World


class FakeApp:
    """Stands for the Bolt app: does what the test says."""

    def __init__(self) -> None:
        self.act: Callable[[], BoltResponse] = lambda: BoltResponse(status=200, body="")
        self.seen: list[BoltRequest] = []

    def dispatch(self, request: BoltRequest) -> BoltResponse:
        self.seen.append(request)
        return self.act()


@pytest.fixture
def app() -> FakeApp:
    return FakeApp()


@pytest.fixture
def double() -> Iterator[SlackDouble]:
    with SlackDouble(Workspace(), SlackApp.made_up(), ack_seconds=1.0) as double:
        yield double


def connect(double: SlackDouble, app: FakeApp, silent_after: float = 3.0) -> SocketMode:
    return SocketMode(
        app,  # type: ignore[arg-type]
        double.app.app_token,
        WebClient(base_url=double.api_url, retry_handlers=[]),
        ping_seconds=0.05,
        silent_after_seconds=silent_after,
        retry_most_seconds=0.3,
    )


@pytest.fixture
def connection(double: SlackDouble, app: FakeApp) -> Iterator[SocketMode]:
    connection = connect(double, app)
    connection.start()
    double.wait_connected()
    yield connection
    connection.stop(drain_seconds=1.0)


def acked_within(double: SlackDouble, seconds: float) -> bool:
    """Send until one is acked; not under the double's lock, which its own answers need."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if double.sockets.count and double.deliver_raw({"type": "again"}).acked:
            return True
        threading.Event().wait(0.02)
    return False


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


def test_it_connects_once_slack_is_there(app: FakeApp) -> None:
    workspace = Workspace()
    workspace.inject("apps.connections.open", {"ok": False, "error": "internal_error"}, times=2)
    with SlackDouble(workspace, SlackApp.made_up()) as double:
        connection = connect(double, app)
        connection.start()
        double.wait_connected()
        assert connection.stop()


class Breaking(SocketMode):
    """Its first reading breaks by something that no library promised."""

    broke = False

    def _serve(self, connection: Any) -> None:
        if not self.broke:
            self.broke = True
            raise AttributeError("'NoneType' object has no attribute 'recv'")
        super()._serve(connection)


def test_whatever_breaks_a_connection_another_is_made(app: FakeApp) -> None:
    """The one thread that connects died of an error it did not know, and the bot was deaf for
    ever while it said that it was connected.
    """
    workspace = Workspace()
    workspace.inject("apps.connections.open", {"ok": True}, times=1)
    with SlackDouble(workspace, SlackApp.made_up()) as double:
        client = WebClient(base_url=double.api_url, retry_handlers=[])
        connection = Breaking(app, double.app.app_token, client, retry_most_seconds=0.3)  # type: ignore[arg-type]
        connection.start()
        assert acked_within(double, 10)
        assert connection.broke
        assert connection.stop()


def test_an_answer_that_is_an_error_is_acked_all_the_same(
    double: SlackDouble, app: FakeApp, connection: SocketMode
) -> None:
    app.act = lambda: BoltResponse(status=500, body="broken")
    done = double.deliver_raw({"type": "whatever"})
    assert done.acked
    assert done.answer is None


def test_a_refreshed_connection_is_followed(
    double: SlackDouble, app: FakeApp, connection: SocketMode
) -> None:
    double.sockets.refresh()
    double.workspace.wait_for(lambda: double.sockets.count > 0)
    assert acked_within(double, 10)


def test_a_dropped_connection_is_made_again(
    double: SlackDouble, app: FakeApp, connection: SocketMode
) -> None:
    double.sockets.drop()
    double.workspace.wait_for(lambda: double.sockets.count > 0)
    assert acked_within(double, 10)


class Silence:
    """Stands between the bot and the double, and can swallow everything that comes."""

    def __init__(self, target: str) -> None:
        host, _, port = target.partition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.quiet = threading.Event()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._open += [near, far]
            # Only connections from before the silence are silent.
            muted = threading.Event() if self.quiet.is_set() else self.quiet
            threading.Thread(target=self._pump, args=(near, far, None), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, muted), daemon=True).start()

    def _pump(
        self, one: socket.socket, other: socket.socket, muted: threading.Event | None
    ) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if muted is None or not muted.is_set():
                    other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for one in (self._listener, *self._open):
            one.close()


def test_a_socket_that_goes_silent_is_replaced(double: SlackDouble, app: FakeApp) -> None:
    """Nothing is closed and nothing comes: only pings that stay without answer tell."""
    between = Silence(double.url.removeprefix("http://"))
    double._socket_url = f"ws://127.0.0.1:{between.port}/link"
    connection = connect(double, app, silent_after=0.5)
    connection.start()
    double.wait_connected()
    assert double.deliver_raw({"type": "heard"}).acked
    between.quiet.set()
    assert acked_within(double, 10)
    assert connection.stop()
    between.close()


def test_pings_alone_keep_a_connection(double: SlackDouble, app: FakeApp) -> None:
    connection = connect(double, app, silent_after=1.0)
    connection.start()
    double.wait_connected()
    double.workspace.wait_for(lambda: connection.is_connected)
    before = connection._socket
    started = time.monotonic()
    double.workspace.wait_for(lambda: time.monotonic() - started > 2.0)
    assert connection._socket is before, "twice the time after which silence counts"
    connection.stop()


def test_stopping_waits_for_what_is_under_way_and_takes_no_more(
    double: SlackDouble, app: FakeApp, connection: SocketMode
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slowly() -> BoltResponse:
        entered.set()
        assert go_on.wait(5)
        return BoltResponse(status=200, body="")

    app.act = slowly
    results: list[Any] = []
    asking = threading.Thread(target=lambda: results.append(double.deliver_raw({"type": "slow"})))
    asking.start()
    assert entered.wait(5)
    stopping = threading.Thread(target=lambda: results.append(connection.stop(5.0)))
    stopping.start()
    double.workspace.wait_for(lambda: connection._draining)
    late: list[Any] = []
    asking_late = threading.Thread(target=lambda: late.append(double.deliver_raw({"type": "late"})))
    asking_late.start()
    double.workspace.wait_for(lambda: len(double.sockets._pending) == 2)
    go_on.set()
    asking.join()
    asking_late.join()
    assert not late[0].acked
    stopping.join()
    assert next(r for r in results if r is not True).acked
    assert True in results, "it drained in time"
    assert [r.body["type"] for r in app.seen] == ["slow"], "what came late was left without ack"


def test_stopping_gives_up_on_what_hangs(
    double: SlackDouble, app: FakeApp, connection: SocketMode
) -> None:
    go_on = threading.Event()

    def hang() -> BoltResponse:
        go_on.wait(10)
        return BoltResponse(status=200, body="")

    app.act = hang
    asking = threading.Thread(target=lambda: double.deliver_raw({"type": "hangs"}))
    asking.start()
    double.workspace.wait_for(lambda: connection._busy == 1)
    stopped: list[bool] = []
    stopping = threading.Thread(target=lambda: stopped.append(connection.stop(drain_seconds=0.05)))
    stopping.start()
    double.workspace.wait_for(lambda: double.sockets.count == 0)
    go_on.set()
    stopping.join()
    asking.join()
    assert stopped == [False]


def test_frames_that_are_no_envelopes_do_no_harm(
    double: SlackDouble, app: FakeApp, connection: SocketMode
) -> None:
    standing = double.sockets._connections[0]
    for frame in ('"text"', "[1]", '{"type": "hello"}', '{"envelope_id": 7}'):
        asyncio.run_coroutine_threadsafe(standing.socket.send_text(frame), standing.loop).result(5)
    asyncio.run_coroutine_threadsafe(standing.socket.send_text("{"), standing.loop).result(5)
    assert double.deliver_raw({"type": "after"}).acked
    assert [r.body.get("type") for r in app.seen] == ["after"]


def test_a_listener_that_raises_costs_only_its_own_ack(
    double: SlackDouble, app: FakeApp, connection: SocketMode, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> BoltResponse:
        raise RuntimeError("broken")

    app.act = broken
    assert not double.deliver_raw({"type": "breaks"}).acked
    app.act = lambda: BoltResponse(status=200, body="")
    assert double.deliver_raw({"type": "after"}).acked
    assert "an envelope was not answered" in caplog.text
