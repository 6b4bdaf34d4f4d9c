"""Who may use the bot at all: full members of the one workspace, by the payload's own words."""

from typing import Final

from bot.logs import get_logger
from bot.slack.inbound import Inbound
from bot.slack.ports import SlackPorts
from bot.slack.surface import Surface
from grants.errors import StoreError
from grants.record.model import Event, EventType

log = get_logger("slack.standing")

_ONCE_A: Final = "%Y-%m-%dT%H"


def refusal_of(surface: Surface, inbound: Inbound) -> str:
    """Tell why the account that acts may not, by a stable word; empty when it may.

    The team is the payload's own for the user: in a shared channel other fields name ours.
    """
    if inbound.account is None:
        return "unknown"
    if inbound.teams != {surface.ports.settings.team}:
        return "other-team"
    return surface.members.look(inbound.account.user).why


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
