"""Errors: each code of the tree once."""

from collections.abc import Callable, Mapping
from typing import Final

from bot.wording.filling import fill
from bot.wording.problems import problem_sentence
from bot.wording.reasons import reason_sentence
from bot.wording.states import GRANT_STATES, REQUEST_STATES
from grants.access.model import GrantState, RequestState
from grants.errors import (
    BadInput,
    InsufficientEvidence,
    LinkRefused,
    LoginRefused,
    NotAllowed,
    NotFound,
    PolicyInvalid,
    Problem,
    Refused,
    SettingsInvalid,
    SignInNeeded,
    StrangerRefused,
    TermsChanged,
    TooMany,
    ValetkeyError,
    WrongState,
)

SENTENCES: Final[Mapping[str, str]] = {
    "error": "Something went wrong, and nothing was changed.",
    "already-done": "This was already dealt with; nothing was done twice.",
    "changed-meanwhile": "Somebody changed this at the same moment. Please look and try again.",
    "finding-changed": (
        "This finding is not what you were shown any more, so nothing was done. "
        "Please look at it anew, and answer what it is now."
    ),
    "cluster-error": "The cluster {cluster} failed to {action}. Please try again in a moment.",
    "cluster-unavailable": (
        "The cluster {cluster} does not answer in time, so nothing was done. "
        "Please try again in a moment."
    ),
    "cluster-forbidden": (
        "The cluster {cluster} refuses the bot's own account ({action}). An admin has to mend that."
    ),
    "cluster-conflict": "Something changed in the cluster {cluster} meanwhile. Please try again.",
    "cluster-refused": "The cluster {cluster} refused to {action}. An admin has to look at that.",
    "cluster-changed": (
        "The name {cluster} now leads to another cluster than before, so nothing is done there "
        "until an admin has looked at it."
    ),
    "cluster-twice": (
        "The name {cluster} leads to a cluster that is already there under another name, "
        "so nothing is done under this one. An admin has to mend that."
    ),
    "store-error": "The database failed, and nothing was changed. Please try again in a moment.",
    "store-unavailable": (
        "The database can't be reached right now, and nothing was changed. "
        "Please try again in a moment."
    ),
    "store-outcome-unknown": (
        "The database was cut off just while this was stored, so it may or may not have been "
        "stored. Please look at the message or at Home, and press again if need be: "
        "what did count is not counted twice."
    ),
    "store-row-unreadable": (
        "This was written by a newer version of Valetkey, which this one can't read, "
        "so nothing was changed. Please try again in a moment; if it stays so, tell an admin."
    ),
    "store-schema": (
        "The database has another schema than this version needs. "
        "An admin has to run `valetkey db upgrade`."
    ),
    "store-in-use": "Another Valetkey process already uses this database file.",
}

SIGN_IN: Final[Mapping[str, str]] = {
    "not-linked": "Please sign in first, so that Valetkey knows who you are.",
    "too-old": "Your last sign-in is too long ago. Please sign in again.",
    "groups-unknown": (
        "Your company's login did not say which groups you are in, so nothing can be decided. "
        "Please sign in again; if that does not help, tell an admin."
    ),
}

STRANGERS: Final[Mapping[str, str]] = {
    "guest": "Guests of this workspace can't use Valetkey.",
    "stranger": "People from other organisations can't use Valetkey here.",
    "other-team": "People from other organisations can't use Valetkey here.",
    "bot": "Apps can't use Valetkey.",
    "deactivated": "This Slack account is deactivated.",
    "unknown": (
        "Slack does not say right now whether your account belongs to this workspace, "
        "so nothing was done. Please try again in a moment."
    ),
}

LINKS: Final[Mapping[str, str]] = {
    "expired": "This sign-in link has expired: it is good for ten minutes.",
    "used": "This sign-in link was already used: it works once.",
    "unknown": "This sign-in link is not valid.",
    "refused-before": "A sign-in by this link was refused before, so it is of no use any more.",
    "other-browser": "This sign-in was begun in another browser.",
    "not-opened": "This sign-in was not begun in this browser.",
    "no-login": "No login runs in this browser.",
    "state": "This answer does not belong to the login that runs in this browser.",
    "slack-not-proven": "Slack has not yet said who you are.",
    "other-slack-account": (
        "You are signed in to Slack as somebody else than the person who asked for this link, "
        "so nothing was linked."
    ),
    "other-person": (
        "This Slack account is already linked to another identity, so nothing was changed."
    ),
    "identity-too-long": "Your company's login gives an identity that is too long to be kept.",
}

LOGINS: Final[Mapping[str, str]] = {
    "unavailable": "{who} does not answer right now, so nobody was signed in.",
    "denied": "{who} says that the sign-in was cancelled or not allowed.",
    "acr": "{who} did not show a sign-in as strong as is asked for here.",
    "amr": "{who} did not show a sign-in as strong as is asked for here.",
    "auth-time-old": "{who} answered with a sign-in that is too long ago.",
}

TOO_MANY: Final[Mapping[str, str]] = {
    "sign-in-offer": (
        "You were given many sign-in links just now, and the last one still works. "
        "Please use that one, or wait until {until} UTC."
    ),
}

WRONG_KINDS: Final[Mapping[str, str]] = {"request": "This request", "grant": "This access"}

