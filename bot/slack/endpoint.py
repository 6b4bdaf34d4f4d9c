"""Slack over signed HTTP: a Falcon resource in front of the Bolt app."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import falcon
from slack_bolt import App

from bot.logs import get_logger
from bot.slack.dispatch import MALFORMED, dispatch
from bot.slack.inbound import Kind, kind_of
from bot.slack.reading_json import Malformed, read_json
from bot.slack.signature import SIGNATURE, TIMESTAMP
from bot.slack.tokens import OneSecret, Signing
from bot.slack.watching import NoWatch, SlackWatch
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
    "stopping": "This process is being stopped. Send it again.",
}

_RETRY_HEADERS: Final = ("X-Slack-Retry-Num", "X-Slack-Retry-Reason")
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 100
_OK: Final = 200


class SlackEndpoint:
    """Takes what Slack sends. Nothing is parsed, and nothing of it logged, before it is verified.

    Bolt is handed the parsed body alone: its own parsing raises on malformed JSON and loses a
    command that says "payload", and its `x-slack-bolt-...` headers must not come from outside.
    """

    def __init__(
        self, app: App, signing: str | Signing, clock: Clock, watch: SlackWatch | None = None
    ) -> None:
        self._app = app
        self._signing = OneSecret(signing) if isinstance(signing, str) else signing
        self._clock = clock
        self._watch: SlackWatch = watch or NoWatch()
        self._changed = threading.Condition()
        self._under_way = 0
        self._stopping = False

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Verify, hand over to the app, and give its answer back."""
        if not self._begin():
            # Not taken at all: Slack sends events again, and a balancer asks another replica.
            resp.retry_after = 1
            self._watch.came("http", str(Kind.OTHER), "left", 0.0)
            _refuse(resp, falcon.HTTP_503, "stopping")
            return
        try:
            self._answer(req, resp)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _begin(self) -> bool:
        with self._changed:
            if self._stopping:
                return False
            self._under_way += 1
            return True

    def stop(self, within_seconds: float) -> bool:
        """Take no more, and wait for what is under way; False when time ran out."""
        with self._changed:
            self._stopping = True
            return self._changed.wait_for(lambda: self._under_way == 0, within_seconds)

    def _answer(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = _read(req)
        if body is None:
            _refuse(resp, falcon.HTTP_413, "too-large")
            return
        headers = {name: req.get_header(name) for name in (TIMESTAMP, SIGNATURE)}
        why = self._signing.why_not(headers, body, self._clock.now())
        if why:
            log.warning("a request that says it is from Slack was refused: %s", why)
            _refuse(resp, falcon.HTTP_401, why)
            return
        try:
            payload = read_body(body, req.content_type or "")
        except Malformed as error:
            log.warning("a signed request could not be read: %s", error)
            _refuse(resp, falcon.HTTP_400, "malformed")
            return
        self._dispatch(req, resp, payload)

    def _dispatch(
        self, req: falcon.Request, resp: falcon.Response, payload: dict[str, Any]
    ) -> None:
        retries = {name: found for name in _RETRY_HEADERS if (found := req.get_header(name))}
        began, outcome = time.monotonic(), "failed"
        try:
            answer = dispatch(self._app, payload, retries)
            outcome = "done" if answer.status == _OK else "refused"
        finally:
            took_seconds = time.monotonic() - began
            self._watch.came("http", str(kind_of(payload)), outcome, took_seconds)
        if answer.status == MALFORMED:
            _refuse(resp, falcon.HTTP_400, "malformed")
            return
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


def read_body(body: bytes, content_type: str) -> dict[str, Any]:
    """Parse a verified body: JSON, a form with JSON in `payload`, or a form; else Malformed."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _JSON:
        return read_json(body)
    if kind != _FORM:
        raise Malformed("content-type")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except UnicodeDecodeError:
        raise Malformed("not-utf-8") from None
    except ValueError:
        raise Malformed("not-a-form") from None
    fields: dict[str, Any] = dict(pairs)
    if len(fields) != len(pairs):
        raise Malformed("field-twice")
    if "payload" not in fields:
        if not fields:
            raise Malformed("not-an-object")
        return fields
    return read_json(fields["payload"])


def _refuse(resp: falcon.Response, status: str, code: str) -> None:
    resp.status = status
    if code == "malformed":
        resp.set_header("X-Slack-No-Retry", "1")  # sent again it would be no better
    resp.media = {"error": code, "message": REFUSALS[code]}
