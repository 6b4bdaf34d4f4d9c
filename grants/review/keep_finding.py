"""The verb by which a reviewer says that what was found may stay, until a day and for a reason.

It is an exception for this one finding in this one cluster, tried anew at each scan.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime

from grants.errors import AlreadyDone, BadInput, Problem, Reason, ValetkeyError
from grants.people.said import check_reason
from grants.policy.answering import judge_keep
from grants.record.model import Event, EventType, salted_digest
from grants.review.answer_ports import AnswerPorts, AnswerTx
from grants.review.answering import (
    Click,
    Seen,
    answer_to,
    answering_of,
    error_of,
    facts_of,
    refused,
    see,
)
from grants.review.answers import Answer, AnswerKind
from grants.review.details import detail_of
from grants.review.laying import excepted

_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class KeepFinding:
    """A click, the reason, and the last day."""

    click: Click
    reason: str
    until: date


def keep_finding(command: KeepFinding, *, ports: AnswerPorts) -> Answer:
    """Keep a finding.

    BadInput (the reason, or the day), SignInNeeded, NotFound (gone), WrongState (nothing to act
    on: kept already), FindingChanged, Refused (no reviewer, or the right is their own),
    AlreadyDone.
    """
    reason = command.reason.strip()
    if not reason:
        raise BadInput((Problem("reason", "reason-empty"),))
    check_reason(reason)
    now = ports.clock.now()
    with ports.store.write() as tx:
        if not tx.first_time(command.click.key, now):
            raise AlreadyDone(command.click.key)
        outcome = _judge_and_keep(tx, command, reason, now, ports)
        if isinstance(outcome, ValetkeyError):
            refused(tx, command.click, now, outcome)
    if isinstance(outcome, ValetkeyError):
        raise outcome
    return outcome


def may_keep(click: Click, *, ports: AnswerPorts) -> None:
    """Tell before anybody writes a reason whether they may keep a finding at all.

    Raises what `keep_finding` would of the click alone. Changes nothing and records nothing.
    """
    now = ports.clock.now()
    with ports.store.read() as tx:
        judged = _judge(tx, click, now.date(), now, ports)
    if isinstance(judged, ValetkeyError):
        raise judged


def _judge_and_keep(
    tx: AnswerTx, command: KeepFinding, reason: str, now: datetime, ports: AnswerPorts
) -> Answer | ValetkeyError:
    seen = _judge(tx, command.click, command.until, now, ports)
    if isinstance(seen, ValetkeyError):
        return seen
    answer = _answer(seen, command, reason, now)
    if not tx.add_answer(answer):
        return AlreadyDone(f"{seen.finding.key}:kept")
    tx.append(_event(answer, seen, ports.policy.current().digest))
    kept = excepted(seen.finding, answer, command.until)
    tx.keep_details((detail_of(kept, seen.substance, seen.detail.reached),))
    return answer


def _judge(
    tx: AnswerTx, click: Click, until: date, now: datetime, ports: AnswerPorts
) -> Seen | ValetkeyError:
    seen = see(tx, click, now, ports)
    if isinstance(seen, ValetkeyError):
        return seen
    policy, max_age = ports.policy.current(), ports.times.signin_max_age
    answering = answering_of(tx, seen, click)
    verdict = judge_keep(policy, answering, until, now, signin_max_age=max_age)
    if verdict.allowed:
        return seen
    return _only_day(verdict.failed) or error_of(seen.finding.key, verdict)


def _only_day(failed: tuple[Reason, ...]) -> BadInput | None:
    """Give a day alone that can't be as a field's problem: all else was right."""
    if [reason.code for reason in failed] != ["until-within"]:
        return None
    return BadInput((Problem("until", "until-within", failed[0].facts),))


def _answer(seen: Seen, command: KeepFinding, reason: str, now: datetime) -> Answer:
    answer, salt = answer_to(seen, AnswerKind.KEPT, now), secrets.token_bytes(_SALT_BYTES)
    return replace(answer, until=command.until, reason=reason, salt=salt)


def _event(answer: Answer, seen: Seen, policy_digest: str) -> Event:
    until = answer.until.isoformat() if answer.until else ""
    return Event(
        EventType.FINDING_KEPT,
        answer.at,
        answer.person,
        why_digest=salted_digest(answer.reason, answer.salt),
        terms_hash=seen.detail.shown_hash,
        policy_digest=policy_digest,
        facts=facts_of(answer, seen) | {"until": until},
    )