FINDING_STATES: Final[Mapping[str, str]] = {
    "kept": "is kept already",
    "excepted": "is excepted by the policy",
    "set-apart": "is set apart: it is a part of Kubernetes or of a managed cloud",
    "insufficient": "allows no conclusion yet",
}

TERMS: Final[Mapping[str, str]] = {
    "terms": "this message shows something else than what was asked for",
    "role": "the rules of the role have changed, or it is gone",
    "policy": "what was asked for is no longer allowed as it was shown",
    "requester": "the person who asked is no longer known",
}

ACTIONS: Final[Mapping[str, str]] = {
    "cancel-request": "Only the person who asked can cancel a request.",
    "submit-draft": "Only the person who asked can go on with a request.",
    "give-back": "Only the person who has this access can give it back.",
    "revoke-grant": "Only admins can revoke access.",
    "see-findings": "Only reviewers, admins and auditors can see what reviews found.",
    "see-history": "Only admins and auditors can see what others did.",
}


def _bad_input(error: BadInput) -> str:
    return " ".join(problem_sentence(problem) for problem in error.problems)


def _refused(error: Refused) -> str:
    said = [reason_sentence(reason) for reason in error.reasons if not reason.holds]
    return " ".join(dict.fromkeys(said)) or "The policy does not allow this."


def _sign_in(error: SignInNeeded) -> str:
    return SIGN_IN.get(error.why, SIGN_IN["not-linked"])


def _stranger(error: StrangerRefused) -> str:
    return STRANGERS.get(error.why, STRANGERS["unknown"])


def _link(error: LinkRefused) -> str:
    said = LINKS.get(error.why, "This sign-in can't be gone on with ({why}).")
    return fill(said, {"why": error.why})


def _login(error: LoginRefused) -> str:
    who = "Slack" if error.provider == "slack" else "Your company's login"
    said = LOGINS.get(error.why) or (
        "The answer of the login was not accepted ({why}), so nobody was signed in. "
        "Please try again; if it stays so, tell an admin."
    )
    return fill(said, {"who": who, "why": error.why})


def _not_found(error: NotFound) -> str:
    return fill("There is no such {kind}, or it is not yours to see.", {"kind": error.kind})


def _not_allowed(error: NotAllowed) -> str:
    said = ACTIONS.get(error.action, "You may not do that ({action}).")
    return fill(said, {"action": error.action})


def _wrong_state(error: WrongState) -> str:
    if error.kind == "finding":
        state = FINDING_STATES.get(error.state, f"is {error.state}")
        return f"This finding {state}, so there is nothing to answer."
    states: dict[str, str] = {
        **{str(s): f"is {words}" for s, words in GRANT_STATES.items()},
        **{str(s): f"is {words}" for s, words in REQUEST_STATES.items()},
        str(RequestState.PENDING): REQUEST_STATES[RequestState.PENDING],
        str(RequestState.DRAFT): "still waits for a sign-in",
        str(GrantState.ENDED): "has ended",
    }
    what = WRONG_KINDS.get(error.kind, f"This {error.kind}")
    return f"{what} {states.get(error.state, f'is {error.state}')}, so that can't be done any more."


def _terms(error: TermsChanged) -> str:
    what = TERMS.get(error.what, "what would be granted is no longer what was shown")
    return f"Something changed since this was asked: {what}. It has to be asked for again."


def _too_many(error: TooMany) -> str:
    said = TOO_MANY.get(error.what, "That was a lot just now. Please wait until {until} UTC.")
    return fill(said, {"until": f"{error.until:%H:%M}"})


def _policy(error: PolicyInvalid) -> str:
    count = len(error.problems)
    return f"The policy can't be used: {count} problem{'' if count == 1 else 's'} in it."


def _insufficient(error: InsufficientEvidence) -> str:
    count = len(error.lacks)
    rights = "a right" if count == 1 else f"{count} rights"
    return (
        f"There is insufficient evidence about {error.subject}: use of {rights} could have gone "
        "unseen, so nothing is proposed."
    )


def _settings(error: SettingsInvalid) -> str:
    said = " ".join(f"{p.field}: {_setting(p)}" for p in error.problems)
    return f"The settings don't fit together. {said}"


def _setting(problem: Problem) -> str:
    # Each setting has its own rule, said where it is checked.
    detail = dict(problem.facts).get("detail")
    return f"{detail}." if detail else problem_sentence(problem)


_SPEAKERS: Final[Mapping[type[ValetkeyError], Callable[..., str]]] = {
    BadInput: _bad_input,
    Refused: _refused,
    SignInNeeded: _sign_in,
    StrangerRefused: _stranger,
    LinkRefused: _link,
    LoginRefused: _login,
    NotFound: _not_found,
    NotAllowed: _not_allowed,
    WrongState: _wrong_state,
    TermsChanged: _terms,
    TooMany: _too_many,
    PolicyInvalid: _policy,
    SettingsInvalid: _settings,
    InsufficientEvidence: _insufficient,
}


def error_sentence(error: ValetkeyError) -> str:
    """Say an error to a person: what happened, and what to do next."""
    for kind in type(error).__mro__:
        speak = _SPEAKERS.get(kind)
        if speak is not None:
            return speak(error)
    return fill(SENTENCES.get(error.code, SENTENCES["error"]), error.facts())


def is_said(kind: type[ValetkeyError]) -> bool:
    """Tell whether a kind of error has a sentence of its own (for the test that walks them)."""
    return kind.code in SENTENCES or any(base in _SPEAKERS for base in kind.__mro__)
