"""Slack's own secrets, replaced while we run: bot token, app-level token, signing secret."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from slack_sdk import WebClient

from bot.secret_file import LiveSecret
from bot.slack.signature import why_not_signed
from bot.slack.troubles import CALL_FAILS, TOKENS, met
from grants.clock import Clock

_AT_MOST: Final = timedelta(days=1)
_OTHER_TEAM: Final = "other-team"


class Signing(Protocol):
    """Says whether a request is from Slack."""

    def why_not(self, headers: Mapping[str, str | None], body: bytes, now: datetime) -> str:
        """Tell why a request is not from Slack, by a stable word; empty when it is."""
        ...


class OneSecret:
    """The signing secret that stays."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def why_not(self, headers: Mapping[str, str | None], body: bytes, now: datetime) -> str:
        """Tell why a request is not from Slack, by a stable word; empty when it is."""
        return why_not_signed(self._secret, headers, body, now)


class SigningSecret(LiveSecret):
    """The signing secret, whose new value nobody but Slack's own requests can show to be right.

    So the former one stays good until a request came that is signed with the new one, and for
    `grace` after that, at most a day in all. With no grace it is good no more at once: it may have
    leaked. One that is replaced before any request was signed with it was a slip, and does not
    push out the one that Slack still signs with.
    """

    def __init__(self, *args: Any, clock: Clock, grace: timedelta, **more: Any) -> None:
        self._former = ""
        self._changed_at = clock.now()
        self._seen_at: datetime | None = None
        self._clock = clock
        self._grace = grace
        super().__init__(*args, **more)
        self._before = self.value

    def why_not(self, headers: Mapping[str, str | None], body: bytes, now: datetime) -> str:
        """Tell why a request is not from Slack, by a stable word; empty when it is."""
        why = why_not_signed(self.value, headers, body, now)
        if not why:
            self._seen_at = self._seen_at or now
            return ""
        if self._is_former_good(now) and not why_not_signed(self._former, headers, body, now):
            return ""
        return why

    def _is_former_good(self, now: datetime) -> bool:
        if not self._former or now - self._changed_at > _AT_MOST:
            return False
        return self._seen_at is None or now - self._seen_at <= self._grace

    def _taken(self) -> None:
        now = self._clock.now()
        was_a_slip = self._seen_at is None and self._is_former_good(now)
        if not was_a_slip:
            self._former, self._changed_at = self._before if self._grace else "", now
        self._before, self._seen_at = self.value, None


class Tokens:
    """The three together; each but the bot token may be missing."""

    def __init__(
        self,
        bot: LiveSecret,
        app: LiveSecret | None = None,
        signing: SigningSecret | None = None,
    ) -> None:
        self.bot = bot
        self.app = app
        self.signing = signing
        self._clients: list[WebClient] = []

    def follow(self, client: WebClient) -> WebClient:
        """Have a client always use the bot token that is in force."""
        client.token = self.bot.value
        self._clients.append(client)
        return client

    def look(self) -> None:
        """Look at all files once."""
        for secret in (self.bot, self.app, self.signing):
            if secret is not None:
                secret.look()
        self._hand_over()

    def _hand_over(self) -> None:
        for client in self._clients:
            client.token = self.bot.value

    def refused(self) -> None:
        """Hear that Slack refuses the bot token: a file that has another is taken up at once."""
        for _ in range(2):
            self.bot.look()
        self._hand_over()

    def problem(self) -> str | None:
        """Say for readiness what is wrong with secrets that were replaced, by codes."""
        secrets = (self.bot, self.app, self.signing)
        wrong = [f"{one.name}-{one.problem}" for one in secrets if one is not None and one.problem]
        return ", ".join(wrong) or None


def try_bot_token(client: WebClient, team: str) -> str | None:
    """Ask Slack whether a client's bot token is good, and of our workspace or organisation.

    None: Slack can't be asked right now.
    """
    try:
        said = client.auth_test()
        ours = team in {said.get("team_id"), said.get("enterprise_id")}
    except CALL_FAILS as error:
        code = met(error).code
        return code if code in TOKENS else None
    return "" if ours else _OTHER_TEAM


def try_app_token(client: WebClient, token: str) -> str | None:
    """Ask Slack whether an app-level token opens connections; none is opened by asking."""
    try:
        client.apps_connections_open(app_token=token)
    except CALL_FAILS as error:
        code = met(error).code
        return code if code in {*TOKENS, "missing_scope"} else None
    return ""
