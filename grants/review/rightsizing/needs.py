"""What was seen as needs: each question once, as an authorizer was asked it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from grants.authz.covers import permissions_of
from grants.authz.model import Question
from grants.review.rightsizing.held import Held
from grants.review.rightsizing.model import Need, Observed, Window
from grants.usage.model import MANY

NAMELESS: Final = frozenset({"create", "deletecollection"})
"""Verbs that an authorizer is asked about without a name, whatever a log says.

An audit log names what a create made; the request itself had no name, so no rule can go by it.
"""


def needs_of(seen: Iterable[Observed], held: Held, window: Window) -> tuple[Need, ...]:
    """Give what was done within the window, each thing once; what was denied is no need."""
    found: dict[Question, Need] = {}
    for one in seen:
        if not one.allowed or one.last_seen < window.since or one.first_seen > window.until:
            continue
        for question in _asked(one.question, held):
            need = Need(question, one.first_seen, one.last_seen, one.count)
            before = found.get(question)
            found[question] = need if before is None else _joined(before, need)
    return tuple(found.values())


def what_of(question: Question) -> str:
    """Name the kind as rules do: with its subresource."""
    sub = question.subresource
    return f"{question.resource}/{sub}" if sub else question.resource


def _asked(question: Question, held: Held) -> Iterator[Question]:
    """Give the question as it was asked, or all that it may have been if too many were."""
    if question.path == MANY:
        yield from _paths(question, held)
    elif question.verb in NAMELESS and not question.subresource:
        yield replace(question, name="")
    elif question.name == MANY and not held.for_any_name(question):
        yield from _named(question, held)
    else:
        yield question


def _paths(question: Question, held: Held) -> Iterator[Question]:
    """Give each path that rules hold, wildcards as they stand there: any may have been used."""
    for right in held.own:
        for rule in right.rules:
            for verb, group, what, _ in permissions_of(rule, right.namespace):
                if group is None and verb in {question.verb, "*"}:
                    yield Question(question.verb, path=what)


def _named(question: Question, held: Held) -> Iterator[Question]:
    """Give the question for each name that rules hold: other names can't have been allowed."""
    names = {name for right in held.own for rule in right.rules for name in rule.resource_names}
    for name in sorted(names):
        one = replace(question, name=name)
        if held.allows(one):
            yield one


def _joined(one: Need, other: Need) -> Need:
    return replace(
        one,
        first_seen=min(one.first_seen, other.first_seen),
        last_seen=max(one.last_seen, other.last_seen),
        count=one.count + other.count,
    )
