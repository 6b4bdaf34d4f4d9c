"""What could not be told of late, gathered by place and reason, for admins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.slack.facts import Face
from bot.slack.ports import SlackPorts, account_of
from bot.slack.reading import faces_of
from grants.outbox.model import Place, PlaceKind, Undelivered

_OF_LATE: Final = timedelta(days=7)
LATE: Final = timedelta(minutes=5)
"""How long something may wait before it is worth telling."""
_MOST: Final = 500


@dataclass(frozen=True)
class Missed:
    """Some rows of one place that were not told, all for one reason.

    `face` is whom a place means that is a person or an account.
    """

    place: Place
    face: Face | None
    problem: str
    given_up: bool
    count: int
    since: datetime


def missed(ports: SlackPorts, now: datetime) -> list[Missed]:
    """Gather what was given up within a week, and what waits for longer than is usual."""
    given_up = ports.deliveries.undelivered(_MOST, given_up=True)
    waiting = ports.deliveries.undelivered(_MOST, given_up=False)
    rows = [one for one in given_up if now - one.since < _OF_LATE]
    rows += [one for one in waiting if now - one.since > LATE]
    groups: dict[tuple[Place, str, bool], list[Undelivered]] = {}
    for row in rows:
        groups.setdefault((row.place, row.problem, row.given_up), []).append(row)
    faces = _faces(ports, [place for place, _, _ in groups])
    return [
        Missed(place, faces.get(place), problem, up, len(some), min(one.since for one in some))
        for (place, problem, up), some in groups.items()
    ]


def _faces(ports: SlackPorts, places: Sequence[Place]) -> dict[Place, Face]:
    people = [place.ref for place in places if place.kind is PlaceKind.PERSON]
    known = faces_of(ports, people)
    faces = {Place(PlaceKind.PERSON, person): face for person, face in known.items()}
    for place in places:
        account = account_of(place.ref) if place.kind is PlaceKind.ACCOUNT else None
        if account is not None:
            faces[place] = Face(account.user, account=account)
    return faces
