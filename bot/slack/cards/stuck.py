"""The admins' card about a revocation that needs a human."""

from bot.slack.blocks import Block, context, mrkdwn, plain, rows, section
from bot.slack.cards.parts import Message, message, scope_words, what_of_grant, who
from bot.slack.cards.summary import cause_words, proof_block
from bot.slack.facts import RequestFacts
from bot.slack.text import code, date
from bot.wording import trouble_words
from grants.access.model import Grant, GrantState, ProofKind


def stuck_card(facts: RequestFacts, grant: Grant) -> Message:
    """Render the card about a grant that could not be taken away for a while."""
    scope = scope_words(grant.cluster, grant.namespace)
    if grant.state is GrantState.ENDED:
        proof = facts.proofs.get((grant.id, ProofKind.GONE))
        when = f" {date(grant.ended_at)}" if grant.ended_at else ""
        return message(
            f"Solved: access to {scope} is gone",
            [
                section(mrkdwn(f"*Solved:* {what_of_grant(grant)} ended{when}")),
                proof_block(proof, f"solved:{grant.id}:{grant.version}"),
            ],
        )
    return message(
        f"Access could not be taken away: {grant.entitlement} in {scope}",
        [
            section(
                mrkdwn(
                    f"*Access could not be taken away:* {what_of_grant(grant)} "
                    f"of {who(facts.face(grant.recipient))}"
                )
            ),
            _rows(grant),
            section(mrkdwn(f"To end it by hand:\n{code(by_hand(grant))}")),
            context(
                plain("It is tried again until it is done. Until then the access may still work."),
                block_id=f"stuck:{grant.id}:{grant.version}",
            ),
        ],
    )


def _rows(grant: Grant) -> Block:
    since = grant.failing_since or grant.revoking_at
    return rows(
        [
            ("What fails", plain(f"{trouble_words(grant.problem)}")),
            ("Since", mrkdwn(date(since) if since else "just now")),
            ("Why it should end", plain(cause_words(grant))),
            ("In the cluster as", plain(grant.subject)),
        ]
    )


def by_hand(grant: Grant) -> str:
    """Give the command that ends a grant without Valetkey."""
    if grant.namespace is None:
        return f"kubectl delete clusterrolebinding {grant.binding_name}"
    return f"kubectl delete rolebinding -n {grant.namespace} {grant.binding_name}"
