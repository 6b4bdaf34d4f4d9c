"""Cases about aggregated ClusterRoles: what they gather, and what of their own they keep."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from grants.authz.model import Question, Rule
from grants.authz.objects import Meta, Requirement, Role, Selector
from tests.support.agreement.rules import EACH
from tests.support.agreement.semantics import Ask, Case, Semantic
from tests.support.agreement.words import KINDS, VERBS, Words, placed
from tests.support.rbac_objects import bind

LABEL: Final = "agreement.test/to"
SECOND: Final = "agreement.test/second"


def _part(words: Words, labels: dict[str, str], *rules: Rule) -> Role:
    return Role("ClusterRole", Meta(words.object_name("part"), labels=labels), rules)


def _whole(
    words: Words,
    *selectors: Selector,
    rules: Sequence[Rule] = (),
    labels: dict[str, str] | None = None,
) -> Role:
    meta = Meta(words.object_name("whole"), labels=labels or {})
    return Role("ClusterRole", meta, tuple(rules), selectors)


def _to(value: str) -> Selector:
    return Selector(((LABEL, value),))


def _asked(
    words: Words,
    semantic: Semantic,
    roles: Sequence[Role],
    hits: Sequence[Question],
    outside: Sequence[Question],
) -> Case:
    """Bind the first of these roles, and ask."""
    place = words.place() if words.chance(0.5) else None
    caller, subject = words.somebody(place)
    binding = bind(words.object_name("b"), roles[0], subject, namespace=place or "")
    asks = [Ask(semantic, caller, placed(words, q, place)) for q in (*hits, *outside)]
    order = list(roles)
    words.dice.shuffle(order)
    return Case(order, [binding], asks)


def _two_rules(words: Words) -> tuple[Rule, Rule]:
    """Make two rules that have nothing in common."""
    return (
        Rule(words.some(VERBS[:6]), ("",), words.some(KINDS[:3])),
        Rule(words.some(VERBS[6:]), ("apps",), words.some(KINDS[3:])),
    )


def gathered(words: Words) -> Case:
    first, second = _two_rules(words)
    to = words.fresh("to")
    roles = [
        _whole(words, _to(to)),
        _part(words, {LABEL: to}, first),
        _part(words, {LABEL: f"{to}x"}, second),
        _part(words, {SECOND: to}, second),
    ]
    hits = [words.hit(first) for _ in range(EACH)]
    return _asked(words, Semantic.GATHERED, roles, hits, [words.hit(second) for _ in range(EACH)])


def gathered_over_own(words: Words) -> Case:
    """Own rules are overwritten as soon as anything is gathered."""
    first, own = _two_rules(words)
    to = words.fresh("to")
    roles = [_whole(words, _to(to), rules=[own]), _part(words, {LABEL: to}, first)]
    hits = [words.hit(first) for _ in range(EACH)]
    outside = [words.hit(own) for _ in range(EACH)]
    return _asked(words, Semantic.GATHERED_OVER_OWN, roles, hits, outside)


def gathered_nothing(words: Words) -> Case:
    """Own rules stay where nothing matches, and where what matches has no rules either."""
    own, other = _two_rules(words)
    to = words.fresh("to")
    roles = [_whole(words, _to(to), rules=[own], labels={LABEL: to})]
    if words.chance(0.5):
        roles.append(_part(words, {LABEL: to}))
    roles.append(_part(words, {LABEL: f"{to}x"}, other))
    hits = [words.hit(own) for _ in range(EACH)]
    outside = [words.hit(other) for _ in range(EACH)]
    return _asked(words, Semantic.GATHERED_NOTHING, roles, hits, outside)


def gathered_on(words: Words) -> Case:
    first, own = _two_rules(words)
    tos = [words.fresh("to") for _ in range(3)]
    roles = [
        _whole(words, _to(tos[0])),
        _whole(words, _to(tos[1]), labels={LABEL: tos[0]}),
        _whole(words, _to(tos[2]), rules=[own], labels={LABEL: tos[1]}),
        _part(words, {LABEL: tos[2]}, first),
    ]
    hits = [words.hit(first) for _ in range(EACH)]
    outside = [words.hit(own) for _ in range(EACH)]
    return _asked(words, Semantic.GATHERED_ON, roles, hits, outside)


def expressions(words: Words) -> Case:
    """Each operator once, with one role that it takes and one that it doesn't.

    Every selector asks for a label of this case's own too: `NotIn` would take all roles there are.
    """
    first, second = _two_rules(words)
    own = words.fresh("own").replace(" ", "-")
    operator, values = words.one(
        (("In", ("a", "b")), ("NotIn", ("a", "b")), ("Exists", ()), ("DoesNotExist", ()))
    )
    inside: dict[str, list[dict[str, str]]] = {
        "In": [{SECOND: "a"}, {SECOND: "b"}],
        "NotIn": [{SECOND: "c"}, {}],
        "Exists": [{SECOND: "a"}, {SECOND: ""}],
        "DoesNotExist": [{}],
    }
    outside: dict[str, list[dict[str, str]]] = {
        "In": [{SECOND: "c"}, {SECOND: "A"}, {}],
        "NotIn": [{SECOND: "a"}, {SECOND: "b"}],
        "Exists": [{}],
        "DoesNotExist": [{SECOND: "a"}, {SECOND: ""}],
    }
    selector = Selector(((LABEL, own),), (Requirement(SECOND, operator, values),))
    roles = [
        _whole(words, selector),
        _part(words, {LABEL: own, **words.one(inside[operator])}, first),
        _part(words, {LABEL: own, **words.one(outside[operator])}, second),
    ]
    hits = [words.hit(first) for _ in range(EACH)]
    outs = [words.hit(second) for _ in range(EACH - 1)]
    outs.append(replace(hits[0], verb=words.one(VERBS, *first.verbs)))
    return _asked(words, Semantic.EXPRESSIONS, roles, hits, outs)


CASES: Final[tuple[Callable[[Words], Case], ...]] = (
    gathered,
    gathered_over_own,
    gathered_nothing,
    gathered_on,
    expressions,
)
