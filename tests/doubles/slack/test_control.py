"""The control API by HTTP, tokens that are rotated, and the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from bot.playground.slack import SlackApp, SlackDouble, Workspace
from bot.playground.slack.courier import signature
from tests.support.slack_listener import HttpListener, connect, new_url

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def double() -> Iterator[SlackDouble]:
    workspace = Workspace(seed="control")
    erin = workspace.add_user("erin")
    workspace.add_channel("ops", members=[erin])
    with SlackDouble(workspace, SlackApp.made_up(), control_port=0) as double:
        yield double


def ask(double: SlackDouble, verb: str, **args: Any) -> tuple[int, Any]:
    answer = urllib3.request("POST", f"{double.control_url}/{verb}", json=args, retries=False)
    return answer.status, answer.json()


def api(double: SlackDouble, method: str, token: str, **args: Any) -> str:
    answer = urllib3.request(
        "POST",
        f"{double.api_url}{method}",
        json=args,
        headers={"Authorization": f"Bearer {token}"},
        retries=False,
    )
    return str(answer.json().get("error", ""))


def test_a_fault_can_be_asked_for_by_http(double: SlackDouble) -> None:
    status, said = ask(double, "inject", method="auth.test", error="internal_error")
    assert (status, said["result"]["method"]) == (200, "auth.test")
    assert api(double, "auth.test", double.app.bot_token) == "internal_error"
    assert api(double, "auth.test", double.app.bot_token) == ""


def test_the_control_api_answers_while_slack_is_out(double: SlackDouble) -> None:
    assert ask(double, "outage", kind="refuse")[0] == 200
    with pytest.raises(urllib3.exceptions.HTTPError):
        api(double, "auth.test", double.app.bot_token)
    assert ask(double, "end_outage")[0] == 200
    assert api(double, "auth.test", double.app.bot_token) == ""


def test_what_it_does_not_know_it_refuses(double: SlackDouble) -> None:
    assert ask(double, "explode")[0] == 404
    status, said = ask(double, "silence", connection=99)
    assert (status, said["error"]) == (400, "LookupError: there is no open connection 99")
    assert ask(double, "inject", nonsense=1)[0] == 400


def test_a_page_in_a_browser_cannot_drive_it(double: SlackDouble) -> None:
    form = urllib3.request(
        "POST", f"{double.control_url}/lift", body="{}", headers={"Content-Type": "text/plain"}
    )
    assert form.status == 415
    rebound = urllib3.request(
        "POST", f"{double.control_url}/lift", json={}, headers={"Host": "evil.example:80"}
    )
    assert rebound.status == 403
    assert ask(double, "lift")[0] == 200


def test_the_log_has_calls_and_deliveries_in_order(double: SlackDouble) -> None:
    with HttpListener(lambda _: (200, None)) as app:
        double.courier.request_url = app.url
        double.as_user(double.control.user_id("erin")).slash("/access")
    api(double, "auth.test", double.app.bot_token)
    _, said = ask(double, "log")
    entries = said["result"]
    assert [entry["what"] for entry in entries] == ["sent", "acked", "call"]
    assert [entry["number"] for entry in entries] == [1, 2, 3]
    assert entries[0]["facts"]["about"] == "/access"
    assert double.app.bot_token not in json.dumps(entries)
    assert len(double.control.log(since=2)) == 1


def test_the_log_forgets_the_oldest_and_can_be_switched_off(double: SlackDouble) -> None:
    double.control.keep_log(entries=10)
    for number in range(50):
        double.workspace.log.add("control", str(number))
    entries = double.control.log()
    assert 10 <= len(entries) <= 20
    assert entries[-1].number == 50
    assert [entry.number for entry in double.control.log(since=48)] == [49, 50]
    double.control.keep_log(on=False)
    double.workspace.log.add("control", "unseen")
    assert double.control.log()[-1].number == 50


def test_an_old_bot_token_is_good_for_its_grace_and_no_longer(double: SlackDouble) -> None:
    first = double.app.bot_token
    second = double.control.rotate_bot_token(grace_seconds=600)
    assert api(double, "auth.test", first) == api(double, "auth.test", second) == ""
    third = double.control.rotate_bot_token()
    assert api(double, "auth.test", second) == "token_revoked"
    assert api(double, "auth.test", third) == ""
    double.control.rotate_bot_token(error="account_inactive")
    assert api(double, "auth.test", third) == "account_inactive"


def test_an_old_app_token_opens_no_connection(double: SlackDouble) -> None:
    old = double.app.app_token
    socket = connect(double)
    double.control.rotate_app_token()
    assert api(double, "apps.connections.open", old) == "invalid_auth"
    assert new_url(double)
    assert double.sockets.count == 1
    socket.close()


def test_an_app_token_goes_in_the_header_of_a_post(double: SlackDouble) -> None:
    token, url = double.app.app_token, f"{double.api_url}apps.connections.open"
    headers = {"Authorization": f"Bearer {token}"}
    assert urllib3.request("POST", url, headers=headers).json()["ok"]
    by_get = urllib3.request("GET", url, headers=headers).json()
    assert by_get["error"] == "insecure_request"
    in_the_body = urllib3.request("POST", url, json={"token": token}).json()
    assert in_the_body["error"] == "not_authed"


def test_a_new_signing_secret_signs_at_once(double: SlackDouble) -> None:
    old = double.app.signing_secret
    with HttpListener(lambda _: (200, None)) as app:
        double.courier.request_url = app.url
        double.control.rotate_signing_secret()
        double.as_user(double.control.user_id("erin")).slash("/access")
    ((headers, body),) = app.requests
    stamp = headers["X-Slack-Request-Timestamp"]
    assert headers["X-Slack-Signature"] == signature(double.app.signing_secret, stamp, body)
    assert headers["X-Slack-Signature"] != signature(old, stamp, body)
