"""States, causes and troubles."""

from collections.abc import Mapping
from typing import Final

from bot.wording.filling import fill
from grants.access.model import Cause, GrantState, RequestState

REQUEST_STATES: Final[Mapping[RequestState, str]] = {
    RequestState.DRAFT: "waits for your sign-in",
    RequestState.PENDING: "waits for approval",
    RequestState.APPROVED: "approved",
    RequestState.DENIED: "denied",
    RequestState.CANCELLED: "cancelled",
    RequestState.EXPIRED: "expired: nobody decided in time",
}

GRANT_STATES: Final[Mapping[GrantState, str]] = {
    GrantState.ACTIVATING: "being switched on",
    GrantState.ACTIVE: "active",
    GrantState.REVOKING: "being taken away",
    GrantState.ENDED: "ended",
}

CAUSES: Final[Mapping[Cause, str]] = {
    Cause.EXPIRED: "The time was up.",
    Cause.GIVEN_BACK: "It was given back early.",
    Cause.REVOKED: "It was revoked by an admin.",
    Cause.REVOKED_OUTSIDE: "Somebody removed it in the cluster, outside Valetkey.",
    Cause.ALTERED_OUTSIDE: "Somebody changed it in the cluster, outside Valetkey, so it was ended.",
    Cause.NEVER_ACTIVE: "It never became active.",
    Cause.RENAMED: "The name under which the cluster knows this person has changed.",
    Cause.ROLE_CHANGED: "The rules of its role were changed after it was approved.",
}

# Why a step failed, or what exactly ended a grant: codes of the reconciler.
TROUBLES: Final[Mapping[str, str]] = {
    "another-uid": "another binding stood in its place",
    "binding-gone": "the binding was deleted",
    "binding-still-there": "the binding is still there",
    "binding-vanished": "the binding vanished while it was being made",
    "bug": "something broke in Valetkey itself: its log says what",
    "changed-meanwhile": "the binding changed meanwhile",
    "clocks-apart": "the clocks of Valetkey and its database are too far apart",
    "cluster-changed": "the address leads to another cluster than before",
    "cluster-conflict": "the binding changed meanwhile",
    "cluster-error": "the cluster failed",
    "cluster-forbidden": "the cluster refuses the bot's own account",
    "cluster-refused": "the cluster refused the binding",
    "cluster-twice": "its cluster is already there under another name",
    "cluster-unavailable": "the cluster does not answer",
    "endpoint-not-ready": "an API server that must be asked is not ready",
    "filled-by-another": "somebody else put subjects into the binding",
    "gone-before-active": "the binding was deleted before it was active",
    "hung": "a call to the cluster does not end",
    "labels": "its labels were changed",
    "name-taken": "another binding already has its name",
    "no-endpoint-asked": "no API server could be asked",
    "restored": "the database was restored from an older copy",
    "risk-not-accepted": "the policy does not accept, or no longer, what this role can do",
    "role-changed": "the role's rules changed after the approval",
    "role-forbidden": "the cluster does not let the bot read the role's rules",
    "role-gone": "the role is gone",
    "role-narrower": "the role gives less than was agreed on",
    "role-risky": "the role has come to have a risk that its entitlement does not accept",
    "role-wider": "the role gives more than was agreed on",
    "still-allowed-by-ours": "an API server still allows it through this binding",
    "subject-gone": "the person was taken out of the binding",
    "subjects": "its subjects were changed",
    "too-late": "there was no time left to switch it on",
    "too-slow": "switching it on took too long",
}

# Why a request closed, where its state does not say it all.
CLOSINGS: Final[Mapping[str, str]] = {
    "restored": "The database was restored from an older copy. Please ask again.",
    "terms-changed": "What was asked for changed meanwhile. Please ask again.",
    "refused": "After the sign-in, the policy did not allow it.",
}


def request_state_words(state: RequestState) -> str:
    """Say where a request stands, as the end of `This request ...`."""
    return REQUEST_STATES[state]


def grant_state_words(state: GrantState) -> str:
    """Say where a grant stands, as the end of `This access is ...`."""
    return GRANT_STATES[state]


def trouble_words(code: str) -> str:
    """Say what went wrong in a step, as the end of `because ...`."""
    return TROUBLES.get(code) or f"of a problem with the code {code}"


def closing_sentence(code: str) -> str:
    """Say why a request closed beyond its state; empty when the state says it all."""
    return CLOSINGS.get(code, "") if code else ""


def cause_sentence(cause: Cause, detail: str = "") -> str:
    """Say why a grant ended; `detail` is the reconciler's code, if it gave one."""
    said = CAUSES[cause]
    if not detail:
        return said
    return fill("{said} More exactly: {what}.", {"said": said, "what": trouble_words(detail)})
