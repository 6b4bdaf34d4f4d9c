"""How payloads reach the app, by Socket Mode and by signed HTTP, and what comes of each answer."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import websocket
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.playground.slack import SlackApp, SlackDouble, Workspace
from bot.playground.slack.courier import signature
from tests.support.slack_listener import HttpListener, connect, new_url

if TYPE_CHECKING:
    from bot.playground.certs import Authority
    from tests.support.slack_world import World


def ack(socket: websocket.WebSocket, payload: Any = None, *, times: int = 1) -> list[Any]:
    """Answer the next envelopes, and return them."""
    seen = []
    for _ in range(times):
        envelope = json.loads(socket.recv())
        seen.append(envelope)
        answer = {"envelope_id": envelope["envelope_id"]}
        socket.send(json.dumps(answer if payload is None else {**answer, "payload": payload}))
    return seen


def in_thread(
    socket: websocket.WebSocket, payload: Any = None
) -> tuple[threading.Thread, list[Any]]:
    """Answer one envelope from another thread while this one waits for the delivery."""
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.extend(ack(socket, payload)))
    thread.start()
    return thread, seen


def test_a_slash_command_reaches_a_socket_with_all_its_fields(world: World) -> None:
    socket = connect(world.double)
    thread, seen = in_thread(socket, {"text": "hello *you*"})
    done = world.erin.slash("/access", "status", "#ops")
    thread.join()
    socket.close()
    assert done.ok
    (envelope,) = seen
    assert envelope["type"] == "slash_commands"
    assert envelope["accepts_response_payload"] is True
    fields = envelope["payload"]
    assert fields["user_id"] == world.erin.id
    assert (fields["command"], fields["text"]) == ("/access", "status")
    assert fields["team_id"] == world.workspace.team_id
    assert fields["is_enterprise_install"] == "false"
    (answer,) = world.erin.messages("#ops")
    assert (answer.text, answer.visible_to) == ("hello *you*", world.erin.id)
    assert world.ari.messages("#ops") == []


def test_the_same_by_http_is_signed_over_the_raw_body(world: World) -> None:
    with HttpListener(lambda _: (200, None)) as app:
        world.double.courier.request_url = app.url
        done = world.erin.slash("/access", "ümlaut & more")
    assert done.ok
    ((headers, body),) = app.requests
    stamp = headers["X-Slack-Request-Timestamp"]
    assert abs(int(stamp) - time.time()) < 60
    secret = world.double.app.signing_secret
    assert headers["X-Slack-Signature"] == signature(secret, stamp, body)
    assert signature(secret, stamp, body + b"x") != signature(secret, stamp, body)


def test_the_signature_is_slacks_own_example() -> None:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    secret = "8f742231b10e8888abcd99yyyzzz85a5"
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    assert signature(secret, "1531420618", body) == (
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    )


def test_headers_can_be_forged_and_left_out(world: World) -> None:
    with HttpListener(lambda _: (200, None)) as app:
        world.double.courier.request_url = app.url
        mime = {"Content-Type": "application/json"}
        world.double.courier.post(b"{}", mime, timestamp="1531420618")
        world.double.courier.post(b"{}", mime, timestamp="soon", signed="v0=00")
        world.double.courier.post(b"{}", mime, signed="")
    stale, forged, unsigned = (headers for headers, _ in app.requests)
    secret = world.double.app.signing_secret
    assert stale["X-Slack-Signature"] == signature(secret, "1531420618", b"{}")
    assert (forged["X-Slack-Request-Timestamp"], forged["X-Slack-Signature"]) == ("soon", "v0=00")
    assert "X-Slack-Signature" not in unsigned


def test_a_retry_says_so(world: World) -> None:
    with HttpListener(lambda _: (200, None)) as app:
        world.double.courier.request_url = app.url
        first = world.erin.open_home()
        world.double.redeliver(first, num=2)
    (_, before), (headers, after) = app.requests
    assert before == after
    assert (headers["X-Slack-Retry-Num"], headers["X-Slack-Retry-Reason"]) == ("2", "http_timeout")
    assert "X-Slack-Retry-Num" not in app.requests[0][0]
    world.double.courier.request_url = None
    socket = connect(world.double)
    thread, seen = in_thread(socket)
    world.double.redeliver(first, num=3)
    thread.join()
    socket.close()
    assert (seen[0]["retry_attempt"], seen[0]["retry_reason"]) == (3, "timeout")
    assert seen[0]["payload"] == first.payload


@pytest.mark.parametrize("status", [201, 302, 401, 404, 500])
def test_a_status_other_than_200_is_no_ack(world: World, status: int) -> None:
    with HttpListener(lambda _: (status, None)) as app:
        world.double.courier.request_url = app.url
        done = world.erin.slash("/access")
    assert (done.acked, done.error, done.status) == (False, "dispatch_failed", status)


def test_an_app_that_is_not_there_cannot_be_reached(world: World) -> None:
    assert world.erin.slash("/access").error == "dispatch_failed"
    world.double.courier.request_url = "http://127.0.0.1:9/slack"
    assert world.erin.slash("/access").error == "dispatch_failed"


def test_a_late_ack_is_no_ack_and_its_payload_is_not_shown(world: World) -> None:
    late = threading.Event()

    def slow(_: Any) -> tuple[int, Any]:
        late.wait(5)
        return 200, {"text": "too late"}

    with HttpListener(slow) as app:
        world.double.courier.request_url = app.url
        done = world.erin.slash("/access")
        late.set()
    assert (done.acked, done.error) == (False, "operation_timeout")
    assert done.after_ms >= 1400
    world.double.courier.request_url = None
    socket = connect(world.double)
    silent = world.erin.slash("/access")
    assert (silent.acked, silent.error) == (False, "operation_timeout")
    ack(socket, {"text": "too late"})
    socket.close()
    assert world.erin.messages() == []


def test_every_connection_gets_its_turn(world: World) -> None:
    sockets = [connect(world.double) for _ in range(3)]
    threads = [in_thread(socket) for socket in sockets]
    for _ in sockets:
        assert world.erin.open_home().ok
    for (thread, seen), socket in zip(threads, sockets, strict=True):
        thread.join()
        assert len(seen) == 1
        socket.close()


def test_ten_connections_and_no_more(world: World) -> None:
    """https://docs.slack.dev/apis/events-api/using-socket-mode#connections"""
    sockets = [connect(world.double) for _ in range(10)]
    eleventh = websocket.create_connection(new_url(world.double), timeout=5)
    frame = json.loads(eleventh.recv())
    assert (frame["type"], frame["reason"]) == ("disconnect", "too_many_websockets")
    assert eleventh.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
    eleventh.shutdown()
    assert world.double.sockets.count == 10
    for socket in sockets:
        socket.close()


