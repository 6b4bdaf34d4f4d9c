"""Rows of people: persons, sign-ins, accounts, attempts, sessions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, insert, select, update

from grants.people.model import (
    Account,
    Attempt,
    AttemptStep,
    Known,
    Person,
    Profile,
    SignIn,
    WebSession,
    email_key,
)
from grants.store import tables as t
from grants.store.base import TxBase, one_row

_A, _P, _S, _L = t.accounts.c, t.people.c, t.sign_ins.c, t.profiles.c
_CAME_BEFORE = select(t.inbound.c.key).where(t.inbound.c.key == bindparam("this"))
_ATTEMPT = one_row(select(t.attempts).where(t.attempts.c.id == bindparam("this")))
_ATTEMPT_BY_SECRET = one_row(
    select(t.attempts).where(t.attempts.c.secret_digest == bindparam("secret"))
)
# The last sign-in is the one whose labels stand in the profile; a row for each pinned email.
_KNOWN = (
    select(_P.id.label("who"), _P.issuer, _P.subject, t.sign_ins)
    .add_columns(_L.name, _L.email, _L.email_verified, t.emails.c.email.label("pinned"))
    .join(t.profiles, _L.person == _P.id)
    .join(t.sign_ins, and_(_S.id == _L.sign_in, _S.person == _L.person))
    .outerjoin(t.emails, t.emails.c.person == _P.id)
)
_KNOWN_PERSON = _KNOWN.where(_P.id == bindparam("this"))
# The account's person first: PostgreSQL reads all the rest by keys then.
_LINKED = (
    select(_A.person)
    .where(_A.team == bindparam("team"), _A.user == bindparam("user"))
    .scalar_subquery()
)
_KNOWN_ACCOUNT = _KNOWN.where(_P.id == _LINKED)
_KNOWN_BOTH = _KNOWN.add_columns(_LINKED.label("linked")).where(
    _P.id.in_((_LINKED, bindparam("this")))
)
_WITH_EMAIL = select(t.emails.c.person).where(t.emails.c.email == bindparam("email"))


class PeopleRows(TxBase):
    """What PeopleTx asks for."""

    def first_time(self, key: str, at: datetime) -> bool:
        """Store the key of an inbound thing; False when it came before."""
        return self._insert_once(t.inbound, {"key": key, "at": at})

    def came_before(self, key: str) -> bool:
        """Tell whether the key of an inbound thing is stored."""
        return self._row(_CAME_BEFORE, {"this": key}) is not None

    def add_attempt(self, attempt: Attempt) -> None:
        """Insert a sign-in attempt."""
        self._run(insert(t.attempts).values(_attempt_values(attempt)))

    def attempt(self, attempt: str) -> Attempt | None:
        """Read an attempt by id; on PostgreSQL its row stays locked."""
        row = self._locked(_ATTEMPT, {"this": attempt})
        return None if row is None else _attempt(row)

    def attempt_by_secret(self, secret_digest: str) -> Attempt | None:
        """Read an attempt by the SHA-256 of its link's token; its row stays locked likewise."""
        row = self._locked(_ATTEMPT_BY_SECRET, {"secret": secret_digest})
        return None if row is None else _attempt(row)

    def save_attempt(self, attempt: Attempt) -> Attempt:
        """Store a moved attempt; gives it with its new version."""
        moved = replace(attempt, version=attempt.version + 1)
        columns = t.attempts.c
        done = self._run(
            update(t.attempts)
            .where(columns.id == attempt.id, columns.version == attempt.version)
            .values(_attempt_values(moved))
        )
        self._must_have_moved(done, "attempt", attempt.id)
        return moved

    def known(self, account: Account) -> Known | None:
        """Find the person linked to an account, with the last sign-in."""
        rows = self._rows(_KNOWN_ACCOUNT, {"team": account.team, "user": account.user})
        return _known(rows, account)

    def known_person(self, person: str) -> Known | None:
        """Find a person by id, with the last sign-in; None before the first one."""
        return _known(self._rows(_KNOWN_PERSON, {"this": person}))

    def known_both(self, account: Account, person: str) -> tuple[Known | None, Known | None]:
        """Find the person linked to an account, and one by id, by one statement."""
        values = {"team": account.team, "user": account.user, "this": person}
        rows = self._rows(_KNOWN_BOTH, values)
        linked = [row for row in rows if row.who == row.linked]
        return _known(linked, account), _known([row for row in rows if row.who == person])

    def people_with_email(self, email: str) -> tuple[Known, ...]:
        """Find people pinned to a verified email, whatever its case."""
        rows = self._rows(_WITH_EMAIL, {"email": email_key(email)})
        found = (self.known_person(row.person) for row in rows)
        return tuple(known for known in found if known is not None)

    def person(self, issuer: str, subject: str) -> Person | None:
        """Find a person by what identifies them."""
        columns = t.people.c
        row = self._row(
            select(t.people).where(columns.issuer == issuer, columns.subject == subject)
        )
        return None if row is None else _person(row)

    def add_person(self, person: Person, at: datetime) -> None:
        """Insert a person."""
        self._run(
            insert(t.people).values(
                id=person.id, issuer=person.issuer, subject=person.subject, at=at
            )
        )

    def add_sign_in(self, sign_in: SignIn) -> None:
        """Insert a sign-in, store the profile's labels, and pin a verified email not yet pinned."""
        self._run(insert(t.sign_ins).values(_sign_in_values(sign_in)))
        labels = {
            "sign_in": sign_in.id,
            "name": sign_in.profile.name,
            "email": sign_in.profile.email,
            "email_verified": sign_in.profile.email_verified,
        }
        self._run(
            self._insert(t.profiles)
            .values(person=sign_in.person, **labels)
            .on_conflict_do_update(index_elements=["person"], set_=labels)
        )
        if sign_in.profile.email and sign_in.profile.email_verified:
            self._insert_once(
                t.emails,
                {
                    "email": email_key(sign_in.profile.email),
                    "person": sign_in.person,
                    "at": sign_in.at,
                },
            )

    def accounts_of(self, person: str) -> tuple[Account, ...]:
        """List the Slack accounts linked to a person, the earliest link first."""
        columns = t.accounts.c
        rows = self._rows(
            select(columns.team, columns.user)
            .where(columns.person == person)
            .order_by(columns.at, columns.team, columns.user)
        )
        return tuple(Account(row.team, row.user) for row in rows)

    def link(self, account: Account, person: str, at: datetime) -> None:
        """Link an account that has no person yet (unique)."""
        self._run(
            insert(t.accounts).values(team=account.team, user=account.user, person=person, at=at)
        )

    def unlink(self, account: Account) -> bool:
        """Take a link away; False when there was none. Ends that person's web sessions."""
        columns = t.accounts.c
        gone = self._row(
            delete(t.accounts)
            .where(columns.team == account.team, columns.user == account.user)
            .returning(columns.person)
        )
        if gone is None:
            return False
        self._run(delete(t.sessions).where(t.sessions.c.person == gone.person))
        return True

    def add_session(self, session: WebSession) -> None:
        """Insert a web session."""
        self._run(
            insert(t.sessions).values(
                id=session.id,
                secret_digest=session.secret_digest,
                person=session.person,
                created_at=session.created_at,
                expires_at=session.expires_at,
            )
        )

    def session(self, secret_digest: str) -> WebSession | None:
        """Find a web session by the SHA-256 of its cookie."""
        row = self._row(select(t.sessions).where(t.sessions.c.secret_digest == secret_digest))
        return None if row is None else WebSession(**row._mapping)  # noqa: SLF001 -- a row's public form

    def end_session(self, session: str) -> None:
        """Delete a web session."""
        self._run(delete(t.sessions).where(t.sessions.c.id == session))

    def _last_sign_in(self, person: str) -> SignIn | None:
        return self._sign_in(_S.id == _L.sign_in, _L.person == person)

    def _sign_in(self, *where: ColumnElement[bool]) -> SignIn | None:
        labels = (_L.name, _L.email, _L.email_verified)
        signed = select(t.sign_ins, *labels).join(t.profiles, _L.person == _S.person)
        row = self._row(signed.where(*where))
        return None if row is None else _sign_in(row)


