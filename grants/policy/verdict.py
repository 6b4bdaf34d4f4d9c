"""A verdict: every rule that was judged, and the one way in which rules are run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from grants.errors import Reason

_Case = TypeVar("_Case")


@dataclass(frozen=True)
class Verdict:
    """Every rule that was judged; allowed only when all of them hold, and there is at least one."""

    reasons: tuple[Reason, ...]

    @property
    def allowed(self) -> bool:
        """Tell whether all rules hold."""
        return bool(self.reasons) and all(reason.holds for reason in self.reasons)

    @property
    def failed(self) -> tuple[Reason, ...]:
        """Give the rules that do not hold, without those left unjudged because of another."""
        failed = tuple(reason for reason in self.reasons if not reason.holds)
        return tuple(r for r in failed if r.code != _NOT_JUDGED) or failed

    def find(self, code: str) -> Reason | None:
        """Find the first reason of a code."""
        return next((reason for reason in self.reasons if reason.code == code), None)


_NOT_JUDGED: Final = "not-judged"


class NotJudged(Exception):
    """A rule can't be judged because of what another rule refuses; told as `not-judged`."""


def run_rules(
    rules: Sequence[tuple[str, Callable[[_Case], Reason]]], case: _Case
) -> tuple[Reason, ...]:
    """Judge every rule; one that raises counts as refused, and the others are judged still."""
    return tuple(_run(name, rule, case) for name, rule in rules)


def _run(name: str, rule: Callable[[_Case], Reason], case: _Case) -> Reason:
    try:
        return rule(case)
    except NotJudged:
        return Reason(_NOT_JUDGED, holds=False, facts=(("rule", name),))
    except Exception as error:  # noqa: BLE001 - whatever breaks a rule must refuse, never allow
        facts = (("rule", name), ("error", type(error).__name__))
        return Reason("rule-failed", holds=False, facts=facts)
