"""The double held to what Slack publishes: method by method, payload by payload."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.playground import slack
from bot.playground.slack import BOT_SCOPES
from bot.playground.slack.payloads import Payloads
from bot.playground.slack.rates import LIMITS, POSTS_A_CHANNEL
from bot.playground.slack.routes import METHODS
from bot.playground.slack.webapi import EVERYWHERE
from tests.support import slack_reference as reference
from tests.support.api_refusals import TABLE
from tests.support.slack_calls import Office, new_office

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
SOURCES = Path(slack.__file__).parent
# One of several is demanded there; we model one of them alone.
ONE_OF_SEVERAL = {
    "conversations.open": {"channel", "users"},
    "views.open": {"trigger_id"},
    "views.push": {"trigger_id"},
}
# Not in Slack's reference, but answered by Slack: each with where it was seen.
SEEN_ELSEWHERE = {
    "cannot_dm_bot": "for a bot's id, by im.open, which conversations.open took the place of",
}
# Of response URLs, for which there is no reference page.
OF_RESPONSE_URLS = {"invalid_url", "expired_url", "used_url", "invalid_payload"}
# Slack's own types of these answers leave out what those of others have.
UNPUBLISHED = {
    "chat.update": {"message.ts": "string"},
    "users.list": {"members.is_stranger": "boolean"},
}


@pytest.fixture
def office() -> Iterator[Office]:
    made = new_office()
    yield made
    made.double.stop()


def passing(method: str) -> list[Callable[[Office], dict[str, Any]]]:
    found = [passes for name, passes, _, _ in TABLE if name == method]
    return found or [lambda _: {}]


def answers(office: Office, method: str) -> list[dict[str, Any]]:
    """Return good answers of a method: each way that a refusal's counterpart goes well."""
    if METHODS[method].caller == "app":
        return [office.call(method, office.app.app_token)]
    if method in ("views.open", "views.push", "views.update"):
        return [by_view(office, method)]
    return [office.call(method, **args(office)) for args in passing(method)]


def by_view(office: Office, method: str) -> dict[str, Any]:
    title = {"type": "plain_text", "text": "T"}
    view = {"type": "modal", "title": title, "submit": title, "close": title, "blocks": []}
    ws = office.workspace
    opened = office.call("views.open", trigger_id=ws.new_trigger(office.erin.id).id, view=view)
    view_id = opened["view"]["id"]
    if method == "views.push":
        trigger = ws.new_trigger(office.erin.id, view_id).id
        return office.call(method, trigger_id=trigger, view=view)
    if method == "views.update":
        return office.call(method, view_id=view_id, view=view)
    return opened


SIGN_IN = {method for method in METHODS if method.startswith("openid.")}
PLAIN = sorted(METHODS.keys() - SIGN_IN)


@pytest.mark.parametrize("method", METHODS)
def test_its_arguments_are_slacks(method: str) -> None:
    published = reference.arguments(method)
    assert METHODS[method].args.keys() <= published.keys()
    assert "token" in EVERYWHERE
    required = set(METHODS[method].required)
    alternatives = ONE_OF_SEVERAL.get(method, set())
    demanded = {name for name, demands in published.items() if demands}
    if method in SIGN_IN:
        return  # refused one by one, by their own errors
    # ts is demanded by chat.update and chat.delete where the message is looked for.
    assert demanded == required - alternatives
    assert alternatives <= published.keys()


@pytest.mark.parametrize("method", METHODS)
def test_a_token_of_an_organisation_must_name_a_workspace_where_slack_takes_one(
    method: str,
) -> None:
    assert METHODS[method].of_a_team == reference.needs_team(method)


@pytest.mark.parametrize("method", PLAIN)
def test_its_answers_have_no_field_that_slack_has_not(office: Office, method: str) -> None:
    published = reference.response(method) | UNPUBLISHED.get(method, {})
    for body in answers(office, method):
        assert body["ok"], body
        assert reference.strange(body, published) == []


def test_a_field_that_slack_has_not_is_seen() -> None:
    published = reference.response("auth.test")
    assert reference.strange({"ok": True, "team": "Harbour"}, published) == []
    assert reference.strange({"ok": True, "tema": "x"}, published) == ["tema: not published"]
    assert reference.strange({"ok": "yes"}, published) == ["ok: ['string'], published as boolean"]


@pytest.mark.parametrize(("method", "error"), sorted({(row[0], row[3]) for row in TABLE}))
def test_its_errors_are_slacks(method: str, error: str) -> None:
    assert error in reference.errors(method) | SEEN_ELSEWHERE.keys()


def test_every_error_in_the_sources_is_slacks() -> None:
    """Also those that no table reaches."""
    known = {error for method in METHODS for error in reference.errors(method)}
    known |= SEEN_ELSEWHERE.keys() | OF_RESPONSE_URLS
    said = {
        error
        for source in SOURCES.glob("*.py")
        for error in re.findall(r'ApiError\(\s*"(\w+)"', source.read_text())
    }
    assert len(said) > 30
    assert said - known == set()


@pytest.mark.parametrize("method", METHODS)
def test_its_rate_is_slacks(method: str) -> None:
    tier = reference.ERRORS["tiers"][method]
    if tier == "special":
        special = reference.ERRORS["special"]
        assert special["auth.test"] == LIMITS["auth.test"].per_minute
        assert special["chat.postMessage in one channel"] == POSTS_A_CHANNEL.per_minute
        return
    assert LIMITS[method].per_minute == reference.ERRORS["per_minute"][tier]