def _known(rows: Sequence[Row[Any]], account: Account | None = None) -> Known | None:
    if not rows:
        return None
    row, emails = rows[0], frozenset(row.pinned for row in rows if row.pinned is not None)
    return Known(Person(row.who, row.issuer, row.subject), _sign_in(row), account, emails)


def _person(row: Row[Any]) -> Person:
    return Person(row.id, row.issuer, row.subject)


def _sign_in(row: Row[Any]) -> SignIn:
    return SignIn(
        id=row.id,
        person=row.person,
        at=row.at,
        auth_time=row.auth_time,
        groups=None if row.groups is None else frozenset(row.groups),
        acr=row.acr,
        amr=tuple(row.amr),
        profile=Profile(row.name, row.email, row.email_verified),
        claims=row.claims,
    )


def _sign_in_values(sign_in: SignIn) -> dict[str, Any]:
    return {
        "id": sign_in.id,
        "person": sign_in.person,
        "at": sign_in.at,
        "auth_time": sign_in.auth_time,
        "groups": None if sign_in.groups is None else sorted(sign_in.groups),
        "acr": sign_in.acr,
        "amr": list(sign_in.amr),
        "claims": dict(sign_in.claims),
    }


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.id,
        version=row.version,
        account=Account(row.team, row.user),
        secret_digest=row.secret_digest,
        step=AttemptStep(row.step),
        expires_at=row.expires_at,
        browser_digest=row.browser_digest,
        link=row.link,
        draft=row.draft,
        slack=row.slack,
        company=row.company,
    )


def _attempt_values(attempt: Attempt) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "version": attempt.version,
        "team": attempt.account.team,
        "user": attempt.account.user,
        "secret_digest": attempt.secret_digest,
        "step": str(attempt.step),
        "expires_at": attempt.expires_at,
        "browser_digest": attempt.browser_digest,
        "link": attempt.link,
        "draft": attempt.draft,
        "slack": dict(attempt.slack),
        "company": dict(attempt.company),
    }
