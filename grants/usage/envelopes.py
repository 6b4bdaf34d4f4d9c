"""What clouds and log shippers wrap audit events in, taken off again."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Raw, Struct

from grants.decoding import decoder
from grants.usage import gke
from grants.usage.events import LINE, LINES, Event, Line

DEEPEST: Final = 4
"""So many envelopes may be in one another; more is nobody's log."""

_EKS: Final = re.compile(r"/aws/eks/([^/]+)/cluster")
_AKS: Final = re.compile(r"/managedclusters/([^/]+)", re.IGNORECASE)
_NOT_JSON: Final = "no JSON object"


class _Properties(Struct):
    log: Raw = Raw()


_TEXT: Final = decoder(str)
_PROPERTIES: Final = decoder(_Properties)

Found = tuple[str, Event | None]
"""A cluster's name as the envelope says it ("": it does not), and an event (None: no event)."""


def unwrap(line: Line, cluster: str = "", depth: int = 0) -> Iterator[Found]:
    """Give the events in an envelope; msgspec.DecodeError when it can't be read.

    Not all that stands in such a log is an audit event: EKS keeps five logs in one group.
    """
    if line.auditID:
        yield cluster, line
        return
    if depth >= DEEPEST:
        yield cluster, None
        return
    if line.protoPayload:
        yield gke.cluster_of(line), gke.event_of(line)
    elif line.logEvents or line.items or line.records or line.events:
        name = _eks_cluster(line) or cluster
        for wrapped in (line.logEvents, line.items, line.records, line.events):
            yield from _each(wrapped, name, depth)
    elif line.properties:
        inner = _PROPERTIES.decode(line.properties).log
        yield from _inside(inner, _aks_cluster(line) or cluster, depth)
    else:
        yield from _inside(line.log or line.message, cluster, depth)


def _each(wrapped: Raw, cluster: str, depth: int) -> Iterator[Found]:
    if wrapped:
        for line in LINES.decode(wrapped):
            yield from unwrap(line, cluster, depth + 1)


def _inside(inner: Raw, cluster: str, depth: int) -> Iterator[Found]:
    """Go into something that is an object, or a text with an object in it."""
    data: bytes | memoryview = memoryview(inner)
    if data[:1] == b'"':
        text = _TEXT.decode(inner).strip()
        if not text.startswith("{"):
            yield cluster, None
            return
        data = text.encode()
    if data[:1] != b"{":
        yield cluster, None
        return
    yield from unwrap(LINE.decode(data), cluster, depth + 1)


def _eks_cluster(line: Line) -> str:
    found = _EKS.fullmatch(_TEXT.decode(line.logGroup)) if line.logGroup else None
    return found[1] if found else ""


def _aks_cluster(line: Line) -> str:
    found = _AKS.search(_TEXT.decode(line.resourceId)) if line.resourceId else None
    # Azure writes names of resources in capitals here.
    return found[1].lower() if found else ""


def unwrap_all(lines: Iterable[Line]) -> Iterator[Found]:
    """Give the events in several envelopes."""
    for line in lines:
        yield from unwrap(line)
