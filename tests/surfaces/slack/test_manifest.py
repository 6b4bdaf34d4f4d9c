"""The app's manifest asks for what the code uses, and for nothing more."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.playground.slack.methods_chat import METHODS as CHAT
from bot.playground.slack.methods_people import METHODS as PEOPLE
from bot.playground.slack.methods_views import METHODS as VIEWS
from bot.slack.app import EVENTS
from bot.web.app import SLACK_CALLBACK, SLACK_EVENTS

ROOT = Path(__file__).parents[3]
MANIFEST = ROOT / "deploy" / "slack-manifest.yaml"

# By Slack's reference. A call that reads several kinds of conversation needs a scope for each.
SCOPES: dict[str, set[str]] = {
    "apps.connections.open": set(),  # by the app-level token's connections:write
    "auth.test": set(),
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history", "im:history"},
    "conversations.info": {"channels:read", "groups:read"},
    "conversations.open": {"im:write"},
    "usergroups.list": {"usergroups:read"},
    "usergroups.users.list": {"usergroups:read"},
    "users.info": {"users:read"},
    "views.open": set(),
    "views.publish": set(),
    "views.push": set(),
    "views.update": set(),
}
FOR_FEATURES = {"commands"}


@pytest.fixture
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
    return loaded


def used_methods() -> set[str]:
    """Find every Web API method that the surface calls, in slack_sdk's spelling."""
    rooms = "chat|views|users|usergroups|conversations|apps|auth"
    calls = re.compile(rf"client\.((?:{rooms})_[A-Za-z_]+)")
    found = {
        name
        for path in (ROOT / "bot" / "slack").rglob("*.py")
        for name in calls.findall(path.read_text())
    }
    return {name.replace("_", ".") for name in found}


def test_every_method_that_is_called_is_covered_by_a_scope(manifest: dict[str, Any]) -> None:
    used = used_methods()
    assert used == set(SCOPES), "a new call is a new line here, and perhaps a new scope"
    needed = set().union(*SCOPES.values()) | FOR_FEATURES
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == needed


def test_the_double_models_what_is_called() -> None:
    assert used_methods() <= {*CHAT, *PEOPLE, *VIEWS}


def test_the_manifest_brings_what_the_code_answers(manifest: dict[str, Any]) -> None:
    assert manifest["_metadata"] == {"major_version": 2, "minor_version": 0}
    [command] = manifest["features"]["slash_commands"]
    assert command["command"] == "/access"
    assert command["should_escape"] is False
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == set(EVENTS)
    assert manifest["settings"]["interactivity"]["is_enabled"]
    assert manifest["features"]["app_home"]["home_tab_enabled"]
    assert manifest["oauth_config"]["scopes"]["user"] == ["openid"]


def test_the_redirect_is_where_the_web_takes_it(manifest: dict[str, Any]) -> None:
    [redirect] = manifest["oauth_config"]["redirect_urls"]
    assert redirect.endswith(SLACK_CALLBACK)
    assert redirect.startswith("https://")
    urls = re.findall(r"# \w*url: https://\S+", MANIFEST.read_text())
    assert len(urls) == 4, "the lines for signed HTTP"
    assert all(url.endswith(SLACK_EVENTS) for url in urls)


def test_limits_of_slacks_own_fields_are_kept(manifest: dict[str, Any]) -> None:
    shown = manifest["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert re.fullmatch(r"#[0-9a-f]{6}", shown["background_color"])
    assert len(manifest["features"]["bot_user"]["display_name"]) <= 80
