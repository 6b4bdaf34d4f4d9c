"""Slack's v0 signature over the raw bytes, checked before anything reads them."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(minutes=5)
TIMESTAMP: Final = "X-Slack-Request-Timestamp"
SIGNATURE: Final = "X-Slack-Signature"
_DIGITS: Final = re.compile(r"[0-9]{1,12}")
_SIGNED: Final = re.compile(r"v0=[0-9a-f]{64}")


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Give the signature that Slack would send."""
    signed = b"v0:" + timestamp.encode("ascii") + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def why_not_signed(
    secret: str, headers: Mapping[str, str | None], body: bytes, now: datetime
) -> str:
    """Tell why a request is not from Slack, by a stable word; empty when it is.

    The form of both headers is checked first: `int()` takes more than digits, and comparing
    text that is not ASCII raises.
    """
    timestamp, given = headers.get(TIMESTAMP) or "", headers.get(SIGNATURE) or ""
    if not timestamp or not given:
        return "unsigned"
    if not secret or not _DIGITS.fullmatch(timestamp) or not _SIGNED.fullmatch(given):
        return "bad-signature"
    if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
        return "stale"
    if not hmac.compare_digest(sign(secret, timestamp, body), given):
        return "bad-signature"
    return ""
