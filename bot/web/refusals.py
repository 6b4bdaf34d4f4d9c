"""What a person reads when the web refuses: what happened, and the next step."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from bot.web.problems import problem_body, status_of
from bot.wording import error_sentence
from grants.errors import LinkRefused, LoginRefused, ValetkeyError

_ASK_AGAIN: Final = "Go back to Slack and type /access: it gives you a new link."


@dataclass(frozen=True)
class Refusal:
    """One refusal, laid out as a page or as problem details."""

    status: HTTPStatus
    code: str
    heading: str
    text: str
    next_step: str = ""

    @property
    def is_our_fault(self) -> bool:
        """Tell whether a person can't mend it (a 5xx status)."""
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    def as_problem(self) -> bytes:
        """Write it for programs."""
        return problem_body(self.status, self.code, self.text)


_LINKS: Final[Mapping[str, tuple[str, str]]] = {
    "unknown": ("This link is not valid", _ASK_AGAIN),
    "expired": ("This link has expired", _ASK_AGAIN),
    "used": ("This link was already used", _ASK_AGAIN),
    "refused-before": ("This link is of no use any more", _ASK_AGAIN),
    "other-browser": ("This sign-in began in another browser", _ASK_AGAIN),
    "not-opened": ("This sign-in was not begun here", _ASK_AGAIN),
    "no-login": ("This sign-in was not begun here", _ASK_AGAIN),
    "state": ("This answer belongs to another sign-in", _ASK_AGAIN),
    "slack-not-proven": ("Slack has to be proven first", _ASK_AGAIN),
    "other-slack-account": (
        "Another Slack account is signed in here",
        (
            "Sign in to Slack in this browser as the account that asked, then type /access there. "
            "If you did not ask for this link yourself, somebody sent you theirs: do not go on."
        ),
    ),
    "other-person": (
        "This is another identity",
        (
            "Use the login that this Slack account was linked with. If your identity has changed, "
            "an admin can take the old link away."
        ),
    ),
}

_LOGINS: Final[Mapping[str, tuple[str, str]]] = {
    "unavailable": (
        "The login does not answer",
        (
            "Wait a moment, then open the link from Slack again in this browser: it still works "
            "until its ten minutes are over."
        ),
    ),
    "denied": ("The sign-in was cancelled", _ASK_AGAIN),
    "acr": (
        "A stronger sign-in is needed",
        "Set up a second factor with your company's login, then type /access in Slack.",
    ),
    "amr": (
        "A stronger sign-in is needed",
        "Set up a second factor with your company's login, then type /access in Slack.",
    ),
}

_FORM_TEXT: Final = "This form was not sent from Valetkey's own page in this browser."


def refusal_of(error: ValetkeyError) -> Refusal:
    """Lay out one of our errors."""
    heading, next_step = "This did not work", ""
    if isinstance(error, LinkRefused):
        heading, next_step = _LINKS.get(error.why, ("This sign-in can't go on", _ASK_AGAIN))
    elif isinstance(error, LoginRefused):
        heading, next_step = _LOGINS.get(error.why, ("The login was not accepted", _ASK_AGAIN))
    return Refusal(status_of(error), error.code, heading, error_sentence(error), next_step)


def refusal_of_form(why: str) -> Refusal:
    """Lay out a form that did not come from our page."""
    status = (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE if why == "form-too-large" else HTTPStatus.FORBIDDEN
    )
    next_step = "Open the link from Slack again and press the button there."
    return Refusal(status, why, "This form was not accepted", _FORM_TEXT, next_step)


_STATUSES: Final[Mapping[HTTPStatus, tuple[str, str, str]]] = {
    HTTPStatus.NOT_FOUND: (
        "There is no such page",
        "Nothing stands at this address.",
        "Check the address, or go back to Slack.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Valetkey is busy",
        "Too many people are here at this moment.",
        "Please try again in a moment.",
    ),
    HTTPStatus.MISDIRECTED_REQUEST: (
        "This is another address",
        "Valetkey answers at the address that its settings name, and at no other.",
        "Open the link from Slack as it stands there.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Something went wrong",
        "This is a fault of ours.",
        "Please try again in a moment. If it stays so, tell an admin the number below.",
    ),
}


def refusal_of_status(status: HTTPStatus) -> Refusal:
    """Lay out what the web server itself refuses."""
    code = status.phrase.lower().replace(" ", "-")
    heading, text, next_step = _STATUSES.get(
        status, ("This can't be done", f"{status.phrase}.", "Go back to Slack and try from there.")
    )
    return Refusal(status, code, heading, text, next_step)
