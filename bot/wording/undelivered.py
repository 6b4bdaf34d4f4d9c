"""Why something could not be told in Slack."""

from collections.abc import Mapping
from typing import Final

from bot.wording.filling import fill

# Ours are with hyphens, Slack's own with underscores.
PROBLEMS: Final[Mapping[str, str]] = {
    "account_inactive": "Slack says that the app's bot account is deactivated",
    "broken": "the card can't be drawn: something broke in Valetkey itself, and its log says what",
    "cannot_dm_bot": "it is an app, which has no direct messages",
    "channel_not_found": "there is no such channel, or the app can't see it",
    "garbled": "Slack answers with something that is not its answer",
    "invalid_auth": "Slack refuses the app's token",
    "is_archived": "the channel is archived",
    "members-unknown": "Slack does not say right now who the group's members are",
    "messages_tab_disabled": "the app's messages are switched off for this person",
    "missing_scope": "the app lacks a permission: compare its scopes with the manifest's",
    "no_such_subteam": "there is no such user group",
    "nobody-in-group": "the user group has no full member",
    "nobody-linked": "no Slack account is linked to this person any more",
    "not_in_channel": "the app is not in the channel",
    "nothing-to-show": "what it was about is no longer there",
    "other-team": "the account belongs to another workspace than the one that is served",
    "ratelimited": "Slack wants to be asked more slowly",
    "restricted_action": "the workspace's rules forbid the app to post there",
    "subteam_not_found": "there is no such user group",
    "token_expired": "the app's token has expired",
    "token_revoked": "the app's token was revoked",
    "user_disabled": "the person's Slack account is deactivated",
    "user_not_found": "there is no such Slack account",
}

_UNSAID: Final = "it was not tried yet"


def delivery_words(problem: str) -> str:
    """Say why something was not told, with the code for whoever looks it up."""
    if not problem:
        return _UNSAID
    said = PROBLEMS.get(problem)
    return fill("{said} ({code})", {"said": said, "code": problem}) if said else problem
