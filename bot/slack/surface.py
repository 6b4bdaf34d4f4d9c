"""What every handler works with: ports, a client, members, and ways to say something back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.logs import get_logger
from bot.slack.blocks import Block, plain, section
from bot.slack.inbound import Inbound, Kind
from bot.slack.members import Members
from bot.slack.ports import Answer, SlackPorts
from bot.slack.reading import known_of
from bot.slack.recent import Recent
from bot.slack.sdk_log import code_of
from bot.slack.text import clean, label
from bot.slack.views import said_view, sign_in_blocks
from bot.wording import error_sentence
from grants.errors import SignInNeeded, ValetkeyError
from grants.people.model import Account, Known
from grants.people.offer_sign_in import OfferSignIn

log = get_logger("slack.surface")

SLACK_FAILS: Final = (SlackApiError, SlackClientError, HTTPException, OSError)
"""What a call of the Web API raises when Slack refuses or can't be reached."""

_TRIGGER_USED: Final = "exchanged_trigger_id"


@contextmanager
def only_shown(inbound: Inbound) -> Iterator[None]:
    """Run what only shows what was done; that it fails must not be told as if that had failed."""
    try:
        yield
    except (ValetkeyError, *SLACK_FAILS) as error:
        what = error.code if isinstance(error, ValetkeyError) else code_of(error)
        log.warning(
            "%s %r was done and is not shown yet: %s", inbound.kind, inbound.name[:80], what
        )


@dataclass(frozen=True)
class Surface:
    """The surface in Slack. `client` is for calls made while somebody waits."""

    ports: SlackPorts
    client: WebClient
    members: Members
    typing: "Recent[Account, Known]" = field(default_factory=lambda: Recent(5.0))

    def known(self, inbound: Inbound) -> Known:
        """Give the person who acts; SignInNeeded when nobody is linked to the account.

        Somebody who types is known by what was read a moment ago: they are only offered choices.
        """
        typing = inbound.kind is Kind.SUGGESTION
        known = self.typing.get(inbound.who) if typing else None
        if known is None:
            known = known_of(self.ports, inbound.who)
        if typing and known is not None:
            self.typing.keep(inbound.who, known)
        if known is None:
            raise SignInNeeded("not-linked")
        return known

    def sign_in_url(self, inbound: Inbound, draft: str | None = None) -> str:
        """Offer a sign-in and give its link, for this account alone."""
        command = OfferSignIn(f"{inbound.key}:sign-in", inbound.who, draft)
        token = self.ports.verbs.offer_sign_in(command).token
        return f"{self.ports.settings.public_url.rstrip('/')}/sign-in/{token}"

    def ask_to_sign_in(self, inbound: Inbound, error: SignInNeeded) -> Answer:
        """Say that a sign-in is needed, with the link to it."""
        sentence = error_sentence(error)
        if error.draft:
            sentence = f"{sentence} What you asked for is kept and goes on after that, as shown."
        elif inbound.kind is Kind.ACTION and inbound.name in {"approve", "deny"}:
            sentence = f"{sentence} Then look at the message anew and click again."
        return self.say(inbound, sentence, sign_in_blocks(self.sign_in_url(inbound, error.draft)))

    def say(self, inbound: Inbound, sentence: str, extra: Sequence[Block] = ()) -> Answer:
        """Say something to the person who acts, and only to them, where they are looking."""
        if inbound.kind is Kind.COMMAND:
            blocks = [section(plain(clean(sentence))), *extra]
            return ephemeral(sentence, blocks)
        if inbound.kind is Kind.SUBMISSION:
            return {"response_action": "update", "view": said_view(sentence, extra)}
        if inbound.kind is Kind.SUGGESTION:
            return {"options": []}
        if inbound.kind is Kind.ACTION and inbound.account is not None:
            self._say_beside(inbound, sentence, extra)
        return None

    def open(self, inbound: Inbound, view: Block, *, on_top: bool = False) -> None:
        """Open a modal, or lay it `on_top` of the one that was clicked in.

        The same click delivered twice has opened it already: its trigger works once.
        """
        show = self.client.views_push if on_top else self.client.views_open
        try:
            show(trigger_id=inbound.trigger_id, view=view)
        except SlackApiError as error:
            if error.response.get("error") != _TRIGGER_USED:
                raise
            log.info("%s came twice: its modal stands already", inbound.kind)

    def _say_beside(self, inbound: Inbound, sentence: str, extra: Sequence[Block]) -> None:
        """Answer a click: in its modal, over Home, or under its message; else by a DM."""
        view = inbound.view
        if view.get("type") == "modal":
            self.client.views_update(view_id=str(view["id"]), view=said_view(sentence, extra))
        elif view.get("type") == "home":
            self.open(inbound, said_view(sentence, extra))
        else:
            self._say_under(inbound, sentence, extra)

    def _say_under(self, inbound: Inbound, sentence: str, extra: Sequence[Block]) -> None:
        said: dict[str, Any] = {
            "text": label(sentence, 2000),
            "blocks": [section(plain(clean(sentence))), *extra],
        }
        user = inbound.who.user
        try:
            self.client.chat_postEphemeral(channel=inbound.channel, user=user, **said)
        except SLACK_FAILS as error:
            log.warning("no ephemeral answer (%s); sent as a message", code_of(error))
            self.client.chat_postMessage(channel=user, **said)


def ephemeral(text: str, blocks: Sequence[Block]) -> Answer:
    """Answer a slash command so that only its sender sees it."""
    return {
        "response_type": "ephemeral",
        "text": label(text, 2000),
        "blocks": list(blocks),
    }


Handler = Callable[[Surface, Inbound], Answer]
