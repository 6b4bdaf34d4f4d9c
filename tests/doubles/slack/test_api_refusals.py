"""What the Web API refuses, by Slack's error names, each beside what it lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.playground.slack.routes import METHODS
from bot.playground.slack.webapi import doc
from tests.support.api_refusals import BAD_BLOCKS, TABLE, Args
from tests.support.slack_calls import Office, new_office

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def office() -> Iterator[Office]:
    made = new_office()
    yield made
    made.double.stop()


@pytest.mark.parametrize(("method", "passes", "fails", "error"), TABLE)
def test_one_passes_and_the_other_is_refused(
    office: Office,
    method: str,
    passes: Callable[[Office], Args],
    fails: Callable[[Office], Args],
    error: str,
) -> None:
    assert office.error(method, **passes(office)) == ""
    assert office.error(method, **fails(office)) == error
    assert doc(method) == f"https://docs.slack.dev/reference/methods/{method}"


@pytest.mark.parametrize("method", METHODS)
def test_a_token_is_demanded_and_must_be_of_the_right_kind(office: Office, method: str) -> None:
    caller = METHODS[method].caller
    if caller == "none":
        return
    assert office.error(method, "") == "not_authed"
    assert office.error(method, "xoxb-unknown") == "invalid_auth"
    wrong = {"bot": office.app.app_token, "app": office.app.bot_token}.get(caller)
    if wrong:
        assert office.error(method, wrong) == "not_allowed_token_type"


@pytest.mark.parametrize("method", [m for m in METHODS if METHODS[m].scope])
def test_a_method_needs_its_scope(office: Office, method: str) -> None:
    scope = METHODS[method].scope or ""
    args = dict.fromkeys(METHODS[method].required, "x")
    refused = office.call(method, without=scope, **args)
    assert (refused["error"], refused["needed"]) == ("missing_scope", scope)
    assert scope not in refused["provided"].split(",")
    assert office.error(method, **args) != "missing_scope"


@pytest.mark.parametrize(
    ("place", "read", "history"),
    [
        ("ops", "channels:read", "channels:history"),
        ("inner", "groups:read", "groups:history"),
        ("dm", "im:read", "im:history"),
    ],
)
def test_reading_needs_the_scope_of_that_kind_of_place(
    office: Office, place: str, read: str, history: str
) -> None:
    dm = office.workspace.dm(office.erin.id)
    channel = {"ops": office.ops, "inner": office.inner, "dm": dm}[place].id
    for method, scope in (
        ("conversations.info", read),
        ("conversations.members", read),
        ("conversations.history", history),
    ):
        assert office.error(method, channel=channel) == ""
        assert office.error(method, without=scope, channel=channel) == "missing_scope"


def test_the_email_is_shown_only_with_its_scope(office: Office) -> None:
    shown = office.call("users.info", user=office.erin.id)
    assert shown["user"]["profile"]["email"] == "erin@harbour.example"
    hidden = office.call("users.info", user=office.erin.id, without="users:read.email")
    assert "email" not in hidden["user"]["profile"]


def test_an_unknown_method_is_refused_and_recorded(office: Office) -> None:
    assert office.error("files.upload") == "unknown_method"
    (refusal,) = office.workspace.refused
    assert (refusal.where, refusal.detail) == ("files.upload", "not modelled")


def test_an_argument_that_is_not_modelled_is_refused_and_recorded(office: Office) -> None:
    args = {"channel": office.ops.id, "text": "hi"}
    assert office.error("chat.postMessage", icon_emoji=":x:", **args) == "invalid_arguments"
    (refusal,) = office.workspace.refused
    assert refusal.detail == "not modelled: icon_emoji"
    assert office.workspace.messages[office.ops.id] == {}


def test_every_problem_of_a_message_is_named_with_its_place(office: Office) -> None:
    refused = office.call("chat.postMessage", channel=office.ops.id, text="x", blocks=BAD_BLOCKS)
    said = "missing required field: text [json-pointer:/blocks/0]"
    assert refused["errors"] == [said]
    assert refused["response_metadata"]["messages"] == [f"[ERROR] {said}"]


def test_secrets_are_not_kept_with_the_calls(office: Office) -> None:
    office.call(
        "openid.connect.token", "", client_id="x", client_secret="canary-1", code="canary-2"
    )
    office.call("auth.test", "canary-3")
    assert "canary" not in repr(office.workspace.calls)
    assert "xoxb" not in repr(office.app)
