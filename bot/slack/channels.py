"""What Slack says of the channels that a policy names: shared, archived, out of the app's reach."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk import WebClient

from bot.slack.places import CHANNEL_ID
from bot.slack.troubles import CALL_FAILS, Trouble, met
from grants.policy.model import Policy

SHARED: Final = "channel-shared"
ARCHIVED: Final = "channel-archived"
WITHOUT_APP: Final = "channel-without-app"
UNKNOWN: Final = "channel-unknown"
BY_NAME: Final = "channel-by-name"


@dataclass(frozen=True)
class ChannelFinding:
    """One thing that is worth knowing about a channel, by a stable code."""

    channel: str
    code: str


class NotLooked(Exception):
    """Slack does not say: `code` is why, such as `missing_scope`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def channels_of(policy: Policy) -> tuple[str, ...]:
    """Name every channel that is told something, each once."""
    digests = (one.notify for one in policy.review.digests)
    told = (policy.admin_notify, *(one.notify for one in policy.entitlements), *digests)
    return tuple(dict.fromkeys(channel for one in told for channel in one.channels))


def look_at(client: WebClient, channels: Iterable[str]) -> tuple[ChannelFinding, ...]:
    """Ask Slack about channels; NotLooked when it does not answer, or the app may not ask.

    One that is named by its name is not asked about: Slack knows channels by their ids alone, and
    a name may be another channel's tomorrow.
    """
    found: list[ChannelFinding] = []
    for channel in channels:
        codes = _ask(client, channel) if CHANNEL_ID.fullmatch(channel) else (BY_NAME,)
        found += [ChannelFinding(channel, code) for code in codes]
    return tuple(found)


def _ask(client: WebClient, channel: str) -> tuple[str, ...]:
    try:
        said = client.conversations_info(channel=channel).get("channel")
    except CALL_FAILS as error:
        trouble = met(error)
        if trouble.trouble is Trouble.PLACE and trouble.code != "missing_scope":
            return (UNKNOWN,)
        raise NotLooked(trouble.code) from None
    return judge(said) if isinstance(said, Mapping) else (UNKNOWN,)


def judge(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Judge what `conversations.info` says of a channel."""
    shared = said.get("is_ext_shared") or said.get("is_pending_ext_shared")
    return tuple(
        code
        for code, holds in (
            (SHARED, shared),
            (ARCHIVED, said.get("is_archived")),
            (WITHOUT_APP, said.get("is_member") is False),
        )
        if holds
    )
