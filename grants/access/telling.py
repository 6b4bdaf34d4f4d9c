"""Who is told what when a request or grant moves; always inside the transaction of the move."""

from typing import Final

from grants.access.model import AccessRequest, Grant, Terms
from grants.access.ports import AccessTx
from grants.outbox.model import Card, CardKind, Notice, Place, PlaceKind
from grants.policy.model import Notify, Policy

NOBODY_ASKED: Final = "nobody-asked"


def places(tx: AccessTx, notify: Notify) -> tuple[Place, ...]:
    """Turn a policy's notify into places; people it names who never signed in have none."""
    people = (known.person.id for email in notify.people for known in tx.people_with_email(email))
    named = (
        *(Place(PlaceKind.CHANNEL, ref) for ref in notify.channels),
        *(Place(PlaceKind.USER_GROUP, ref) for ref in notify.user_groups),
        *(Place(PlaceKind.PERSON, ref) for ref in people),
    )
    return tuple(dict.fromkeys(named))


def tell_submitted(tx: AccessTx, request: AccessRequest, notify: Notify) -> None:
    """Want the approvers' cards and the requester's; where nobody can be asked, say so."""
    asked = places(tx, notify)
    for place in asked:
        tx.tell(Card(CardKind.APPROVAL, request.id, place))
    tx.tell(Card(CardKind.REQUEST, request.id, Place(PlaceKind.PERSON, request.requester)))
    if not asked:
        tell_nobody_asked(tx, request)


def tell_nobody_asked(tx: AccessTx, request: AccessRequest) -> None:
    """Tell who asked that nobody could be told of their request."""
    ping(tx, request.requester, NOBODY_ASKED, request.id, scope_facts(request.items[0].terms))


def ping(tx: AccessTx, person: str, code: str, about: str, facts: dict[str, str]) -> None:
    """Tell one person a sentence once: a card that changes in place makes no sound."""
    tx.notify(sentence(person, code, about, facts))


def sentence(person: str, code: str, about: str, facts: dict[str, str]) -> Notice:
    """Give a sentence for one person."""
    return Notice(code, about, Place(PlaceKind.PERSON, person), facts)


def scope_facts(of: Terms | Grant) -> dict[str, str]:
    """Give the facts that say what access is meant."""
    return {
        "entitlement": of.entitlement,
        "namespace": of.namespace or "",
        "cluster": of.cluster,
    }


def tell_admins(tx: AccessTx, policy: Policy, code: str, about: str, facts: dict[str, str]) -> None:
    """Tell the admins' places a sentence once."""
    for place in places(tx, policy.admin_notify):
        tx.notify(Notice(code, about, place, facts))


def tell_stuck(tx: AccessTx, policy: Policy, grant: Grant) -> None:
    """Want the card of a revocation that needs a human at the admins' places."""
    for place in places(tx, policy.admin_notify):
        tx.tell(Card(CardKind.STUCK, grant.id, place))
