"""A request as it came in: where to, by whom it says to be, and its body once it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
import yaml

from bot.playground.cluster.faults import bad_request, media_type_not_supported
from bot.playground.cluster.kinds import Json
from bot.playground.cluster.protobuf import MAGIC, NotModelledError, decode
from bot.playground.cluster.representing import media_type
from grants.authz.model import Question
from grants.authz.requests import question_of

JSON_TYPE: Final = "application/json"
YAML_TYPE: Final = "application/yaml"
PROTOBUF_TYPE: Final = "application/vnd.kubernetes.protobuf"
_ACCEPTED: Final = (JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query_text: str
    headers: Sequence[tuple[str, str]]
    received: datetime
    address: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The query; of what is said twice the first counts."""
        found: dict[str, str] = {}
        for key, value in parse_qsl(self.query_text, keep_blank_values=True):
            found.setdefault(key, value)
        return found

    def header(self, name: str) -> str:
        """Give a header, or ""."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def question(self) -> Question | None:
        """What this request asks to do; None: nobody understands it."""
        return question_of(self.method, self.path, self.query_text)

    @property
    def uri(self) -> str:
        """The address as it was asked for, without the server."""
        return f"{self.path}?{self.query_text}" if self.query_text else self.path


def asked_of(scope: Mapping[str, Any]) -> Asked:
    """Read what ASGI says of a request."""
    headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]]
    client = scope.get("client")
    return Asked(
        scope["method"],
        scope["path"],
        scope["query_string"].decode("latin-1"),
        headers,
        datetime.now(UTC),
        client[0] if client else "",
    )


def read_body(asked: Asked, body: bytes, *, media: str = "") -> Json:
    """Decode a body; Fault (400, 415) when it can't be."""
    media = media or media_type(asked.header("content-type") or JSON_TYPE)[0]
    if media == PROTOBUF_TYPE or body.startswith(MAGIC):
        try:
            return decode(body)
        except NotModelledError as error:
            raise media_type_not_supported((JSON_TYPE, YAML_TYPE)) from error
    if media not in _ACCEPTED and not media.endswith(("+json", "/json", "+yaml")):
        raise media_type_not_supported(_ACCEPTED)
    try:
        found = yaml.safe_load(body) if "yaml" in media else msgspec.json.decode(body)
    except (msgspec.DecodeError, yaml.YAMLError):
        raise bad_request(_undecodable(body)) from None
    if not isinstance(found, dict):
        raise bad_request(_undecodable(body))
    return found


def _undecodable(body: bytes) -> str:
    text = body[:100].decode(errors="replace")
    return (
        "couldn't get version/kind; json parse error: invalid character"
        f" {text[:1]!r} looking for beginning of value"
    )


def read_json(body: bytes) -> Any:
    """Decode a patch."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        first = body[:1].decode(errors="replace")
        message = f"invalid character {first!r} looking for beginning of value"
        raise bad_request(f"error decoding patch: {message}") from None
