"""What waits for a person's decision."""

from typing import Final

from bot.slack.facts import RequestFacts
from bot.slack.ports import SlackPorts
from bot.slack.reading import facts_of
from grants.access.model import AccessRequest
from grants.people.model import Known
from grants.policy.match import match_decider
from grants.policy.model import Policy

_MOST: Final = 500


def may_decide(policy: Policy, request: AccessRequest, known: Known) -> bool:
    """Tell whether policy names this person for the open stage, and it is not their own.

    Only for lists: a click is judged by the verb.
    """
    if known.person.id in {request.requester, request.recipient}:
        return False
    entitlement = policy.entitlement(request.items[0].terms.entitlement)
    if entitlement is None or request.stage >= len(entitlement.stages):
        return False
    return match_decider(entitlement.stages[request.stage].who, known) is not None


def waiting_for(ports: SlackPorts, known: Known) -> list[RequestFacts]:
    """List the pending requests that this person can decide on and has not, oldest first."""
    policy, now = ports.policy.current(), ports.clock.now()
    pending = [r for r in ports.lists.pending_requests(_MOST) if now < r.pending_until]
    mine = [r for r in pending if may_decide(policy, r, known)]
    return [facts for facts in facts_of(ports, mine) if not _decided(facts, known)]


def _decided(facts: RequestFacts, known: Known) -> bool:
    stage = facts.request.stage
    return any(d.stage == stage and d.approver == known.person.id for d in facts.decisions)
