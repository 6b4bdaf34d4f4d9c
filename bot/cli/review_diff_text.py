"""A change of manifests for a terminal and for a pull request: text of people, never trusted."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from bot.cli.visible import visible
from bot.wording.changes import (
    NO_CHANGE,
    PARTIAL,
    by_words,
    finding_words,
    risks_words,
    summary_words,
    told_subjects,
    what_words,
    who_words,
)
from grants.authz.objects import Origin
from grants.review.changes.given import Given
from grants.review.changes.model import Change, NewFinding, NewPath, SubjectChange
from grants.review.finding import Severity

MARKDOWN_MOST: Final = 60_000
"""Characters: forges refuse comments of more than 65,536."""

NAME_MOST: Final = 160
_CUT: Final = (
    "\n\n…and more, which did not fit here: see the full output of `valetkey review diff`.\n"
)
_RUNS: Final = re.compile("`+")


def table(change: Change) -> Iterator[str]:
    """Write it for a terminal, line by line."""
    for one, within in told_subjects(change):
        yield visible(_heading(one, within))
        for given in one.gained:
            yield visible(f"  + {what_words(given)}")
            yield visible(f"      {by_words(given)}{place_of(given)}")
        for given in one.lost:
            yield visible(f"  - {what_words(given)}")
            yield visible(f"      no longer {by_words(given)}")
    yield from _listed("Other new findings:", (_finding(one) for one in change.untold))
    yield from _listed("New escalation paths:", (_path(one) for one in change.paths))
    if change.is_empty:
        yield NO_CHANGE
    else:
        yield ""
        yield summary_words(change)
    yield from (PARTIAL[side] for side in change.partial)


def place_of(given: Given) -> str:
    """Say where in the files it is given."""
    return _origin(given.origin)


def _origin(origin: Origin | None) -> str:
    if origin is None or not origin.file:
        return ""
    return f" ({origin.file}:{origin.line})" if origin.line else f" ({origin.file})"


def _heading(one: SubjectChange, within: int) -> str:
    gains = "gains" if one.gained else "loses"
    if one.gained and one.lost:
        gains = "gains and loses"
    born = ", new" if one.born else ""
    also = f", and so {'does' if within == 1 else 'do'} {within} service accounts" if within else ""
    risks = risks_words(one)
    marks = ": ".join(part for part in (_severity(one.severity, one), risks) if part)
    return f"{who_words(one.subject)}{born} {gains}{also}" + (f"  [{marks}]" if marks else "")


def _severity(severity: Severity | None, one: SubjectChange | NewFinding | NewPath) -> str:
    if severity is not None:
        return severity.word
    if isinstance(one, SubjectChange):
        return "allowed" if one.gained else ""
    return "allowed" if one.allowed else "no concern"


def _finding(one: NewFinding) -> str:
    found = one.finding
    allowed = f" (allowed: {one.allowed})" if one.allowed else ""
    where = _origin(found.origin)
    severity = _severity(one.severity, one)
    return f"{severity:<8} {found.rule}  {finding_words(found)}{where}{allowed}"


def _path(one: NewPath) -> str:
    steps = "; ".join(one.steps)
    allowed = f" (allowed: {one.allowed})" if one.allowed else ""
    reaches = f"{one.start} can get to {one.goal}{allowed}"
    return f"{_severity(one.severity, one):<8} {reaches}: {steps}"


def _listed(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield title
        yield from (visible(f"  {line}") for line in found)


def markdown(change: Change) -> str:
    """Write it for a pull request, bounded in size; no name in it is read as Markdown."""
    parts = [f"### Rights of service accounts\n\n{_verdict(change)}\n"]
    parts += [_subject_section(one, within) for one, within in told_subjects(change)]
    if change.untold:
        lines = "".join(f"- {_finding_line(one)}\n" for one in change.untold)
        parts.append(f"\n#### Other new findings\n\n{lines}")
    if change.paths:
        lines = "".join(f"- {_path_line(one)}\n" for one in change.paths)
        parts.append(f"\n#### New escalation paths\n\n{lines}")
    parts += [f"\n> {PARTIAL[side]}\n" for side in change.partial]
    return bounded(parts, MARKDOWN_MOST)


def bounded(parts: Iterable[str], most: int) -> str:
    """Join as many lines as there is room for, and say so when that is not all."""
    text = "".join(parts)
    if len(text) <= most:
        return text
    return text[: most - len(_CUT)].rpartition("\n")[0] + _CUT


def code(name: str) -> str:
    """Write a name as code: nothing within is read as Markdown, HTML or a mention of somebody."""
    shown = visible(name)
    shown = shown if len(shown) <= NAME_MOST else f"{shown[:NAME_MOST]}…"
    # A span ends at a run of just as many backticks as it began with.
    fence = "`" * (max((len(run) for run in _RUNS.findall(shown)), default=0) + 1)
    padding = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{padding}{shown}{padding}{fence}"


def _verdict(change: Change) -> str:
    if change.is_empty:
        return NO_CHANGE
    worst = f" Worst: **{change.worst.word}**." if change.worst is not None else ""
    return f"{summary_words(change)}{worst}"


def _subject_section(one: SubjectChange, within: int) -> str:
    marks = [f"**{_severity(one.severity, one)}**"] if _severity(one.severity, one) else []
    marks += ["new"] if one.born else []
    marks += [f"as do {within} service accounts"] if within else []
    head = f"\n- {code(who_words(one.subject))}" + (f" ({', '.join(marks)})" if marks else "")
    risks = risks_words(one)
    lines = [f"  - risks: {code(risks)}"] if risks else []
    lines += [f"  - gains {_given(given)}{_at(given)}" for given in one.gained]
    lines += [f"  - loses {_given(given)}" for given in one.lost]
    return "\n".join([head, *lines]) + "\n"


def _given(given: Given) -> str:
    return f"{code(what_words(given))} {code(by_words(given))}"


def _at(given: Given) -> str:
    place = place_of(given).strip(" ()")
    return f" at {code(place)}" if place else ""


def _finding_line(one: NewFinding) -> str:
    found = one.finding
    where = _origin(found.origin).strip(" ()")
    allowed = f", allowed: {code(one.allowed)}" if one.allowed else ""
    at = f" at {code(where)}" if where else ""
    said = f"{code(found.rule)} {code(finding_words(found))}"
    return f"**{_severity(one.severity, one)}** {said}{at}{allowed}"


def _path_line(one: NewPath) -> str:
    steps = "".join(f"\n  1. {code(step)}" for step in one.steps)
    allowed = f", allowed: {code(one.allowed)}" if one.allowed else ""
    reaches = f"{code(one.start)} can get to {code(one.goal)}{allowed}"
    return f"**{_severity(one.severity, one)}** {reaches}:{steps}"
