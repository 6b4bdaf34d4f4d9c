"""A request as it came in: where to, by whom it says to be, and its body once it is read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
import yaml

from bot.playground.cluster.faults import Fault, bad_request, media_type_not_supported
from bot.playground.cluster.godecode import complaint, mistyped, summary
from bot.playground.cluster.kinds import Json
from bot.playground.cluster.protobuf import MAGIC, MalformedError, NotModelledError, decode
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


def read_body(
    asked: Asked, body: bytes, *, media: str = "", kind: str = ""
) -> tuple[Json, tuple[str, ...]]:
    """Decode a body; gives it and the fields that come twice in it.

    Fault (400, 415) when it can't be decoded; `kind` is what it is to be.
    """
    media = media or _media(asked)
    if media == PROTOBUF_TYPE or body.startswith(MAGIC):
        try:
            return decode(body), ()
        except NotModelledError as error:
            raise media_type_not_supported((JSON_TYPE, YAML_TYPE)) from error
        except MalformedError as error:
            raise _unrecognized(body, str(error), kind) from None
    if media not in _ACCEPTED:
        raise media_type_not_supported(_ACCEPTED)
    twice: list[str] = []
    try:
        found = yaml.safe_load(body) if "yaml" in media else _decoded(body, twice)
    except (ValueError, yaml.YAMLError, RecursionError):
        raise _undecodable(body, complaint(body), kind) from None
    if found is None and body.strip():
        return {}, ()
    if not isinstance(found, dict):
        raise _undecodable(body, mistyped(found), kind)
    for name in ("kind", "apiVersion"):
        if not isinstance(found.get(name, ""), str):
            raise _undecodable(body, mistyped(found[name], name), kind)
    return found, tuple(dict.fromkeys(twice))


def _media(asked: Asked) -> str:
    header = asked.header("content-type") or JSON_TYPE
    if any("=" not in part for part in header.split(";")[1:] if part.strip()):
        raise media_type_not_supported(_ACCEPTED)
    return media_type(header)[0]


def _decoded(body: bytes, twice: list[str]) -> Any:
    """Decode JSON, and note which fields come twice: the last one counts."""
    found = json.loads(body, object_pairs_hook=_Pairs)
    twice.extend(_twice(found, ""))
    return msgspec.json.decode(body)


class _Pairs(list[tuple[str, Any]]):
    """An object's fields as they come."""


def _twice(found: Any, path: str) -> Iterator[str]:
    if isinstance(found, _Pairs):
        seen: set[str] = set()
        for key, value in found:
            here = f"{path}.{key}" if path else key
            if key in seen:
                yield here
            seen.add(key)
            yield from _twice(value, here)
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from _twice(value, f"{path}[{number}]")


def _undecodable(body: bytes, why: str, kind: str) -> Fault:
    return _unrecognized(body, f"couldn't get version/kind; json parse error: {why}", kind)


def _unrecognized(body: bytes, said: str, kind: str) -> Fault:
    if not kind:
        return bad_request(said)
    shown = summary(body)
    return bad_request(
        f"the object provided is unrecognized (must be of type {kind}): {said} ({shown})"
    )


def read_json(body: bytes) -> Any:
    """Decode a patch."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise bad_request(f"error decoding patch: {complaint(body)}") from None
