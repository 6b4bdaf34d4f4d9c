"""What people needs of the world: its rows."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from grants.clock import Clock
from grants.outbox.model import Outbox
from grants.people.model import Account, Attempt, Known, Person, SignIn, WebSession
from grants.record.model import EventLog


class PeopleTx(EventLog, Outbox, Protocol):
    """The rows that people reads and writes within one write transaction.

    `save_attempt` compares the version that was read and raises ChangedMeanwhile when the row
    has moved on, so that a link is used once whatever races.
    """

    def first_time(self, key: str, at: datetime) -> bool:
        """Store the key of an inbound thing; False when it came before."""
        ...

    def add_attempt(self, attempt: Attempt) -> None:
        """Insert a sign-in attempt."""
        ...

    def attempt(self, attempt: str) -> Attempt | None:
        """Read an attempt by id."""
        ...

    def attempt_by_secret(self, secret_digest: str) -> Attempt | None:
        """Read an attempt by the SHA-256 of its link's token."""
        ...

    def save_attempt(self, attempt: Attempt) -> Attempt:
        """Store a moved attempt; gives it with its new version."""
        ...

    def known(self, account: Account) -> Known | None:
        """Find the person linked to an account, with the last sign-in."""
        ...

    def known_person(self, person: str) -> Known | None:
        """Find a person by id, with the last sign-in."""
        ...

    def person(self, issuer: str, subject: str) -> Person | None:
        """Find a person by what identifies them."""
        ...

    def add_person(self, person: Person, at: datetime) -> None:
        """Insert a person."""
        ...

    def add_sign_in(self, sign_in: SignIn) -> None:
        """Insert a sign-in, store the profile's labels, and pin a verified email not yet pinned."""
        ...

    def accounts_of(self, person: str) -> tuple[Account, ...]:
        """List the Slack accounts linked to a person."""
        ...

    def link(self, account: Account, person: str, at: datetime) -> None:
        """Link an account that has no person yet (unique)."""
        ...

    def unlink(self, account: Account) -> bool:
        """Take a link away; False when there was none. Ends that person's web sessions."""
        ...

    def add_session(self, session: WebSession) -> None:
        """Insert a web session."""
        ...

    def session(self, secret_digest: str) -> WebSession | None:
        """Find a web session by the SHA-256 of its cookie."""
        ...

    def end_session(self, session: str) -> None:
        """Delete a web session."""
        ...


class PeopleStore(Protocol):
    """Where transactions come from."""

    def write(self) -> AbstractContextManager[PeopleTx]:
        """Open one write transaction; leaving it without an error commits."""
        ...

    def read(self) -> AbstractContextManager[PeopleTx]:
        """Open one read transaction; writing in it is an error."""
        ...


class PeoplePorts(Protocol):
    """What a verb of people is given."""

    @property
    def clock(self) -> Clock:
        """The clock; verbs read it once."""
        ...

    @property
    def store(self) -> PeopleStore:
        """The rows."""
        ...
