"""What a person should think of before applying a proposal, since no evidence can tell."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from grants.authz.covers import Permission, covers_one
from grants.authz.matching import ANY
from grants.authz.model import Rule
from grants.review.rightsizing.model import Caution, Need, Scope, Taken, Window
from grants.review.rightsizing.names import SETTLED_AFTER
from grants.review.rightsizing.needs import what_of

NEVER_SEEN: Final = "never-seen"
WRITES_ROLES: Final = "writes-roles"
APPLY_CREATES: Final = "apply-creates"
NEW_NAMESPACES: Final = "new-namespaces"
NOT_BY_RBAC: Final = "not-by-rbac"
WILDCARD: Final = "wildcard"
CODES: Final = (
    NEVER_SEEN,
    WRITES_ROLES,
    APPLY_CREATES,
    NEW_NAMESPACES,
    NOT_BY_RBAC,
    WILDCARD,
)

_RBAC: Final = "rbac.authorization.k8s.io"
_ROLES: Final = frozenset({"roles", "clusterroles", "rolebindings", "clusterrolebindings"})
_PUTS: Final = frozenset({"update", "patch"})
_WRITES: Final = _PUTS | {"create"}


def cautions(
    needs: Sequence[Need],
    unexplained: int,
    taken: Iterable[Taken],
    given: dict[Scope, tuple[Rule, ...]],
    window: Window,
) -> tuple[Caution, ...]:
    """List what to think of, each thing once."""
    lost = tuple(taken)
    found = (
        *(() if needs else (Caution(NEVER_SEEN),)),
        *((Caution(NOT_BY_RBAC, {"requests": str(unexplained)}),) if unexplained else ()),
        *_writes_roles(needs, given),
        *_applies(needs, lost, given),
        *_namespaces(needs, window),
        *((Caution(WILDCARD),) if any(ANY in one.rule.verbs for one in lost) else ()),
    )
    return tuple(found)


def _writes_roles(needs: Iterable[Need], given: dict[Scope, tuple[Rule, ...]]) -> Iterator[Caution]:
    """Whoever writes roles may write into them only what it holds, unless it may escalate."""
    writes = any(
        need.question.api_group == _RBAC
        and need.question.resource in _ROLES
        and need.question.verb in _WRITES
        for need in needs
    )
    freed = [
        rule
        for rules in given.values()
        for rule in rules
        if {"bind", "escalate"} <= set(rule.verbs) or ANY in rule.verbs
    ]
    if writes and not freed:
        yield Caution(WRITES_ROLES)


def _applies(
    needs: Iterable[Need], lost: Iterable[Taken], given: dict[Scope, tuple[Rule, ...]]
) -> Iterator[Caution]:
    """Warn of applies and PUTs: they make what is not there, for which they need `create`."""
    written = {
        (need.question.namespace, need.question.api_group, what_of(need.question))
        for need in needs
        if need.question.path is None and need.question.verb in _PUTS
    }
    rules = [(one.scope, one.rule) for one in lost]
    kept = [(scope, rule) for scope, some in given.items() for rule in some]

    def may_create(among: list[tuple[Scope, Rule]], where: Scope, group: str, what: str) -> bool:
        create = Permission("create", group, what, None)
        return any(scope in {None, where} and covers_one(rule, create) for scope, rule in among)

    kinds = {one[2] for one in written if may_create(rules, *one) and not may_create(kept, *one)}
    if kinds:
        yield Caution(APPLY_CREATES, {"kinds": ", ".join(sorted(kinds))})


def _namespaces(needs: Iterable[Need], window: Window) -> Iterator[Caution]:
    """Where work moves into new namespaces all the time, roles in the old ones won't do."""
    first: defaultdict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for need in needs:
        question = need.question
        if question.path is None and question.namespace:
            key = (question.verb, question.api_group, what_of(question))
            at = need.first_seen.timestamp()
            seen = first[key]
            seen[question.namespace] = min(at, seen.get(question.namespace, at))
    latest = window.since + (window.until - window.since) * SETTLED_AFTER
    new = {
        namespace
        for seen in first.values()
        if len(seen) > 1
        for namespace, at in seen.items()
        if at > latest.timestamp()
    }
    if new:
        yield Caution(NEW_NAMESPACES, {"namespaces": ", ".join(sorted(new))})
