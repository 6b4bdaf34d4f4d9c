"""Takes secrets out of text that is about to leave the process.

Two nets, because each has holes: the values of this process's own secrets, wherever and however
they are written, and the shapes of secrets that others make (tokens, codes, links).
"""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

HIDDEN: Final = "[hidden]"

# Shorter values would blot out half of the log, and are no secrets worth the name.
_SHORTEST: Final = 6
_DEEPEST: Final = 8

_NAMES: Final = (
    "id_token|access_token|refresh_token|client_secret|client_assertion|code_verifier"
    "|password|passwd|secret|signing_secret|app_token|bot_token|api_key"
)
_SHAPES: Final = tuple(
    re.compile(shape)
    for shape in (
        r"\bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{6,}",  # Slack tokens of every kind
        r"\bxapp-[A-Za-z0-9-]{6,}",
        r"(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}",
        r"\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,4}",  # a JWT, signed or encrypted
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
        r"(?<=/sign-in/)[A-Za-z0-9_-]{20,}",  # a sign-in link's own secret
        r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)",  # user:password@ in an address
        r"\bhttps://hooks\.slack\.com/[A-Za-z0-9/_-]+",
        r"(?<=ticket=)[A-Za-z0-9_-]{6,}",  # the address of a Socket Mode connection
        r"(?<=v0=)[0-9a-f]{64}\b",  # Slack's request signature
    )
)
# `code`, `state` and `nonce` are everyday words too: only where they are parameters of an address
# or a form, or have a value that looks like nothing but a secret.
_PARAMETERS: Final = re.compile(
    rf"(?P<name>(?i:\b(?:{_NAMES})[\"']?\s*[=:]\s*[\"']?)"
    r"|(?i:[?&](?:code|state|nonce|token)=)"
    r"|(?i:\b(?:code|state|nonce)[\"']?\s*[=:]\s*[\"']?)(?=[A-Za-z0-9._~%+/-]{20,}))"
    r"(?P<value>[^&\s\"'<>,;)}\]]+)"
)


class Redactor:
    """Hides known secrets and secret shapes in text, and in values made of text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._written: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Hide one more secret from now on."""
        self._written |= {form for form in _forms(secret) if len(form) >= _SHORTEST}
        # The longest first: one secret may be a part of another.
        ordered = sorted(self._written, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """Give a text without its secrets."""
        known = self._known
        if known is not None:
            text = known.sub(HIDDEN, text)
        for shape in _SHAPES:
            text = shape.sub(HIDDEN, text)
        return _PARAMETERS.sub(_hide_value, text)

    def value(self, value: object, depth: int = 0) -> object:
        """Give a value for JSON without its secrets; what is no plain value is written as text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth < _DEEPEST and isinstance(value, Mapping):
            return {self.text(str(k)): self._member(str(k), v, depth + 1) for k, v in value.items()}
        if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
            return [self.value(one, depth + 1) for one in value]
        return self.text(_as_text(value))

    def _member(self, name: str, value: object, depth: int) -> object:
        """Hide a member by its name too: `{"client_secret": "..."}` has no shape of its own."""
        if isinstance(value, str) and value and _SECRET_NAME.fullmatch(name):
            return HIDDEN
        return self.value(value, depth)


_SECRET_NAME: Final = re.compile(rf"(?i:{_NAMES}|authorization|cookie|set-cookie|token)")


def _hide_value(found: re.Match[str]) -> str:
    return found["name"] + HIDDEN


def _as_text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode(errors="replace")
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a log line must never fail for its facts
        return f"<{type(value).__name__} that can't be written: {type(error).__name__}>"


def _forms(secret: str) -> Iterable[str]:
    """Give the ways in which a secret turns up: as it is, in addresses, in base64, in `repr`."""
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield repr(secret)[1:-1]
    raw = secret.encode()
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    password = urlsplit(secret).password if "://" in secret else None
    if password:
        yield from _forms(unquote(password))