def test_a_socket_url_works_once(world: World) -> None:
    url = new_url(world.double)
    socket = websocket.create_connection(url, timeout=5)
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(url, timeout=5)
    socket.close()


def test_a_refresh_asks_to_reconnect_and_closes(world: World) -> None:
    socket = connect(world.double)
    world.double.sockets.refresh()
    frame = json.loads(socket.recv())
    assert (frame["type"], frame["reason"]) == ("disconnect", "refresh_requested")
    opcode, _ = socket.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    socket.shutdown()
    world.workspace.wait_for(lambda: world.double.sockets.count == 0)


def test_an_envelope_may_be_forged(world: World) -> None:
    socket = connect(world.double)
    thread, seen = in_thread(socket)
    done = world.double.deliver_raw({"type": "nonsense"}, envelope_id="twice")
    thread.join()
    socket.close()
    assert done.ok
    assert (seen[0]["envelope_id"], seen[0]["payload"]) == ("twice", {"type": "nonsense"})


def test_a_deactivated_person_has_no_client(world: World) -> None:
    world.workspace.change_user(world.erin.id, deleted=True)
    with pytest.raises(AssertionError, match="deactivated"):
        world.erin.slash("/access")


def test_an_unknown_command_is_not_sent(world: World) -> None:
    with pytest.raises(AssertionError, match="not a valid command"):
        world.erin.slash("/acces")
    assert world.double.deliveries == []


def test_over_https_everything_is_https(authority: Authority) -> None:
    leaf = authority.leaf("slack", "localhost", "127.0.0.1")
    workspace = Workspace(seed="https")
    app = SlackApp.made_up()
    double = SlackDouble(
        workspace,
        app,
        hostname="localhost",
        ssl_certfile=str(leaf.chain_file),
        ssl_keyfile=str(leaf.key_file),
    )
    with double:
        assert double.url.startswith("https://localhost:")
        context = authority.client_context()
        client = WebClient(token=app.app_token, base_url=double.api_url, ssl=context)
        url = client.apps_connections_open(app_token=app.app_token)["url"]
        assert url.startswith("wss://localhost:")
        socket = websocket.create_connection(url, sslopt={"context": context}, timeout=5)
        assert json.loads(socket.recv())["type"] == "hello"
        socket.close()
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            WebClient(token=app.bot_token, base_url=double.api_url).auth_test()
    assert double.sign_in.discovery()["issuer"] == double.url


def test_a_rate_limit_can_be_played(world: World) -> None:
    """https://docs.slack.dev/apis/web-api/rate-limits"""
    body = {"ok": False, "error": "ratelimited"}
    limited = {"status": 429, "headers": {"Retry-After": "7"}, "body": body}
    world.workspace.inject("auth.test", limited)
    with pytest.raises(SlackApiError) as refused:
        world.client.auth_test()
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "7"
    assert world.client.auth_test()["ok"]


def test_it_listens_on_this_machine_only(world: World) -> None:
    assert world.double.listening.address[0] == "127.0.0.1"
