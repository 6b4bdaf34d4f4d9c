"""Asking: open the form, narrow it as it is filled in, offer choices, submit it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from bot.slack.ask_form import (
    NONE_OF_THEM,
    NOT_READ,
    Filled,
    Form,
    ask_view,
    entitlement_option,
    namespace_option,
    read_form,
)
from bot.slack.blocks import option
from bot.slack.choices import (
    MOST_OPTIONS,
    WHOLE_CLUSTER,
    Choice,
    as_value,
    clusters,
    entitlements,
    namespaces,
)
from bot.slack.inbound import Inbound
from bot.slack.ports import Answer
from bot.slack.surface import SLACK_FAILS, Surface, log
from bot.wording import problem_sentence, reason_sentence
from grants.access.model import AccessRequest
from grants.access.request_access import RequestAccess
from grants.errors import AlreadyDone, BadInput, ClusterError, Problem, Refused
from grants.people.model import Known
from grants.policy.judge import offer

_EMPTY: Final = Filled(Choice(), "", "", "", {})
_RECENT: Final = timedelta(minutes=15)
_LOOK_BACK: Final = 5

# Which field a rule of policy speaks of; what speaks of none stands at the access chosen.
FIELD_OF_REASON: Final = {
    "cluster-known": "cluster",
    "cluster-covered": "cluster",
    "cluster-not-seen": "cluster",
    "namespace-covered": "namespace",
    "namespace-exists": "namespace",
    "namespace-unread": "namespace",
    "duration-whole": "duration",
    "duration-within": "duration",
    "reason-given": "reason",
    "reason-length": "reason",
}


def open_ask(surface: Surface, inbound: Inbound) -> Answer:
    """Open the form, for whoever is linked; others are asked to sign in first."""
    known = surface.known(inbound)
    policy = surface.ports.policy.current()
    aliases = clusters(policy, known)
    if not aliases:
        return surface.say(inbound, "The policy lets you ask for nothing yet. Tell an admin.")
    choice = Choice(cluster=aliases[0] if len(aliases) == 1 else None)
    view = ask_view(_form(surface, inbound, known, Filled(choice, "", "", "", {})))
    surface.open(inbound, view)
    return None


def _form(surface: Surface, inbound: Inbound, known: Known, filled: Filled) -> Form:
    policy = surface.ports.policy.current()
    fits = entitlements(policy, known, filled.choice)
    if filled.choice.cluster:
        surface.ports.namespaces.look_soon(filled.choice.cluster)
    if filled.choice.entitlement is None and filled.choice.cluster and len(fits) == 1:
        choice = Choice(filled.choice.cluster, filled.choice.namespace, fits[0].name)
        filled = Filled(choice, filled.seconds, filled.length_text, filled.reason, filled.block_of)
    return Form(
        filled=filled,
        fits=fits,
        clusters=clusters(policy, known),
        longest=max((e.duration_maximum for e in fits), default=timedelta(hours=1)),
        now=surface.ports.clock.now(),
        zone=surface.members.look(inbound.who.user).zone,
    )


def refresh_ask(surface: Surface, inbound: Inbound) -> Answer:
    """Draw the form again around what was just chosen; whoever loses a race is drawn later."""
    known = surface.known(inbound)
    filled = read_form(inbound.state, surface.ports.policy.current())
    view = ask_view(_form(surface, inbound, known, filled))
    try:
        surface.client.views_update(
            view_id=str(inbound.view.get("id")), hash=str(inbound.view.get("hash")), view=view
        )
    except SLACK_FAILS as error:
        # A newer state of the form is under way: `hash_conflict` is how Slack says so.
        log.info("the form was not drawn again: %s", error)
    return None


def cluster_options(surface: Surface, inbound: Inbound) -> Answer:
    """Offer the clusters in which this person may ask for anything."""
    policy, known = surface.ports.policy.current(), surface.known(inbound)
    found = clusters(policy, known, inbound.value)
    return {"options": [option(alias, as_value(alias)) for alias in found]}


def namespace_options(surface: Surface, inbound: Inbound) -> Answer:
    """Offer the namespaces that fit, of the cluster chosen.

    Where they can't be read an option says so: an empty list would say that there are none.
    """
    policy, known = surface.ports.policy.current(), surface.known(inbound)
    choice = read_form(inbound.state, policy).choice
    failed: list[ClusterError] = []

    def there(alias: str) -> Sequence[str]:
        try:
            return surface.ports.namespaces.get(alias)
        except ClusterError as error:
            failed.append(error)
            return ()

    found = namespaces(policy, known, choice, there, inbound.value)
    said = [option(NOT_READ, NONE_OF_THEM)] if failed else []
    return {"options": [*(namespace_option(name) for name in found), *said]}


def entitlement_options(surface: Surface, inbound: Inbound) -> Answer:
    """Offer what fits the cluster and namespace chosen."""
    policy, known = surface.ports.policy.current(), surface.known(inbound)
    fits = {e.name: e for e in entitlements(policy, known, read_form(inbound.state, policy).choice)}
    found = offer(fits, inbound.value, MOST_OPTIONS)
    return {"options": [entitlement_option(fits[name]) for name in found]}


def submit_ask(surface: Surface, inbound: Inbound) -> Answer:
    """Submit the form; whatever is wrong is said at once, each at its field."""
    filled = read_form(inbound.state, surface.ports.policy.current())
    try:
        _submit(surface, inbound, filled)
    except BadInput as error:
        return _errors(filled, [(p.field, problem_sentence(p)) for p in error.problems])
    except Refused as error:
        failed = [r for r in error.reasons if not r.holds and r.code != "not-judged"]
        said = [(FIELD_OF_REASON.get(r.code, "entitlement"), reason_sentence(r)) for r in failed]
        return _errors(filled, said or [("entitlement", reason_sentence(error.reasons[0]))])
    return None


def _submit(surface: Surface, inbound: Inbound, filled: Filled) -> AccessRequest | None:
    command = _command(surface, inbound, filled)
    try:
        return surface.ports.verbs.request_access(command)
    except AlreadyDone:
        # The same view with the same content: our answer was lost, or it was refused before.
        if _was_kept(surface, command):
            return None
        again = RequestAccess(**{**vars(command), "key": f"{inbound.key}:{inbound.trigger_id}"})
        return surface.ports.verbs.request_access(again)


def _was_kept(surface: Surface, command: RequestAccess) -> bool:
    """Tell whether just this was asked by this person a moment ago."""
    with surface.ports.people.read() as tx:
        known = tx.known(command.account)
    if known is None:
        return False
    now = surface.ports.clock.now()
    wanted = (command.cluster, command.namespace, command.entitlement, command.duration)
    for request in surface.ports.lists.requests_of(known.person.id, _LOOK_BACK):
        terms = request.items[0].terms
        asked = (terms.cluster, terms.namespace, terms.entitlement, terms.duration)
        same = asked == wanted and terms.reason == command.reason.strip()
        if same and now - request.created_at <= _RECENT:
            return True
    return False


def _command(surface: Surface, inbound: Inbound, filled: Filled) -> RequestAccess:
    """Make the command of what is filled in; BadInput with everything that is missing."""
    choice, duration = filled.choice, filled.duration
    policy = surface.ports.policy.current()
    chosen = policy.entitlement(choice.entitlement) if choice.entitlement else None
    cluster_wide = choice.namespace == WHOLE_CLUSTER or (chosen is not None and chosen.cluster_wide)
    problems = [
        Problem(field, f"{field}-missing")
        for field, missing in (
            ("cluster", not choice.cluster),
            ("namespace", not choice.namespace and not cluster_wide),
            ("entitlement", not choice.entitlement),
        )
        if missing
    ]
    if duration is None:
        wrong = "duration-unreadable" if filled.length_text.strip() else "duration-missing"
        problems.append(Problem("duration", wrong))
    if problems or duration is None:
        raise BadInput(tuple(problems))
    return RequestAccess(
        key=inbound.key,
        account=inbound.who,
        cluster=choice.cluster or "",
        namespace=None if cluster_wide else choice.namespace,
        entitlement=choice.entitlement or "",
        duration=duration,
        reason=filled.reason,
    )


def _errors(filled: Filled, said: list[tuple[str, str]]) -> Answer:
    """Put each sentence at its field; one whose field is not shown stands at the access."""
    errors: dict[str, str] = {}
    for field, sentence in said:
        block = _block_for(filled, field)
        errors[block] = f"{errors[block]} {sentence}" if block in errors else sentence
    answer: dict[str, Any] = {"response_action": "errors", "errors": errors}
    return answer


def _block_for(filled: Filled, field: str) -> str:
    if field == "duration" and filled.length_text.strip():
        field = "length"
    fallback = filled.block_of.get("entitlement", "cluster")
    return filled.block_of.get(field, fallback)
