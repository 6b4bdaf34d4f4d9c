"""What a restored copy must be asked, and what of it must not be believed any more."""

from sqlalchemy import delete, select

from grants.store import tables as t
from grants.store.base import TxBase


class RestoredRows(TxBase):
    """What RestoredTx asks for, beside access."""

    def last_number(self) -> int:
        """Give the number of the last event; 0 when there is none."""
        row = self._row(select(t.record_order.c.number))
        return 0 if row is None else int(row.number)

    def forget_sessions(self) -> int:
        """End every web session and every sign-in that is under way; tells how many."""
        self._must_write()
        ended = [self._run(delete(table)).rowcount for table in (t.sessions, t.attempts)]
        return sum(ended)
