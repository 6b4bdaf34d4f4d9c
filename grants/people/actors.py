"""Who acts: the person behind a signed Slack account, or why nobody may act for it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol

from grants.errors import SignInNeeded, SignInTooOld
from grants.people.model import Account, Known
from grants.record.model import Event, EventLog, EventType
from grants.record.room import Once, Room

NOTHING_MORE: Final[Mapping[str, object]] = MappingProxyType({})
REFUSALS: Final = Room("refusals", 30, timedelta(hours=1))


class RefusalTx(EventLog, Once, Protocol):
    """What a refusal is appended in."""


def name_of(account: Account) -> str:
    """Name an account that nobody is linked to, for the record."""
    return f"slack:{account.team}/{account.user}"


def actor_of(known: Known | None, account: Account) -> str:
    """Name who acts, for the record: a person id, or the account alone."""
    return known.person.id if known else name_of(account)


def lacking(known: Known | None, now: datetime, max_age: timedelta) -> SignInNeeded | None:
    """Tell what sign-in is lacking; None when the person is linked and signed in freshly."""
    if known is None:
        return SignInNeeded("not-linked")
    if not known.sign_in.is_fresh(now, max_age):
        return SignInTooOld("too-old", signed_in_at=known.sign_in.auth_time)
    return None


def refuse(
    tx: RefusalTx,
    kind: EventType,
    at: datetime,
    actor: str,
    code: str,
    *,
    request: str | None = None,
    grant: str | None = None,
    failed: tuple[str, ...] = (),
    about: Mapping[str, object] = NOTHING_MORE,
) -> None:
    """Append a refusal: who was refused what, by which stable codes; `about` are more facts.

    Only so many of a kind in an hour for each actor, or whoever may click could fill the record;
    the last one says that more are left out, and until when.
    """
    left = REFUSALS.take(tx, f"{actor}:{kind}", at)
    if left < 0:
        return
    facts: dict[str, object] = {**about, "code": code, "failed": list(failed)}
    if left == 0:
        facts["more_left_out_until"] = REFUSALS.until(at).isoformat()
    tx.append(Event(kind, at, actor=actor, request=request, grant=grant, facts=facts))
