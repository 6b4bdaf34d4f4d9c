"""The verb that ends a sign-in: the identity is known, the account linked, the groups fresh."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from grants.errors import LinkRefused
from grants.ids import Prefix, new_id
from grants.outbox.model import Notice
from grants.people.attempts import account_place, account_ref, own_attempt, refuse_for_good
from grants.people.bounds import (
    LONGEST_ISSUER,
    LONGEST_SUBJECT,
    bounded_claims,
    bounded_groups,
    bounded_profile,
    bounded_strength,
)
from grants.people.model import Account, Attempt, AttemptStep, Person, Profile, SignIn
from grants.people.ports import PeoplePorts, PeopleTx
from grants.record.model import Event, EventType


@dataclass(frozen=True)
class LoginFacts:
    """What the company's login said, its token verified already; `groups` None: not said."""

    issuer: str
    subject: str
    auth_time: datetime
    groups: frozenset[str] | None
    acr: str | None
    amr: tuple[str, ...]
    profile: Profile
    claims: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class FinishSignIn:
    """The company's half, come back to the browser that holds the attempt."""

    attempt: str
    browser: str
    login: LoginFacts


@dataclass(frozen=True)
class SignedIn:
    """Who signed in, whether the account was linked by it, and the draft that now goes on."""

    person: Person
    sign_in: SignIn
    account: Account
    linked_now: bool
    draft: str | None


def finish_sign_in(command: FinishSignIn, *, ports: PeoplePorts) -> SignedIn:
    """Finish a sign-in and use the attempt up, whatever comes of it.

    Whether a link is made is judged by what is linked now, not when the link was offered.
    A linked account needs no Slack login again: the company's login must give the very person
    that it is linked to, so that whoever opens another's link gains nothing.
    LinkRefused: as for opening, or `other-person`, `slack-not-proven`, `identity-too-long`.
    """
    now = ports.clock.now()
    with ports.store.write() as tx:
        outcome = _finish(tx, command, now)
    if isinstance(outcome, LinkRefused):
        raise outcome
    return outcome


def _finish(tx: PeopleTx, command: FinishSignIn, now: datetime) -> SignedIn | LinkRefused:
    attempt = own_attempt(tx, command.attempt, command.browser, now)
    if isinstance(attempt, LinkRefused):
        return attempt
    known = tx.known(attempt.account)
    person = tx.person(command.login.issuer, command.login.subject)
    if why := _why_not(command.login, attempt, known.person if known else None, person):
        return refuse_for_good(tx, attempt, why, now, "company")
    if person is None:
        person = Person(new_id(Prefix.PERSON), command.login.issuer, command.login.subject)
        tx.add_person(person, now)
    sign_in = _sign_in(command.login, person, now)
    tx.add_sign_in(sign_in)
    if known is None:
        _link(tx, attempt, sign_in, now)
    tx.save_attempt(attempt.moved(AttemptStep.DONE))
    _tell(tx, attempt, sign_in, now, linked_now=known is None)
    return SignedIn(person, sign_in, attempt.account, known is None, attempt.draft)


def _why_not(
    login: LoginFacts, attempt: Attempt, linked: Person | None, person: Person | None
) -> str | None:
    """Say why this identity may not be this account's, or None when it may."""
    if len(login.issuer) > LONGEST_ISSUER or len(login.subject) > LONGEST_SUBJECT:
        return "identity-too-long"
    if linked is not None:
        return None if person == linked else "other-person"
    return None if attempt.step is AttemptStep.SLACK_PROVEN else "slack-not-proven"


def _sign_in(login: LoginFacts, person: Person, now: datetime) -> SignIn:
    acr, amr = bounded_strength(login.acr, login.amr)
    return SignIn(
        id=new_id(Prefix.SIGN_IN),
        person=person.id,
        at=now,
        # A provider's clock may run ahead of ours by its leeway; the login is over all the same,
        # and a time in the future would not count as fresh.
        auth_time=min(login.auth_time, now),
        groups=bounded_groups(login.groups),
        acr=acr,
        amr=amr,
        profile=bounded_profile(login.profile),
        claims=bounded_claims(login.claims),
    )


def _link(tx: PeopleTx, attempt: Attempt, sign_in: SignIn, now: datetime) -> None:
    """Link the account, and tell every account that this identity had before."""
    others = tx.accounts_of(sign_in.person)
    tx.link(attempt.account, sign_in.person, now)
    ref = account_ref(attempt.account)
    facts = {"account": ref, "others": len(others)}
    tx.append(Event(EventType.ACCOUNT_LINKED, now, sign_in.person, facts=facts))
    for other in others:
        notice = Notice("linked-elsewhere", attempt.id, account_place(other), {"account": ref})
        tx.notify(notice)


def _tell(
    tx: PeopleTx, attempt: Attempt, sign_in: SignIn, now: datetime, *, linked_now: bool
) -> None:
    """Append the sign-in's event and tell the account by a message."""
    groups = sign_in.groups
    facts = {
        "sign_in": sign_in.id,
        "attempt": attempt.id,
        "account": account_ref(attempt.account),
        "groups_known": groups is not None,
        "auth_time": sign_in.auth_time.isoformat(),
        "acr": sign_in.acr or "",
        "amr": list(sign_in.amr),
    }
    tx.append(
        Event(EventType.SIGN_IN_DONE, now, sign_in.person, request=attempt.draft, facts=facts)
    )
    told = {
        "name": sign_in.profile.name,
        "email": sign_in.profile.email or "",
        "groups": "unknown" if groups is None else str(len(groups)),
        "draft": attempt.draft or "",
    }
    code = "linked" if linked_now else "signed-in"
    tx.notify(Notice(code, attempt.id, account_place(attempt.account), told))
