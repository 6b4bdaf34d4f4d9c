"""Bodies in Kubernetes' protobuf, which `kubectl` sends for some of what it creates."""

import base64
from collections.abc import Iterator
from typing import Any, Final

from bot.playground.cluster.kinds import Json
from bot.playground.cluster.protobuf_shapes import MESSAGES, Field

MAGIC: Final = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WRAPPER: Final = {1: Field("typeMeta", "TypeMeta"), 2: Field("raw", "bytes")}
_CUT_OFF: Final = "unexpected EOF"
_SIZES: Final = {_FIXED64: 8, _FIXED32: 4}


class NotModelledError(Exception):
    """A body of a kind that is not known here."""


class MalformedError(Exception):
    """A body that is no protobuf; the text is what a real one says of it."""


def decode(body: bytes) -> Json:
    """Decode an object."""
    if not body:
        raise MalformedError("empty data")
    if not body.startswith(MAGIC):
        prefix = " ".join(str(byte) for byte in MAGIC)
        raise MalformedError(
            f"provided data does not appear to be a protobuf message, expected prefix [{prefix}]"
        )
    wrapped = _message(body[len(MAGIC) :], _WRAPPER)
    about = wrapped.get("typeMeta") or {}
    kind, version = about.get("kind", ""), about.get("apiVersion", "")
    fields = MESSAGES.get(kind)
    if fields is None:
        raise NotModelledError(kind)
    found = _message(wrapped.get("raw", b""), fields)
    return {"kind": kind, "apiVersion": version, **found}


def _message(body: bytes, fields: dict[int, Field]) -> Json:
    found: Json = {}
    for number, value in _pairs(body):
        field = fields.get(number)
        if field is None:
            continue
        if field.many == "list":
            found.setdefault(field.name, []).append(_value(field.type, value))
        elif field.many == "map":
            entry = _message(value, {1: Field("key", "string"), 2: Field("value", field.type)})
            found.setdefault(field.name, {})[entry.get("key", "")] = entry.get("value", "")
        elif (said := _value(field.type, value)) not in ("", None):
            found[field.name] = said
    return found


def _value(type_: str, value: Any) -> Any:  # noqa: PLR0911 - a table of types
    match type_:
        case "string":
            return value.decode() if isinstance(value, bytes) else value
        case "bytes":
            return value
        case "base64":
            return base64.b64encode(value).decode()
        case "bool":
            return bool(value)
        case "int":
            # Negative numbers come as their two's complement in 64 bits.
            return value - (1 << 64) if value >> 63 else value
        case "Time":
            return None
    return _message(value, MESSAGES[type_])


def _pairs(body: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(body):
        key, at = _varint(body, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(body, at)
            yield number, value
        elif wire == _BYTES:
            size, at = _varint(body, at)
            if at + size > len(body):
                raise MalformedError(_CUT_OFF)
            yield number, body[at : at + size]
            at += size
        elif wire in _SIZES:
            at += _SIZES[wire]
        else:
            raise MalformedError(f"proto: illegal wireType {wire}")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(body):
            raise MalformedError(_CUT_OFF)
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
