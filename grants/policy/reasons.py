"""The stable codes of policy: of verdicts' reasons, and of what is wrong with a file."""

from typing import Final

REASON_CODES: Final[dict[str, str]] = {
    # Of a request. A code that has a rule's name tells, by `holds`, either that the rule holds
    # or that it does not; the others stand for one way in which a rule fails.
    "entitlement-known": "policy has an entitlement of this name (entitlement)",
    "cluster-known": "policy has a cluster of this alias (cluster)",
    "cluster-covered": "the entitlement is for this cluster (entitlement, cluster)",
    "namespace-covered": "the entitlement is for this namespace, or, without one, for the whole"
    " cluster (entitlement, namespace: empty when cluster-wide)",
    "namespace-exists": "the cluster has this namespace (namespace)",
    "namespace-unread": "whether the namespace exists could not be read (namespace)",
    "may-ask": "who asks may ask for this (entitlement; by: group, person or everyone; name)",
    "groups-unknown": "the last sign-in did not say which groups this person is in (of: asker,"
    " recipient, approver, reviewer)",
    "sign-in-fresh": "who asks signed in recently enough (signed_in_at, maximum)",
    "open-requests-within": "who asks has fewer open requests than policy allows one person (open,"
    " maximum)",
    "duration-whole": "the duration is longer than nothing and whole seconds (duration)",
    "duration-within": "the duration is at most the entitlement's maximum (duration, maximum)",
    "reason-given": "a reason is given, or none is needed",
    "reason-length": "the reason is not too long (length, maximum: characters)",
    "role-read": "the role's rules were read just now (role)",
    "role-missing": "the cluster has no such role (role)",
    "role-unread": "the role's rules could not be read (role)",
    "role-forbidden": "the cluster lets the bot read the role's rules (role)",
    "role-stale": "the role's rules were read too long ago (role, read_at)",
    "role-other": "the rules read are of another role than the entitlement's (role, found)",
    "risks-accepted": "the entitlement accepts every risk of these rules there (risks: found;"
    " missing: not accepted; both joined by a comma and a space)",
    "subject-rendered": "the person has a name in this cluster (subject)",
    "groups-rendered": "the person's groups have names in this cluster (count)",
    "claim-missing": "the sign-in lacks a claim that the name is made of (claim)",
    "email-unverified": "the name is made of an email address that is missing or not verified",
    "name-unsafe": "the name would be empty, too long, unprintable or one of the cluster's own"
    " (why: empty, too-long, unprintable, reserved or bad-template)",
    # Of a decision, beside those above for the terms.
    "approver-linked": "who decides is linked to a person",
    "approver-sign-in-fresh": "who decides signed in recently enough (signed_in_at, maximum)",
    "approver-eligible": "policy lets this person decide this stage (entitlement, stage; by:"
    " group or person; name)",
    "not-own": "who decides neither asks for this nor receives it",
    "terms-same": "the terms are those that were shown",
    "stage-open": "the request waits for a decision (stage)",
    "not-twice": "this person has not decided this stage yet",
    "role-same": "the role and its rules are those of the terms (role)",
    "subject-same": "the person's name in the cluster is that of the terms (subject)",
    # Of admins' acts.
    "is-admin": "policy names this person an admin (by: group or person; name)",
    # Of an answer to a finding of a review.
    "reviewer-linked": "who answers is linked to a person",
    "reviewer-sign-in-fresh": "who answers signed in recently enough (signed_in_at, maximum)",
    "reviewer-named": "policy names who answers a reviewer (by: group or person; name)",
    "finding-same": "the finding is the one that was shown",
    "not-beneficiary": "the right that is found is not that of who answers (whose)",
    "beneficiary-unknown": "whose the right is that is found can't be told (why: no-owner,"
    " groups-unknown, no-cluster, no-groups, no-name, members or nobody)",
    "no-access-there": "who answers has no access by which the account could be used",
    "until-within": "the last day is neither past nor later than policy lets a finding be kept"
    " (until, first, last)",
    # Of judging itself.
    "not-judged": "a rule could not be judged because another one fails (rule)",
    "rule-failed": "a rule broke while it was judged, so it counts as refused (rule, error)",
}
"""Each code of a Reason: what it means when it holds, and the facts that come with it."""
