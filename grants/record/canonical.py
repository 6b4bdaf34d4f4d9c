"""The bytes of an event: RFC 8785, so that anybody can check them with any library."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import rfc8785

from grants.plain_json import plain_bytes
from grants.record.model import EVENT_SCHEMA, Event

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LARGEST: Final = 2**53 - 1

Scalar = str | int | float | bool
Fact = Scalar | list[Scalar]
_Body = dict[str, str | int | dict[str, Fact] | None]


@dataclass(frozen=True)
class Unnumbered:
    """The bytes of an event, but for its number: names are sorted, and it stands between these."""

    before: bytes
    behind: bytes

    def numbered(self, number: int) -> bytes:
        """Give the bytes that are stored."""
        return b'%s,"number":%d,%s' % (self.before, number, self.behind)


def canonical(event_id: str, event: Event) -> Unnumbered:
    """Give the bytes of an event that has no number yet; what is None is left out."""
    facts = plain_facts(event.facts)
    before: _Body = {
        "actor": event.actor,
        "at": utc_text(event.at),
        "facts": facts,
        "grant": event.grant,
        "id": event_id,
    }
    behind: _Body = {
        "policy_digest": event.policy_digest,
        "recipient": event.recipient,
        "request": event.request,
        "schema": EVENT_SCHEMA,
        "terms_hash": event.terms_hash,
        "type": str(event.type),
        "why_digest": event.why_digest,
    }
    dumps = rfc8785.dumps if _has_float(facts) else plain_bytes
    return Unnumbered(dumps(_told(before))[:-1], dumps(_told(behind))[1:])


def _told(body: _Body) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _has_float(facts: Mapping[str, Fact]) -> bool:
    """Tell whether a number is written by RFC 8785's own rules, which Python's are not."""
    values = (v if isinstance(v, list) else (v,) for v in facts.values())
    return any(isinstance(one, float) for some in values for one in some)


def utc_text(at: datetime) -> str:
    """Give an aware time as RFC 3339 in UTC with six digits; a naive one is refused."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain_facts(facts: Mapping[str, object]) -> dict[str, Fact]:
    """Check that facts are scalars and flat lists of them; anything else is a TypeError."""
    return {_name(name): _fact(name, value) for name, value in facts.items()}


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a name of a fact: {name!r}")
    return name


def _fact(name: str, value: object) -> Fact:
    if isinstance(value, list | tuple):
        return [_scalar(name, each) for each in value]
    return _scalar(name, value)


def _scalar(name: str, value: object) -> Scalar:
    if isinstance(value, bool | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ValueError(f"fact {name}: past the integers that JSON holds exactly")
        return int(value)
    raise TypeError(f"fact {name}: {type(value).__name__} is not kept in events")
