"""What policy needs of the world: files, and rows to hold a new version against."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from grants.policy.source import PolicyFile
from grants.record.model import EventLog


class PolicyReader(Protocol):
    """Where policy files come from."""

    def files(self) -> tuple[PolicyFile, ...]:
        """Read every file; PolicyInvalid when there is none or it can't be read."""
        ...


class LiveGrant(Protocol):
    """What policy must know of a grant that is not ended: its id and its cluster's alias."""

    @property
    def id(self) -> str:
        """The grant's id."""
        ...

    @property
    def cluster(self) -> str:
        """The alias of its cluster."""
        ...


class PolicyTx(EventLog, Protocol):
    """The rows that policy reads and writes within one write transaction."""

    def add_policy(self, digest: str, body: bytes, at: datetime) -> None:
        """Keep the bytes of a policy version by digest (once)."""
        ...

    def last_policy(self) -> bytes | None:
        """Give the bytes of the version that came into force last; None before the first."""
        ...

    def live_grants(self) -> Sequence[LiveGrant]:
        """List grants that are not ended."""
        ...

    def known_groups(self) -> frozenset[str]:
        """Give every group that somebody's last sign-in named."""
        ...


class PolicyStore(Protocol):
    """Where transactions come from."""

    def write(self) -> AbstractContextManager[PolicyTx]:
        """Open one write transaction; leaving it without an error commits."""
        ...
