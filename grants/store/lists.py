"""Lists for a surface that shows them outside any transaction of its own."""

from grants.access.model import AccessRequest, Grant
from grants.store.engine import Database
from grants.store.history import HistoryRows


class Lists:
    """Each list is its own short read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending_requests(self, limit: int) -> tuple[AccessRequest, ...]:
        """List requests that wait for a decision, the oldest first."""
        with self._database.reading() as connection:
            return HistoryRows(connection, self._database, writable=False).waiting(limit)

    def requests_of(self, person: str, limit: int) -> tuple[AccessRequest, ...]:
        """List what a person asked for, in any state, the newest first."""
        with self._database.reading() as connection:
            rows = HistoryRows(connection, self._database, writable=False)
            return rows.requests_of(person, limit)

    def grants(self, person: str | None, limit: int) -> tuple[Grant, ...]:
        """List a recipient's grants (None: everybody's), ended ones included, newest first."""
        with self._database.reading() as connection:
            return HistoryRows(connection, self._database, writable=False).grants_of(person, limit)
