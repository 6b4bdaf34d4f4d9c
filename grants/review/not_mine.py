"""The verb by which a reviewer says that a finding is not theirs: whoever is next in line is told.

It excuses nothing: the finding stays open, and shows who said so.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from grants.errors import AlreadyDone, ValetkeyError
from grants.outbox.model import Notice, Place, PlaceKind
from grants.policy.answering import judge_not_mine
from grants.policy.model import Policy
from grants.record.model import Event, EventType
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
from grants.review.finding import Finding
from grants.review.tell_findings import owner_places, places_of

NOT_MINE: Final = "finding-not-mine"


@dataclass(frozen=True, slots=True)
class Disowned:
    """The answer, and how many places were told of it."""

    answer: Answer
    told: int


def say_not_mine(click: Click, *, ports: AnswerPorts) -> Disowned:
    """Say that a finding is somebody else's.

    SignInNeeded, NotFound (gone), WrongState (nothing to act on), FindingChanged, Refused (no
    reviewer), AlreadyDone (said before).
    """
    now = ports.clock.now()
    with ports.store.write() as tx:
        if not tx.first_time(click.key, now):
            raise AlreadyDone(click.key)
        outcome = _judge_and_say(tx, click, now, ports)
        if isinstance(outcome, ValetkeyError):
            refused(tx, click, now, outcome)
    if isinstance(outcome, ValetkeyError):
        raise outcome
    return outcome


def _judge_and_say(
    tx: AnswerTx, click: Click, now: datetime, ports: AnswerPorts
) -> Disowned | ValetkeyError:
    seen = see(tx, click, now, ports)
    if isinstance(seen, ValetkeyError):
        return seen
    policy, max_age = ports.policy.current(), ports.times.signin_max_age
    verdict = judge_not_mine(policy, answering_of(tx, seen, click), now, signin_max_age=max_age)
    if not verdict.allowed:
        return error_of(seen.finding.key, verdict)
    answer = answer_to(seen, AnswerKind.NOT_MINE, now)
    if not tx.add_answer(answer):
        return AlreadyDone(f"{seen.finding.key}:not-mine")
    places = _next_in_line(tx, policy, seen)
    tx.append(_event(answer, seen, policy.digest, len(places)))
    for place in places:
        tx.notify(Notice(NOT_MINE, seen.finding.key, place, _facts(seen)))
    return Disowned(answer, len(places))


def _next_in_line(tx: AnswerTx, policy: Policy, seen: Seen) -> tuple[Place, ...]:
    """Give whom it is told: the owner, else where digests go, else the admins; never who said so.

    Nor anybody who said the same before: they would only hand it round.
    """
    standing = tx.standing_answers((seen.finding.cluster,))
    same = (seen.finding.key, AnswerKind.NOT_MINE)
    said = {one.person for one in standing if (one.finding, one.kind) == same}
    for line in _line(tx, policy, seen.finding):
        places = tuple(dict.fromkeys(one for one in line if not _is_of(one, said)))
        if places:
            return places
    return ()


def _line(tx: AnswerTx, policy: Policy, finding: Finding) -> Iterator[tuple[Place, ...]]:
    yield tuple(owner_places(tx, finding))
    yield tuple(
        place for digest in policy.review.digests for place in places_of(tx, digest, finding)
    )
    notify = policy.admin_notify
    people = (known.person.id for email in notify.people for known in tx.people_with_email(email))
    yield (
        *(Place(PlaceKind.CHANNEL, ref) for ref in notify.channels),
        *(Place(PlaceKind.USER_GROUP, ref) for ref in notify.user_groups),
        *(Place(PlaceKind.PERSON, person) for person in people),
    )


def _is_of(place: Place, people: Collection[str]) -> bool:
    return place.kind is PlaceKind.PERSON and place.ref in people


def _facts(seen: Seen) -> dict[str, str]:
    profile, finding = seen.known.sign_in.profile, seen.finding
    return {
        "by": profile.name or profile.email or seen.known.person.id,
        "cluster": finding.cluster,
        "severity": finding.severity.word,
        "who": finding.who,
        "title": finding.title,
    }


def _event(answer: Answer, seen: Seen, policy_digest: str, told: int) -> Event:
    return Event(
        EventType.FINDING_NOT_MINE,
        answer.at,
        answer.person,
        terms_hash=seen.detail.shown_hash,
        policy_digest=policy_digest,
        facts=facts_of(answer, seen) | {"told": told},
    )
