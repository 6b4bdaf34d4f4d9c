"""Policy's rules as judged: what each says when it does not hold."""

from collections.abc import Mapping
from typing import Final

from bot.wording.filling import fill
from bot.wording.times import duration_words
from grants.errors import Reason
from grants.policy.durations import parse_duration

REASONS: Final[Mapping[str, str]] = {
    "entitlement-known": "The policy has nothing called {entitlement}.",
    "cluster-known": "The policy has no cluster called {cluster}.",
    "cluster-covered": "The policy does not offer {entitlement} in the cluster {cluster}.",
    "cluster-not-seen": (
        "The cluster {cluster} has not answered yet since it was configured. "
        "Please try again in a moment."
    ),
    "namespace-covered": "The policy does not offer {entitlement} in {namespace}.",
    "namespace-exists": "There is no namespace {namespace} in that cluster.",
    "namespace-unread": ("The cluster did not say whether the namespace {namespace} exists."),
    "may-ask": "The policy does not let you ask for {entitlement}.",
    "groups-unknown": (
        "The company's login did not say which groups {of} in, so nothing can be allowed by group. "
        "Sign in again; if that does not help, tell an admin."
    ),
    "sign-in-fresh": "The last sign-in is too long ago. Please sign in again.",
    "open-requests-within": (
        "You have {open} open requests already, and {maximum} is the most. "
        "Cancel some that you do not need, or wait until some are decided."
    ),
    "duration-whole": "The time must be whole seconds, and longer than nothing.",
    "duration-within": "That is too long: at most {maximum} is allowed here.",
    "reason-given": "Say why you need this.",
    "reason-length": "The reason is too long: {length} of at most {maximum} characters.",
    "role-read": "The rules of the role {role} were not read just now.",
    "role-missing": "That cluster has no role {role}. An admin has to mend the policy or the role.",
    "role-unread": (
        "The cluster did not tell the rules of the role {role} in time, so nothing can be decided. "
        "Please try again in a moment."
    ),
    "role-forbidden": (
        "The cluster refuses the bot's own account, so the rules of the role {role} could not be "
        "read. An admin has to mend that."
    ),
    "role-stale": "The rules of the role {role} were read too long ago. Please try again.",
    "role-other": "Another role was read than the one that this gives ({role}).",
    "risks-accepted": (
        "What this role allows is riskier than the policy accepts ({missing}). "
        "An admin has to accept that in the policy, or change the role."
    ),
    "subject-rendered": "The person has no name in that cluster.",
    "groups-rendered": "The person's groups have no names in that cluster.",
    "claim-missing": (
        "The company's login did not give {claim}, of which the name in that cluster is made. "
        "Tell an admin."
    ),
    "email-unverified": (
        "The name in that cluster is made of an email address, and the company's login gave none "
        "that is verified."
    ),
    "name-unsafe": "The name in that cluster would not be safe to use ({why}). Tell an admin.",
    "name-taken": (
        "Somebody else already has the name {name} in that cluster, so it can't be given to two "
        "people. Tell an admin."
    ),
    "approver-linked": "Please sign in first, so that Valetkey knows who you are.",
    "approver-sign-in-fresh": "Your last sign-in is too long ago. Please sign in again.",
    "approver-eligible": "You are not among those who decide on this.",
    "not-own": "Nobody decides on what they ask for or receive. Somebody else has to.",
    "terms-same": "This message shows something else than what was asked for.",
    "stage-open": "This does not wait for a decision any more.",
    "not-twice": "You have decided on this already.",
    "role-same": "The rules of the role {role} have changed since this was asked.",
    "subject-same": "The person's name in that cluster has changed since this was asked.",
    "is-admin": "Only admins can do that.",
    "reviewer-linked": "Please sign in first, so that Valetkey knows who you are.",
    "reviewer-sign-in-fresh": "Your last sign-in is too long ago. Please sign in again.",
    "reviewer-named": "Only those whom the policy names as reviewers can answer findings.",
    "finding-same": "This finding is not what you were shown any more. Please look at it anew.",
    "not-beneficiary": (
        "This is a right of your own ({whose}), so somebody else has to say that it may stay."
    ),
    "beneficiary-unknown": (
        "Nobody can keep a finding of which it can't be told whose right it is; an exception in "
        "the policy can. {why}"
    ),
    "no-access-there": (
        "You have access right now by which this account could be used, so somebody else has to "
        "say that it may stay, or you when your access has ended."
    ),
    "until-within": "The last day must be from {first} to {last}.",
    "not-judged": "More could not be judged.",
    "rule-failed": "A rule of the policy broke while it was judged, so the answer is no.",
}

_WHOSE: Final = {
    "asker": "the person who asks is",
    "recipient": "the person who would receive this is",
    "approver": "you are",
    "reviewer": "you are",
}
_WHY_UNKNOWN: Final = {
    "no-owner": "Nothing says whose this account is, by the annotation that the policy names.",
    "groups-unknown": "The company's login did not say which groups you are in.",
    "no-cluster": "The policy does not know this cluster, so not what you are called in it.",
    "no-groups": "The policy does not say what groups are called in this cluster.",
    "no-name": "Your sign-in does not tell what you are called in this cluster.",
    "members": "Who is behind that name, the cluster alone knows.",
    "nobody": "It names nobody in particular.",
}


def reason_sentence(reason: Reason) -> str:
    """Say why a rule does not hold."""
    facts = dict(reason.facts)
    if reason.code == "groups-unknown":
        facts["of"] = _WHOSE.get(facts.get("of", ""), "somebody is")
    if reason.code == "namespace-covered" and not facts.get("namespace"):
        facts["namespace"] = "all of the cluster"
    if reason.code == "duration-within":
        maximum = parse_duration(facts.get("maximum", ""))
        facts["maximum"] = duration_words(maximum) if maximum else ""
    if reason.code == "beneficiary-unknown":
        facts["why"] = _WHY_UNKNOWN.get(facts.get("why", ""), "")
    template = REASONS.get(reason.code, "A rule of the policy says no ({code}).")
    return fill(template, {"code": reason.code, **facts})
