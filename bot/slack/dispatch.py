"""Handing over to the Bolt app what was verified, once it is known to have a form of its kind."""

from collections.abc import Mapping
from typing import Any

from slack_bolt import App, BoltRequest, BoltResponse

from bot.logs import get_logger
from bot.slack.shapes import wrong_with

log = get_logger("slack.dispatch")

MALFORMED = 400


def dispatch(
    app: App, payload: dict[str, Any], headers: Mapping[str, str] | None = None
) -> BoltResponse:
    """Give the app's answer; 400 for what has not the form of what Slack sends.

    Bolt reads all of a payload before anything has judged it, and trips over one that is oddly
    made: a team that is a list, actions that are none.
    """
    if why := wrong_with(payload):
        log.warning("a payload is malformed: %s", why)
        return BoltResponse(status=MALFORMED, body="")
    try:
        # This mode takes the body as parsed; everything else is the same for both ways in.
        request = BoltRequest(mode="socket_mode", body=payload, headers=dict(headers or {}))
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        log.warning("a payload is malformed: Bolt reads it with %s", type(error).__name__)
        return BoltResponse(status=MALFORMED, body="")
    return app.dispatch(request)
