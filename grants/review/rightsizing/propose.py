"""The way from use to a proposal with its proof."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from grants.authz.covers import Permission, covers_one, uncovered
from grants.authz.difference import as_rules
from grants.authz.model import Question, Rule
from grants.authz.rbac import Rbac
from grants.errors import InsufficientEvidence
from grants.review.rightsizing.cautions import cautions
from grants.review.rightsizing.companions import elections, with_companions
from grants.review.rightsizing.evidence import Evidence
from grants.review.rightsizing.held import Held
from grants.review.rightsizing.least import rules_of
from grants.review.rightsizing.model import (
    Kept,
    Lack,
    Need,
    NotedRule,
    Observed,
    Proposal,
    Replay,
    Scope,
    ScopedRules,
    Target,
    Window,
)
from grants.review.rightsizing.names import Names
from grants.review.rightsizing.needs import needs_of
from grants.review.rightsizing.objects import objects_of, rbac_after, replaced
from grants.review.rightsizing.taken import taken
from grants.review.rightsizing.unseen import kept, lack_of, own_permissions
from grants.review.rightsizing.wanted import wanted

ELECTION_NOTE = "leader-election"
_Given = dict[Scope, tuple[Rule, ...]]


@dataclass(frozen=True, slots=True)
class RightSize:
    """What is asked for. `seen` is what this account was seen to do, and nobody else.

    `exactly` leaves out what was not seen, whatever the reason; `keep_unjudged` keeps what
    evidence can't judge instead of refusing.
    """

    target: Target
    seen: tuple[Observed, ...]
    window: Window
    names: Names = Names.AUTO
    exactly: bool = False
    keep_unjudged: bool = False


def right_size(ask: RightSize, rbac: Rbac, evidence: Evidence) -> Proposal:
    """Propose the least rights; InsufficientEvidence where use could have gone unseen."""
    held = Held(rbac, ask.target)
    seen = needs_of(ask.seen, held, ask.window)
    unexplained = tuple(need.question for need in seen if not held.allows(need.question))
    needs = tuple(need for need in seen if held.allows(need.question))
    if not ask.exactly:
        needs = with_companions(needs, held)
    permissions = wanted(needs, held, ask.window, ask.names)
    needed = {scope: rules_of(found) for scope, found in permissions.items()}
    stays = _kept(ask, held, needed, needs, evidence)
    given = _together(needed, stays)
    if not ask.keep_unjudged:
        _demand(ask, held, given, evidence)
    lost = taken(held, given)
    made = objects_of(ask.target, ask.window, tuple(given.items()))
    gone = replaced(held, (binding for _, binding in made))
    after = rbac_after(rbac, gone, made)
    return Proposal(
        target=ask.target,
        window=ask.window,
        scopes=_noted(needed, stays, needs),
        needs=needs,
        replaced=gone,
        taken=lost,
        kept=stays,
        unexplained=unexplained,
        cautions=cautions(needs, len(unexplained), lost, given, ask.window),
        replay=replay(needs, given, held, after),
    )


def replay(
    needs: Iterable[Need], given: Mapping[Scope, tuple[Rule, ...]], held: Held, after: Rbac
) -> Replay:
    """Ask every need of the rights as they would be, and whether anything is new in them."""
    ahead = Held(after, held.target)
    asked = tuple(need.question for need in needs)
    return Replay(
        asked=len(asked),
        by_group=sum(ahead.given_anyway(question) for question in asked),
        denied=tuple(question for question in asked if not ahead.allows(question)),
        gained=tuple(
            (scope, rule)
            for scope, rules in given.items()
            for rule in _beyond(held.rules_in(scope), rules, scope)
        ),
    )


def _beyond(old: tuple[Rule, ...], new: tuple[Rule, ...], scope: Scope) -> tuple[Rule, ...]:
    permissions = uncovered(old, new, scope)
    # Too much to compare is no proof, so all of it counts as new.
    return new if permissions is None else as_rules(permissions)


def _kept(
    ask: RightSize, held: Held, needed: _Given, needs: tuple[Need, ...], evidence: Evidence
) -> tuple[Kept, ...]:
    if ask.exactly and not ask.keep_unjudged:
        return ()
    return kept(
        held,
        needed,
        needs,
        evidence=evidence if ask.keep_unjudged else None,
        window=ask.window,
    )


def _demand(ask: RightSize, held: Held, given: _Given, evidence: Evidence) -> None:
    """Refuse where something would be taken away whose use could have gone unseen."""
    lacks: dict[Lack, None] = {}
    for right, permission in own_permissions(held):
        scope = right.namespace
        here = (*given.get(None, ()), *given.get(scope, ()), *held.group_rules_in(scope))
        if not any(covers_one(rule, permission) for rule in here):
            lack = lack_of(right, permission, evidence, ask.window)
            if lack is not None:
                lacks[lack] = None
    if lacks:
        raise InsufficientEvidence(str(ask.target), tuple(_said(lack) for lack in lacks))


def _said(lack: Lack) -> tuple[str, str, str, str]:
    return lack.verb, lack.api_group, lack.resource, lack.why


def _together(needed: _Given, stays: tuple[Kept, ...]) -> _Given:
    given = dict(needed)
    for one in stays:
        given[one.scope] = (*given.get(one.scope, ()), one.rule)
    return {scope: given[scope] for scope in sorted(given, key=_place)}


def _place(scope: Scope) -> tuple[bool, str]:
    return scope is not None, scope or ""


def _noted(
    needed: _Given, stays: tuple[Kept, ...], needs: tuple[Need, ...]
) -> tuple[ScopedRules, ...]:
    held_by = elections(needs)
    implied = tuple(need for need in needs if need.implied_by)
    noted: dict[Scope, list[NotedRule]] = {}
    for scope, rules in needed.items():
        for rule in rules:
            notes = tuple(dict.fromkeys(_notes(scope, rule, held_by, implied)))
            noted.setdefault(scope, []).append(NotedRule(rule, notes))
    for one in stays:
        noted.setdefault(one.scope, []).append(NotedRule(one.rule, (one.why,)))
    return tuple(ScopedRules(scope, tuple(noted[scope])) for scope in sorted(noted, key=_place))


def _notes(
    scope: Scope,
    rule: Rule,
    held_by: frozenset[tuple[str | None, str, str, str]],
    implied: tuple[Need, ...],
) -> Iterator[str]:
    for namespace, group, kind, name in sorted(held_by, key=str):
        place = (group in rule.api_groups, kind in rule.resources, name in rule.resource_names)
        if namespace == scope and all(place):
            yield ELECTION_NOTE
    for need in implied:
        if scope == need.question.namespace and _gives(rule, need.question):
            yield need.implied_by


def _gives(rule: Rule, question: Question) -> bool:
    name = question.name if rule.resource_names else None
    sub = f"/{question.subresource}" if question.subresource else ""
    one = Permission(question.verb, question.api_group, question.resource + sub, name)
    return covers_one(rule, one)
