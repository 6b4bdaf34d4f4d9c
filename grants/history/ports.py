"""Questions that surfaces ask about the past and the present; all of them only read."""

from contextlib import AbstractContextManager
from typing import Protocol

from grants.access.model import AccessRequest, Grant
from grants.history.model import Counts, HistoryFilter, HistoryPage, RequestView
from grants.record.model import StoredEvent


class HistoryTx(Protocol):
    """Questions answered as of one moment."""

    def history(self, wanted: HistoryFilter) -> HistoryPage:
        """List what was asked for and what followed; BadInput when the cursor is not one."""
        ...

    def people_called(self, text: str) -> frozenset[str]:
        """Find person ids by id, email, subject or Slack account (`team/user`)."""
        ...

    def request_view(self, request: str) -> RequestView | None:
        """Read a request with everything that belongs to it."""
        ...

    def grant_view(self, grant: str) -> RequestView | None:
        """Read a grant's request in the same way, with this grant alone."""
        ...

    def waiting(self, limit: int) -> tuple[AccessRequest, ...]:
        """List pending requests, the oldest first; whose decision they need is for policy."""
        ...

    def requests_of(self, person: str, limit: int) -> tuple[AccessRequest, ...]:
        """List what a person asked for, for themselves or another, the newest first."""
        ...

    def grants_of(self, person: str | None, limit: int) -> tuple[Grant, ...]:
        """List a recipient's grants (None: everybody's), ended ones included, newest first."""
        ...

    def stuck(self) -> tuple[Grant, ...]:
        """List revocations that need a human, the longest failing first."""
        ...

    def counts(self) -> Counts:
        """Count what metrics show."""
        ...

    def events_about(self, name: str) -> tuple[StoredEvent, ...]:
        """Read the events of a request or of a grant, in order."""
        ...


class HistoryStore(Protocol):
    """Where the answers come from."""

    def read(self) -> AbstractContextManager[HistoryTx]:
        """Open one read transaction."""
        ...
