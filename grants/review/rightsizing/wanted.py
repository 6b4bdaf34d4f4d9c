"""Needs as permissions of each place, never more than what is held today."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from grants.authz.covers import Permission
from grants.authz.model import Question
from grants.review.rightsizing.held import Held
from grants.review.rightsizing.least import without_doubles
from grants.review.rightsizing.model import Need, Scope, Window
from grants.review.rightsizing.names import Names, are_settled
from grants.review.rightsizing.needs import NAMELESS, what_of

_Kind = tuple[Scope, str, str, str]


def wanted(
    needs: Iterable[Need], held: Held, window: Window, names: Names
) -> dict[Scope, frozenset[Permission]]:
    """Give the permissions that the needs come to, without what comes by groups anyway."""
    kinds: defaultdict[_Kind, list[Need]] = defaultdict(list)
    found: defaultdict[Scope, set[Permission]] = defaultdict(set)
    for need in needs:
        question = need.question
        if held.given_anyway(question):
            continue
        if question.path is not None:
            found[None].add(Permission(question.verb, None, question.path, None))
        else:
            kinds[_kind(question)].append(need)
    for (scope, verb, group, what), alike in kinds.items():
        for name in _names(alike, held, window, names):
            found[scope].add(Permission(verb, group, what, name))
    return without_doubles(found)


def _kind(question: Question) -> _Kind:
    return question.namespace, question.verb, question.api_group, what_of(question)


def _names(alike: list[Need], held: Held, window: Window, choice: Names) -> Iterator[str | None]:
    """Give the names that a rule for these needs must have; None: any.

    Names stay wherever today's rights go by names: no proposal gives more than is held.
    """
    first = alike[0].question
    if held.for_any_name(first):
        unnamed = first.verb in NAMELESS and not first.subresource
        some_unnamed = any(not need.question.name for need in alike)
        if unnamed or some_unnamed or not are_settled(alike, window, choice):
            yield None
            return
    for need in alike:
        yield need.question.name
