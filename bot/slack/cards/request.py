"""The requester's card: from waiting for approval to what was proven at the end."""

from bot.slack.blocks import (
    Block,
    actions,
    button,
    confirm,
    context,
    mrkdwn,
    plain,
    section,
)
from bot.slack.cards.approval import deciders, denial_reason, outcome_line
from bot.slack.cards.parts import (
    Message,
    asked_words,
    first_terms,
    message,
    other_items,
    reason_block,
    what_line,
    who_all,
)
from bot.slack.cards.progress import grant_line
from bot.slack.cards.role_change import role_change_block
from bot.slack.cards.summary import summary_blocks
from bot.slack.facts import RequestFacts
from bot.slack.text import code, date
from bot.wording import trouble_words
from grants.access.model import Grant, GrantState, RequestState, Verdict
from grants.policy.subjects import render_connect


def request_card(facts: RequestFacts) -> Message:
    """Render the card about a request for who asked; it goes on as the card of its grants."""
    if facts.request.state is RequestState.APPROVED and facts.grants:
        return _granted(facts)
    if facts.request.state is RequestState.PENDING:
        return _pending(facts)
    if facts.request.state is RequestState.DRAFT:
        return _draft(facts)
    return _closed(facts)


def _draft(facts: RequestFacts) -> Message:
    return message(
        f"Sign in to go on: {asked_words(facts.request)}",
        [
            section(mrkdwn(f"*Waits for your sign-in:* {what_line(first_terms(facts.request))}")),
            *other_items(facts.request),
            reason_block(facts.request),
            context(mrkdwn(f"Kept until {date(facts.request.pending_until)}")),
            _cancel(facts),
        ],
    )


def _pending(facts: RequestFacts) -> Message:
    return message(
        f"Waiting for approval: {asked_words(facts.request)}",
        [
            section(mrkdwn(f"*Waiting for approval:* {what_line(first_terms(facts.request))}")),
            *other_items(facts.request),
            reason_block(facts.request),
            context(plain(_who_decides(facts)), mrkdwn(_so_far(facts))),
            _cancel(facts),
        ],
    )


def _who_decides(facts: RequestFacts) -> str:
    stages = facts.entitlement.stages if facts.entitlement else ()
    if facts.request.stage >= len(stages):
        return "The policy no longer offers this."
    stage = stages[facts.request.stage]
    return f"Decided by {deciders(stage.who)}, {stage.quorum} needed."


def _so_far(facts: RequestFacts) -> str:
    yes = [facts.face(d.approver) for d in facts.decisions if d.verdict is Verdict.APPROVE]
    said = f"Approved so far by {who_all(yes)}. " if yes else ""
    return f"{said}Open until {date(facts.request.pending_until)}"


def _cancel(facts: RequestFacts) -> Block:
    block_id = f"cancel:{facts.request.id}:{facts.request.version}"
    return actions(button("Cancel", "cancel", facts.request.id), block_id=block_id)


def _closed(facts: RequestFacts) -> Message:
    terms = first_terms(facts.request)
    return message(
        f"{facts.request.state.capitalize()}: {asked_words(facts.request)}",
        [
            section(mrkdwn(f"*{facts.request.state.capitalize()}:* {what_line(terms)}")),
            *other_items(facts.request),
            reason_block(facts.request),
            context(
                mrkdwn(outcome_line(facts)),
                block_id=f"closed:{facts.request.id}:{facts.request.version}",
            ),
            denial_reason(facts) if facts.request.state is RequestState.DENIED else None,
            actions(button("Ask again", "ask"), block_id=f"again:{facts.request.id}"),
        ],
    )


def _granted(facts: RequestFacts) -> Message:
    blocks: list[Block | None] = []
    for item in facts.request.items:
        grant = facts.grant_of(item)
        blocks += _grant_blocks(facts, grant) if grant else []
    blocks.append(context(mrkdwn(outcome_line(facts))))
    return message(_headline(facts), blocks)


def _headline(facts: RequestFacts) -> str:
    words = asked_words(facts.request)
    states = {grant.state for grant in facts.grants}
    if states == {GrantState.ENDED}:
        return f"Your access has ended: {words}"
    if GrantState.ACTIVE in states:
        return f"Your access is active: {words}"
    if GrantState.REVOKING in states:
        return f"Your access is being taken away: {words}"
    return f"Approved, being switched on: {words}"


def _grant_blocks(facts: RequestFacts, grant: Grant) -> list[Block | None]:
    what = what_line(next(i.terms for i in facts.request.items if i.id == grant.item))
    if grant.state is GrantState.ENDED:
        return summary_blocks(facts, grant)
    if grant.state is GrantState.ACTIVE and grant.expires_at:
        return [
            section(mrkdwn(f"*Active* until {date(grant.expires_at)}: {what}")),
            role_change_block(facts, grant),
            _unsure(grant),
            _connect(facts, grant),
            _give_back(grant),
        ]
    if grant.state is GrantState.ACTIVATING:
        return [
            section(mrkdwn(f"*Approved, being switched on:* {what}")),
            _trouble(grant),
            _give_back(grant),
        ]
    return [
        section(mrkdwn(f"*Being taken away:* {what}")),
        role_change_block(facts, grant),
        context(mrkdwn(_slow(grant)), block_id=f"ending:{grant.id}:{grant.version}"),
    ]


def _slow(grant: Grant) -> str:
    if grant.stuck or grant.problem:
        return (
            f"{grant_line(grant)}. Until that is proven, count on the access still working; "
            "it is tried again until it is done."
        )
    return "It counts as ended once the cluster has proven it gone."


def _unsure(grant: Grant) -> Block | None:
    """Say that a look at active access fails: nobody knows whether it is as it should be."""
    if not grant.problem:
        return None
    return context(mrkdwn(f"Not sure that it works: {trouble_words(grant.problem)}"))


def _trouble(grant: Grant) -> Block | None:
    if not grant.problem:
        return None
    said = (
        f"Not yet: {trouble_words(grant.problem)}. Tried again until {date(grant.activate_until)}"
    )
    return context(mrkdwn(said))


def _connect(facts: RequestFacts, grant: Grant) -> Block | None:
    cluster = facts.clusters.get(grant.cluster)
    if cluster is None or not cluster.connect:
        return None
    said = render_connect(cluster, grant.namespace)
    return section(mrkdwn(f"To connect:\n{code(said.strip(), 2000)}"))


def _give_back(grant: Grant) -> Block:
    question = confirm(
        "Give it back?",
        "Your access ends at once. You can ask for it again later.",
        "Give back",
        "Keep it",
    )
    return actions(
        button("Give back", "give-back", grant.id, confirm=question),
        block_id=f"give-back:{grant.id}:{grant.version}",
    )
