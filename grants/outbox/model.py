"""Cards and notices: what must be told, to which place, rendered at delivery."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


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

    `channel` and `ts` are what the surface stored after the first send; `sending_since` is set
    while a first send is under way, so that one lost in a crash is looked for before sent again.
    """

    id: str
    kind: CardKind
    about: str
    place: Place
    wanted: int
    sent: int
    attempts: int
    code: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    channel: str | None = None
    ts: str | None = None
    sending_since: datetime | None = None


class Outbox(Protocol):
    """What a verb says to people, inside its transaction."""

    def tell(self, card: Card) -> None:
        """Want this card (again): its version goes up by one."""
        ...

    def notify(self, notice: Notice) -> None:
        """Want this sentence told once."""
        ...

    def retell(self, about: str) -> None:
        """Want every card that already stands about this thing rendered again."""
        ...
