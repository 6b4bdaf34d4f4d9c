"""Lists and whole views for surfaces: each as of the one moment of its transaction."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, or_, select

from grants.access.model import AccessRequest, Decision, Grant, GrantState, ProofKind, RequestState
from grants.history.model import (
    Counts,
    DecisionView,
    GrantView,
    PersonLabel,
    PersonView,
    RequestView,
)
from grants.people.model import Account, email_key
from grants.record.model import StoredEvent
from grants.store import tables as t
from grants.store.access import LIVE, OPEN, AccessRows
from grants.store.people import PeopleRows
from grants.store.rows import grant_of
from grants.store.undelivered import WANTED


class HistoryRows(AccessRows, PeopleRows):
    """What HistoryTx asks for, but for the filtered list."""

    def people_called(self, text: str) -> frozenset[str]:
        """Find person ids by id, email, subject or Slack account (`team/user`)."""
        team, _, user = text.partition("/")
        accounts, profiles, pinned = t.accounts.c, t.profiles.c, t.emails.c
        found: list[Select[Any]] = [
            select(t.people.c.id).where(or_(t.people.c.id == text, t.people.c.subject == text)),
            select(accounts.person).where(accounts.team == team, accounts.user == user),
            select(pinned.person).where(pinned.email == email_key(text)),
            select(profiles.person).where(func.lower(profiles.email) == email_key(text)),
        ]
        return frozenset(row[0] for query in found for row in self._rows(query))

    def request_view(self, request: str) -> RequestView | None:
        """Read a request with everything that belongs to it."""
        found = self.request(request)
        return None if found is None else self._view(found, self.grant_of_request(request))

    def grant_view(self, grant: str) -> RequestView | None:
        """Read a grant's request in the same way, with this grant alone."""
        found = self.grant(grant)
        request = None if found is None else self.request(found.request)
        return None if found is None or request is None else self._view(request, (found,))

    def waiting(self, limit: int) -> tuple[AccessRequest, ...]:
        """List pending requests, the oldest first."""
        columns = t.requests.c
        pending = columns.state == str(RequestState.PENDING)
        return self._requests(pending, order=(columns.created_at, columns.id), limit=limit)

    def requests_of(self, person: str, limit: int) -> tuple[AccessRequest, ...]:
        """List what a person asked for, the newest first."""
        columns = t.requests.c
        newest = (columns.created_at.desc(), columns.id)
        return self._requests(columns.requester == person, order=newest, limit=limit)

    def grants_of(self, person: str | None, limit: int) -> tuple[Grant, ...]:
        """List a recipient's grants (None: everybody's), ended ones included, newest first."""
        columns = t.grants.c
        query = select(t.grants).order_by(columns.created_at.desc(), columns.id).limit(limit)
        if person is not None:
            query = query.where(columns.recipient == person)
        return self._readable("grant", self._rows(query), grant_of)

    def stuck(self) -> tuple[Grant, ...]:
        """List revocations that need a human, the longest failing first."""
        columns = t.grants.c
        needed = (LIVE, columns.stuck.is_(True), columns.state == str(GrantState.REVOKING))
        rows = self._rows(
            select(t.grants).where(*needed).order_by(columns.failing_since, columns.id)
        )
        return self._readable("grant", rows, grant_of)

    def counts(self) -> Counts:
        """Count what metrics show."""
        return Counts(
            requests=self._by_state(t.requests.c.state, OPEN),
            grants=self._by_state(t.grants.c.state, LIVE),
            stuck=self._count(select(func.count()).where(LIVE, t.grants.c.stuck.is_(True))),
            undelivered=self._count(select(func.count()).where(WANTED)),
            events=self._count(select(t.record_order.c.number)),
        )

    def events_about(self, name: str) -> tuple[StoredEvent, ...]:
        """Read the events of a request or of a grant, in order."""
        columns = t.events.c
        rows = self._rows(
            select(columns.number, columns.id, columns.canonical)
            .where(or_(columns.request == name, columns.grant_id == name))
            .order_by(columns.number)
        )
        return tuple(StoredEvent(row.number, row.id, bytes(row.canonical)) for row in rows)

    def _labels(self, people: Iterable[str]) -> dict[str, PersonLabel]:
        """Read the labels of people, who need not have signed in yet."""
        query = select(t.people, t.profiles.c.name, t.profiles.c.email).outerjoin(
            t.profiles, t.profiles.c.person == t.people.c.id
        )
        rows = self._rows(query.where(t.people.c.id.in_(sorted(set(people)))))
        return {row.id: _label(row) for row in rows}

    def _requests(
        self, *wanted: ColumnElement[bool], order: tuple[ColumnElement[Any], ...], limit: int
    ) -> tuple[AccessRequest, ...]:
        ids = self._rows(select(t.requests.c.id).where(*wanted).order_by(*order).limit(limit))
        found = self._readable("request", ids, lambda row: self.request(row.id))
        return tuple(request for request in found if request is not None)

    def _view(self, request: AccessRequest, grants: tuple[Grant, ...]) -> RequestView:
        agreed = (item.terms.role_digest for item in request.items)
        digests = dict.fromkeys((*agreed, *(grant.role_now for grant in grants if grant.role_now)))
        roles = (self.role(digest) for digest in digests)
        return RequestView(
            request=request,
            requester=self._person_view(request.requester),
            recipient=self._person_view(request.recipient),
            decisions=tuple(self._decision_view(each) for each in self.decisions(request.id)),
            grants=tuple(self._grant_view(each) for each in grants),
            roles=tuple(role for role in roles if role is not None),
        )

    def _decision_view(self, decision: Decision) -> DecisionView:
        sign_in = self._sign_in(t.sign_ins.c.id == decision.sign_in)
        return DecisionView(decision, self._person_view(decision.approver), sign_in)

    def _grant_view(self, grant: Grant) -> GrantView:
        proofs = (self.proof(grant.id, kind) for kind in ProofKind)
        ended_by = self._person_view(grant.ended_by) if grant.ended_by else None
        return GrantView(grant, tuple(proof for proof in proofs if proof is not None), ended_by)

    def _person_view(self, person: str) -> PersonView:
        label = self._labels([person]).get(person, PersonLabel(person, "", person))
        accounts: tuple[Account, ...] = self.accounts_of(person)
        return PersonView(label, self._last_sign_in(person), accounts)

    def _by_state(self, column: ColumnElement[str], wanted: ColumnElement[bool]) -> dict[str, int]:
        counted = select(column.label("state"), func.count().label("many"))
        return {r.state: r.many for r in self._rows(counted.where(wanted).group_by(column))}

    def _count(self, query: Any) -> int:
        row = self._row(query)
        return 0 if row is None else int(row[0])


def _label(row: Row[Any]) -> PersonLabel:
    return PersonLabel(row.id, row.issuer, row.subject, row.name, row.email)
