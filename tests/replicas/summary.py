"""A run in figures: a table for people, from its log alone."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tests.replicas.checker import Seen, Violation, ends_of
from tests.replicas.log import Entry, of_kind

_ACTS: Final = {"killed": "SIGKILL", "paused": "SIGSTOP", "told": "SIGTERM"}


def table(entries: Iterable[Entry], violations: Sequence[Violation]) -> str:
    """The summary as a table of Markdown."""
    seen = Seen(entries)
    rows = [*_doings(seen), *_lags(seen), *_found(violations)]
    lines = ["| what | how much |", "|---|---|", *(f"| {what} | {much} |" for what, much in rows)]
    return "\n".join(lines) + "\n"


def _doings(seen: Seen) -> Iterator[tuple[str, str]]:
    first, last = seen.entries[0].at, max(event.at for event in seen.events)
    yield "seed", str(seen.run["seed"])
    yield "minutes", f"{(last - first) / 60:.1f}"
    acts = Counter(e["act"] for e in of_kind(seen.entries, "replica"))
    yield "replicas killed, paused, rolled", ", ".join(str(acts[act]) for act in _ACTS)
    yield "requests", str(len(seen.requests))
    decisions = Counter(e["type"] for e in seen.events if e["type"].startswith("decision."))
    made, refused = decisions["decision.made"], decisions["decision.refused"]
    yield "decisions made, refused", f"{made}, {refused}"
    causes = Counter(grant["cause"] for grant in seen.grants.values())
    said = ", ".join(f"{cause} {count}" for cause, count in sorted(causes.items(), key=str))
    yield "grants, by how they ended", f"{len(seen.grants)}: {said}"
    yield "events", str(len(seen.events))
    yield "writes to bindings", str(len(seen.calls))
    allowed = sum(1 for review in seen.reviews if review["allowed"])
    yield "access reviews: allowed, denied", f"{allowed}, {len(seen.reviews) - allowed}"
    yield from _clicks(seen)
    yield "cards and notices", str(len(of_kind(seen.entries, "card")))


def _clicks(seen: Seen) -> Iterator[tuple[str, str]]:
    acked = of_kind(seen.entries, "acked")
    well = [e for e in acked if e["ok"]]
    yield "payloads of Slack", str(len(of_kind(seen.entries, "sent")))
    yield "of them without an ack, done again", str(len(acked) - len(well))
    yield "ack, in ms: p50, p99, worst", _spread([e["after_ms"] for e in well], "")


def _lags(seen: Seen) -> Iterator[tuple[str, str]]:
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for review, grant in seen.allowed:
        if grant is not None:
            first.setdefault(grant["id"], review["answered"])
            last[grant["id"]] = review.at
    begins, ends = [], []
    for about, grant in seen.grants.items():
        approved = seen.events_of(grant["request"], "request.approved")
        if approved and about in first:
            begins.append(first[about] - approved[0]["event_at"])
        over = [end for _, end in ends_of(seen, grant)]
        if over and about in last:
            ends.append(max(0.0, last[about] - min(over)))
    yield "approved -> first allowed, in s: p50, p99, worst", _spread(begins)
    yield "should be over -> last allowed, in s: p50, p99, worst", _spread(ends)
    stops = [e["took_seconds"] for e in of_kind(seen.entries, "replica") if e["act"] == "ended"]
    yield "SIGTERM -> ended, in s: p50, p99, worst", _spread(stops)


def _found(violations: Sequence[Violation]) -> Iterator[tuple[str, str]]:
    by_rule = Counter(violation.rule for violation in violations)
    yield "violations", ", ".join(f"{rule}: {n}" for rule, n in by_rule.items()) or "none"


def _spread(values: Sequence[float], form: str = ".2f") -> str:
    if not values:
        return "-"
    ordered = sorted(values)
    p50, p99 = (ordered[math.ceil(len(ordered) * share) - 1] for share in (0.5, 0.99))
    return ", ".join(format(value, form or ".0f") for value in (p50, p99, ordered[-1]))
