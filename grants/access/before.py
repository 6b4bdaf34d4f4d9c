"""What was allowed before a grant: the questions that its end is proven by, asked first.

Whoever decides waits, so the first few are asked while the decision is judged and stored. Most
often they are enough. Anybody may click, and nothing is judged by then: so it is one turn of them,
on threads that nobody's look waits for, and what is not wanted any more is not begun.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from grants.access.cluster_port import ClusterPort
from grants.authz.model import Answer, Question, Rule
from grants.authz.sample import candidate_questions, choose_sample, count_permissions
from grants.clock import Clock

ENOUGH_DENIED: Final = 3
"""A binding gives all rules of its role or none: so many that change show as much as all of them,
and each costs people a moment that they wait."""

OLD_AFTER: Final = timedelta(seconds=1)
"""What was asked longer ago than this, as a walk begins, is asked again."""


@dataclass(frozen=True)
class Whom:
    """Who is asked about: a name of Kubernetes' with its groups, and where (None: cluster-wide)."""

    subject: str
    groups: tuple[str, ...]
    namespace: str | None


@dataclass(frozen=True)
class Before:
    """What one API server answered to the questions chosen, from when on, and how many permissions
    of the role none of them stands for.
    """

    whom: Whom
    at: datetime
    endpoint: str
    answers: tuple[Answer, ...]
    unsampled: int

    def is_of(self, whom: Whom, now: datetime) -> bool:
        """Tell whether it is about this one, and from just now."""
        return self.whom == whom and timedelta(0) <= now - self.at <= OLD_AFTER


def ask_before(cluster: ClusterPort, whom: Whom, rules: Sequence[Rule], clock: Clock) -> Before:
    """Ask what a role would newly allow: at most one question a rule, those denied preferred."""
    at, run = clock.now(), _Run(cluster, whom, rules)
    while run.is_wanting:
        run.turn()
    return run.before(at)


def ask_first(
    cluster: ClusterPort, whom: Whom, rules: Sequence[Rule], clock: Clock
) -> Before | None:
    """Ask one turn of it; None when that is not enough."""
    at, run = clock.now(), _Run(cluster, whom, rules)
    run.turn()
    return None if run.is_wanting else run.before(at)


class _Run:
    """Asks about the riskiest rules first, until enough is denied.

    What is allowed already proves nothing: the rule's next question waits for its turn. While that
    goes on, more is asked at a time.
    """

    def __init__(self, cluster: ClusterPort, whom: Whom, rules: Sequence[Rule]) -> None:
        self._cluster = cluster
        self._whom = whom
        self._rules = rules
        self._endpoint = cluster.endpoints()[0]
        self._per_rule = candidate_questions(rules, whom.namespace)
        self._answers: list[tuple[Answer, ...]] = [() for _ in self._per_rule]
        self._waiting = deque(number for number, rule in enumerate(self._per_rule) if rule)
        self._denied = self._asked = 0

    @property
    def is_wanting(self) -> bool:
        """Tell whether more is to be asked."""
        return bool(self._waiting) and self._denied < ENOUGH_DENIED

    def turn(self) -> None:
        """Ask some more, if there is more to ask."""
        most = max(ENOUGH_DENIED - self._denied, self._asked)
        turn = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        found = self._ask([self._per_rule[n][len(self._answers[n])] for n in turn])
        self._asked += len(turn)
        for number, answer in zip(turn, found, strict=True):
            self._answers[number] = (*self._answers[number], answer)
            self._denied += not answer.allowed
            if answer.allowed and len(self._answers[number]) < len(self._per_rule[number]):
                self._waiting.append(number)

    def before(self, at: datetime) -> Before:
        """Choose of what was answered."""
        total = count_permissions(self._rules, self._whom.namespace)
        chosen = choose_sample(self._answers, total=total)
        by_question = {answer.question: answer for rule in self._answers for answer in rule}
        sampled = tuple(by_question[question] for question in chosen.questions)
        return Before(self._whom, at, self._endpoint, sampled, chosen.unsampled)

    def _ask(self, questions: Sequence[Question]) -> tuple[Answer, ...]:
        if not questions:
            return ()
        return self._cluster.ask(self._whom.subject, self._whom.groups, questions, self._endpoint)