def sent(office: Office) -> dict[str, list[dict[str, Any]]]:
    """Return payloads of each kind: of a message, of a modal, of Home, of an ephemeral."""
    make = Payloads(office.workspace, "https://hooks.example")
    by_view(office, "views.open")
    modal = office.workspace.views[office.workspace.stacks[office.erin.id][-1]]
    posted = office.call("chat.postMessage", channel=office.ops.id, text="hi")
    message = office.workspace.messages[office.ops.id][posted["ts"]]
    home = {"type": "home", "blocks": []}
    office.call("views.publish", user_id=office.erin.id, view=home)
    shown = office.workspace.views[office.workspace.homes[office.erin.id]]
    erin, key = office.erin, ("block", "action")
    return {
        "block_actions": [
            make.message_action(erin, message, {}, {}),
            make.view_action(erin, modal, {}),
            make.view_action(erin, shown, {}),
        ],
        "block_suggestion": [
            make.suggestion(erin, modal, key, "x"),
            make.suggestion(erin, message, key, "x"),
        ],
        "view_submission": [make.submission(erin, modal)],
        "view_closed": [make.closed(erin, modal, cleared=False)],
        "slash_command": [make.slash(erin, "/access", "", office.ops)],
        "app_home_opened": [make.home_opened(erin, "home")["event"]],
    }


# Bolt's types leave these out: a message is open there, a Home's view is what the methods answer.
OF_A_MESSAGE = {
    "message.app_id": "string",
    "message.bot_id": "string",
    "message.team": "string",
}
OF_A_VIEW = {"view.submit_disabled": "boolean"}
ALSO_SENT: dict[str, dict[str, str]] = {
    "app_home_opened": {
        path: kinds
        for path, kinds in reference.response("views.publish").items()
        if path.startswith("view.")
    },
    "block_actions": OF_A_MESSAGE | OF_A_VIEW,
    "block_suggestion": {"message": "object", "user.username": "string"} | OF_A_VIEW,
    "view_submission": {"user.username": "string"} | OF_A_VIEW,
    "view_closed": {"user.username": "string"} | OF_A_VIEW,
}
# In a view there is no response_url, whatever the types say, and a Home has no title.
NOT_ALWAYS = {"block_actions": {"response_url", "view.title"}}


@pytest.mark.parametrize("grid", ["no", "workspace", "organisation"])
@pytest.mark.parametrize("name", reference.TYPES["payloads"])
def test_its_payloads_are_slacks(office: Office, name: str, grid: str) -> None:
    if grid != "no":
        office.workspace.join_grid(org_wide=grid == "organisation")
    published = reference.TYPES["payloads"][name] | ALSO_SENT.get(name, {})
    for payload in sent(office)[name]:
        assert reference.strange(payload, published) == []
        lacking = set(reference.missing(payload, published))
        assert lacking <= NOT_ALWAYS.get(name, set())


def test_a_field_that_is_missing_is_seen(office: Office) -> None:
    published = reference.TYPES["payloads"]["slash_command"]
    payload = sent(office)["slash_command"][0]
    del payload["trigger_id"]
    assert reference.missing(payload, published) == ["trigger_id"]


def test_an_envelope_is_one_that_slacks_sdk_reads(office: Office) -> None:
    envelopes: list[dict[str, Any]] = []
    office.double.sockets.send = lambda envelope: (envelopes.append(envelope), (True, None, 1.0))[1]  # type: ignore[method-assign]
    office.double.as_user(office.erin).open_home()
    (envelope,) = envelopes
    read = SocketModeRequest.from_dict(envelope)
    assert read is not None
    assert (read.type, read.retry_attempt, read.retry_reason) == ("events_api", 0, "")
    assert read.payload["event"]["type"] == "app_home_opened"


def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "slack-manifest.yaml").read_text())
    return loaded


def test_the_apps_manifest_has_only_settings_that_slack_has() -> None:
    published = reference.TYPES["manifest"]
    assert reference.strange(manifest(), published) == []
    assert reference.missing(manifest(), published) == []
    wrong = manifest() | {"setings": {}}
    assert reference.strange(wrong, published) == ["setings: not published"]


def test_the_manifests_scopes_and_events_are_slacks() -> None:
    values = reference.TYPES["manifest_values"]
    asked = manifest()
    assert set(asked["oauth_config"]["scopes"]["bot"]) <= set(values["scopes"])
    assert set(asked["settings"]["event_subscriptions"]["bot_events"]) <= set(values["events"])
    assert "chat:wrote" not in values["scopes"]


def test_the_doubles_scopes_are_slacks() -> None:
    assert set(reference.TYPES["manifest_values"]["scopes"]) >= BOT_SCOPES


def coverage(office: Office) -> list[str]:
    """Return the rows of the page's table: what of each method is modelled, and what is not."""
    said = set(re.findall(r'"(\w+)"', "".join(p.read_text() for p in SOURCES.glob("*.py"))))
    rows = []
    for method in sorted(METHODS):
        given = reference.arguments(method)
        missing = sorted(given.keys() - METHODS[method].args.keys())
        own = set(reference.ERRORS["errors"][method])
        published = {p for p in reference.response(method) if not p.startswith("response_meta")}
        answered: set[str] = set()
        if method in PLAIN:
            opened = reference.opened(reference.response(method))
            for body in answers(office, method):
                answered |= reference.paths(body, opened).keys() & published
        fields = f"{len(answered)} of {len(published)}" if answered else "-"
        left = ", ".join(f"`{name}`" for name in missing) or "-"
        never = ", ".join(f"`{name}`" for name in sorted(own - said)) or "-"
        rows.append(f"| `{method}` | {left} | {fields} | {never} |")
    return rows


def test_the_page_says_what_is_covered(office: Office) -> None:
    page = (ROOT / "docs" / "slack-double.md").read_text()
    table = page.partition("<!-- coverage -->")[2].partition("<!-- /coverage -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows == coverage(office)
