"""Cards and notices: what must be told, to which place, rendered at delivery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol


class PlaceKind(StrEnum):
    """Where something is told. The reference of a place is opaque to the core."""

    PERSON = "person"
    ACCOUNT = "account"
    CHANNEL = "channel"
    USER_GROUP = "user-group"


@dataclass(frozen=True, order=True)
class Place:
    """A place and its reference: a person id, `team/user`, or a name that policy gives."""

    kind: PlaceKind
    ref: str


class CardKind(StrEnum):
    """Cards are projections of state: re-rendered whenever it changes."""

    APPROVAL = "approval"  # about a request, for those who decide
    REQUEST = "request"  # about a request, for who asked; goes on as the grant's card
    STUCK = "stuck"  # about a grant whose revocation needs a human, for admins
    NOTICE = "notice"  # a sentence told once


URGENCY: Final[Mapping[CardKind, int]] = {
    # Somebody has to act: each minute leaves power standing, or a person waiting.
    CardKind.STUCK: 0,
    CardKind.APPROVAL: 0,
    # Its button gives access back.
    CardKind.REQUEST: 1,
    # Says aloud what a card shows anyway.
    CardKind.NOTICE: 2,
}
"""What goes first where many wait: the lower the earlier, and by age among equals."""


@dataclass(frozen=True)
class Card:
    """A wish: this card about this thing should stand at this place, as of now."""

    kind: CardKind
    about: str
    place: Place


@dataclass(frozen=True)
class Notice:
    """A sentence to tell once: a stable code that wording knows, and its facts."""

    code: str
    about: str
    place: Place
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """One row to deliver: wanted version against sent version, and where the message stands.

    `since` is when its present version was first wanted. `channel` and `ts` are what the surface
    stored after the first send; `sending_since` is set while a first send is under way, so that
    one lost in a crash is looked for before sent again.
    """

    id: str
    kind: CardKind
    about: str
    place: Place
    wanted: int
    sent: int
    attempts: int
    since: datetime
    code: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    channel: str | None = None
    ts: str | None = None
    sending_since: datetime | None = None


@dataclass(frozen=True)
class Undelivered:
    """A row that was not told: it waits, or it was given up, and why (a stable code, or nothing).

    `since` is when its present version was first wanted, `tried` how often it failed.
    """

    id: str
    kind: CardKind
    about: str
    place: Place
    code: str
    since: datetime
    tried: int
    problem: str
    given_up: bool


@dataclass(frozen=True)
class Figures:
    """The outbox in figures: rows that wait by kind, since when the oldest does, and rows given
    up by reason.
    """

    waiting: Mapping[CardKind, int]
    oldest: datetime | None
    given_up: Mapping[str, int]


@dataclass(frozen=True)
class Reach:
    """How far one card got, over all its places: rows told, rows that wait, rows given up."""

    told: int
    waiting: int
    given_up: int


@dataclass(frozen=True)
class Pace:
    """How fast a scope may be used: `burst` sends at once, and then one `every` so long."""

    scope: str
    every: timedelta
    burst: int = 1


BROKEN: Final = "broken"
"""The problem of a card that can't be drawn: a fault of ours, which holds up nothing else."""

EVERYWHERE: Final = "all"
FIRST_SENDS: Final = "first"
CHANGES: Final = "change"
"""Scopes that can be held: all rows, those without a message yet, those with one."""


def scope_of(place: Place) -> str:
    """Name the scope of one place."""
    return f"place:{place.kind}:{place.ref}"


class Outbox(Protocol):
    """What a verb says to people, inside its transaction."""

    def tell(self, card: Card) -> None:
        """Want this card (again): its version goes up by one."""
        ...

    def notify(self, notice: Notice) -> None:
        """Want this sentence told once."""
        ...

    def notify_all(self, notices: Sequence[Notice]) -> None:
        """Want these sentences told once each, in this order."""
        ...

    def retell(self, about: str) -> None:
        """Want every card that already stands about this thing rendered again."""
        ...
