"""What stands after the slash command."""

from collections.abc import Sequence
from typing import Final

from bot.slack.ask import open_ask
from bot.slack.blocks import Block, context, mrkdwn, plain, section
from bot.slack.cards.parts import asked_line, what_of_grant, who
from bot.slack.cards.progress import grant_line
from bot.slack.inbound import Inbound
from bot.slack.ports import Answer
from bot.slack.reading import faces_of
from bot.slack.review import review
from bot.slack.surface import Handler, Surface, ephemeral
from bot.slack.text import date
from bot.slack.views import help_blocks
from bot.slack.waiting import waiting_for
from bot.wording import request_state_words
from grants.access.model import GrantState, RequestState
from grants.policy.judge import is_admin, is_auditor

_MOST: Final = 10
_HISTORY: Final = 15
_OPEN: Final = frozenset({RequestState.DRAFT, RequestState.PENDING})


def command(surface: Surface, inbound: Inbound) -> Answer:
    """Do what the first word says; without one, open the form."""
    word = inbound.text.split(maxsplit=1)[0].lower() if inbound.text else ""
    return _WORDS.get(word, unknown_word)(surface, inbound)


def help_(_: Surface, __: Inbound) -> Answer:
    """Say what the command can do."""
    return ephemeral("What /access can do", help_blocks())


def unknown_word(_: Surface, inbound: Inbound) -> Answer:
    """Say that a word is not known, and what is."""
    said = section(plain(f"There is no “{inbound.text[:60]}” here. This is what there is:"))
    return ephemeral("There is no such word. Try /access help", [said, *help_blocks()])


def status(surface: Surface, inbound: Inbound) -> Answer:
    """List what waits for this person, what they asked for, and what they have."""
    known, lists = surface.known(inbound), surface.ports.lists
    person = known.person.id
    waiting = waiting_for(surface.ports, known)
    asked = [r for r in lists.requests_of(person, 50) if r.state in _OPEN]
    mine = [g for g in lists.grants(person, 50) if g.state is not GrantState.ENDED]
    blocks: list[Block] = []
    blocks += _part(
        "Waits for you",
        [f"{who(f.requester)} asks for {asked_line(f.request)}" for f in waiting],
        "Nothing.",
    )
    blocks += _part(
        "You asked for",
        [f"{asked_line(r)}: {request_state_words(r.state)}" for r in asked],
        "Nothing is open.",
    )
    blocks += _part(
        "You have", [f"{what_of_grant(g)}: {grant_line(g)}" for g in mine], "No access right now."
    )
    return ephemeral("Where things stand", blocks)


def _part(title: str, lines: Sequence[str], empty: str) -> list[Block]:
    """Make a titled list of at most ten lines."""
    shown = [f"• {line}" for line in lines[:_MOST]]
    if len(lines) > _MOST:
        shown.append(f"… and {len(lines) - _MOST} more")
    return [section(mrkdwn("\n".join([f"*{title}*", *(shown or [f"_{empty}_"])])))]


def history(surface: Surface, inbound: Inbound) -> Answer:
    """List past and present access: one's own, or everybody's for admins and auditors."""
    known, policy = surface.known(inbound), surface.ports.policy.current()
    sees_all = is_admin(policy, known) or is_auditor(policy, known)
    wants_own = "mine" in inbound.text.split()
    person = None if sees_all and not wants_own else known.person.id
    found = surface.ports.lists.grants(person, _HISTORY + 1)
    faces = faces_of(surface.ports, [g.recipient for g in found])
    blocks: list[Block] = [
        section(mrkdwn("*Your access*" if person else "*The access of everybody*"))
    ]
    if not found:
        blocks.append(context(plain("There was none yet.")))
    for grant in found[:_HISTORY]:
        whose = f"{who(faces[grant.recipient])}: " if person is None else ""
        text = f"{whose}{what_of_grant(grant)}\n{grant_line(grant)}"
        since = f"Asked and approved {date(grant.created_at)}"
        blocks += [section(mrkdwn(text)), context(mrkdwn(since))]
    if len(found) > _HISTORY:
        blocks.append(context(plain(f"… and more: the last {_HISTORY} are shown.")))
    if sees_all:
        said = "Everything, with filters and as CSV or JSON: `valetkey history list`"
        blocks.append(context(mrkdwn(said)))
    return ephemeral("History", blocks)


_WORDS: Final[dict[str, Handler]] = {
    "": open_ask,
    "ask": open_ask,
    "help": help_,
    "status": status,
    "history": history,
    "review": review,
}
