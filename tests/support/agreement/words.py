"""Random words for roles and questions, all of one seed."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

from grants.authz.model import Question, Rule
from grants.authz.objects import AUTHENTICATED, Caller, Role, Subject, account_caller
from tests.support.agreement.semantics import Ask, Case, Semantic
from tests.support.rbac_objects import account, bind, group, role, user

T = TypeVar("T")

VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
                "bind", "impersonate", "approve", "frob")  # fmt: skip
GROUPS: Final = ("", "apps", "batch", "example.test", "v1")
KINDS: Final = ("pods", "secrets", "configmaps", "deployments", "jobs", "widgets", "p")
SUBS: Final = ("status", "scale", "exec", "log", "token")
PATHS: Final = ("/metrics", "/logs", "/a", "/a/b", "/debug/pprof", "/x")
ODD_NAMES: Final = ("a:b", "with space", "Ünïcode", 'qu"ote', "back\\slash", "*", "dots.in.it")


class Words:
    """Dice with a vocabulary; names are this round's own."""

    def __init__(self, dice: random.Random, namespaces: Sequence[str], prefix: str) -> None:
        self.dice: Final = dice
        self.namespaces: Final = namespaces
        self.prefix: Final = prefix
        self._count = 0

    def one(self, pool: Sequence[T], *but: T) -> T:
        """Choose one that is none of those."""
        return self.dice.choice([word for word in pool if word not in but])

    def some(self, pool: Sequence[T], most: int = 3) -> tuple[T, ...]:
        """Choose one or more, in any order."""
        return tuple(self.dice.sample(pool, self.dice.randint(1, min(most, len(pool)))))

    def chance(self, share: float) -> bool:
        """Say yes this often."""
        return self.dice.random() < share

    def fresh(self, stem: str) -> str:
        """Make a name that nothing else has."""
        self._count += 1
        return f"{self.prefix}-{stem}{self._count}"

    def object_name(self, stem: str) -> str:
        """Name a role or binding; some names are as odd as Kubernetes lets them be."""
        name = self.fresh(stem)
        return f"{name} {self.one(ODD_NAMES)}" if self.chance(0.05) else name

    def name(self, *but: str) -> str:
        """Name something that is asked for; some of them are no name at all."""
        return self.one(("", "one", "two", "three", "*"), *but)

    def place(self) -> str:
        """Choose a namespace."""
        return self.one(self.namespaces)

    def rule(self) -> Rule:
        """Make a plain rule of several of each."""
        return Rule(self.some(VERBS), self.some(GROUPS, 2), self.some(KINDS))

    def hit(self, rule: Rule, **more: str) -> Question:
        """Ask for something that a rule without wildcards names."""
        kind, _, sub = self.one(rule.resources).partition("/")
        given = {"verb": self.one(rule.verbs), "api_group": self.one(rule.api_groups),
                 "resource": kind, "subresource": sub}  # fmt: skip
        return Question(**(given | more))

    def near(self, rule: Rule, question: Question) -> Question:
        """Change one thing, such that this rule does not name it any more."""
        field = self.one(("verb", "api_group", "resource"))
        pools = {
            "verb": (VERBS, rule.verbs),
            "api_group": (GROUPS, rule.api_groups),
            "resource": (KINDS, tuple(r.partition("/")[0] for r in rule.resources)),
        }
        pool, held = pools[field]
        changed = {field: self.one(pool, *held)}
        return replace(question, **changed)

    def somebody(self, place: str | None) -> tuple[Caller, Subject]:
        """Make somebody new, and what a binding in this place calls them."""
        match self.dice.randrange(4):
            case 0:
                name = self.fresh("user")
                return Caller(name, frozenset({AUTHENTICATED})), user(name)
            case 1:
                name = self.fresh("group")
                others = {AUTHENTICATED, self.fresh("other")}
                return Caller(self.fresh("user"), frozenset({name, *others})), group(name)
            case 2:
                home, name = self.place(), self.fresh("account")
                return account_caller(home, name), account(name, home)
        home, name = place or self.place(), self.fresh("account")
        return account_caller(home, name), account(name, "" if place else home)

    def noise(self) -> tuple[Subject, ...]:
        """Make subjects that nobody asked about is."""
        return tuple(
            self.one((user("*"), group("nobody"), account("robot", self.place()), user("eve")))
            for _ in range(self.dice.randrange(3))
        )


def bound(
    words: Words,
    semantic: Semantic,
    rules: Sequence[Rule],
    questions: Sequence[Question],
    *,
    wide: bool | None = None,
) -> Case:
    """Bind rules to somebody new, somewhere, and ask the questions there.

    `wide`: True for everywhere, False for a namespace, None for either.
    """
    place = None if (words.chance(0.5) if wide is None else wide) else words.place()
    caller, subject = words.somebody(place)
    made = bindable(words, rules, place)
    subjects = [*words.noise(), subject, *words.noise()]
    binding = bind(words.object_name("b"), made, *subjects, namespace=place or "")
    asks = [Ask(semantic, caller, placed(words, question, place)) for question in questions]
    return Case([made], [binding], asks)


def bindable(words: Words, rules: Sequence[Rule], place: str | None) -> Role:
    """Make a role that a binding in this place can lead to."""
    inside = place is not None and words.chance(0.5)
    return role(words.object_name("r"), *rules, namespace=place or "" if inside else "")


def placed(words: Words, question: Question, place: str | None) -> Question:
    """Ask where a binding is; anywhere for one that is everywhere."""
    if question.path is not None:
        return question
    where = place or words.one((None, *words.namespaces))
    return replace(question, namespace=where)
