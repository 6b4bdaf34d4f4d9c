"""What right-sizing reads and gives, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from grants.authz.model import Question, Rule
from grants.authz.objects import ACCOUNT_PREFIX, Binding, Caller, Subject, account_caller

Scope = str | None
"""A namespace, or None: the whole cluster."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when use was looked for."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """The service account that is sized, and the cluster whose rights and use are meant."""

    namespace: str
    name: str
    cluster: str = ""

    @property
    def user(self) -> str:
        """The user name that it authenticates as."""
        return f"{ACCOUNT_PREFIX}{self.namespace}:{self.name}"

    @property
    def caller(self) -> Caller:
        """It as API servers see it, with its groups."""
        return account_caller(self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Observed:
    """What an account was seen to do, as an authorizer was asked for it, and what it answered.

    A name or path of usage's `MANY` stands for more of them than are kept.
    """

    question: Question
    allowed: bool
    first_seen: datetime
    last_seen: datetime
    count: int = 1


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that the account must be able to do, as an authorizer is asked for it.

    `implied_by` is empty for what was seen, else a stable word for why it follows from that.
    """

    question: Question
    first_seen: datetime
    last_seen: datetime
    count: int = 1
    implied_by: str = ""


@dataclass(frozen=True, slots=True)
class NotedRule:
    """A rule of the proposal, and stable words for what it is about."""

    rule: Rule
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScopedRules:
    """What the proposal gives in one place; one role and one binding."""

    scope: Scope
    rules: tuple[NotedRule, ...]

    @property
    def plain(self) -> tuple[Rule, ...]:
        """The rules alone."""
        return tuple(noted.rule for noted in self.rules)


@dataclass(frozen=True, slots=True)
class Taken:
    """A right that the account holds and would no longer, by the binding that gives it.

    `left_in` says in which namespaces, and `left_names` for which names, part of it stays.
    """

    scope: Scope
    rule: Rule
    bindings: tuple[Binding, ...] = ()
    left_in: tuple[str, ...] = ()
    left_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """A right that stays although its use was not seen, because it could not have been."""

    scope: Scope
    rule: Rule
    why: str


@dataclass(frozen=True, slots=True)
class Caution:
    """Something that evidence can't tell and a person should think of; facts to say it with."""

    code: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replaced:
    """An old binding: who stays in it; with nobody left it is to be deleted."""

    binding: Binding
    stays: tuple[Subject, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """The proof: every need asked of the rights as they would be.

    `denied` must be empty, and so must `gained`: rights that the account does not hold today.
    """

    asked: int
    by_group: int
    denied: tuple[Question, ...] = ()
    gained: tuple[tuple[Scope, Rule], ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether the proposal allows all that is needed and nothing new."""
        return not self.denied and not self.gained


@dataclass(frozen=True, slots=True)
class Proposal:
    """The least rights that let an account go on, with what they replace and the proof."""

    target: Target
    window: Window
    scopes: tuple[ScopedRules, ...]
    needs: tuple[Need, ...]
    replaced: tuple[Replaced, ...]
    taken: tuple[Taken, ...]
    kept: tuple[Kept, ...]
    unexplained: tuple[Question, ...]
    cautions: tuple[Caution, ...]
    replay: Replay

    @property
    def changes_nothing(self) -> bool:
        """Tell whether the account holds just what it needs."""
        return not self.taken


@dataclass(frozen=True, slots=True)
class Lack:
    """What could not have been seen: whose use nothing can be concluded about, and why."""

    verb: str
    api_group: str
    resource: str
    why: str
