"""Who benefits from a right that a review found: they must not be the one who keeps it.

What says whose an account is can be written by whoever may change the account. So it makes
nobody eligible, it only shuts people out; and where nothing says whose a right is, nobody may keep
it here.
"""

import re
from dataclasses import dataclass
from typing import Final

from grants.errors import Reason
from grants.people.model import Known, email_key
from grants.policy.model import Policy
from grants.policy.subjects import render_groups, render_subject

_NAMES: Final = re.compile(r"[,;]")
_EVERYBODY: Final = frozenset({"system:authenticated", "system:unauthenticated"})
_ACCOUNTS: Final = "system:serviceaccounts"
_OWN: Final = "system:"


@dataclass(frozen=True)
class Right:
    """Whom a finding's right is given to, as policy names them.

    `account` is a service account's `namespace/name`, `subject` another's `User NAME` or `Group
    NAME`; both are "" where a finding names nobody. `owner` is what the account says of whose it
    is.
    """

    cluster: str
    account: str = ""
    subject: str = ""
    owner: str = ""


def judge_benefit(policy: Policy, right: Right, known: Known) -> Reason:
    """Judge that a right is not this person's own; where that can't be told it is refused."""
    if right.account:
        return _of_owner(right.owner, known)
    kind, _, name = right.subject.partition(" ")
    if kind == "User":
        return _of_user(policy, right, name, known)
    if kind == "Group":
        return _of_group(policy, right, name, known)
    return _unknown("nobody")


def _of_owner(owner: str, known: Known) -> Reason:
    """Compare what stands there with all that this person is called, with those of a list too."""
    whole = owner.strip()
    if not whole:
        return _unknown("no-owner")
    said = {email_key(one.strip()) for one in (whole, *_NAMES.split(whole))} - {""}
    if said & _called(known):
        return _judged(whole, holds=False)
    groups = known.sign_in.groups
    if groups is None:
        named_by_address = all("@" in one for one in said)
        return _judged(whole, holds=True) if named_by_address else _unknown("groups-unknown")
    return _judged(whole, holds=not said & {email_key(group) for group in groups})


def _called(known: Known) -> set[str]:
    profile, subject = known.sign_in.profile, known.person.subject
    addresses = [*known.emails, *([profile.email] if profile.email else [])]
    names = [*addresses, *(one.partition("@")[0] for one in addresses), profile.name, subject]
    return {email_key(name) for name in names if name}


def _of_user(policy: Policy, right: Right, name: str, known: Known) -> Reason:
    if name.startswith(_OWN):
        return _unknown("members")
    cluster = policy.cluster(right.cluster)
    if cluster is None:
        return _unknown("no-cluster")
    rendered = render_subject(cluster.username, known)
    if isinstance(rendered, Reason):
        return _unknown("no-name")
    own = {rendered, known.person.subject, *known.emails}
    return _judged(right.subject, holds=name not in own)


def _of_group(policy: Policy, right: Right, name: str, known: Known) -> Reason:
    if name in _EVERYBODY:
        return _judged(right.subject, holds=False)
    if name == _ACCOUNTS or name.startswith(f"{_ACCOUNTS}:"):
        return _judged(right.subject, holds=True)  # no person is in it
    if name.startswith(_OWN):
        return _unknown("members")
    own = _groups_of(policy, right, known)
    return own if isinstance(own, Reason) else _judged(right.subject, holds=name not in own)


def _groups_of(policy: Policy, right: Right, known: Known) -> frozenset[str] | Reason:
    """Give what this person's groups are called in the cluster, and by the provider."""
    cluster, groups = policy.cluster(right.cluster), known.sign_in.groups
    if cluster is None:
        return _unknown("no-cluster")
    if groups is None:
        return _unknown("groups-unknown")
    if not cluster.groups:
        return _unknown("no-groups")
    rendered = render_groups(cluster.groups, known)
    return _unknown("no-name") if isinstance(rendered, Reason) else groups | set(rendered)


def _judged(whose: str, *, holds: bool) -> Reason:
    return Reason("not-beneficiary", holds, (("whose", whose),))


def _unknown(why: str) -> Reason:
    return Reason("beneficiary-unknown", holds=False, facts=(("why", why),))
