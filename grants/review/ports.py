"""What the review asks of a database, where anything is to be kept at all."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from grants.outbox.model import Outbox
from grants.people.model import Known as KnownPerson
from grants.policy.model import Policy
from grants.record.model import EventLog
from grants.review.answers import Answer
from grants.review.details import Detail
from grants.review.inventory import Inventory
from grants.review.kept import Kept, KeptObject, Version
from grants.review.news import News, Untold
from grants.review.tracking import Known
from grants.usage.coverage import Coverage
from grants.usage.model import Use


class InventoryTx(Protocol):
    """Inventories of clusters over time: each object in versions, from one look until another."""

    def keep_inventory(
        self, inventory: Inventory, objects: Sequence[KeptObject] | None = None
    ) -> Kept | None:
        """Keep what is other than before; None, and nothing kept, when a later look is there.

        `objects` are its objects as they are kept, where they were written out before.

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

    def keep_details(self, details: Iterable[Detail]) -> None:
        """Keep what findings are now, in the place of what they were."""
        ...

    def open_details(self, clusters: Sequence[str], limit: int) -> tuple[Detail, ...]:
        """Give findings that somebody has to act on, worst first."""
        ...

    def open_counts(self, clusters: Sequence[str]) -> Mapping[tuple[str, int], int]:
        """Count them by cluster and severity."""
        ...

    def detail(self, key: str) -> Detail | None:
        """Give one finding that is there, whether or not somebody has to act on it."""
        ...


class AnswersTx(Protocol):
    """What reviewers said of findings."""

    def add_answer(self, answer: Answer) -> bool:
        """Insert an answer; False when one stands: one keep a finding, one "not mine" a person."""
        ...

    def end_answers(self, ended: Iterable[Answer]) -> None:
        """Store why and when answers ended; those that ended before stay as they are."""
        ...

    def standing_answers(self, clusters: Sequence[str]) -> tuple[Answer, ...]:
        """Give the answers that stand in these clusters, the oldest first."""
        ...

    def answers_of(self, finding: str, limit: int) -> tuple[Answer, ...]:
        """Give the answers to a finding, those that have ended too, the latest first."""
        ...


class KnownTx(Protocol):
    """What is known of clusters already."""

    def looks(self, cluster: str, limit: int) -> tuple[datetime, ...]:
        """Tell when a cluster was looked at, the latest first."""
        ...

    def known_findings(self, clusters: Sequence[str]) -> tuple[Known, ...]:
        """Give what is known of findings in these clusters, those that are gone too."""
        ...


class ScanTx(InventoryTx, FindingsTx, AnswersTx, EventLog, Outbox, Protocol):
    """All that keeping a scan needs."""

    def first_time(self, key: str, at: datetime) -> bool:
        """Store a key; False when it came before. Of two at once the second waits."""
        ...

    def note_told(self, news: Mapping[str, News]) -> None:
        """Note what people have heard now of findings, by key."""
        ...


class TellTx(Outbox, Protocol):
    """All that telling of findings needs."""

    def untold(self, clusters: Sequence[str]) -> tuple[Untold, ...]:
        """Give what is news of these clusters' findings to act on, by what people heard last.

        On PostgreSQL they stay locked: of two that would tell, the second finds nothing.
        """
        ...

    def open_places(
        self, fingerprints: Sequence[str], clusters: Sequence[str]
    ) -> tuple[Detail, ...]:
        """Give these findings wherever in these clusters somebody has to act on them."""
        ...

    def note_told(self, news: Mapping[str, News]) -> None:
        """Note what people have heard now of findings, by key."""
        ...

    def people_with_email(self, email: str) -> tuple[KnownPerson, ...]:
        """Find people pinned to a verified email."""
        ...


class TellStore(Protocol):
    """Where what people heard is kept."""

    def write(self) -> AbstractContextManager[TellTx]:
        """Open one write transaction."""
        ...


class KnownUseTx(Protocol):
    """What was imported of use."""

    def usage_clusters(self) -> Mapping[str, datetime]:
        """Name the clusters of which anything was read, each with when last."""
        ...

    def coverage(self, cluster: str, since: datetime | None = None) -> Coverage:
        """Read what was heard of a cluster."""
        ...

    def usage(
        self, cluster: str | None = None, user: str | None = None, limit: int | None = None
    ) -> Sequence[Use]:
        """Read rows of one cluster or all."""
        ...


class ReviewReadTx(KnownTx, InventoryTx, KnownUseTx, Protocol):
    """What a review reads before it judges."""


class ScanStore(Protocol):
    """Where scans are kept."""

    def read(self) -> AbstractContextManager[KnownTx]:
        """Open one read transaction."""
        ...

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


class PolicySource(Protocol):
    """The policy in force."""

    def current(self) -> Policy:
        """Give the last good version."""
        ...


class ReviewStore(ScanStore, Protocol):
    """Where the running bot's reviews read and are kept."""

    def read(self) -> AbstractContextManager[ReviewReadTx]:
        """Open one read transaction."""
        ...


class ReviewPorts(Protocol):
    """What the running bot's review needs."""

    @property
    def store(self) -> ReviewStore:
        """The rows."""
        ...

    @property
    def policy(self) -> PolicySource:
        """The policy in force."""
        ...

    @property
    def own_namespace(self) -> str | None:
        """The namespace that this bot runs in, if any."""
        ...


class TellPorts(Protocol):
    """What telling of findings needs."""

    @property
    def store(self) -> TellStore:
        """The rows."""
        ...

    @property
    def policy(self) -> PolicySource:
        """The policy in force."""
        ...
