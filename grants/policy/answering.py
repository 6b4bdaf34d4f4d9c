"""May this person answer this finding, now? Judged at the click, by the policy in force."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from grants.errors import Reason
from grants.people.model import Known
from grants.policy.benefit import Right, judge_benefit
from grants.policy.match import lacks_groups, match_decider
from grants.policy.model import Policy
from grants.policy.requesting import judge_sign_in
from grants.policy.verdict import NotJudged, Verdict, run_rules


@dataclass(frozen=True)
class Answering:
    """One person's answer to one finding.

    `reviewer` is None when nobody is linked to the clicking account. `shown_hash` came with the
    button, `own_hash` is of the finding as it is now. `has_access` tells whether they hold access
    by a grant where the right's account lives.
    """

    reviewer: Known | None
    right: Right
    shown_hash: str
    own_hash: str
    has_access: bool = False


@dataclass(frozen=True)
class _Case:
    policy: Policy
    answering: Answering
    now: datetime
    signin_max_age: timedelta
    until: date | None = None

    @property
    def reviewer(self) -> Known:
        if self.answering.reviewer is None:
            raise NotJudged
        return self.answering.reviewer


def judge_not_mine(
    policy: Policy, answering: Answering, now: datetime, *, signin_max_age: timedelta
) -> Verdict:
    """Judge who says that a finding is not theirs: that excuses nothing, so the owner may too."""
    return Verdict(run_rules(ANSWER_RULES, _Case(policy, answering, now, signin_max_age)))


def judge_keep(
    policy: Policy, answering: Answering, until: date, now: datetime, *, signin_max_age: timedelta
) -> Verdict:
    """Judge who keeps a finding until a day: a reviewer who has nothing of it."""
    case = _Case(policy, answering, now, signin_max_age, until)
    return Verdict(run_rules((*ANSWER_RULES, *KEEP_RULES), case))


def last_day(policy: Policy, now: datetime) -> date:
    """Give the last day until which a finding may be kept from now on."""
    return (now + policy.review.keep_at_most).date()


def _linked(case: _Case) -> Reason:
    return Reason("reviewer-linked", case.answering.reviewer is not None)


def _fresh(case: _Case) -> Reason:
    return judge_sign_in("reviewer-sign-in-fresh", case.reviewer, case.now, case.signin_max_age)


def judge_reviewer(policy: Policy, known: Known) -> Reason:
    """Judge whether policy names this person a reviewer."""
    who = policy.review.reviewers
    found = match_decider(who, known)
    if found is None and lacks_groups(who, known):
        return Reason("groups-unknown", holds=False, facts=(("of", "reviewer"),))
    return Reason("reviewer-named", found is not None, found.facts() if found else ())


def _named(case: _Case) -> Reason:
    return judge_reviewer(case.policy, case.reviewer)


def _same(case: _Case) -> Reason:
    shown, own = case.answering.shown_hash.encode(), case.answering.own_hash.encode()
    return Reason("finding-same", bool(own) and hmac.compare_digest(shown, own))


def _benefit(case: _Case) -> Reason:
    return judge_benefit(case.policy, case.answering.right, case.reviewer)


def _no_access(case: _Case) -> Reason:
    return Reason("no-access-there", not case.answering.has_access)


def _until(case: _Case) -> Reason:
    if case.until is None:
        raise NotJudged
    first, last = case.now.date(), last_day(case.policy, case.now)
    facts = (("until", case.until), ("first", first), ("last", last))
    said = tuple((name, day.isoformat()) for name, day in facts)
    return Reason("until-within", first <= case.until <= last, said)


ANSWER_RULES: Final[tuple[tuple[str, Callable[[_Case], Reason]], ...]] = (
    ("reviewer-linked", _linked),
    ("reviewer-sign-in-fresh", _fresh),
    ("reviewer-named", _named),
    ("finding-same", _same),
)
"""Every rule of an answer."""

KEEP_RULES: Final[tuple[tuple[str, Callable[[_Case], Reason]], ...]] = (
    ("not-beneficiary", _benefit),
    ("no-access-there", _no_access),
    ("until-within", _until),
)
"""What must hold to keep a finding, beside those."""
