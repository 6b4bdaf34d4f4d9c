"""What an earlier scan knew, from its JSON form."""

from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from bot.cli.review_json import SCHEMA
from grants.errors import BadInput, Problem
from grants.review.tracking import Known

BASELINE_MOST_BYTES: Final = 1024**3


class _Named(msgspec.Struct):
    name: str = ""
    kind: str = ""
    namespace: str | None = None


class _Finding(msgspec.Struct):
    key: str
    rule: str
    cluster: str | None = None
    subject: _Named | None = None
    first_seen: datetime | None = None


class _Resolved(msgspec.Struct):
    key: str
    rule: str
    subject: str
    first_seen: datetime
    cluster: str | None = None
    resolved_at: datetime | None = None


class _Look(msgspec.Struct):
    taken_at: datetime


class _Scan(msgspec.Struct):
    schema: str
    looks: tuple[_Look, ...]
    findings: tuple[_Finding, ...]
    resolved: tuple[_Resolved, ...] = ()


def read_baseline(path: Path) -> tuple[Known, ...]:
    """Read what was known; BadInput when it is no scan's JSON form."""
    try:
        read = msgspec.json.decode(_bytes(path), type=_Scan)
    except (msgspec.DecodeError, OSError) as error:
        raise _unusable(path, str(error)) from error
    if read.schema != SCHEMA or not read.looks:
        raise _unusable(path, f"it must say that it is {SCHEMA}")
    when = min(look.taken_at for look in read.looks)
    return (
        *(_known(one, when) for one in read.findings),
        *(
            Known(o.key, o.cluster or "", o.rule, o.subject, o.first_seen, o.resolved_at or when)
            for o in read.resolved
        ),
    )


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > BASELINE_MOST_BYTES:
        raise OSError(f"larger than {BASELINE_MOST_BYTES} bytes")
    return path.read_bytes()


def _known(one: _Finding, when: datetime) -> Known:
    named = one.subject
    place = f"{named.namespace}/" if named and named.namespace else ""
    subject = f"{named.kind} {place}{named.name}" if named else ""
    return Known(one.key, one.cluster or "", one.rule, subject, one.first_seen or when)


def _unusable(path: Path, why: str) -> BadInput:
    return BadInput((Problem("baseline", "unusable", (("file", str(path)), ("why", why))),))
