"""Names for things: a prefix and 128 random bits, valid wherever Kubernetes takes a name."""

import base64
import re
import secrets
from enum import StrEnum
from typing import Final

_BITS_AS_BYTES: Final = 16
_PATTERN: Final = re.compile(r"[a-z]{3,5}-[a-z2-7]{26}")


class Prefix(StrEnum):
    """What an id names; the prefix makes a stray id readable in a log."""

    INSTALLATION = "inst"
    PERSON = "per"
    SIGN_IN = "sig"
    ATTEMPT = "att"
    SESSION = "ses"
    REQUEST = "req"
    ITEM = "itm"
    DECISION = "dec"
    GRANT = "gra"
    PROOF = "prf"
    EVENT = "evt"
    CARD = "crd"
    ANSWER = "ans"
    WORKER = "wrk"
    WEB_REQUEST = "web"


def new_id(prefix: Prefix) -> str:
    """Make an id that nobody can guess: the prefix, a dash, 26 characters of lowercase base32."""
    raw = base64.b32encode(secrets.token_bytes(_BITS_AS_BYTES)).decode("ascii")
    return f"{prefix}-{raw.rstrip('=').lower()}"


def is_id(text: str, prefix: Prefix) -> bool:
    """Tell whether a text from outside has the form of an id of this kind."""
    return _PATTERN.fullmatch(text) is not None and text.startswith(f"{prefix}-")
