"""Clicks: decide, cancel, give back, revoke, look."""

from dataclasses import dataclass

from bot.slack.cards.approval import approval_card
from bot.slack.cards.parts import asked_words, scope_words
from bot.slack.inbound import Inbound
from bot.slack.once import has_decided, is_closed, is_ending, once
from bot.slack.ports import Answer
from bot.slack.reading import grant_of, request_facts, request_of
from bot.slack.surface import Surface, only_shown
from bot.slack.views import deny_view, look_view, revoke_view
from bot.wording import problem_sentence
from grants.access.cancel_request import CancelRequest
from grants.access.decide import Decide
from grants.access.give_back import GiveBack
from grants.access.model import RequestState, Verdict
from grants.access.revoke_grant import RevokeGrant
from grants.errors import BadInput, NotAllowed, NotFound, Problem, WrongState
from grants.ids import Prefix, is_id
from grants.policy.judge import is_admin

_HASH_CHARS = 64


@dataclass(frozen=True)
class Shown:
    """What a button stands for: a request, and the hash of the terms that its card showed."""

    request: str
    terms_hash: str

    def __str__(self) -> str:
        return f"{self.request}:{self.terms_hash}"


def read_shown(value: str) -> Shown:
    """Read a button's value; NotFound when it has not the form of one of ours."""
    request, _, terms_hash = value.partition(":")
    hex_only = len(terms_hash) == _HASH_CHARS and set(terms_hash) <= set("0123456789abcdef")
    if not is_id(request, Prefix.REQUEST) or not hex_only:
        raise NotFound("request", "")
    return Shown(request, terms_hash)


def read_id(value: str, prefix: Prefix, kind: str) -> str:
    """Read an id from a button or a modal; NotFound when it has not the form of one."""
    if not is_id(value, prefix):
        raise NotFound(kind, "")
    return value


def approve(surface: Surface, inbound: Inbound) -> Answer:
    """Approve what the card showed."""
    shown = read_shown(inbound.value)
    command = Decide(inbound.key, inbound.who, shown.request, shown.terms_hash, Verdict.APPROVE)
    with once(inbound, lambda: has_decided(surface, inbound, shown.request)):
        surface.ports.verbs.decide(command)
    with only_shown(inbound):
        _show_again(surface, inbound, shown.request)
    return None


def open_deny(surface: Surface, inbound: Inbound) -> Answer:
    """Ask why, before denying; in a modal it is laid on top."""
    shown = read_shown(inbound.value)
    request = request_of(surface.ports, shown.request)
    if request is None:
        raise NotFound("request", shown.request)
    if request.state is not RequestState.PENDING:
        raise WrongState("request", shown.request, str(request.state))
    view = deny_view(asked_words(request), str(shown))
    surface.open(inbound, view, on_top=inbound.view.get("type") == "modal")
    return None


def submit_deny(surface: Surface, inbound: Inbound) -> Answer:
    """Deny, with the reason that was written."""
    shown = read_shown(str(inbound.view.get("private_metadata", "")))
    reason = _reason(inbound)
    if not reason.strip():
        return _reason_problem(Problem("reason", "reason-empty"))
    command = Decide(
        inbound.key, inbound.who, shown.request, shown.terms_hash, Verdict.DENY, reason
    )
    with once(inbound, lambda: has_decided(surface, inbound, shown.request)):
        surface.ports.verbs.decide(command)
    return {"response_action": "clear"}


def look(surface: Surface, inbound: Inbound) -> Answer:
    """Show a request's card in a modal."""
    shown = read_shown(inbound.value)
    surface.known(inbound)
    facts = request_facts(surface.ports, shown.request)
    if facts is None:
        raise NotFound("request", shown.request)
    surface.open(inbound, look_view(approval_card(facts)))
    return None


def cancel(surface: Surface, inbound: Inbound) -> Answer:
    """Cancel one's own request."""
    request = read_id(inbound.value, Prefix.REQUEST, "request")
    with once(inbound, lambda: is_closed(surface, request)):
        surface.ports.verbs.cancel_request(CancelRequest(inbound.key, inbound.who, request))
    return None


def give_back(surface: Surface, inbound: Inbound) -> Answer:
    """Give one's own access back."""
    grant = read_id(inbound.value, Prefix.GRANT, "grant")
    with once(inbound, lambda: is_ending(surface, grant)):
        surface.ports.verbs.give_back(GiveBack(inbound.key, inbound.who, grant))
    return None


def open_revoke(surface: Surface, inbound: Inbound) -> Answer:
    """Ask an admin why, before revoking; nobody else is shown whose access it is."""
    known = surface.known(inbound)
    if not is_admin(surface.ports.policy.current(), known):
        raise NotAllowed("revoke-grant")
    grant = grant_of(surface.ports, read_id(inbound.value, Prefix.GRANT, "grant"))
    if grant is None:
        raise NotFound("grant", inbound.value)
    what = f"{grant.entitlement} in {scope_words(grant.cluster, grant.namespace)}"
    view = revoke_view(f"{what} of {grant.subject}", grant.id)
    surface.open(inbound, view)
    return None


def submit_revoke(surface: Surface, inbound: Inbound) -> Answer:
    """Revoke, with the reason that was written."""
    metadata = str(inbound.view.get("private_metadata", ""))
    grant = read_id(metadata, Prefix.GRANT, "grant")
    command = RevokeGrant(inbound.key, inbound.who, grant, _reason(inbound))
    try:
        with once(inbound, lambda: is_ending(surface, grant)):
            surface.ports.verbs.revoke_grant(command)
    except BadInput as error:
        return _reason_problem(error.problems[0])
    return {"response_action": "clear"}


def nothing(_: Surface, __: Inbound) -> Answer:
    """Acknowledge a click on a link: the browser has gone where it leads."""
    return None


def _show_again(surface: Surface, inbound: Inbound, request: str) -> None:
    """Draw the card anew in the modal that it was decided in; messages are the outbox's."""
    if inbound.view.get("type") != "modal":
        return
    facts = request_facts(surface.ports, request)
    if facts is not None:
        view = look_view(approval_card(facts))
        surface.client.views_update(view_id=str(inbound.view["id"]), view=view)


def _reason(inbound: Inbound) -> str:
    value = inbound.state.get("reason", {}).get("reason", {})
    found = value.get("value") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _reason_problem(problem: Problem) -> Answer:
    return {"response_action": "errors", "errors": {"reason": problem_sentence(problem)}}
