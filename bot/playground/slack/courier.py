"""Carries payloads to the app, by Socket Mode or by signed HTTP, and says what became of them."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests

from bot.playground.slack.hindrances import Hindrances, Plan
from bot.playground.slack.kept import Kept
from bot.playground.slack.records import ACK_SECONDS, Delivery, Json, Kind
from bot.playground.slack.retries import Retries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.playground.slack.hindrances import Forgery
    from bot.playground.slack.sockets import Sockets
    from bot.playground.slack.workspace import Workspace

HTTP_OK = 200
POOL_CONNECTIONS = 64
OLD_SECONDS = 360


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the v0 signature of a request's raw body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Retry:
    """Says that a payload is sent again: `num` 1 to 3, and why."""

    num: int
    reason: str = "http_timeout"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent, and how: `answers` says whether the ack may say something."""

    kind: Kind
    payload: Json
    answers: bool
    retry: Retry | None
    envelope_id: str
    number: int
    forge: Forgery | None = None


class Courier:
    """Sends each payload by the way that is configured: a request URL, or Socket Mode.

    `request_ca` is the file of the CA that signed the app's certificate, if it has its own.
    `secret` gives the signing secret in force. Events that are not acked are sent again.
    """

    def __init__(
        self,
        workspace: Workspace,
        sockets: Sockets,
        secret: Callable[[], str],
        request_url: str | None = None,
        request_ca: str | None = None,
        ack_seconds: float = ACK_SECONDS,
    ) -> None:
        self._ack_seconds = ack_seconds
        self._workspace = workspace
        self._sockets = sockets
        self._secret = secret
        self.request_url = request_url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = request_ca or True
        pool = requests.adapters.HTTPAdapter(pool_maxsize=POOL_CONNECTIONS)
        self._session.mount("http://", pool)
        self._session.mount("https://", pool)
        self._numbers = itertools.count(1)
        self._closing = threading.Event()
        self._copies: list[threading.Thread] = []
        self.hindrances = Hindrances(workspace.faults)
        self.retries = Retries()
        self.deliveries: Kept[Delivery] = Kept()

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
        plan = self.hindrances.plan(kind)
        self.hindrances.pass_gate()
        if plan.delay_seconds:
            self._closing.wait(plan.delay_seconds)
        parcel = Parcel(
            kind,
            plan.padded(payload),
            answers,
            retry,
            envelope_id or str(uuid.uuid4()),
            next(self._numbers),
            plan.forge,
        )
        self._send_copies(parcel, plan)
        done = self._carry(parcel)
        # What was padded is not kept so: an hour of large envelopes would fill the memory.
        done = replace(done, payload=payload) if plan.pad_bytes else done
        with self._workspace.lock:
            self.deliveries.keep(done)
        self._workspace.touch()
        return done

    def _send_copies(self, parcel: Parcel, plan: Plan) -> None:
        self._copies = [thread for thread in self._copies if thread.is_alive()]
        for _ in range(plan.copies):
            thread = threading.Thread(target=self._carry, args=(parcel,), daemon=True)
            thread.start()
            self._copies.append(thread)

    def _carry(self, parcel: Parcel) -> Delivery:
        """Send once; log both ends; see to it that an event is sent again if need be."""
        log, num = self._workspace.log, parcel.retry.num if parcel.retry else 0
        log.add(
            "sent", parcel.kind, delivery=parcel.number, retry=num, about=_about(parcel.payload)
        )
        done = self._by_socket(parcel) if self.request_url is None else self._by_http(parcel)
        done = replace(done, number=parcel.number, retry_num=num)
        log.add(
            "acked",
            parcel.kind,
            delivery=parcel.number,
            retry=num,
            ok=done.acked,
            error=done.error,
            status=done.status,
            after_ms=done.after_ms,
        )
        if not done.acked and parcel.kind == "events_api" and done.wants_retry:
            again = replace(
                parcel, retry=Retry(num + 1, done.failure), envelope_id=str(uuid.uuid4())
            )
            self.retries.after(num + 1, lambda: self._carry(again))
        return done

    def _by_socket(self, parcel: Parcel) -> Delivery:
        retry = parcel.retry
        envelope: Json = {
            "envelope_id": parcel.envelope_id,
            "type": parcel.kind,
            "accepts_response_payload": parcel.answers,
            "payload": parcel.payload,
        }
        if parcel.kind == "events_api":
            envelope["retry_attempt"] = retry.num if retry else 0
            envelope["retry_reason"] = retry.reason.removeprefix("http_") if retry else ""
        lost = Delivery(parcel.kind, parcel.payload, acked=False, after_ms=0, failure="timeout")
        try:
            acked, answer, after_ms = self._sockets.send(envelope)
        except ConnectionError:
            return replace(lost, error="dispatch_failed", failure="connection_failed")
        if not acked:
            return replace(lost, after_ms=after_ms, error="operation_timeout")
        return replace(lost, acked=True, after_ms=after_ms, answer=answer, failure="")

    def _by_http(self, parcel: Parcel) -> Delivery:
        kind, payload, retry = parcel.kind, parcel.payload, parcel.retry
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
        lost = Delivery(kind, payload, acked=False, after_ms=0)
        started = time.monotonic()
        try:
            response = self.post(body, headers, **_forged(parcel.forge))
        except requests.exceptions.SSLError:
            return replace(lost, error="dispatch_failed", failure="ssl_error")
        except requests.Timeout:
            after_ms = (time.monotonic() - started) * 1000
            timeout = "http_timeout"
            return replace(lost, after_ms=after_ms, error="operation_timeout", failure=timeout)
        except requests.RequestException:
            return replace(lost, error="dispatch_failed", failure="connection_failed")
        after_ms = (time.monotonic() - started) * 1000
        lost = replace(
            lost,
            after_ms=after_ms,
            status=response.status_code,
            wants_retry=response.headers.get("X-Slack-No-Retry") != "1",
        )
        if response.status_code != HTTP_OK:
            return replace(lost, error="dispatch_failed", failure="http_error")
        if after_ms > self._ack_seconds * 1000:
            return replace(lost, error="operation_timeout", failure="http_timeout")
        return replace(lost, acked=True, answer=_parsed(response))

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
        sign = signature(self._secret(), at, body) if signed is None else signed
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
        """Send nothing more, and let go of the connections to the app."""
        self._closing.set()
        self.hindrances.release()
        self.retries.close()
        for thread in self._copies:
            thread.join(self._ack_seconds)
        self._session.close()


def _forged(how: Forgery | None) -> dict[str, str]:
    """Return the arguments of `post` that forge a request."""
    match how:
        case "signature":
            return {"signed": signature("another secret", str(int(time.time())), b"another body")}
        case "unsigned":
            return {"signed": ""}
        case "timestamp":
            return {"timestamp": str(int(time.time()) - OLD_SECONDS)}
    return {}


def _about(payload: Json) -> str:
    """Return what a payload is, in a word or two for the log; a forged one may be anything."""
    actions, event = payload.get("actions"), payload.get("event")
    first = actions[0] if isinstance(actions, list) and actions else {}
    parts = [payload.get("command"), payload.get("type")]
    named = ((event, "type"), (first, "action_id"))
    parts += [one.get(name) for one, name in named if isinstance(one, dict)]
    return " ".join(str(part)[:80] for part in parts if part)


def _parsed(response: requests.Response) -> Json | None:
    if not response.content:
        return None
    if response.headers.get("Content-Type", "").startswith("application/json"):
        parsed: Any = response.json()
        return parsed if isinstance(parsed, dict) else {"": parsed}
    return {"text": response.text}
