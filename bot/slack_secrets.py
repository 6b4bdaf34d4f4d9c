"""Slack's secrets as the settings have them, each with its file and the way to try a new one."""

from collections.abc import Callable

from bot.logs import hide_secret
from bot.secret_file import LiveSecret, SecretWatch
from bot.settings import Settings, secret_path
from bot.slack.app import make_client
from bot.slack.ports import SlackSettings
from bot.slack.tokens import SigningSecret, Tokens, try_app_token, try_bot_token
from grants.clock import Clock

_TRIED_WITHIN_SECONDS = 5
TryOut = Callable[[str], str | None]


def slack_tokens(
    settings: Settings, slack: SlackSettings, clock: Clock, watch: SecretWatch | None
) -> Tokens:
    """Make what looks after the bot token, the app-level token and the signing secret."""

    def try_bot(token: str) -> str | None:
        return try_bot_token(make_client(slack, _TRIED_WITHIN_SECONDS, token=token), slack.team)

    def try_app(token: str) -> str | None:
        return try_app_token(make_client(slack, _TRIED_WITHIN_SECONDS), token)

    def live(name: str, value: str, try_out: TryOut) -> LiveSecret:
        path = secret_path(f"slack_{name.replace('-', '_')}")
        return LiveSecret(name, value, path, learn=hide_secret, try_out=try_out, watch=watch)

    app, signing = settings.slack_app_token, settings.slack_signing_secret
    return Tokens(
        live("bot-token", slack.bot_token, try_bot),
        live("app-token", app.get_secret_value(), try_app) if app else None,
        _signing(settings, signing.get_secret_value(), clock, watch) if signing else None,
    )


def _signing(
    settings: Settings, secret: str, clock: Clock, watch: SecretWatch | None
) -> SigningSecret:
    return SigningSecret(
        "signing-secret",
        secret,
        secret_path("slack_signing_secret"),
        learn=hide_secret,
        watch=watch,
        clock=clock,
        grace=settings.slack_signing_grace,
    )
