"""Which questions a proof asks: one for each rule, riskiest first, best denied before the grant."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple, TypeVar

from grants.authz.matching import ANY, reaches, split_resource
from grants.authz.model import Answer, Question, Rule
from grants.authz.risks import risks_of

_T = TypeVar("_T")

SAMPLE_LIMIT: Final = 20
CANDIDATES_PER_RULE: Final = 3
# What the reviews before a grant may cost at most: about a fifth of a second at one API server.
CANDIDATES_LIMIT: Final = 60

_VERBS: Final = (
    *(ANY, "escalate", "bind", "impersonate", "approve", "sign", "create", "patch", "update"),
    *("delete", "deletecollection"),
)
_LOOKS: Final = ("watch", "list", "get")
_RESOURCES: Final = (
    *(ANY, "secrets", "serviceaccounts/token", "clusterrolebindings", "rolebindings"),
    *("clusterroles", "roles", "nodes/proxy", "pods/exec", "pods/attach", "pods"),
    *("daemonsets", "deployments", "statefulsets", "jobs", "cronjobs", "serviceaccounts"),
    *("configmaps", "namespaces", "nodes"),
)


class Sample(NamedTuple):
    """What a proof asks, and how many permissions of the role no question stands for."""

    questions: tuple[Question, ...]
    unsampled: int


def count_permissions(rules: Sequence[Rule], namespace: str | None) -> int:
    """Count what the rules say: each verb on each resource (or named object, or path) is one."""
    return sum(_count(rule, namespace) for rule in rules)


def _count(rule: Rule, namespace: str | None) -> int:
    verbs = len(set(rule.verbs))
    things = len(set(rule.api_groups)) * len(set(rule.resources))
    names = len(set(rule.resource_names)) or 1
    # A RoleBinding gives nothing outside of resources, even where its ClusterRole says so.
    paths = len(set(rule.non_resource_urls)) if namespace is None else 0
    return verbs * (things * names + paths)


def candidate_questions(
    rules: Sequence[Rule], namespace: str | None
) -> tuple[tuple[Question, ...], ...]:
    """Give for each rule up to three questions that it alone would answer, riskiest rule first.

    At most 60 in all, so that asking them before a grant stays quick; no question stands twice.
    `*` is asked literally: a review takes its attributes at their word, so only a rule that
    itself says `*` allows it.
    """
    ordered = sorted(rules, key=lambda rule: _weight(rule, namespace), reverse=True)
    seen: set[Question] = set()
    found: list[tuple[Question, ...]] = []
    for rule in ordered:
        room = min(CANDIDATES_PER_RULE, CANDIDATES_LIMIT - len(seen))
        fresh = tuple(_take(_questions(rule, namespace), room, seen))
        if fresh:
            found.append(fresh)
    return tuple(found)


def _take(questions: Iterator[Question], room: int, seen: set[Question]) -> Iterator[Question]:
    for question in questions:
        if room <= 0:
            return
        if question not in seen:
            seen.add(question)
            room -= 1
            yield question


def _weight(rule: Rule, namespace: str | None) -> tuple[int, int, int]:
    """Rank a rule: by its risks, then by whether it changes things, then by its riskiest verb."""
    risks = len(risks_of((rule,), namespace))
    changes = int(any(verb not in _LOOKS for verb in rule.verbs))
    return risks, changes, -min((_verb_rank(verb) for verb in rule.verbs), default=99)


def _verb_rank(verb: str) -> int:
    """Known writes first, then verbs nobody listed, then looks."""
    if verb in _LOOKS:
        return len(_VERBS) + 1 + _LOOKS.index(verb)
    return _VERBS.index(verb) if verb in _VERBS else len(_VERBS)


def _resource_rank(target: tuple[str, str], namespace: str | None) -> tuple[int, int]:
    group, resource = target
    out_of_reach = int(not reaches(group, resource, namespace))
    known = _RESOURCES.index(resource) if resource in _RESOURCES else len(_RESOURCES)
    return out_of_reach, known


def _questions(rule: Rule, namespace: str | None) -> Iterator[Question]:
    verbs = sorted(set(rule.verbs), key=lambda v: (_verb_rank(v), v))
    if namespace is None:
        for path, verb in _mixed(sorted(set(rule.non_resource_urls)), verbs):
            yield Question(verb=verb, path="/*" if path == ANY else path)
    targets = sorted(
        product(set(rule.api_groups), set(rule.resources)),
        key=lambda t: (_resource_rank(t, namespace), t),
    )
    names = sorted(set(rule.resource_names)) or [""]
    for target, verb in _mixed(targets, verbs):
        kind, sub = split_resource(target[1])
        for name in names[:1] if len(targets) * len(verbs) >= CANDIDATES_PER_RULE else names:
            yield Question(verb, target[0], kind, sub, name, namespace)


def _mixed(things: Sequence[_T], verbs: Sequence[str]) -> Iterator[tuple[_T, str]]:
    """Pair the riskiest first, then such that both sides differ: of what somebody already may,
    the next candidate is likely something else.
    """
    for shift in range(len(verbs)):
        for index, thing in enumerate(things):
            yield thing, verbs[(index + shift) % len(verbs)]


def choose_sample(
    answers_by_rule: Sequence[Sequence[Answer]], limit: int = SAMPLE_LIMIT, *, total: int
) -> Sample:
    """Choose one question a rule from what the candidates were answered before the grant.

    Denied ones come first: only their change proves something. `total` is `count_permissions`
    of the role. Order stays riskiest first.
    """
    best = [_best(answers) for answers in answers_by_rule if answers]
    by_worth = sorted(range(len(best)), key=lambda i: best[i].allowed)
    chosen = sorted(by_worth[:limit])
    return Sample(tuple(best[i].question for i in chosen), max(0, total - len(chosen)))


def _best(answers: Sequence[Answer]) -> Answer:
    return next((answer for answer in answers if not answer.allowed), answers[0])
