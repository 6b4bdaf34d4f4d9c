"""Reading what cards show: a request's facts, with the accounts of the people in it."""

from collections.abc import Iterable
from dataclasses import replace

from bot.slack.facts import Face, RequestFacts, accounts_first, read_facts
from bot.slack.ports import SlackPorts
from grants.access.model import AccessRequest, Grant
from grants.people.model import Account, Known


def known_of(ports: SlackPorts, account: Account) -> Known | None:
    """Find who is linked to an account."""
    with ports.people.read() as tx:
        return tx.known(account)


def account_for(ports: SlackPorts, person: str) -> Account | None:
    """Find where to write to a person: the account of our workspace that was linked first."""
    with ports.people.read() as tx:
        return accounts_first(tx.accounts_of(person), ports.settings.team)


def faces_of(ports: SlackPorts, people: Iterable[str]) -> dict[str, Face]:
    """Read the faces of people, accounts included."""
    with ports.people.read() as tx:
        return {
            person: Face(
                person,
                tx.known_person(person),
                accounts_first(tx.accounts_of(person), ports.settings.team),
            )
            for person in dict.fromkeys(people)
        }


def request_facts(ports: SlackPorts, request: str) -> RequestFacts | None:
    """Read a request with all that its cards show; None when there is no such request."""
    with ports.access.read() as tx:
        found = tx.request(request)
        facts = read_facts(tx, found, ports.policy.current()) if found else None
    return with_accounts(ports, facts) if facts else None


def facts_of(ports: SlackPorts, requests: Iterable[AccessRequest]) -> list[RequestFacts]:
    """Read the facts of several requests."""
    with ports.access.read() as tx:
        found = [read_facts(tx, request, ports.policy.current()) for request in requests]
    return [with_accounts(ports, facts) for facts in found]


def with_accounts(ports: SlackPorts, facts: RequestFacts) -> RequestFacts:
    """Add the accounts by which people are mentioned."""
    faces = faces_of(ports, facts.faces)
    requester = faces.get(facts.request.requester, facts.requester)
    return replace(facts, faces=faces, requester=requester)


def request_of(ports: SlackPorts, request: str) -> AccessRequest | None:
    """Read a request alone."""
    with ports.access.read() as tx:
        return tx.request(request)


def grant_of(ports: SlackPorts, grant: str) -> Grant | None:
    """Read a grant."""
    with ports.access.read() as tx:
        return tx.grant(grant)
