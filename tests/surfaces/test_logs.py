"""Logs: one JSON object a line, with ids, without secrets, whatever is thrown at them (D1, D2)."""

import base64
import io
import json
import logging
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.logs import (
    bind_log_ids,
    get_logger,
    hide_secret,
    log_ids,
    set_up_logs,
    unbind_log_ids,
)
from bot.redaction import HIDDEN, Redactor

ROOT = Path(__file__).parents[2]
CANARY = "canary+secret/with=odd signs"
PASSWORD = "pa$$w0rd/of+db"
DATABASE = f"postgresql://valetkey:{quote(PASSWORD, safe='')}@db.example/valetkey"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLWFkYQ"
# ESC, right-to-left override, line separator, next line.
SIGNS = "".join(map(chr, (0x1B, 0x202E, 0x2028, 0x85)))


class Lines:
    """What was logged, line by line, as it was written and as JSON."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def all(self) -> list[dict]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def last(self) -> dict:
        return self.all[-1]


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    found = Lines()
    set_up_logs("DEBUG", [CANARY, DATABASE], stream=found.stream)
    yield found
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_is_json_with_time_level_logger_and_facts(lines):
    get_logger("test").info("done", extra={"grant_state": "active", "count": 3})
    line = lines.last
    assert line["message"] == "done"
    assert line["level"] == "INFO"
    assert line["logger"] == "valetkey.test"
    assert line["grant_state"] == "active"
    assert line["count"] == 3
    assert line["time"].endswith("+00:00")


def test_a_secret_that_is_learned_later_is_hidden_from_then_on(lines):
    log = get_logger("test")
    log.info("rotated-secret-value")
    hide_secret("rotated-secret-value")
    log.info("rotated-secret-value %s", CANARY)
    assert [line["message"] for line in lines.all] == ["rotated-secret-value", "[hidden] [hidden]"]


def test_ids_stand_on_every_line_of_their_context_and_on_no_other(lines):
    log = get_logger("test")
    with log_ids(request_id="req-1", grant_id=None):
        log.info("in")
        with log_ids(grant_id="gra-1"):
            log.info("deeper")
    log.info("out")
    inside, deeper, outside = lines.all
    assert inside["request_id"] == "req-1"
    assert "grant_id" not in inside
    assert (deeper["request_id"], deeper["grant_id"]) == ("req-1", "gra-1")
    assert "request_id" not in outside


def test_ids_of_one_thread_are_not_anothers(lines):
    log = get_logger("test")
    token = bind_log_ids(request_id="req-1")
    thread = threading.Thread(target=lambda: log.info("elsewhere"))
    thread.start()
    thread.join()
    unbind_log_ids(token)
    assert "request_id" not in lines.last


@pytest.mark.security("D1")
def test_what_people_write_makes_no_second_line_and_no_terminal_code(lines):
    said = f'x\n{{"level": "CRITICAL"}}\r{SIGNS}'
    get_logger("test").info("said: %s", said, extra={"name\nwith": "line\nend"})
    assert len(lines.text.splitlines()) == 1
    assert not set(lines.text) & {*SIGNS, "\r"}


@pytest.mark.security("D2")
@pytest.mark.parametrize(
    "secret",
    [
        CANARY,
        quote(CANARY, safe=""),
        base64.b64encode(CANARY.encode()).decode(),
        PASSWORD,
        quote(PASSWORD, safe=""),
        DATABASE,
        "xoxb-123456789012-abcdefABCDEF",
        "xoxe.xoxp-1-Mi0yLTEyMzQ1Njc4OQ",
        "xapp-1-A0123-4567-abcdef",
        JWT,
        f"{JWT}.five.parts",
    ],
)
def test_a_secret_is_in_no_line_in_whatever_place(lines, secret):
    log = get_logger("test")
    log.debug("in the message: %s", secret)
    log.debug("in a fact", extra={"fact": secret, "deep": {"a": [{"b": (secret,)}]}})
    log.debug("as bytes", extra={"body": secret.encode()})
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - raised here, to have a traceback
        int(secret)
    log.error("in an exception", exc_info=raised.value)
    log.debug("as an object", extra={"error": ValueError(secret)})
    assert len(lines.all) == 5
    assert secret not in lines.text
    assert lines.text.count(HIDDEN) >= 5


@pytest.mark.security("D2")
@pytest.mark.parametrize(
    "text",
    [
        "GET https://valetkey.example/sign-in/callback?code=SplxlOBeZQQ&state=SplxlOBeZQQ",
        "POST body: code=SplxlOBeZQQYbYS6WxSbIA&grant_type=authorization_code&state=x",
        "{'id_token': 'SplxlOBeZQQ', 'expires_in': 3600}",
        '{"client_secret": "SplxlOBeZQQ"}',
        "Authorization: Bearer SplxlOBeZQQYbYS",
        "authorization: Basic SplxlOBeZQQYbYS==",
        "code_verifier=SplxlOBeZQQ",
        "postgresql://somebody:SplxlOBeZQQ@h/d",
        "https://valetkey.example/sign-in/SplxlOBeZQQYbYS6WxSbIA_and_more",
        "wss://wss.slack.example/link/?ticket=SplxlOBeZQQ&app_id=1",
        "-----BEGIN RSA PRIVATE KEY-----\nSplxlOBeZQQ\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_that_others_make_are_known_by_their_shape(text):
    hidden = Redactor().text(text)
    assert "SplxlOBeZQQ" not in hidden
    assert HIDDEN in hidden


@pytest.mark.parametrize(
    "text",
    [
        "wrong-state(kind='request', name='req-1', state='pending')",
        "status code: 200, state=active, nonce of 16 bytes",
        "the token endpoint did not answer",
        "grant gra-abcdefghijklmnopqrstuvwxyz is active",
        "GET /sign-in/{token} 200",
        "role view (ClusterRole) in team-a: pods get,list",
    ],
)
def test_everyday_words_stay_readable(text):
    assert Redactor([CANARY]).text(text) == text


@pytest.mark.security("D2")
def test_a_fact_whose_name_is_a_secrets_is_hidden():
    facts = {"client_secret": "short", "Authorization": "x", "code": "not-found", "state": "active"}
    hidden = Redactor().value(facts)
    assert hidden == facts | {"client_secret": HIDDEN, "Authorization": HIDDEN}


def test_a_very_short_secret_does_not_blot_out_the_log():
    assert Redactor(["a"]).text("a name") == "a name"


@pytest.mark.security("D2")
def test_a_line_that_cannot_be_made_says_so_without_its_arguments(lines):
    record = logging.LogRecord("test", logging.INFO, __file__, 1, "%d", (CANARY,), None)
    ours = logging.getLogger().handlers[0]
    ours.handle(record)
    assert CANARY not in lines.text
    assert lines.last["message"] == "a log line failed: TypeError"


def test_a_fact_that_cannot_be_written_does_not_stop_the_line(lines):
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError(CANARY)

    get_logger("test").info("said", extra={"fact": Broken()})
    assert lines.last["message"] == "said"
    assert CANARY not in lines.text


@pytest.mark.parametrize(
    "name", ["slack_bolt.App", "slack_sdk.web.client", "urllib3.connectionpool", "authlib.oauth2"]
)
def test_libraries_that_log_bodies_are_quiet_below_warnings(lines, name):
    logging.getLogger(name).info("a body")
    logging.getLogger(name).debug("a body")
    assert lines.text == ""
    logging.getLogger(name).warning("something is wrong")
    assert lines.last["logger"] == name


@pytest.mark.security("D2")
def test_the_last_words_of_a_crash_are_lines_of_the_log_without_secrets():
    """A process of its own: a thread that dies, an error in a finalizer, then the main thread."""
    code = f"""
        import threading
        from bot.logs import set_up_logs
        secret = {CANARY!r}
        set_up_logs("INFO", [secret])

        class Raising:
            def __del__(self):
                raise RuntimeError(secret)

        def die():
            raise ValueError(secret)

        thread = threading.Thread(target=die)
        thread.start()
        thread.join()
        Raising()
        raise SystemError(secret)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 1
    assert CANARY not in done.stdout + done.stderr
    messages = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert messages == ["a thread crashed", "an error could not be raised", "crashed"]


@pytest.mark.security("D2")
def test_the_canary_would_be_seen_without_the_redaction():
    """The positive control: what the tests above look for is really there to be found."""
    stream = io.StringIO()
    record = logging.LogRecord("test", logging.INFO, __file__, 1, "said: %s", (CANARY,), None)
    logging.StreamHandler(stream).handle(record)
    assert CANARY in stream.getvalue()
