"""`/access review`, and clicks on findings: who may see them sees them, worst first."""

from bot.slack.answering import is_key, said_of
from bot.slack.blocks import context, plain
from bot.slack.cards.findings import (
    READ,
    FindingList,
    finding_view,
    findings_view,
    list_blocks,
)
from bot.slack.inbound import Inbound
from bot.slack.ports import Answer, FindingSource
from bot.slack.surface import Surface, ephemeral
from grants.errors import NotAllowed, NotFound
from grants.people.model import Known
from grants.policy.match import may_see_findings

OFF = "This Valetkey reviews no service accounts: its setting VALETKEY_REVIEW_EVERY says so."


def review(surface: Surface, inbound: Inbound) -> Answer:
    """List findings under the command."""
    _allowed(surface, surface.known(inbound))
    source = surface.ports.findings
    if source is None:
        return ephemeral(OFF, [context(plain(OFF))])
    found = _listed(source)
    title = f"Service accounts: {found.count} findings to act on"
    return ephemeral(title, [context(plain(title)), *list_blocks(found, "review")])


def open_findings(surface: Surface, inbound: Inbound) -> Answer:
    """Show the list in a modal, from a digest."""
    _allowed(surface, surface.known(inbound))
    if surface.ports.findings is None:
        return surface.say(inbound, OFF)
    surface.open(inbound, findings_view(_listed(surface.ports.findings)))
    return None


def open_finding(surface: Surface, inbound: Inbound) -> Answer:
    """Show one finding; in a modal it is laid on top."""
    known = surface.known(inbound)
    _allowed(surface, known)
    source, key = surface.ports.findings, inbound.value
    detail = source.one(key) if source is not None and is_key(key) else None
    if detail is None:
        raise NotFound("finding", "")
    view = finding_view(detail, said_of(surface, known, key))
    surface.open(inbound, view, on_top=inbound.view.get("type") == "modal")
    return None


def for_home(surface: Surface, known: Known) -> FindingList | None:
    """Give what Home lists; None for people who may not see it, and where nothing is reviewed."""
    source = surface.ports.findings
    if source is None or not may_see_findings(surface.ports.policy.current(), known):
        return None
    return _listed(source)


def _listed(source: FindingSource) -> FindingList:
    return FindingList(source.worst(READ), source.count())


def _allowed(surface: Surface, known: Known) -> None:
    # Findings say where power is to be had: they are for those who are to take it away.
    if not may_see_findings(surface.ports.policy.current(), known):
        raise NotAllowed("see-findings")
