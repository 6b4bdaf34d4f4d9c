"""Slack over signed HTTP: a Falcon resource in front of the Bolt app."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import falcon
from slack_bolt import App, BoltRequest

from bot.logs import get_logger
from bot.slack.signature import SIGNATURE, TIMESTAMP, why_not_signed
from grants.clock import Clock

log = get_logger("slack.endpoint")

MAX_BODY_BYTES: Final = 1_048_576
"""Slack's largest payloads, a full modal with its state, are below 400 kB."""

REFUSALS: Final[Mapping[str, str]] = {
    "unsigned": "This is for Slack alone: the request is not signed.",
    "bad-signature": "The signature does not fit the request.",
    "stale": "The request is too old, or its clock is wrong.",
    "too-large": "The request is too large.",
    "malformed": "The request is signed, but can't be read.",
}

_RETRY_HEADERS: Final = ("X-Slack-Retry-Num", "X-Slack-Retry-Reason")


class SlackEndpoint:
    """Takes what Slack sends. Nothing is parsed, and nothing of it logged, before it is verified.

    Bolt is handed the parsed body alone: its own parsing raises on malformed JSON and loses a
    command that says "payload", and its `x-slack-bolt-...` headers must not come from outside.
    """

    def __init__(self, app: App, signing_secret: str, clock: Clock) -> None:
        self._app = app
        self._secret = signing_secret
        self._clock = clock

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Verify, hand over to the app, and give its answer back."""
        body = _read(req)
        if body is None:
            _refuse(resp, falcon.HTTP_413, "too-large")
            return
        headers = {name: req.get_header(name) for name in (TIMESTAMP, SIGNATURE)}
        why = why_not_signed(self._secret, headers, body, self._clock.now())
        if why:
            log.warning("a request that says it is from Slack was refused: %s", why)
            _refuse(resp, falcon.HTTP_401, why)
            return
        payload = read_body(body, req.content_type or "")
        if payload is None:
            log.warning("a signed request could not be read")
            _refuse(resp, falcon.HTTP_400, "malformed")
            return
        self._dispatch(req, resp, payload)

    def _dispatch(
        self, req: falcon.Request, resp: falcon.Response, payload: dict[str, Any]
    ) -> None:
        retries = {name: found for name in _RETRY_HEADERS if (found := req.get_header(name))}
        answer = self._app.dispatch(
            # This mode takes the body as parsed; everything else is the same.
            BoltRequest(mode="socket_mode", body=payload, headers=dict(retries))
        )
        resp.status = answer.status
        resp.content_type = answer.headers.get("content-type", ["text/plain"])[0]
        resp.text = answer.body or ""


def _read(req: falcon.Request) -> bytes | None:
    """Read the body; None when it is too large. A length that lies is cut off."""
    length = req.content_length
    if length is not None and length > MAX_BODY_BYTES:
        return None
    body: bytes = req.bounded_stream.read(MAX_BODY_BYTES + 1)
    return None if len(body) > MAX_BODY_BYTES else body


def read_body(body: bytes, content_type: str) -> dict[str, Any] | None:
    """Parse a verified body: JSON, a form with JSON in `payload`, or a form; None: unreadable."""
    try:
        text = body.decode()
        if content_type.partition(";")[0].strip().lower() == "application/json":
            found = json.loads(text)
        else:
            fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))
            found = json.loads(fields["payload"]) if "payload" in fields else fields
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found else None


def _refuse(resp: falcon.Response, status: str, code: str) -> None:
    resp.status = status
    resp.media = {"error": code, "message": REFUSALS[code]}
