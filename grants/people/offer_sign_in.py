"""The verb that offers a Slack account to sign in: a link, good for ten minutes, once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from grants.errors import AlreadyDone, TooMany
from grants.ids import Prefix, new_id
from grants.people.attempts import account_ref, actor_of
from grants.people.model import Account, Attempt, AttemptStep
from grants.people.ports import PeoplePorts
from grants.people.tokens import digest_of, new_secret
from grants.record.model import Event, EventType
from grants.record.room import Room

OFFER_LASTS: Final = timedelta(minutes=10)
"""How long a link may be opened and gone through to its end."""

OFFERS: Final = Room("sign-in-offers", 10, OFFER_LASTS)


@dataclass(frozen=True)
class OfferSignIn:
    """Who is to sign in, and the draft that goes on afterwards (if any).

    `key` is the unique key of the inbound thing that asked: a replay makes no second link.
    """

    key: str
    account: Account
    draft: str | None = None


@dataclass(frozen=True)
class Offered:
    """The secret of the link, told once and stored nowhere; `link`: the account is new to us."""

    token: str
    link: bool
    expires_at: datetime


def offer_sign_in(command: OfferSignIn, *, ports: PeoplePorts) -> Offered:
    """Offer a sign-in. Others already offered stay good: each is of single use.

    AlreadyDone when the same inbound thing came before; TooMany when many were offered of late.
    """
    now = ports.clock.now()
    token = new_secret()
    with ports.store.write() as tx:
        if not tx.first_time(command.key, now):
            raise AlreadyDone(command.key)
        if OFFERS.take(tx, account_ref(command.account), now) < 0:
            raise TooMany("sign-in-offer", OFFERS.until(now))
        attempt = _attempt(command, token, now, link=tx.known(command.account) is None)
        tx.add_attempt(attempt)
        facts = {"attempt": attempt.id, "account": account_ref(command.account)}
        actor = actor_of(tx, command.account)
        tx.append(Event(EventType.SIGN_IN_OFFERED, now, actor, request=command.draft, facts=facts))
    return Offered(token, attempt.link, attempt.expires_at)


def _attempt(command: OfferSignIn, token: str, now: datetime, *, link: bool) -> Attempt:
    return Attempt(
        id=new_id(Prefix.ATTEMPT),
        account=command.account,
        secret_digest=digest_of(token),
        step=AttemptStep.OFFERED,
        expires_at=now + OFFER_LASTS,
        link=link,
        draft=command.draft,
    )
