"""May this be asked for? Every rule is judged, and every reason told.

Pure: what only the network can say comes in as dated snapshots. Unknown is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from grants.authz.model import RoleRef, RoleSnapshot
from grants.authz.risks import risks_of
from grants.errors import Reason
from grants.people.model import Known
from grants.policy.durations import format_duration
from grants.policy.match import Match, lacks_groups, match, match_decider
from grants.policy.model import ClusterPolicy, Entitlement, Policy
from grants.policy.risk import accepted_risks, own_namespaces
from grants.policy.subjects import is_printable, render_groups, render_subject
from grants.policy.verdict import NotJudged, Verdict, run_rules

REASON_MAX_CHARS: Final = 500
SNAPSHOT_MAX_AGE: Final = timedelta(minutes=1)
# A snapshot is dated by this process's own clock, which may be set back a little.
_SNAPSHOT_AHEAD: Final = timedelta(seconds=5)


class RoleGap(StrEnum):
    """Why there are no rules to judge."""

    MISSING = "role-missing"
    UNREAD = "role-unread"
    FORBIDDEN = "role-forbidden"


@dataclass(frozen=True)
class Ask:
    """What somebody asks for, beside what the cluster said just now.

    `namespace_exists` is None when it could not be read, and is not looked at cluster-wide.
    `own_namespace` is the bot's own, where the process knows it, besides the one policy names.
    `recipient` is who receives the access; None means who asks. `open_requests` is how many other
    requests of who asks are open; at an approver's click none count, for this one is open already.
    """

    asker: Known
    entitlement: str
    cluster: str
    namespace: str | None
    duration: timedelta
    reason: str
    role: RoleSnapshot | RoleGap
    namespace_exists: bool | None
    own_namespace: str | None = None
    recipient: Known | None = None
    open_requests: int = 0


@dataclass(frozen=True)
class _Case:
    policy: Policy
    ask: Ask
    now: datetime
    signin_max_age: timedelta

    @property
    def entitlement(self) -> Entitlement:
        found = self.policy.entitlement(self.ask.entitlement)
        if found is None:
            raise NotJudged
        return found

    @property
    def cluster(self) -> ClusterPolicy:
        found = self.policy.cluster(self.ask.cluster)
        if found is None:
            raise NotJudged
        return found

    @property
    def rules(self) -> RoleSnapshot:
        if isinstance(self.ask.role, RoleGap):
            raise NotJudged
        return self.ask.role

    @property
    def recipient(self) -> Known:
        return self.ask.recipient or self.ask.asker


def judge_request(policy: Policy, ask: Ask, now: datetime, *, signin_max_age: timedelta) -> Verdict:
    """Judge an ask by every rule of policy, at its submit and again at each approver's click."""
    return Verdict(run_rules(REQUEST_RULES, _Case(policy, ask, now, signin_max_age)))


def judge_admin(
    policy: Policy, known: Known, now: datetime, *, signin_max_age: timedelta
) -> Verdict:
    """Judge whether somebody may act as an admin now."""
    found = match_decider(policy.admins, known)
    if found is None and lacks_groups(policy.admins, known):
        admin = Reason("groups-unknown", holds=False, facts=(("of", "asker"),))
    else:
        admin = Reason("is-admin", found is not None, found.facts() if found else ())
    return Verdict((admin, judge_sign_in("sign-in-fresh", known, now, signin_max_age)))


def judge_sign_in(code: str, known: Known, now: datetime, maximum: timedelta) -> Reason:
    """Judge whether somebody signed in recently enough."""
    facts = (
        ("signed_in_at", known.sign_in.auth_time.isoformat()),
        ("maximum", format_duration(maximum)),
    )
    return Reason(code, known.sign_in.is_fresh(now, maximum), facts)


def _entitlement_known(case: _Case) -> Reason:
    name = case.ask.entitlement
    return Reason("entitlement-known", case.policy.entitlement(name) is not None, _named(name))


