"""What a surface that delivers needs of the outbox."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from grants.outbox.model import CardKind, Delivery, Figures, Pace, Place, Reach, Undelivered


class DeliveryStore(Protocol):
    """The rows to deliver, each call its own short transaction.

    Deliver so: `claim`; for a row without `ts`, look for the message first when `sending_since`
    is set (a send was lost in a crash), else call `sending`; render the state of this moment and
    send; then one of `sent`, `put_back`, `retry` and `dropped`.

    All waiting goes by the database's clock, so that replicas agree about it.
    """

    def claim(self, limit: int, hold: timedelta) -> tuple[Delivery, ...]:
        """Claim rows whose wanted version is not told; nobody else gets them for `hold`.

        At most one of each place, and none of a place of which a row is claimed already: so the
        order within a place holds over threads and replicas. A row that has no message yet waits
        for those before it at its place (by urgency, then by age), also while they are retried.
        One that changes a message that stands waits for no other, nor does one that can't be
        drawn (BROKEN). Scopes that are held are left alone.
        """
        ...

    def renew(self, ids: Collection[str], hold: timedelta) -> None:
        """Keep claims for `hold` from now on; those that have lapsed or were given back stay so."""
        ...

    def sending(self, row: Delivery, at: datetime) -> None:
        """Note that a first send begins, so that one lost in a crash is looked for.

        ChangedMeanwhile when another replica has begun one since the row was claimed: a claim
        may lapse while its holder stands still, and what it then posts would stand there twice.
        """
        ...

    def sent(
        self,
        row: Delivery,
        channel: str | None,
        ts: str | None,
        paces: Collection[Pace] = (),
    ) -> None:
        """Note that `row.wanted` stands at a message; gives the claim back and counts the paces.

        A version below one already sent means that an older rendering may stand over a newer
        one: the card is wanted again.
        """
        ...

    def put_back(self, row: Delivery, problem: str = "") -> None:
        """Give a claim back; what was in the way was not the row's own, and is not counted."""
        ...

    def retry(self, row: Delivery, wait: timedelta, problem: str) -> None:
        """Note a failure by its code; the row is due again after `wait`, and what follows it at
        its place waits too.
        """
        ...

    def dropped(self, row: Delivery, problem: str) -> None:
        """Give up on `row.wanted` (no such place, say); a later version is tried again."""
        ...

    def hold(self, scope: str, wait: timedelta) -> None:
        """Leave a scope alone for that long, in every replica; a longer hold stays."""
        ...

    def places_of(self, row: Delivery) -> frozenset[Place]:
        """Give every place at which the very same thing is or was to be told: this card, or this
        notice with these facts since about when `row` was wanted.
        """
        ...

    def reach(self, kind: CardKind, about: str) -> Reach:
        """Tell how far a card got, over all its places but user groups, which only fan out."""
        ...

    def undelivered(self, limit: int, *, given_up: bool | None = None) -> tuple[Undelivered, ...]:
        """List rows that were not told: all or those that wait, the oldest first, or those given
        up, the newest first.
        """
        ...

    def figures(self) -> Figures:
        """Count the rows that wait and those given up."""
        ...

    def again(self, ids: Collection[str]) -> int:
        """Want rows that were given up once more; tells how many there were."""
        ...
