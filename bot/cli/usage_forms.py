"""What `valetkey usage` prints: for people as a table, for programs as JSON."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import click

from bot.cli.visible import visible
from bot.wording.usage import WORDS
from grants.usage.coverage import Coverage, Judging, Span
from grants.usage.folded import Folded
from grants.usage.model import Use
from grants.usage.seen import Traced

_GAPS_SHOWN: Final = 5


def write_import(told: Folded, known: frozenset[str], form: str) -> None:
    """Say what was read, what of it could not be used, and where the first of that stands."""
    if form == "json":
        click.echo(json.dumps(_import_facts(told, known)))
        return
    for path in sorted(known):
        click.echo(f"{visible(path)} was imported before: nothing was done.")
    for name, part in sorted(told.parts.items()):
        if len(part.rows):
            first = min(row.first for _, row in part.rows)
            last = max(row.last for _, row in part.rows)
            seen = f"from {first[:16]} to {last[:16]} UTC"
            click.echo(f"{visible(name)}: {len(part.rows):,} rows, {seen}")
    click.echo(f"{told.events:,} events in {told.lines:,} lines.")
    for word, count in sorted(told.words.items()):
        if count:
            click.echo(f"  {count:,} {WORDS[word]}")
    for file, line, word in told.places:
        click.echo(f"  {visible(file)}:{line}: {word}")
    if told.is_partial:
        click.echo("The result is partial: what was lost is kept with the coverage.")


def _import_facts(told: Folded, known: frozenset[str]) -> dict[str, Any]:
    return {
        "events": told.events,
        "lines": told.lines,
        "partial": told.is_partial,
        "clusters": {name: {"rows": len(p.rows)} for name, p in sorted(told.parts.items())},
        "not_used": {word: count for word, count in sorted(told.words.items()) if count},
        "places": [{"file": file, "line": line, "why": word} for file, line, word in told.places],
        "known": sorted(known),
    }


def write_uses(uses: Sequence[Use], form: str, *, is_all: bool) -> None:
    """List rows."""
    if form == "json":
        click.echo(json.dumps({"rows": [_use_facts(use) for use in uses], "all": is_all}))
        return
    for use in uses:
        click.echo(visible(_use_line(use)))
    if not is_all:
        click.echo("There are more: see --limit.")


def _use_line(use: Use) -> str:
    act = use.act
    kind = f"{act.resource}/{act.subresource}" if act.subresource else act.resource
    group = f".{act.api_group}" if act.api_group else ""
    place = f" in {act.namespace}" if act.namespace else ""
    what = act.path or f"{kind}{group}{f' {act.name}' if act.name else ''}{place}"
    via = f" (by {act.via})" if act.via else ""
    how = f"through {use.through}" if use.through else "" if act.allowed else "denied"
    seen = f"{use.first_seen:%Y-%m-%d} to {use.last_seen:%Y-%m-%d}"
    parts = (use.cluster, f"{act.user}{via}", f"{act.verb} {what}", seen, f"{use.count:,}", how)
    return "  ".join(part for part in parts if part)


def _use_facts(use: Use) -> dict[str, Any]:
    through = use.through
    return {
        "cluster": use.cluster,
        **use.act._asdict(),
        "first_seen": use.first_seen.isoformat(),
        "last_seen": use.last_seen.isoformat(),
        "count": use.count,
        "binding": str(through) if through else None,
        "role": str(through.role) if through else None,
    }


def write_coverage(found: Sequence[Coverage], form: str, now: datetime) -> None:
    """Say what was heard of each cluster."""
    if form == "json":
        click.echo(json.dumps({"clusters": [_coverage_facts(each, now) for each in found]}))
        return
    for each in found:
        for line in _coverage_lines(each, now):
            click.echo(visible(line))
    if not found:
        click.echo("No audit log was read yet: see `valetkey usage import`.")


def _gaps(coverage: Coverage, now: datetime) -> tuple[Span, ...]:
    if coverage.since is None:
        return ()
    return coverage.gaps(Span(coverage.since, now), Judging().gap)


def _coverage_lines(coverage: Coverage, now: datetime) -> Iterator[str]:
    if coverage.since is None:
        yield f"{coverage.cluster}: nothing was heard."
        return
    gaps = _gaps(coverage, now)
    yield f"{coverage.cluster}: heard since {coverage.since:%Y-%m-%d %H:%M} UTC"
    for gap in gaps[-_GAPS_SHOWN:]:
        yield f"  nothing from {gap.start:%Y-%m-%d %H:%M} to {gap.end:%Y-%m-%d %H:%M}"
    if len(gaps) > _GAPS_SHOWN:
        yield f"  and {len(gaps) - _GAPS_SHOWN} gaps before"
    lost = sum(loss.count for loss in coverage.losses)
    if lost:
        yield f"  {lost:,} lost, in {len({loss.hour for loss in coverage.losses})} hours"
    for traced, days in _in_order(coverage):
        yield f"  {traced.kind} by {traced.whose}: {len(days)} days, {days[0]} to {days[-1]}"


def _in_order(coverage: Coverage) -> list[tuple[Traced, Sequence[Any]]]:
    return sorted((pair for pair in coverage.days.items()), key=lambda pair: pair[0])


def _coverage_facts(coverage: Coverage, now: datetime) -> dict[str, Any]:
    return {
        "cluster": coverage.cluster,
        "since": coverage.since.isoformat() if coverage.since else None,
        "gaps": [
            {"from": gap.start.isoformat(), "to": gap.end.isoformat()}
            for gap in _gaps(coverage, now)
        ],
        "losses": [
            {"hour": loss.hour.isoformat(), "why": loss.word, "count": loss.count}
            for loss in coverage.losses
        ],
        "kinds": [
            {
                "verb_class": str(traced.kind.verb_class),
                "api_group": traced.kind.api_group,
                "resource": traced.kind.resource,
                "whose": str(traced.whose),
                "first": days[0].isoformat(),
                "last": days[-1].isoformat(),
                "days": len(days),
            }
            for traced, days in _in_order(coverage)
        ],
    }
