"""Logs: one JSON object a line, with the ids of what is being done, and without secrets."""

import logging
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, TextIO

from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

from bot.redaction import Redactor

LOGGER: Final = "valetkey"
"""The name that every logger of ours begins with."""

_IDS: ContextVar[dict[str, str]] = ContextVar("valetkey_log_ids", default={})  # noqa: B039 - never mutated, always replaced

# These write bodies, headers or addresses with codes in them below WARNING.
_TALKATIVE: Final = (
    "alembic",
    "apscheduler",
    "asyncio",
    "authlib",
    "botocore",
    "httpcore",
    "httpx",
    "kubernetes",
    "requests",
    "requests_oauthlib",
    "slack_bolt",
    "slack_sdk",
    "sqlalchemy",
    "urllib3",
    "waitress",
    "websocket",
)


def get_logger(room: str) -> logging.Logger:
    """Give the logger of a part of Valetkey."""
    return logging.getLogger(f"{LOGGER}.{room}")


def bind_log_ids(**ids: str | None) -> Token[dict[str, str]]:
    """Put ids on every line of this context, until `unbind_log_ids`; for where `with` can't be."""
    return _IDS.set(_IDS.get() | {name: value for name, value in ids.items() if value})


def unbind_log_ids(token: Token[dict[str, str]]) -> None:
    """Take the ids off again."""
    _IDS.reset(token)


@contextmanager
def log_ids(**ids: str | None) -> Iterator[None]:
    """Put ids (`request_id`, `grant_id`, ...) on every line that this context logs."""
    token = bind_log_ids(**ids)
    try:
        yield
    finally:
        unbind_log_ids(token)


class _Formatter(JsonFormatter):
    """Writes a record as JSON and redacts the finished line's values, exceptions included."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__(json_ensure_ascii=True)
        self.redactor = redactor

    def add_fields(
        self, log_data: LogData, record: logging.LogRecord, message_dict: LogData
    ) -> None:
        super().add_fields(log_data, record, message_dict)
        at = datetime.fromtimestamp(record.created, UTC)
        log_data["time"] = at.isoformat(timespec="milliseconds")
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data.update(_IDS.get())

    def process_log_record(self, log_data: LogData) -> LogData:
        # The last step before the line is written: message, extras and tracebacks are all here.
        redacted = self.redactor.value(super().process_log_record(log_data))
        return redacted if isinstance(redacted, dict) else {}


class _Handler(logging.StreamHandler[TextIO]):
    """A stream handler that, failing, does not print what it was to log."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the base's form
        kind = sys.exc_info()[0]
        name = kind.__name__ if kind else "unknown"
        try:
            self.stream.write(f'{{"level": "ERROR", "message": "a log line failed: {name}"}}\n')
        except (OSError, ValueError):
            return  # the stream is gone: there is nowhere left to say it


def set_up_logs(
    level: str = "INFO", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> Redactor:
    """Send every log line of the process to one stream (default: stderr), redacted.

    Crashes of any thread go the same way. Gives the redactor, for other text that leaves.
    """
    redactor = Redactor(secrets)
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_Formatter(redactor))
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.captureWarnings(capture=True)
    _catch_crashes()
    return redactor


def hide_secret(secret: str) -> None:
    """Hide one more secret in every line from now on: before it is used anywhere else."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, _Formatter):
            handler.formatter.redactor.learn(secret)


def _catch_crashes() -> None:
    """Let the last words of a thread go through the log: Python's own would print secrets."""
    log = get_logger("crash")

    def of_process(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            log.info("interrupted")
            return
        log.critical("crashed", exc_info=(kind, error, trace))

    def of_thread(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "?"
        log.critical("a thread crashed", exc_info=_info(args), extra={"thread_name": name})

    def unraisable(args: "sys.UnraisableHookArgs") -> None:
        log.error("an error could not be raised", exc_info=_info(args))

    sys.excepthook = of_process
    threading.excepthook = of_thread
    sys.unraisablehook = unraisable


_Info = tuple[type[BaseException], BaseException, TracebackType | None]


def _info(args: "threading.ExceptHookArgs | sys.UnraisableHookArgs") -> _Info | None:
    if args.exc_value is None:
        return None
    return (args.exc_type, args.exc_value, args.exc_traceback)
