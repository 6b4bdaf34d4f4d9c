"""What a surface that delivers needs of the outbox."""

from datetime import datetime, timedelta
from typing import Protocol

from grants.outbox.model import Delivery


class DeliveryStore(Protocol):
    """The rows to deliver, each call its own short transaction.

    Deliver so: `claim`; for a row without `ts`, look for the message first when `sending_since`
    is set (a send was lost in a crash), else call `sending`; render the state of this moment and
    send; then one of `sent`, `retry` and `dropped`.
    """

    def claim(self, limit: int, hold: timedelta) -> tuple[Delivery, ...]:
        """Claim rows whose wanted version is not sent, on the database's clock.

        Nobody else gets them for `hold`. They come in the order in which they were wanted.
        """
        ...

    def next_due_at(self) -> datetime | None:
        """Tell when the next row is to be delivered or tried again; None when all is told."""
        ...

    def sending(self, row: Delivery, at: datetime) -> None:
        """Note that a first send begins, so that one lost in a crash is looked for."""
        ...

    def sent(self, row: Delivery, channel: str | None, ts: str | None) -> None:
        """Note that `row.wanted` stands at a message; gives the claim back.

        A version below one already sent means that an older rendering may stand over a newer
        one: the card is wanted again.
        """
        ...

    def retry(self, row: Delivery, at: datetime, problem: str) -> None:
        """Note a failure by its code; the row is due again at that time."""
        ...

    def dropped(self, row: Delivery, problem: str) -> None:
        """Give up on `row.wanted` (no such place, say); a later version is tried again."""
        ...
