"""An answer of an API server, whole in memory and of bounded size."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import urllib3

BODY_MOST_BYTES: Final = 64 * 1024 * 1024
_CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Reply:
    """An HTTP status, the bytes of its body, and the Date header as it came, if one did."""

    status: int
    body: bytes
    date: str | None = None


class Deadline:
    """A moment on the monotonic clock after which a call has taken too long."""

    def __init__(self, within: timedelta) -> None:
        self._end = time.monotonic() + within.total_seconds()

    def left_seconds(self) -> float:
        """Give the seconds left, never below zero."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Raise TimeoutError when time is up."""
        if self.left_seconds() <= 0:
            raise TimeoutError


def date_of(header: str | None) -> datetime | None:
    """Read a Date header, which is cut down to whole seconds; None for none, or for nonsense."""
    try:
        said = parsedate_to_datetime(header or "")
        return said.replace(tzinfo=said.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class BodyTooLarge(Exception):
    """The body has more bytes than anything that Kubernetes stores or a page holds."""


def read_body(
    raw: urllib3.BaseHTTPResponse, deadline: Deadline, most_bytes: int = BODY_MOST_BYTES
) -> bytes:
    """Read the whole body; TimeoutError or BodyTooLarge when it goes on for too long.

    The library's read time-out bounds each wait alone: a server that sends a byte now and then
    would hold a thread for ever.
    """
    try:
        body = b"".join(_parts(raw, deadline, most_bytes))
    except BaseException:
        # A connection with an answer half read must not serve the next call.
        raw.close()
        raise
    raw.release_conn()
    return body


def _parts(raw: urllib3.BaseHTTPResponse, deadline: Deadline, most_bytes: int) -> Iterator[bytes]:
    left = most_bytes
    while part := raw.read1(_CHUNK_BYTES):
        left -= len(part)
        if left < 0:
            raise BodyTooLarge
        deadline.check()
        yield part
