"""Slack over signed HTTP: what is not from Slack never reaches the app."""

import time
from typing import Any

import pytest
import requests

from bot.playground.slack import Person
from bot.slack.endpoint import MAX_BODY_BYTES, read_body
from bot.slack.signature import sign
from bot.wording.errors import SENTENCES
from tests.support.slack_bot import SlackBot

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def erin(bot: SlackBot) -> Person:
    return bot.person("erin", "engineers")


def post(bot: SlackBot, body: bytes, headers: dict[str, str], **forged: str) -> requests.Response:
    return bot.double.courier.post(body, headers, **forged)


@pytest.mark.parametrize(
    ("forged", "code"),
    [
        ({"signed": ""}, "unsigned"),
        ({"timestamp": "", "signed": "v0="}, "unsigned"),
        ({"signed": "v0=" + "0" * 64}, "bad-signature"),
        ({"signed": "v1=" + "0" * 64}, "bad-signature"),
        ({"signed": "v0=" + "é" * 32}, "bad-signature"),
        ({"timestamp": "soon"}, "bad-signature"),
        ({"timestamp": "1e9"}, "bad-signature"),
        ({"timestamp": "-5"}, "bad-signature"),
        ({"timestamp": "٣٣"}, "bad-signature"),
        ({"timestamp": "9" * 400}, "bad-signature"),
        ({"timestamp": str(int(time.time()) - 301)}, "stale"),
        ({"timestamp": str(int(time.time()) + 86_400)}, "stale"),
    ],
)
def test_what_is_not_signed_rightly_is_a_clean_401(
    bot: SlackBot, erin: Person, forged: dict[str, str], code: str
) -> None:
    at = forged.get("timestamp", "")
    signed = sign(bot.double.app.signing_secret, at, b"a=b") if at.isascii() and at else ""
    sent: dict[str, Any] = {"signed": signed or "v0=" + "0" * 64} if at else {}
    answer = post(bot, b"a=b", FORM, **sent | {k: v.encode() for k, v in forged.items()})
    assert answer.status_code == 401, answer.text
    assert answer.json()["error"] == code


def test_a_body_changed_on_the_way_is_refused(bot: SlackBot, erin: Person) -> None:
    at = str(int(time.time()))
    signed = sign(bot.double.app.signing_secret, at, b"command=/access&text=help")
    answer = post(bot, b"command=/access&text=ask", FORM, timestamp=at, signed=signed)
    assert answer.json()["error"] == "bad-signature"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", JSON),
        (b"[]", JSON),
        (b"\xff\xfe", JSON),
        (b"[" * 100_000, JSON),
        (b"payload=%7B", FORM),
        (b"payload=%5B1%5D", FORM),
        (b"", FORM),
        (b"&".join(b"a%d=1" % n for n in range(500)), FORM),
    ],
)
def test_what_is_signed_but_unreadable_is_a_clean_400(
    bot: SlackBot, erin: Person, body: bytes, headers: dict[str, str]
) -> None:
    answer = post(bot, body, headers)
    assert answer.status_code == 400
    assert answer.headers["X-Slack-No-Retry"] == "1"
    assert answer.json() == {
        "error": "malformed",
        "message": "The request is signed, but can't be read.",
    }


def test_a_body_too_large_is_refused_before_it_is_read(bot: SlackBot, erin: Person) -> None:
    assert post(bot, b"a" * (MAX_BODY_BYTES + 1), FORM).status_code == 413


def test_an_unsigned_ssl_check_is_refused(bot: SlackBot, erin: Person) -> None:
    assert post(bot, b"ssl_check=1&token=x", FORM, signed="").status_code == 401


def test_the_url_is_verified_when_it_is_signed(bot: SlackBot, erin: Person) -> None:
    body = b'{"type": "url_verification", "challenge": "abc", "token": "x"}'
    answer = post(bot, body, JSON)
    assert answer.status_code == 200
    assert answer.json() == {"challenge": "abc"}


def test_bolts_own_headers_do_not_come_from_outside(bot: SlackBot, erin: Person) -> None:
    """`x-slack-bolt-lazy-only` would have Bolt skip the listener and answer 200."""
    erin.slash("/access", "help")
    fields = bot.double.deliveries[-1].payload
    body = requests.models.RequestEncodingMixin._encode_params({**fields, "trigger_id": "8.8.8"})
    headers = {
        **FORM,
        "X-Slack-Bolt-Lazy-Only": "1",
        "X-Slack-Bolt-Lazy-Function-Name": "on_inbound",
    }
    answer = post(bot, body.encode(), headers)
    assert "/access status" in answer.text


@pytest.mark.security("D6")
def test_a_replayed_request_makes_no_second_link(bot: SlackBot) -> None:
    someone = bot.user("someone")
    done = someone.slash("/access")
    again = bot.double.redeliver(done)
    assert again.ok
    assert SENTENCES["already-done"] in str(again.answer)
    assert len(bot.world.store._rows.attempts) == 1


def test_a_command_that_says_payload_is_a_command(bot: SlackBot, erin: Person) -> None:
    """Bolt's own parser takes any body with the word in it for something else."""
    assert read_body(b"command=%2Faccess&text=payload", FORM["Content-Type"]) == {
        "command": "/access",
        "text": "payload",
    }


def test_bodies_of_refused_requests_are_not_logged(
    bot: SlackBot, erin: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    post(bot, b"text=planted-canary", FORM, signed="v0=" + "0" * 64)
    post(bot, b"{planted-canary", JSON)
    assert "a request that says it is from Slack was refused" in caplog.text
    assert "planted-canary" not in caplog.text
