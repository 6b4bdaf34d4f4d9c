"""Who may use the bot at all: full members of the one workspace, by the payload's own words."""

from dataclasses import replace
from typing import Final

from bot.logs import get_logger
from bot.slack.inbound import Inbound, Kind
from bot.slack.members import FRESH, is_organisation
from bot.slack.ports import SlackPorts
from bot.slack.surface import Surface
from grants.errors import StoreError
from grants.people.model import Account
from grants.record.model import Event, EventType

log = get_logger("slack.standing")

_MOVES: Final = frozenset({Kind.ACTION, Kind.COMMAND, Kind.SUBMISSION})
_ONCE_A: Final = "%Y-%m-%dT%H"


def at_home(inbound: Inbound, team: str) -> Inbound:
    """Read a payload as of the workspace or organisation that we serve.

    An organisation's people are one account in all of its workspaces: which of them a payload
    names does not count, the organisation's own id does. Where we serve one workspace of an
    organisation, Slack names the organisation as a person's team in some payloads (typing into a
    select is one): that proves nothing, and is passed over.
    """
    account, enterprise = inbound.account, inbound.enterprise
    if account is None or not enterprise:
        return inbound
    if is_organisation(team):
        strange = {one for one in inbound.teams if is_organisation(one)} - {team}
        teams = frozenset(strange or {enterprise})
    else:
        teams = inbound.teams - {enterprise}
    if teams != {team}:
        return inbound
    return replace(inbound, account=Account(team, account.user), teams=teams)


def refusal_of(surface: Surface, inbound: Inbound) -> str:
    """Tell why the account that acts may not, by a stable word; empty when it may.

    `inbound` is as `at_home` gives it. The team is the payload's own for the user: in a shared
    channel other fields name ours. Whoever moves something is looked up anew: a person who was
    deactivated is refused at once.
    """
    if inbound.account is None:
        return "unknown"
    if inbound.teams != {surface.ports.settings.team}:
        return "other-team"
    within = FRESH if inbound.kind in _MOVES else None
    return surface.members.look(inbound.account.user, within).why


def store_refusal(ports: SlackPorts, inbound: Inbound, why: str) -> None:
    """Append the refusal to the record, once an hour for each account and why.

    A stranger could otherwise fill the record by clicking.
    """
    account = inbound.account
    actor = f"slack:{account.team}/{account.user}" if account else "slack:unknown"
    log.warning("refused %s %s of %s: %s", inbound.kind, inbound.name[:80], actor, why)
    now = ports.clock.now()
    try:
        with ports.access.write() as tx:
            if tx.first_time(f"refused:{actor}:{why}:{now.strftime(_ONCE_A)}", now):
                facts = {"why": why, "kind": str(inbound.kind)}
                tx.append(Event(EventType.INBOUND_REFUSED, now, actor=actor, facts=facts))
    except StoreError:
        log.exception("a refusal was not recorded")
