"""Everything at once: few people, many roles and bindings that overlap."""

from dataclasses import replace
from typing import Final

from grants.authz.model import Question, Rule
from grants.authz.objects import AUTHENTICATED, Binding, Caller, Role, Subject, account_caller
from tests.support.agreement.semantics import Ask, Case, Semantic
from tests.support.agreement.words import GROUPS, KINDS, PATHS, SUBS, VERBS, Words, bindable
from tests.support.rbac_objects import account, bind, group, role, user

PEOPLE: Final = 12
BINDINGS: Final = 25


def mixed(words: Words, asks: int) -> Case:
    """Make one crowd, and ask so many questions, mostly near what somebody holds."""
    people = [_person(words) for _ in range(PEOPLE)]
    roles: list[Role] = []
    bindings: list[Binding] = []
    for _ in range(BINDINGS):
        place = words.place() if words.chance(0.6) else None
        if not roles or words.chance(0.7):
            roles.append(_role(words, place))
        fitting = [r for r in roles if r.kind == "ClusterRole" or r.meta.namespace == place]
        if not fitting:
            fitting = [role(words.object_name("r"), _rule(words))]
            roles += fitting
        subjects = [subject for _, all_ in words.dice.sample(people, 2) for subject in all_]
        chosen = words.dice.sample(subjects, 2)
        bindings.append(
            bind(words.object_name("b"), words.one(fitting), *chosen, namespace=place or "")
        )
    made = [
        Ask(Semantic.MIXED, words.one(people)[0], _question(words, roles, bindings))
        for _ in range(asks)
    ]
    return Case(roles, bindings, made)


def _person(words: Words) -> tuple[Caller, list[Subject]]:
    if words.chance(0.5):
        home, name = words.place(), words.fresh("account")
        caller = account_caller(home, name)
        return caller, [account(name, home), user(caller.user), account(name, home)]
    name, team = words.fresh("user"), words.fresh("group")
    return Caller(name, frozenset({team, AUTHENTICATED})), [user(name), group(team), user(name)]


def _role(words: Words, place: str | None) -> Role:
    rules = [_rule(words) for _ in range(words.dice.randint(1, 3))]
    if words.chance(0.25):
        path_rule = Rule(("get",), non_resource_urls=words.some((*PATHS, "/a/*", "*")))
        return role(words.object_name("r"), *rules, path_rule)
    return bindable(words, rules, place)


def _rule(words: Words) -> Rule:
    verbs = ("*",) if words.chance(0.2) else words.some(VERBS)
    groups = ("*",) if words.chance(0.2) else words.some(GROUPS, 2)
    kinds: tuple[str, ...] = words.some(KINDS, 2)
    if words.chance(0.3):
        kinds += (
            words.one(("*", f"*/{words.one(SUBS)}", f"{words.one(KINDS)}/{words.one(SUBS)}")),
        )
    names = words.some(("one", "two", ""), 2) if words.chance(0.2) else ()
    return Rule(verbs, groups, kinds, names)


def _question(words: Words, roles: list[Role], bindings: list[Binding]) -> Question:
    """Ask for what some binding gives, with one thing changed at times."""
    binding = words.one(bindings)
    held = words.one([r for r in roles if r.ref == binding.role])
    rule = words.one(held.rules)
    where = binding.namespace if words.chance(0.8) else words.one((None, *words.namespaces))
    verb = _literal(words, words.one(rule.verbs), VERBS)
    if rule.non_resource_urls:
        return Question(verb, path=_literal(words, words.one(rule.non_resource_urls), PATHS))
    kind, _, sub = words.one(rule.resources).partition("/")
    asked = Question(
        verb,
        _literal(words, words.one(rule.api_groups), GROUPS),
        _literal(words, kind, KINDS),
        sub,
        words.one(rule.resource_names) if rule.resource_names else words.name(),
        where,
    )
    if words.chance(0.2):
        return replace(asked, name=words.name())
    return replace(asked, verb=words.one(VERBS)) if words.chance(0.1) else asked


def _literal(words: Words, said: str, pool: tuple[str, ...]) -> str:
    """Name something that a wildcard stands for."""
    return words.one(pool) if "*" in said else said
