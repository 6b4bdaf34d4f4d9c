"""Sentences that are told once, by their codes."""

from collections.abc import Mapping
from typing import Final

from bot.wording.errors import LINKS, LOGINS
from bot.wording.filling import fill
from bot.wording.review import ended_words, news_words
from bot.wording.role_changes import KEPT, REVOKED, role_change_words
from bot.wording.states import trouble_words
from bot.wording.undelivered import delivery_words

NOTICES: Final[Mapping[str, str]] = {
    "expires-soon": "Your access ends soon: {expires_at}. Save your work.",
    "access-active": (
        "Your access is active until {expires_at}: {entitlement} in {place} on {cluster}."
    ),
    "access-ended": "Your access has ended: {entitlement} in {place} on {cluster}.",
    "request-closed": "Your request was {state}: {entitlement} in {place} on {cluster}.",
    "nobody-asked": (
        "Your request reached nobody who could decide on it: {entitlement} in {place} on "
        "{cluster}. It stays open. Please ask an approver to look at Valetkey's Home in Slack, "
        "or tell an admin."
    ),
    "linked": (
        "You are signed in as {name} ({email}), and this Slack account is now linked to you. "
        "You can ask for access now."
    ),
    "signed-in": "You are signed in as {name} ({email}).",
    "linked-elsewhere": (
        "Another Slack account, {account}, was just linked to your identity. "
        "If that was not you, tell an admin at once."
    ),
    "unlinked": (
        "This Slack account is no longer linked to an identity. Use /access to sign in again."
    ),
    "sign-in-refused": (
        "A sign-in for this Slack account was refused. {why} Use /access to begin anew; "
        "if it was not you who began it, tell an admin."
    ),
    "binding-of-ended-grant": (
        "A binding of an access that has ended stood in {cluster} ({place}): {binding}. "
        "It was deleted."
    ),
    "binding-wrong-uid": (
        "A binding that is not the recorded one stood in {cluster} ({place}): {binding}. "
        "It was deleted."
    ),
    "binding-unknown-over": (
        "A binding with this installation's label that the record does not know stood in "
        "{cluster} ({place}) past its end: {binding}. It was deleted."
    ),
    "binding-unknown-runs": (
        "A binding with this installation's label that the record does not know stands in "
        "{cluster} ({place}): {binding}. It runs until its own end and is not extended. "
        "Was the database replaced by an old copy?"
    ),
    "binding-undeletable": (
        "A binding that must not stand in {cluster} ({place}) can't be deleted: {binding}. "
        "It is tried again; please look at what the cluster refuses."
    ),
    "role-changed": (
        "The rules of {role}, by which you have {entitlement} in {place} on {cluster}, were "
        "changed after it was approved. {change} {outcome}"
    ),
    "role-restored": (
        "The rules of {role}, by which you have {entitlement} in {place} on {cluster}, give again "
        "what was agreed on."
    ),
    "role-changed-seen": (
        "The rules of {role} on {where} were changed while people have access by it: "
        "{grants} in all. {change} What is done about it, `on_role_change` in the policy says."
    ),
    "role-restored-seen": ("The rules of {role} on {where} give again what was agreed on."),
    "cluster-failing": (
        "The cluster {cluster} can't be worked with since {since_at}: {trouble}. Nothing there "
        "begins or ends until it can; what waits is kept, and goes on by itself."
    ),
    "cluster-back": (
        "The cluster {cluster} can be worked with again. It could not since {since_at}."
    ),
    "binding-foreign-overdue": (
        "A binding of another Valetkey, {installation}, stands in {cluster} ({place}) past its "
        "end: {binding}. It is left alone. If the database of that one was lost, name it in "
        "VALETKEY_FORMER_INSTALLATIONS; else ask those who run it."
    ),
    "binding-former-alive": (
        "VALETKEY_FORMER_INSTALLATIONS names {installation} as lost, but it made a binding in "
        "{cluster} ({place}) since this installation began: {binding}. Nothing of it is touched "
        "there."
    ),
    "clock-ahead": (
        "The clock of {host} is {seconds} seconds ahead of that of {witness}. Access that {host} "
        "gives or ends may end that much early. Please look at how both keep time."
    ),
    "clock-behind": (
        "The clock of {host} is {seconds} seconds behind that of {witness}. Access that {host} "
        "alone looks after may end that much late. Please look at how both keep time."
    ),
    "clock-agrees": "The clock of {host} agrees with that of {witness} again.",
    "channel-shared": (
        "The channel {channel} is shared with another organisation: its people read what is "
        "posted there, requests with their reasons too. None of them can decide."
    ),
    "channel-archived": "The channel {channel} is archived: nothing can be posted there.",
    "channel-without-app": (
        "The app is not in the channel {channel}, so that nothing can be posted there. "
        "Please invite it."
    ),
    "channel-unknown": (
        "There is no channel {channel}, or the app can't see it. Please mend the policy's "
        "`notify`, or invite the app."
    ),
    "channel-by-name": (
        "The channel {channel} is named by its name: when it is renamed, nothing arrives. "
        "Please name it by its id."
    ),
    "holder-deactivated": (
        "The Slack account of {holder} is deactivated, and they have access until {expires_at}: "
        "{entitlement} in {place} on {cluster}. If it must end before, revoke it on Home."
    ),
    "review-digest": "Service accounts of {cluster}: {news}.",
    "finding-not-mine": (
        "This finding is not theirs, {by} says, so it comes to you. On {cluster}, {severity}: "
        "{who} {title}."
    ),
    "finding-keep-ended": (
        "What you kept counts no longer: {ended}. On {cluster}: {who} {title}. It is open again."
    ),
    "delivery-failed": (
        "A message could not be delivered to {target}: {problem}. Please mend the policy's "
        "`notify`, or invite the app."
    ),
}

