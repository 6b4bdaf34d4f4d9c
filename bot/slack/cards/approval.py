"""The approver's card: who asks what and why, and after the decision by whom."""

from bot.slack.blocks import Block, actions, button, context, mrkdwn, plain, rows, section
from bot.slack.cards.adding import words_blocks
from bot.slack.cards.parts import (
    Message,
    asked_words,
    face_words,
    first_terms,
    groups_words,
    is_shown_whole,
    message,
    other_items,
    reason_block,
    rules_blocks,
    what_line,
    who,
    who_all,
)
from bot.slack.cards.progress import grant_line
from bot.slack.facts import Face, RequestFacts
from bot.slack.text import clean, date, label, one_line
from bot.wording.states import closing_sentence
from grants.access.model import RequestState, Verdict
from grants.authz.risks import ACCEPTABLE
from grants.policy.model import AcceptedRisk, Stage, Who

_SECOND_FACTORS = frozenset(
    {"mfa", "otp", "hwk", "sms", "swk", "fpt", "face", "iris", "vbm", "tel"}
)


def approval_card(facts: RequestFacts) -> Message:
    """Render the card about a request for those who decide."""
    request, terms = facts.request, first_terms(facts.request)
    if request.state is RequestState.PENDING:
        return message(
            f"Approve? {asked_words(request)}: {one_line(terms.reason)}",
            [
                section(mrkdwn(f"{who(facts.requester)} asks for {what_line(terms)}")),
                *other_items(request),
                reason_block(request),
                _who_rows(facts),
                *words_blocks(facts),
                *_risks(facts),
                _count(facts),
                *_buttons(facts),
                # Last, because it may be long: what the words above say, exactly.
                *rules_blocks(facts),
            ],
        )
    return message(
        f"{_outcome_words(request.state)}: {asked_words(request)}",
        [
            section(mrkdwn(f"{who(facts.requester)} asked for {what_line(terms)}")),
            *other_items(request),
            reason_block(request),
            *_outcome(facts),
        ],
    )


def signed_in_words(face: Face) -> str:
    """Say when and how somebody signed in; mrkdwn."""
    if face.known is None:
        return "unknown"
    sign_in = face.known.sign_in
    methods = ", ".join(label(one) for one in sign_in.amr)
    strong = bool(_SECOND_FACTORS & set(sign_in.amr))
    how = "with a second factor" if strong else "no second factor seen"
    return f"{date(sign_in.auth_time)}, {how}{f' ({methods})' if methods else ''}"


def _who_rows(facts: RequestFacts) -> Block:
    described = "\n".join(one.description for one in facts.offered if one.description)
    pairs = [
        ("Who", face_words(facts.requester)),
        ("Groups", groups_words(facts.requester)),
        ("Signed in", mrkdwn(signed_in_words(facts.requester))),
        ("What it gives", plain(described or "The policy has no words for this.")),
        ("Why you are asked", plain(_why_asked(facts))),
    ]
    return rows(pairs)


def _why_asked(facts: RequestFacts) -> str:
    stage = _stage(facts)
    if stage is None or facts.entitlement is None:
        return "The policy no longer offers this."
    return f"The policy lets {deciders(stage.who)} decide on {facts.entitlement.name}."


def deciders(who_decides: Who) -> str:
    """Say who decides, as plain text."""
    if who_decides.everyone:
        return "anybody who is signed in"
    groups = [f"group {name}" for name in sorted(who_decides.groups)]
    return ", ".join([*groups, *sorted(who_decides.people)]) or "nobody"


def _stage(facts: RequestFacts) -> Stage | None:
    stages = facts.entitlement.stages if facts.entitlement else ()
    return stages[facts.request.stage] if facts.request.stage < len(stages) else None


def _risks(facts: RequestFacts) -> list[Block]:
    return [_risks_of(one.accept_risk) for one in facts.offered if one.accept_risk.rules]


