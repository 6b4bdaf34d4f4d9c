"""Carries payloads to the app, by Socket Mode or by signed HTTP, and says what became of them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests

from bot.playground.slack.records import ACK_SECONDS, Delivery, Json, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.playground.slack.sockets import Sockets
    from bot.playground.slack.workspace import Workspace

HTTP_OK = 200


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the v0 signature of a request's raw body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Retry:
    """Says that a payload is sent again: `num` 1 to 3, and why."""

    num: int
    reason: str = "http_timeout"


class Courier:
    """Sends each payload by the way that is configured: a request URL, or Socket Mode.

    `request_ca` is the file of the CA that signed the app's certificate, if it has its own.
    """

    def __init__(
        self,
        workspace: Workspace,
        sockets: Sockets,
        signing_secret: str,
        request_url: str | None = None,
        request_ca: str | None = None,
        ack_seconds: float = ACK_SECONDS,
    ) -> None:
        self._ack_seconds = ack_seconds
        self._workspace = workspace
        self._sockets = sockets
        self._secret = signing_secret
        self.request_url = request_url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = request_ca or True
        self.deliveries: list[Delivery] = []

    def deliver(
        self,
        kind: Kind,
        payload: Json,
        *,
        answers: bool = True,
        retry: Retry | None = None,
        envelope_id: str | None = None,
    ) -> Delivery:
        """Send a payload and wait for its ack; `answers`: whether the ack may say something."""
        if self.request_url is None:
            done = self._by_socket(kind, payload, answers, retry, envelope_id)
        else:
            done = self._by_http(kind, payload, retry)
        with self._workspace.lock:
            self.deliveries.append(done)
        self._workspace.touch()
        return done

    def _by_socket(
        self,
        kind: Kind,
        payload: Json,
        answers: bool,  # noqa: FBT001  # passed on within this class only
        retry: Retry | None,
        envelope_id: str | None,
    ) -> Delivery:
        envelope: Json = {
            "envelope_id": envelope_id or str(uuid.uuid4()),
            "type": kind,
            "accepts_response_payload": answers,
            "payload": payload,
        }
        if kind == "events_api":
            envelope["retry_attempt"] = retry.num if retry else 0
            envelope["retry_reason"] = retry.reason if retry else ""
        try:
            acked, answer, after_ms = self._sockets.send(envelope)
        except ConnectionError:
            return Delivery(kind, payload, acked=False, after_ms=0, error="dispatch_failed")
        if not acked:
            return Delivery(
                kind, payload, acked=False, after_ms=after_ms, error="operation_timeout"
            )
        return Delivery(kind, payload, acked=True, after_ms=after_ms, answer=answer)

    def _by_http(self, kind: Kind, payload: Json, retry: Retry | None) -> Delivery:
        if kind == "events_api":
            body, mime = json.dumps(payload).encode(), "application/json"
        else:
            fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
            body, mime = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        headers = {"Content-Type": mime}
        if retry:
            headers |= {
                "X-Slack-Retry-Num": str(retry.num),
                "X-Slack-Retry-Reason": retry.reason,
            }
        started = time.monotonic()
        try:
            response = self.post(body, headers)
        except requests.Timeout:
            after_ms = (time.monotonic() - started) * 1000
            return Delivery(
                kind, payload, acked=False, after_ms=after_ms, error="operation_timeout"
            )
        except requests.RequestException:
            return Delivery(kind, payload, acked=False, after_ms=0, error="dispatch_failed")
        after_ms = (time.monotonic() - started) * 1000
        status = response.status_code
        if status != HTTP_OK:
            error = "dispatch_failed"
            return Delivery(
                kind, payload, acked=False, after_ms=after_ms, error=error, status=status
            )
        if after_ms > self._ack_seconds * 1000:
            error = "operation_timeout"
            return Delivery(
                kind, payload, acked=False, after_ms=after_ms, error=error, status=status
            )
        answer = _parsed(response)
        return Delivery(kind, payload, acked=True, after_ms=after_ms, answer=answer, status=status)

    def post(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timestamp: str | None = None,
        signed: str | None = None,
    ) -> requests.Response:
        """Post a raw body to the request URL, signed now unless told otherwise.

        `timestamp` and `signed` forge the two headers; an empty string leaves one out.
        """
        if self.request_url is None:
            raise RuntimeError("signed HTTP needs a request_url")
        at = str(int(time.time())) if timestamp is None else timestamp
        sign = signature(self._secret, at, body) if signed is None else signed
        own: dict[str, str] = {
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": sign,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }
        sent = {name: value for name, value in {**own, **headers}.items() if value}
        return self._session.post(
            self.request_url,
            data=body,
            headers=sent,
            timeout=self._ack_seconds,
            allow_redirects=False,
        )

    def close(self) -> None:
        """Let go of the connections to the app."""
        self._session.close()


def _parsed(response: requests.Response) -> Json | None:
    if not response.content:
        return None
    if response.headers.get("Content-Type", "").startswith("application/json"):
        parsed: Any = response.json()
        return parsed if isinstance(parsed, dict) else {"": parsed}
    return {"text": response.text}
