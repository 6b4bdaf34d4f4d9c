"""What a failed call means, whatever answers at Slack's address."""

from datetime import timedelta
from http.client import IncompleteRead
from typing import Any
from urllib.error import URLError

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.slack.troubles import Met, Trouble, met, method_of, retry_after

URL = "https://slack.example/api/chat.postMessage"


def answer(status: int, data: Any, headers: dict[str, Any] | None = None) -> SlackApiError:
    response = SlackResponse(
        client=WebClient(),
        http_verb="POST",
        api_url=URL,
        req_args={},
        data=data,
        headers=headers or {},
        status_code=status,
    )
    return SlackApiError("refused", response)


@pytest.mark.parametrize(
    ("error", "trouble", "code"),
    [
        (answer(200, {"ok": False, "error": "is_archived"}), Trouble.PLACE, "is_archived"),
        (answer(200, {"ok": False, "error": "invalid_blocks"}), Trouble.MESSAGE, "invalid_blocks"),
        (answer(200, {"ok": False, "error": "token_revoked"}), Trouble.REFUSED, "token_revoked"),
        (answer(200, {"ok": False, "error": "message_not_found"}), Trouble.LOST, None),
        (answer(200, {"ok": False, "error": "internal_error"}), Trouble.PASSING, None),
        (answer(200, {"ok": False, "error": "never_heard_of"}), Trouble.PASSING, None),
        (answer(200, {"ok": False}), Trouble.AWAY, "garbled"),
        (answer(403, {"ok": False}), Trouble.AWAY, "http-403"),
        (answer(503, {"ok": False, "error": "is_archived"}), Trouble.AWAY, "http-503"),
        (SlackApiError("no JSON", {"status": 200, "body": "<html>"}), Trouble.AWAY, "garbled"),
        (SlackApiError("no JSON", {"status": 502, "body": "<html>"}), Trouble.AWAY, "http-502"),
        (URLError("nothing listens"), Trouble.AWAY, "URLError"),
        (TimeoutError(), Trouble.AWAY, "TimeoutError"),
        (IncompleteRead(b""), Trouble.AWAY, "IncompleteRead"),
        (KeyError("channel"), Trouble.AWAY, "garbled"),
        (AttributeError("get"), Trouble.AWAY, "garbled"),
    ],
)
def test_each_failure_is_somebodys_trouble(
    error: BaseException, trouble: Trouble, code: str | None
) -> None:
    found = met(error)
    assert found.trouble is trouble
    assert code in (None, found.code)


def test_a_limit_says_how_long_to_be_quiet() -> None:
    limited = answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "7"})
    assert met(limited) == Met(Trouble.LIMITED, "ratelimited", timedelta(seconds=7))
    assert method_of(limited) == "chat.postMessage"
    assert method_of(OSError()) == ""


def test_a_limit_without_json_is_one_all_the_same() -> None:
    limited = SlackApiError("no JSON", {"status": 429, "headers": {"Retry-After": "7"}})
    assert met(limited).trouble is Trouble.LIMITED
    assert met(limited).wait == timedelta(seconds=7)


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5", "٣٣", None])
def test_a_wait_that_is_no_number_is_the_usual_one(value: object) -> None:
    assert timedelta(0) < retry_after({"Retry-After": value}) <= timedelta(seconds=33)


def test_a_wait_beyond_reason_is_bounded() -> None:
    assert retry_after({"retry-after": ["9" * 400]}) == timedelta(minutes=15)