def _named(entitlement: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return (("entitlement", entitlement), *more)


def _cluster_known(case: _Case) -> Reason:
    alias = case.ask.cluster
    return Reason("cluster-known", case.policy.cluster(alias) is not None, (("cluster", alias),))


def _cluster_covered(case: _Case) -> Reason:
    alias = case.cluster.alias
    facts = _named(case.ask.entitlement, ("cluster", alias))
    return Reason("cluster-covered", case.entitlement.covers_cluster(alias), facts)


def _namespace_covered(case: _Case) -> Reason:
    facts = _named(case.ask.entitlement, ("namespace", case.ask.namespace or ""))
    holds = case.entitlement.covers_namespace(case.ask.namespace)
    return Reason("namespace-covered", holds, facts)


def _namespace_exists(case: _Case) -> Reason:
    facts = (("namespace", case.ask.namespace or ""),)
    if case.ask.namespace is None:
        return Reason("namespace-exists", holds=True, facts=facts)
    if case.ask.namespace_exists is None:
        return Reason("namespace-unread", holds=False, facts=facts)
    return Reason("namespace-exists", case.ask.namespace_exists, facts)


def _may_ask(case: _Case) -> Reason:
    who = case.entitlement.ask
    found: Match | None = match(who, case.ask.asker)
    if found is None and lacks_groups(who, case.ask.asker):
        return Reason("groups-unknown", holds=False, facts=(("of", "asker"),))
    facts = _named(case.ask.entitlement, *(found.facts() if found else ()))
    return Reason("may-ask", found is not None, facts)


def _sign_in_fresh(case: _Case) -> Reason:
    return judge_sign_in("sign-in-fresh", case.ask.asker, case.now, case.signin_max_age)


def judge_open(policy: Policy, count: int) -> Reason:
    """Judge whether somebody with so many open requests may have one more."""
    facts = (("open", str(count)), ("maximum", str(policy.open_requests)))
    return Reason("open-requests-within", count < policy.open_requests, facts)


def _open_requests_within(case: _Case) -> Reason:
    return judge_open(case.policy, case.ask.open_requests)


def _duration_whole(case: _Case) -> Reason:
    asked = case.ask.duration
    holds = asked > timedelta(0) and asked.microseconds == 0
    return Reason("duration-whole", holds, (("duration", format_duration(asked)),))


def _duration_within(case: _Case) -> Reason:
    maximum = case.entitlement.duration_maximum
    facts = (
        ("duration", format_duration(case.ask.duration)),
        ("maximum", format_duration(maximum)),
    )
    return Reason("duration-within", case.ask.duration <= maximum, facts)


def _reason_given(case: _Case) -> Reason:
    # Spaces and invisible characters are no reason.
    says_something = any(is_printable(c) and not c.isspace() for c in case.ask.reason)
    return Reason("reason-given", says_something or not case.entitlement.reason_required)


def _reason_length(case: _Case) -> Reason:
    length = len(case.ask.reason)
    facts = (("length", str(length)), ("maximum", str(REASON_MAX_CHARS)))
    return Reason("reason-length", length <= REASON_MAX_CHARS, facts)


def _role_read(case: _Case) -> Reason:
    wanted: RoleRef = case.entitlement.role
    facts = (("role", str(wanted)),)
    role = case.ask.role
    if isinstance(role, RoleGap):
        return Reason(role.value, holds=False, facts=facts)
    if role.ref != wanted:
        return Reason("role-other", holds=False, facts=(*facts, ("found", str(role.ref))))
    if not -_SNAPSHOT_AHEAD <= case.now - role.read_at <= SNAPSHOT_MAX_AGE:
        more = (("read_at", role.read_at.isoformat()),)
        return Reason("role-stale", holds=False, facts=(*facts, *more))
    return Reason("role-read", holds=True, facts=facts)


def _risks_accepted(case: _Case) -> Reason:
    ask, alias = case.ask, case.cluster.alias
    own = own_namespaces(case.policy, alias, ask.own_namespace)
    found = risks_of(case.rules.rules, ask.namespace, own)
    missing = found - accepted_risks(case.policy, case.entitlement.name)
    facts = (("risks", ", ".join(sorted(found))), ("missing", ", ".join(sorted(missing))))
    return Reason("risks-accepted", not missing, facts)


def _subject_rendered(case: _Case) -> Reason:
    subject = render_subject(case.cluster.username, case.recipient)
    if isinstance(subject, Reason):
        return subject
    return Reason("subject-rendered", holds=True, facts=(("subject", subject),))


def _groups_rendered(case: _Case) -> Reason:
    groups = render_groups(case.cluster.groups, case.recipient)
    if isinstance(groups, Reason):
        return groups
    return Reason("groups-rendered", holds=True, facts=(("count", str(len(groups))),))


REQUEST_RULES: Final[tuple[tuple[str, Callable[[_Case], Reason]], ...]] = (
    ("entitlement-known", _entitlement_known),
    ("cluster-known", _cluster_known),
    ("cluster-covered", _cluster_covered),
    ("namespace-covered", _namespace_covered),
    ("namespace-exists", _namespace_exists),
    ("may-ask", _may_ask),
    ("sign-in-fresh", _sign_in_fresh),
    ("open-requests-within", _open_requests_within),
    ("duration-whole", _duration_whole),
    ("duration-within", _duration_within),
    ("reason-given", _reason_given),
    ("reason-length", _reason_length),
    ("role-read", _role_read),
    ("risks-accepted", _risks_accepted),
    ("subject-rendered", _subject_rendered),
    ("groups-rendered", _groups_rendered),
)
"""Every rule of a request, in the order in which people read them."""
