"""What was allowed before a grant: the questions that its end is proven by, asked first.

Whoever decides waits, so they are asked while the decision is judged and stored. An answer is worth
no less for being some milliseconds older, since nothing is bound meanwhile; and where the decision
comes to nothing, so does what was asked.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from grants.access.cluster_port import ClusterPort
from grants.authz.model import Answer, Question, Rule
from grants.authz.sample import candidate_questions, choose_sample, count_permissions

ENOUGH_DENIED: Final = 3
"""A binding gives all rules of its role or none: so many that change show as much as all of them,
and each costs people a moment that they wait."""


@dataclass(frozen=True)
class Before:
    """What one API server answered to the questions chosen, and how many permissions of the role
    none of them stands for.
    """

    endpoint: str
    answers: tuple[Answer, ...]
    unsampled: int


Asked = Callable[[], Before]
"""Waits for what is being asked; raises what the cluster's failure was."""


@dataclass(frozen=True)
class Whom:
    """Who is asked about: a name of Kubernetes' with its groups, and where (None: cluster-wide)."""

    subject: str
    groups: tuple[str, ...]
    namespace: str | None


def ask_before(cluster: ClusterPort, whom: Whom, rules: Sequence[Rule]) -> Before:
    """Ask what a role would newly allow: at most one question a rule, those denied preferred."""
    endpoint, namespace = cluster.endpoints()[0], whom.namespace

    def ask(questions: Sequence[Question]) -> tuple[Answer, ...]:
        return cluster.ask(whom.subject, whom.groups, questions, endpoint)

    answers = _ask_rules(ask, candidate_questions(rules, namespace))
    chosen = choose_sample(answers, total=count_permissions(rules, namespace))
    by_question = {answer.question: answer for rule in answers for answer in rule}
    sampled = tuple(by_question[question] for question in chosen.questions)
    return Before(endpoint, sampled, chosen.unsampled)


def _ask_rules(
    ask: Callable[[Sequence[Question]], tuple[Answer, ...]],
    per_rule: Sequence[Sequence[Question]],
) -> tuple[tuple[Answer, ...], ...]:
    """Ask about the riskiest rules first, until enough is denied.

    What is allowed already proves nothing: the rule's next question waits for its turn. While that
    goes on, more is asked at a time.
    """
    answers: list[tuple[Answer, ...]] = [() for _ in per_rule]
    waiting = deque(number for number, rule in enumerate(per_rule) if rule)
    denied = asked = 0
    while waiting and denied < ENOUGH_DENIED:
        most = max(ENOUGH_DENIED - denied, asked)
        turn = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        found = ask([per_rule[number][len(answers[number])] for number in turn])
        asked += len(turn)
        for number, answer in zip(turn, found, strict=True):
            answers[number] = (*answers[number], answer)
            denied += not answer.allowed
            if answer.allowed and len(answers[number]) < len(per_rule[number]):
                waiting.append(number)
    return tuple(answers)
