"""The closing summary of a grant: what, from when to when, why it ended, and the proof."""

from bot.slack.blocks import Block, context, mrkdwn, plain, rows, section
from bot.slack.cards.parts import what_of_grant, who
from bot.slack.cards.role_change import role_change_block
from bot.slack.facts import RequestFacts
from bot.slack.text import clean, date
from bot.wording import cause_sentence, duration_words, proof_sentences, trouble_words
from grants.access.model import Cause, Grant, Proof, ProofKind


def summary_blocks(facts: RequestFacts, grant: Grant) -> list[Block | None]:
    """Sum an ended grant up."""
    proof = facts.proofs.get((grant.id, ProofKind.GONE))
    pairs = [
        ("When", mrkdwn(_span(grant))),
        ("Why it ended", plain(cause_words(grant))),
        ("Ended by", mrkdwn(_by(facts, grant))),
    ]
    return [
        section(mrkdwn(f"*Ended:* {what_of_grant(grant)}")),
        rows(pairs if grant.ended_by not in (None, "system") else pairs[:2]),
        role_change_block(facts, grant),
        _admin_reason(grant),
        proof_block(proof, f"proof:{grant.id}:{grant.version}"),
    ]


def cause_words(grant: Grant) -> str:
    """Say why a grant ends, as plain text."""
    if grant.cause is None:
        return "Not known."
    if grant.cause is Cause.NEVER_ACTIVE and grant.cause_detail:
        return f"It never became active, because {trouble_words(grant.cause_detail)}."
    return cause_sentence(grant.cause, grant.cause_detail)


def proof_block(proof: Proof | None, block_id: str) -> Block:
    """Show a proof's sentences, literally: API servers' words stand in them as they came."""
    if proof is None:
        return context(plain("No proof is on record."), block_id=block_id)
    return context(plain(" ".join(clean(one) for one in proof_sentences(proof))), block_id=block_id)


def _span(grant: Grant) -> str:
    if grant.active_at is None:
        return "never active"
    if grant.ended_at is None:
        return f"{date(grant.active_at)} to now"
    lasted = duration_words(grant.ended_at - grant.active_at)
    return f"{date(grant.active_at)} to {date(grant.ended_at)} ({lasted})"


def _by(facts: RequestFacts, grant: Grant) -> str:
    return who(facts.face(grant.ended_by)) if grant.ended_by else "Valetkey"


def _admin_reason(grant: Grant) -> Block | None:
    why = clean(grant.end_reason).strip()
    return section(plain(f"“{why}”", 1500)) if why else None
