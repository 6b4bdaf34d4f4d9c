"""What a surface that delivers needs of the outbox."""

from datetime import datetime, timedelta
from typing import Protocol

from grants.outbox.model import Delivery


class DeliveryStore(Protocol):
    """The rows to deliver, each call its own short transaction.

    Deliver so: `due`; for a row without `ts`, look for the message first when `sending_since` is
    set (a send was lost in a crash), else `sending`; render the state of this moment, send; then
    one of `sent`, `failed` and `dropped`.
    """

    def due(self, limit: int, hold: timedelta) -> tuple[Delivery, ...]:
        """Claim rows whose wanted version is not sent, on the database's clock.

        Nobody else gets them for `hold`. Those of one place come in the order they were wanted.
        """
        ...

    def next_due_at(self) -> datetime | None:
        """Tell when the next row is to be delivered or tried again; None when all is told."""
        ...

    def sending(self, delivery: str) -> None:
        """Note that a first send begins, so that one lost in a crash is looked for."""
        ...

    def sent(self, delivery: str, version: int, channel: str, ts: str) -> None:
        """Note what was sent and where it stands; gives the claim back.

        A version below one already sent means that an older rendering may stand over a newer
        one: the card is wanted again.
        """
        ...

    def failed(self, delivery: str, problem: str, retry_at: datetime) -> None:
        """Note a failure by its code; the row is due again at `retry_at`."""
        ...

    def dropped(self, delivery: str, why: str) -> None:
        """Give up on this version (no such place, say); a later version is tried again."""
        ...
