"""What use of a cluster needs of a database."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from grants.clock import Clock
from grants.usage.coverage import Coverage
from grants.usage.folded import Part
from grants.usage.model import Use


class UsageTx(Protocol):
    """Rows of use, in one transaction."""

    def first_time(self, key: str, at: datetime) -> bool:
        """Store the key of an inbound thing; False when it came before."""
        ...

    def add_usage(self, cluster: str, part: Part) -> None:
        """Merge what was read of a cluster into its rows: first the earliest, last the latest.

        Counts are added, so whoever calls must not bring the same twice.
        """
        ...

    def usage(
        self, cluster: str | None = None, user: str | None = None, limit: int | None = None
    ) -> Sequence[Use]:
        """Read rows of one cluster or all, and of one user or all, in order."""
        ...

    def usage_clusters(self) -> Mapping[str, datetime]:
        """Name the clusters of which anything was read, each with when last."""
        ...

    def coverage(self, cluster: str, since: datetime | None = None) -> Coverage:
        """Read what was heard of a cluster, from a day before `since` on; kinds always whole."""
        ...


class UsageStore(Protocol):
    """Where it is kept."""

    def read(self) -> AbstractContextManager[UsageTx]:
        """Open one read transaction."""
        ...

    def write(self) -> AbstractContextManager[UsageTx]:
        """Open one write transaction."""
        ...


class UsagePorts(Protocol):
    """What the verb needs."""

    @property
    def clock(self) -> Clock:
        """Tells the time."""
        ...

    @property
    def store(self) -> UsageStore:
        """Where rows are kept."""
        ...
