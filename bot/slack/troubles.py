"""What a failed call of Slack means for a delivery: whose trouble it is, and what mends it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from http.client import HTTPException
from typing import Any, Final

from slack_sdk.errors import SlackApiError, SlackClientError


class Trouble(StrEnum):
    """Whose trouble it is."""

    AWAY = "away"  # Slack as a whole does not answer well: everything waits
    REFUSED = "refused"  # the app as a whole is refused: everything waits for another token
    LIMITED = "limited"  # too fast: a place or a method waits
    PLACE = "place"  # nowhere to tell it: no repeating mends that
    MESSAGE = "message"  # Slack does not take this message: no repeating mends that
    LOST = "lost"  # the message that was to be changed is gone
    PASSING = "passing"  # this row failed and may succeed when it is tried again


@dataclass(frozen=True)
class Met:
    """A trouble, its stable code, and for limits how long to be quiet."""

    trouble: Trouble
    code: str
    wait: timedelta = timedelta(0)


PLACES: Final = frozenset(
    {
        "cannot_dm_bot",
        "channel_not_found",
        "is_archived",
        "messages_tab_disabled",
        "method_not_supported_for_channel_type",
        "missing_scope",
        "no_permission",
        "no_such_subteam",
        "not_in_channel",
        "permission_denied",
        "plan_upgrade_required",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "subteam_not_found",
        "team_access_not_granted",
        "team_not_found",
        "user_disabled",
        "user_not_found",
        "user_not_visible",
        "users_not_found",
    }
)
MESSAGES: Final = frozenset(
    {
        "invalid_arguments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
REFUSALS: Final = frozenset(
    {
        "accesslimited",
        "account_inactive",  # of the token: its workspace or bot user is gone
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "token_expired",
        "token_revoked",
    }
)
TOKENS: Final = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)
"""Those of the refusals that another token mends."""
_LOST: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_LIMITS: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_TOO_MANY: Final = 429
_SERVER_FAILS: Final = 500
_OK: Final = 200
_USUAL_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(minutes=15)

CALL_FAILS: Final = (
    SlackApiError,
    SlackClientError,
    OSError,
    HTTPException,
    # An answer that is not what Slack answers: no JSON object, no text, a member missing.
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What a call of the Web API raises, whatever answers at its address."""


def met(error: BaseException) -> Met:
    """Tell what a failed call means."""
    if not isinstance(error, SlackApiError):
        lost = isinstance(error, OSError | HTTPException | SlackClientError)
        return Met(Trouble.AWAY, type(error).__name__ if lost else "garbled")
    status, data, headers = _parts(error.response)
    code = str(data.get("error") or "")
    if status == _TOO_MANY or code in _LIMITS:
        return Met(Trouble.LIMITED, "ratelimited", retry_after(headers))
    if status >= _SERVER_FAILS:
        return Met(Trouble.AWAY, f"http-{status}")
    if not code:
        return Met(Trouble.AWAY, "garbled" if status == _OK else f"http-{status}")
    return Met(_of_code(code), code)


def method_of(error: BaseException) -> str:
    """Name the method that was called, where the answer tells."""
    url = getattr(getattr(error, "response", None), "api_url", "")
    return str(url).rpartition("/")[2]


def retry_after(headers: Mapping[str, Any]) -> timedelta:
    """Read how long to be quiet: what is no number, or more than anybody means, is bounded."""
    named = {str(name).lower(): value for name, value in headers.items()}
    value = named.get("retry-after", "")
    text = value[0] if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    if not text.isdecimal():
        return _USUAL_WAIT
    return min(timedelta(seconds=min(int(text), 1_000_000)), _LONGEST_WAIT)


def _of_code(code: str) -> Trouble:
    for trouble, codes in (
        (Trouble.LOST, _LOST),
        (Trouble.REFUSED, REFUSALS),
        (Trouble.PLACE, PLACES),
        (Trouble.MESSAGE, MESSAGES),
    ):
        if code in codes:
            return trouble
    return Trouble.PASSING


def _parts(response: Any) -> tuple[int, Mapping[str, Any], Mapping[str, Any]]:
    """Read an answer; of one that is no JSON the library gives a plain dictionary."""
    if isinstance(response, Mapping):
        return int(response.get("status") or 0), {}, response.get("headers") or {}
    data = response.data if isinstance(response.data, Mapping) else {}
    return int(response.status_code), data, response.headers or {}
