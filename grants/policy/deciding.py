"""May this person decide this, now? Judged at the click, against the policy in force."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from grants.authz.model import RoleRef
from grants.errors import Reason
from grants.people.model import Known
from grants.policy.match import lacks_groups, match_decider
from grants.policy.model import Policy
from grants.policy.requesting import Ask, RoleGap, judge_request, judge_sign_in
from grants.policy.subjects import render_subject
from grants.policy.verdict import NotJudged, Verdict, run_rules


@dataclass(frozen=True)
class Agreed:
    """One item of a request: the ask as its terms say, with fresh snapshots and the asker as now
    known, beside what the terms hold of role and name.
    """

    ask: Ask
    role: RoleRef
    role_digest: str
    subject: str


@dataclass(frozen=True)
class Click:
    """One person's click on one card.

    `approver` is None when nobody is linked to the clicking account. `requester` and `recipient`
    are person ids. `shown_hash` came with the button, `terms_hash` is the request's own. `decided`
    are the people who decided the open stage already.
    """

    approver: Known | None
    approves: bool
    requester: str
    recipient: str
    pending: bool
    pending_until: datetime
    stage: int
    shown_hash: str
    terms_hash: str
    items: tuple[Agreed, ...]
    decided: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Case:
    policy: Policy
    click: Click
    now: datetime
    signin_max_age: timedelta

    @property
    def approver(self) -> Known:
        if self.click.approver is None:
            raise NotJudged
        return self.click.approver


@dataclass(frozen=True)
class _ItemCase:
    policy: Policy
    click: Click
    item: Agreed


def judge_decision(
    policy: Policy, click: Click, now: datetime, *, signin_max_age: timedelta
) -> Verdict:
    """Judge a click by every rule. To deny, the terms need not be allowed any more.

    The requester's sign-in must still be fresh too: nobody is approved on old groups.
    """
    reasons = run_rules(CLICK_RULES, _Case(policy, click, now, signin_max_age))
    for item in click.items:
        reasons += run_rules(ELIGIBLE_RULES, _ItemCase(policy, click, item))
        if click.approves:
            verdict = judge_request(policy, item.ask, now, signin_max_age=signin_max_age)
            reasons += verdict.reasons
            reasons += run_rules(AGREED_RULES, _ItemCase(policy, click, item))
    if not click.items:
        reasons += (Reason("not-judged", holds=False, facts=(("rule", "approver-eligible"),)),)
    return Verdict(reasons)


def quorum_of(policy: Policy, entitlement: str, stage: int) -> int | None:
    """Give how many approvers a stage needs; None when policy no longer has it."""
    found = policy.entitlement(entitlement)
    if found is None or not 0 <= stage < len(found.stages):
        return None
    return found.stages[stage].quorum


def _linked(case: _Case) -> Reason:
    return Reason("approver-linked", case.click.approver is not None)


def _fresh(case: _Case) -> Reason:
    code = "approver-sign-in-fresh"
    return judge_sign_in(code, case.approver, case.now, case.signin_max_age)


def _not_own(case: _Case) -> Reason:
    involved = {case.click.requester, case.click.recipient}
    return Reason("not-own", case.approver.person.id not in involved)


def _not_twice(case: _Case) -> Reason:
    return Reason("not-twice", case.approver.person.id not in case.click.decided)


def _terms_same(case: _Case) -> Reason:
    shown, own = case.click.shown_hash.encode(), case.click.terms_hash.encode()
    return Reason("terms-same", bool(own) and hmac.compare_digest(shown, own))


def _stage_open(case: _Case) -> Reason:
    is_open = case.click.pending and case.now < case.click.pending_until
    return Reason("stage-open", is_open, (("stage", str(case.click.stage)),))


def _eligible(case: _ItemCase) -> Reason:
    entitlement = case.policy.entitlement(case.item.ask.entitlement)
    approver, stage = case.click.approver, case.click.stage
    if entitlement is None or approver is None or not 0 <= stage < len(entitlement.stages):
        raise NotJudged
    who = entitlement.stages[stage].who
    found = match_decider(who, approver)
    if found is None and lacks_groups(who, approver):
        return Reason("groups-unknown", holds=False, facts=(("of", "approver"),))
    facts = (("entitlement", entitlement.name), ("stage", str(stage)))
    return Reason(
        "approver-eligible", found is not None, (*facts, *(found.facts() if found else ()))
    )


def _role_same(case: _ItemCase) -> Reason:
    role = case.item.ask.role
    if isinstance(role, RoleGap):
        raise NotJudged
    same = role.ref == case.item.role and role.digest == case.item.role_digest
    return Reason("role-same", same, (("role", str(case.item.role)),))


def _subject_same(case: _ItemCase) -> Reason:
    ask = case.item.ask
    cluster = case.policy.cluster(ask.cluster)
    if cluster is None:
        raise NotJudged
    rendered = render_subject(cluster.username, ask.recipient or ask.asker)
    return Reason("subject-same", rendered == case.item.subject, (("subject", case.item.subject),))


CLICK_RULES: Final[tuple[tuple[str, Callable[[_Case], Reason]], ...]] = (
    ("approver-linked", _linked),
    ("approver-sign-in-fresh", _fresh),
    ("not-own", _not_own),
    ("not-twice", _not_twice),
    ("terms-same", _terms_same),
    ("stage-open", _stage_open),
)
"""Every rule of a click that does not depend on an item."""

ELIGIBLE_RULES: Final[tuple[tuple[str, Callable[[_ItemCase], Reason]], ...]] = (
    ("approver-eligible", _eligible),
)
"""What must hold of each item, whatever is decided."""

AGREED_RULES: Final[tuple[tuple[str, Callable[[_ItemCase], Reason]], ...]] = (
    ("role-same", _role_same),
    ("subject-same", _subject_same),
)
"""What must hold of each item to approve it, beside the rules of a request."""