def _risks_of(accepted: AcceptedRisk) -> Block:
    lines = [
        f"• {label(ACCEPTABLE.get(one, one))} ({label(one)})" for one in sorted(accepted.rules)
    ]
    said = "\n".join(["*Risks that the policy accepts:* whoever holds this", *lines])
    reason = label(accepted.reason, 800)
    return section(mrkdwn(f"{said}\n*Accepted because:* {reason or 'no reason given'}"))


def _approvals(facts: RequestFacts) -> list[Face]:
    stage = facts.request.stage
    return [
        facts.face(d.approver)
        for d in facts.decisions
        if d.verdict is Verdict.APPROVE and d.stage == stage
    ]


def _count(facts: RequestFacts) -> Block:
    stage, approved = _stage(facts), _approvals(facts)
    needed = stage.quorum if stage else 1
    said = f"{len(approved)} of {needed} approvals so far"
    if approved:
        said += f": {who_all(approved)}"
    if facts.request.stages > 1:
        said = f"Step {facts.request.stage + 1} of {facts.request.stages} · {said}"
    until = f"Open until {date(facts.request.pending_until)}"
    return context(mrkdwn(said), mrkdwn(until), block_id=_id("count", facts))


def _buttons(facts: RequestFacts) -> list[Block]:
    if not is_shown_whole(facts.request):
        said = "This asks for more than can be shown here, so that nobody can approve it."
        return [context(plain(said)), actions(_deny(facts), block_id=_id("decide", facts))]
    value = f"{facts.request.id}:{facts.request.terms_hash}"
    return [
        actions(
            button("Approve", "approve", value, style="primary"),
            _deny(facts),
            block_id=_id("decide", facts),
        )
    ]


def _deny(facts: RequestFacts) -> Block:
    return button("Deny", "deny", f"{facts.request.id}:{facts.request.terms_hash}")


def _id(name: str, facts: RequestFacts) -> str:
    return f"{name}:{facts.request.id}:{facts.request.version}"


def _outcome_words(state: RequestState) -> str:
    return {
        RequestState.APPROVED: "Approved",
        RequestState.DENIED: "Denied",
        RequestState.CANCELLED: "Cancelled",
        RequestState.EXPIRED: "Expired",
    }.get(state, "Asked")


def outcome_line(facts: RequestFacts) -> str:
    """Say how a request closed, by whom and when; mrkdwn."""
    request = facts.request
    when = f" · {date(request.closed_at)}" if request.closed_at else ""
    verdict = Verdict.DENY if request.state is RequestState.DENIED else Verdict.APPROVE
    by = [facts.face(d.approver) for d in facts.decisions if d.verdict is verdict]
    if request.state in {RequestState.APPROVED, RequestState.DENIED}:
        return f"*{_outcome_words(request.state)}* by {who_all(by) or 'policy'}{when}"
    if request.state is RequestState.CANCELLED:
        closing = closing_sentence(request.closed_detail)
        return f"*Cancelled*{'' if closing else f' by {who(facts.requester)}'}{when} {closing}"
    if request.state is RequestState.EXPIRED:
        return f"*Expired*: nobody decided in time{when}"
    return "Waits for the sign-in of the person who asks"


def denial_reason(facts: RequestFacts) -> Block | None:
    """Quote why it was denied, literally."""
    said = [clean(d.reason).strip() for d in facts.decisions if d.verdict is Verdict.DENY]
    return section(plain(f"“{said[-1]}”", 1500)) if said and said[-1] else None


def _outcome(facts: RequestFacts) -> list[Block | None]:
    lines: list[Block | None] = [
        context(mrkdwn(outcome_line(facts)), block_id=_id("decided", facts)),
        denial_reason(facts) if facts.request.state is RequestState.DENIED else None,
    ]
    lines += [context(mrkdwn(grant_line(grant))) for grant in facts.grants]
    return lines
