"""What the review asks of a database, where anything is to be kept at all."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from grants.review.inventory import Inventory
from grants.review.kept import Kept, Version
from grants.review.tracking import Known


class InventoryTx(Protocol):
    """Inventories of clusters over time: each object in versions, from one look until another."""

    def keep_inventory(self, inventory: Inventory) -> Kept | None:
        """Keep what is other than before; None, and nothing kept, when a later look is there.

        An object is gone only where its kind was seen whole: one that could not be listed stays as
        it was last seen. What stands under an alias that leads to another cluster now is gone.
        """
        ...

    def inventory_at(self, cluster: str, at: datetime) -> Inventory | None:
        """Give what the last look at or before a moment saw; None when there was none by then.

        Its `taken_at` says when that look was: nobody knows what was between two of them.
        """
        ...

    def versions_of(
        self, cluster: str, kind: str, namespace: str, name: str
    ) -> tuple[Version, ...]:
        """Give what one object was over time, the oldest first."""
        ...

    def looks(self, cluster: str, limit: int) -> tuple[datetime, ...]:
        """Tell when a cluster was looked at, the latest first."""
        ...

    def forget_inventories(self, before: datetime) -> int:
        """Drop versions and looks that say nothing of any moment from then on; counts versions."""
        ...


class FindingsTx(Protocol):
    """What was known of findings, in one transaction."""

    def known_findings(self, clusters: Sequence[str]) -> tuple[Known, ...]:
        """Give what is known of findings in these clusters, those that are gone too."""
        ...

    def keep_findings(self, known: Iterable[Known]) -> None:
        """Keep what is known now, in the place of what was; when first seen stays."""
        ...


class ScanTx(InventoryTx, FindingsTx, Protocol):
    """All that keeping a scan needs."""


class ScanStore(Protocol):
    """Where scans are kept."""

    def write(self) -> AbstractContextManager[ScanTx]:
        """Open one write transaction; leaving it without an error commits."""
        ...


class InventoryStore(Protocol):
    """Where inventories are kept."""

    def write(self) -> AbstractContextManager[InventoryTx]:
        """Open one write transaction; leaving it without an error commits."""
        ...

    def read(self) -> AbstractContextManager[InventoryTx]:
        """Open one read transaction."""
        ...
