"""Who is meant: does a policy's `Who` name this person, and by what?"""

from dataclasses import dataclass, replace
from typing import Literal

from grants.people.model import Known, email_key
from grants.policy.model import Policy, Who


@dataclass(frozen=True)
class Match:
    """What in policy names somebody: a group, an email address, or everyone (without a name)."""

    by: Literal["group", "person", "everyone"]
    name: str = ""

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Give it as facts of a Reason."""
        return (("by", self.by), ("name", self.name))


def match(who: Who, known: Known) -> Match | None:
    """Find what names this person; None when nothing does, unknown groups included.

    Groups are compared exactly. People are compared by the verified addresses pinned to them,
    ASCII letters in either case; the address of the last sign-in alone never counts.
    """
    groups = who.groups & (known.sign_in.groups or frozenset())
    if groups:
        return Match("group", min(groups))
    people = {email_key(email) for email in who.people} & {email_key(e) for e in known.emails}
    if people:
        return Match("person", min(people))
    return Match("everyone") if who.everyone else None


def match_decider(who: Who, known: Known) -> Match | None:
    """As `match`, but `everyone` makes nobody eligible: deciding is always by name."""
    return match(replace(who, everyone=False), known)


def lacks_groups(who: Who, known: Known) -> bool:
    """Tell whether somebody is not matched perhaps only because their groups are not known."""
    return bool(who.groups) and known.sign_in.groups is None


def is_admin(policy: Policy, known: Known) -> bool:
    """Tell whether policy names this person an admin; freshness is asked of `judge_admin`."""
    return match_decider(policy.admins, known) is not None


def is_reviewer(policy: Policy, known: Known) -> bool:
    """Tell whether policy names this person a reviewer of service accounts."""
    return match_decider(policy.review.reviewers, known) is not None


def may_see_findings(policy: Policy, known: Known) -> bool:
    """Tell whether somebody may see what reviews found: reviewers, admins and auditors."""
    return any(is_one(policy, known) for is_one in (is_reviewer, is_admin, is_auditor))


def is_auditor(policy: Policy, known: Known) -> bool:
    """Tell whether policy names this person an auditor."""
    return match_decider(policy.auditors, known) is not None
