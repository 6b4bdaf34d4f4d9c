"""The verb that takes a Slack account's link away; an admin's act."""

from dataclasses import dataclass

from grants.errors import NotFound
from grants.outbox.model import Notice
from grants.people.attempts import account_place, account_ref
from grants.people.model import Account, Person
from grants.people.ports import PeoplePorts
from grants.record.model import Event, EventType


@dataclass(frozen=True)
class UnlinkAccount:
    """Which account, and who does it (a person id, or `admin-cli`)."""

    account: Account
    actor: str = "admin-cli"


def unlink_account(command: UnlinkAccount, *, ports: PeoplePorts) -> Person:
    """Take the link away and end the person's web sessions; grants go on to their own end.

    Gives the person that the account was linked to; NotFound when it was linked to nobody.
    """
    now = ports.clock.now()
    ref = account_ref(command.account)
    with ports.store.write() as tx:
        known = tx.known(command.account)
        if known is None or not tx.unlink(command.account):
            raise NotFound("account", ref)
        event = Event(
            EventType.ACCOUNT_UNLINKED,
            now,
            command.actor,
            recipient=known.person.id,
            facts={"account": ref},
        )
        tx.append(event)
        tx.notify(Notice("unlinked", known.person.id, account_place(command.account)))
    return known.person
