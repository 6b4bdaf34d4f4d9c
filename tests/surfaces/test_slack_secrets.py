"""Slack's secrets as the settings have them: each with its file, and tried before it is used."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bot.playground.slack import SlackApp, SlackDouble, Workspace
from bot.secret_metrics import SecretCounter
from bot.settings import load_settings
from bot.slack.ports import SlackSettings
from bot.slack_secrets import slack_tokens
from grants.clock import SystemClock

NAMES = ("BOT_TOKEN", "APP_TOKEN", "SIGNING_SECRET")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    found = {}
    for name in NAMES:
        path = tmp_path / name
        monkeypatch.setenv(f"VALETKEY_SLACK_{name}_FILE", str(path))
        found[name] = path
    return found


def test_each_secret_follows_its_own_file(files: dict[str, Path]) -> None:
    workspace, app = Workspace(seed="secrets"), SlackApp.made_up()
    registry = CollectorRegistry()
    with SlackDouble(workspace, app) as double:
        values = (app.bot_token, app.app_token, app.signing_secret)
        for name, value in zip(NAMES, values, strict=True):
            files[name].write_text(value)
        settings = load_settings()
        slack = SlackSettings(
            team=workspace.team_id,
            bot_token=app.bot_token,
            public_url="https://valetkey.example",
            api_url=double.api_url,
        )
        tokens = slack_tokens(settings, slack, SystemClock(), SecretCounter(registry))
        new = (
            double.control.rotate_bot_token(grace_seconds=60),
            double.control.rotate_app_token(),
            double.control.rotate_signing_secret(),
        )
        for name, value in zip(NAMES, new, strict=True):
            files[name].write_text(value)
        for _ in range(2):
            tokens.look()
    assert tokens.app is not None
    assert tokens.signing is not None
    assert (tokens.bot.value, tokens.app.value, tokens.signing.value) == new
    assert tokens.problem() is None
    said = generate_latest(registry).decode()
    for secret in ("bot-token", "app-token", "signing-secret"):
        counted = f'valetkey_secrets_replaced_total{{outcome="taken",secret="{secret}"}} 1.0'
        assert counted in said
    assert not any(value in said for value in (*values, *new))


def test_what_is_not_set_is_not_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALETKEY_SLACK_BOT_TOKEN", "xoxb-one")
    slack = SlackSettings(team="T1", bot_token="xoxb-one", public_url="https://v.example")
    tokens = slack_tokens(load_settings(), slack, SystemClock(), None)
    tokens.look()
    assert (tokens.app, tokens.signing, tokens.problem()) == (None, None, None)