CLOCK_OF_DATABASE: Final = "the database"
CLOCK_OF_CLUSTER: Final = "the cluster {cluster} ({endpoint})"
_NOT_ACCEPTED: Final = "The answer of the login was not accepted ({why})."


def notice_sentence(code: str, facts: Mapping[str, str]) -> str:
    """Say a notice. Facts are filled in as they come: the surface escapes them before."""
    place = facts.get("namespace") or "all of the cluster"
    known = {"place": place, **facts}
    if not facts.get("email"):
        known["email"] = "no address"
    if code == "sign-in-refused":
        why = facts.get("why", "")
        known["why"] = LINKS.get(why) or LOGINS.get(why) or _NOT_ACCEPTED.format(why=why)
    if "endpoint" in facts:
        known["witness"] = fill(CLOCK_OF_CLUSTER if facts["endpoint"] else CLOCK_OF_DATABASE, facts)
    if "problem" in facts:
        known["trouble"] = trouble_words(facts["problem"])
    if code.startswith("role-"):
        known |= _of_role(facts)
    if code == "finding-keep-ended":
        known["ended"] = ended_words(facts.get("cause", ""), facts.get("changed", ""))
    if code == "review-digest":
        known["news"] = news_words(facts)
    if code == "delivery-failed":
        known["problem"] = delivery_words(facts.get("problem", ""))
    template = NOTICES.get(code, "Something happened that has no words yet ({code}).")
    return fill(template, {"code": code, **known})


def _of_role(facts: Mapping[str, str]) -> dict[str, str]:
    change = role_change_words(
        facts.get("gained", ""),
        facts.get("lost", ""),
        gone=bool(facts.get("gone")),
        compared=bool(facts.get("compared")),
    )
    where = facts.get("cluster", "")
    if facts.get("namespace"):
        where += f", namespace {facts['namespace']}"
    return {"change": change, "where": where, "outcome": REVOKED if facts.get("revoked") else KEPT}
