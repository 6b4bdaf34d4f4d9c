"""What answering a finding asks of the world: rows, a clock, the policy, the age of sign-ins."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from grants.clock import Clock
from grants.outbox.model import Outbox
from grants.people.model import Account, Known
from grants.record.model import EventLog
from grants.review.news import News
from grants.review.ports import AnswersTx, FindingsTx, PolicySource


class AnswerTx(FindingsTx, AnswersTx, EventLog, Outbox, Protocol):
    """All that answering a finding needs."""

    def first_time(self, key: str, at: datetime) -> bool:
        """Store the key of an inbound thing; False when it came before."""
        ...

    def hold_looks(self, cluster: str) -> None:
        """Have scans of a cluster wait, and wait for one that is being kept."""
        ...

    def known(self, account: Account) -> Known | None:
        """Find the person linked to an account, with the last sign-in."""
        ...

    def has_access(self, person: str, cluster: str, namespace: str | None) -> bool:
        """Tell whether a person holds access by a grant there (None: anywhere in the cluster)."""
        ...

    def people_with_email(self, email: str) -> tuple[Known, ...]:
        """Find people pinned to a verified email."""
        ...

    def note_told(self, news: Mapping[str, News]) -> None:
        """Note what people have heard now of findings, by key."""
        ...


class AnswerStore(Protocol):
    """Where answers are kept."""

    def read(self) -> AbstractContextManager[AnswerTx]:
        """Open one read transaction; writing in it is an error."""
        ...

    def write(self) -> AbstractContextManager[AnswerTx]:
        """Open one write transaction; leaving it without an error commits."""
        ...


class SignInTimes(Protocol):
    """How old a sign-in may be."""

    @property
    def signin_max_age(self) -> timedelta:
        """At most so old."""
        ...


class AnswerPorts(Protocol):
    """What a verb that answers a finding is given."""

    @property
    def clock(self) -> Clock:
        """The clock; verbs read it once."""
        ...

    @property
    def store(self) -> AnswerStore:
        """The rows."""
        ...

    @property
    def policy(self) -> PolicySource:
        """The policy in force."""
        ...

    @property
    def times(self) -> SignInTimes:
        """The times."""
        ...
