"""A round: cases of every kind from one seed, and what they put into a cluster together."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from grants.authz.objects import Binding, Role
from tests.support.agreement import aggregates, mixed, places, requests, rules
from tests.support.agreement.semantics import Ask, Case, Request
from tests.support.agreement.words import Words

MIXED_ASKS: Final = 16


@dataclass
class Round:
    """All objects and questions of one round."""

    name: str
    namespaces: tuple[str, ...]
    accounts: tuple[tuple[str, str], ...]
    cases: list[Case] = field(default_factory=list)

    @property
    def roles(self) -> list[Role]:
        """Those that are there from the beginning."""
        return [role for case in self.cases for role in case.roles]

    @property
    def late(self) -> list[Role]:
        """Those that come after the first asking."""
        return [role for case in self.cases for role in case.late]

    @property
    def bindings(self) -> list[Binding]:
        """All bindings."""
        return [binding for case in self.cases for binding in case.bindings]

    @property
    def asks(self) -> list[Ask]:
        """What is asked first."""
        return [ask for case in self.cases for ask in case.asks]

    @property
    def late_asks(self) -> list[Ask]:
        """What is asked when all roles are there."""
        return [ask for case in self.cases for ask in case.late_asks]

    @property
    def requests(self) -> list[Request]:
        """What is really requested."""
        return [request for case in self.cases for request in case.requests]


def make_round(seed: int, number: int, each: int, *, name: str | None = None) -> Round:
    """Make a round of `each` cases of every kind; the same for the same seed and number."""
    name = name or f"a{seed}r{number}"
    dice = random.Random(f"agreement:{seed}:{number}")
    namespaces = tuple(f"{name}-{place}" for place in ("one", "two", "three"))
    accounts = tuple((place, f"real{i}") for place in namespaces for i in range(3))
    words = Words(dice, namespaces, name)
    makers = (*rules.CASES, *places.CASES, *aggregates.CASES, *requests.CASES)
    cases = [make(words) for make in makers for _ in range(each)]
    cases += [requests.tokens(words, accounts) for _ in range(each)]
    cases += _crowds(words, each)
    return Round(name, namespaces, accounts, cases)


def _crowds(words: Words, each: int) -> Sequence[Case]:
    """Make crowds of people who share roles: a few large ones rather than many small."""
    return [mixed.mixed(words, MIXED_ASKS * each // 2) for _ in range(2)]
