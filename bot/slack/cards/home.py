"""Home: what waits for me, my access with the time left, and for admins what is stuck or live."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.slack.blocks import (
    VIEW_BLOCKS,
    Block,
    actions,
    button,
    context,
    divider,
    header,
    mrkdwn,
    plain,
    section,
)
from bot.slack.cards.failing import failing_blocks
from bot.slack.cards.findings import FindingList, home_findings
from bot.slack.cards.parts import asked_line, reason_block, what_of_grant, who
from bot.slack.cards.progress import grant_line
from bot.slack.cards.undelivered import undelivered_blocks
from bot.slack.facts import Face, RequestFacts
from bot.slack.text import date
from bot.slack.undelivered import Missed
from bot.wording import duration_words, request_state_words
from grants.access.cluster_states import ClusterState
from grants.access.model import Grant, GrantState

_MOST_WAITING: Final = 10
NOBODY: Final = "Nobody has access through Valetkey right now."
_MOST_MINE: Final = 10
_MOST_LIVE: Final = 25
_MOST_FINDINGS: Final = 5


@dataclass(frozen=True)
class Owned:
    """A grant with its recipient's face."""

    grant: Grant
    recipient: Face


@dataclass(frozen=True)
class HomeFacts:
    """What one person's Home shows. `live` and `stuck` are None for people who are no admins;
    `failing` are clusters and `missed` is what could not be told, both for admins too.
    """

    now: datetime
    known: bool
    waiting: Sequence[RequestFacts] = ()
    asked: Sequence[RequestFacts] = ()
    mine: Sequence[Grant] = ()
    failing: Sequence[ClusterState] = ()
    stuck: Sequence[Owned] | None = None
    live: Sequence[Owned] | None = None
    missed: Sequence[Missed] = ()
    findings: FindingList | None = None


def home_view(facts: HomeFacts, sign_in_url: str | None = None) -> dict[str, Any]:
    """Render Home; one that can't show all says how much is left out."""
    if not facts.known:
        blocks = _unknown(sign_in_url)
    else:
        blocks = [*_waiting(facts), *_mine(facts), *_ask(), *_review(facts), *_admin(facts)]
    return {"type": "home", "blocks": blocks[:VIEW_BLOCKS]}


def _unknown(sign_in_url: str | None) -> list[Block]:
    blocks = [
        header("Welcome"),
        section(
            plain(
                "Valetkey gives you access to Kubernetes for a while: you ask, the right person "
                "approves, and it ends by itself. First sign in, so that it knows who you are."
            )
        ),
    ]
    if sign_in_url:
        link = button("Sign in", "sign-in", url=sign_in_url, style="primary")
        blocks.append(actions(link, block_id="home:sign-in"))
    else:
        link = button("Sign in", "sign-in-offer", style="primary")
        blocks.append(actions(link, block_id="home:sign-in"))
    return blocks


def _waiting(facts: HomeFacts) -> list[Block]:
    blocks = [header("Waits for you")]
    if not facts.waiting:
        blocks.append(context(plain("Nothing. Requests that you can decide on will stand here.")))
    for one in facts.waiting[:_MOST_WAITING]:
        value = f"{one.request.id}:{one.request.terms_hash}"
        said = f"{who(one.requester)} asks for {asked_line(one.request)}"
        blocks.append(section(mrkdwn(said)))
        reason = reason_block(one.request)
        blocks += [reason] if reason else []
        blocks.append(
            actions(
                button("Look and decide", "look", value),
                block_id=f"home:decide:{one.request.id}:{one.request.version}",
            )
        )
    return [*blocks, *_more(len(facts.waiting) - _MOST_WAITING)]


def _mine(facts: HomeFacts) -> list[Block]:
    blocks = [divider(), header("Your access")]
    if not facts.mine and not facts.asked:
        said = "You have none right now. Ask for some, and it stands here with the time left."
        blocks.append(context(plain(said)))
    for grant in facts.mine[:_MOST_MINE]:
        left = _left(grant, facts.now)
        text = mrkdwn(f"{what_of_grant(grant)}\n{grant_line(grant)}{left}")
        live = grant.state in {GrantState.ACTIVE, GrantState.ACTIVATING}
        give = button("Give back", "give-back", grant.id) if live else None
        block_id = f"home:mine:{grant.id}:{grant.version}"
        blocks.append(section(text, block_id=block_id, accessory=give))
    for one in facts.asked[:_MOST_MINE]:
        line = f"{asked_line(one.request)}\n{request_state_words(one.request.state)}"
        cancel = button("Cancel", "cancel", one.request.id)
        block_id = f"home:asked:{one.request.id}:{one.request.version}"
        blocks.append(section(mrkdwn(line), block_id=block_id, accessory=cancel))
    return [*blocks, *_more(len(facts.mine) - _MOST_MINE)]


def _left(grant: Grant, now: datetime) -> str:
    if grant.state is not GrantState.ACTIVE or grant.expires_at is None:
        return ""
    return f" · {duration_words(max(grant.expires_at - now, now - now))} left"


def _ask() -> list[Block]:
    return [actions(button("Ask for access", "ask", style="primary"), block_id="home:ask")]


def _review(facts: HomeFacts) -> list[Block]:
    return home_findings(facts.findings, _MOST_FINDINGS)


def _admin(facts: HomeFacts) -> list[Block]:
    if facts.stuck is None or facts.live is None:
        return []
    blocks = [divider(), *failing_blocks(facts.failing), header("For admins: stuck")]
    if not facts.stuck:
        blocks.append(context(plain("Nothing is stuck.")))
    for one in facts.stuck[:_MOST_MINE]:
        text = f"{what_of_grant(one.grant)} of {who(one.recipient)}\n{grant_line(one.grant)}"
        if one.grant.failing_since:
            text += f", since {date(one.grant.failing_since)}"
        blocks.append(section(mrkdwn(text), block_id=f"home:stuck:{one.grant.id}"))
    blocks += undelivered_blocks(facts.missed)
    blocks.append(header("For admins: live access"))
    if not facts.live:
        # What is stuck may still count: it must not be said that nobody has access.
        said = "None but what is stuck." if facts.stuck else NOBODY
        blocks.append(context(plain(said)))
    blocks += [_live(one) for one in facts.live[:_MOST_LIVE]]
    return [*blocks, *_more(len(facts.live) - _MOST_LIVE)]


def _live(one: Owned) -> Block:
    text = f"{what_of_grant(one.grant)} of {who(one.recipient)}\n{grant_line(one.grant)}"
    can_end = one.grant.state in {GrantState.ACTIVE, GrantState.ACTIVATING}
    revoke = button("Revoke", "revoke", one.grant.id) if can_end else None
    return section(mrkdwn(text), block_id=f"home:live:{one.grant.id}", accessory=revoke)


def _more(count: int) -> list[Block]:
    if count <= 0:
        return []
    return [context(plain(f"… and {count} more: /access status shows them."))]
