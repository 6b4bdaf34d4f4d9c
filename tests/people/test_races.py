"""One link, many at once: each step is taken once, on both databases (P1)."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from grants.errors import ChangedMeanwhile, LinkRefused
from grants.people.finish_sign_in import FinishSignIn, LoginFacts, finish_sign_in
from grants.people.model import Account, Profile
from grants.people.offer_sign_in import OfferSignIn, offer_sign_in
from grants.people.open_attempt import OpenAttempt, Opened, open_attempt
from grants.people.prove_slack import ProveSlack, prove_slack
from grants.people.queries import accounts_of
from grants.people.run_login import KeepLogin, TakeLogin, keep_login, take_login
from grants.store.store import Store
from tests.support.store_values import FixedClock

pytestmark = pytest.mark.security("P1")

ADA = Account("T0ACME", "U0ADA")
BOB = Account("T0ACME", "U0BOB")
AT_ONCE = 8


@dataclass
class Ports:
    store: Store
    clock: FixedClock


@pytest.fixture
def ports(real_store: Store, clock: FixedClock) -> Ports:
    return Ports(real_store, clock)


def login(ports: Ports, subject: str = "ada") -> LoginFacts:
    return LoginFacts(
        issuer="https://login.acme.example",
        subject=subject,
        auth_time=ports.clock.now(),
        groups=frozenset(),
        acr=None,
        amr=(),
        profile=Profile(subject, f"{subject}@acme.example", email_verified=True),
    )


def opened(ports: Ports, key: str = "one", account: Account = ADA) -> Opened:
    token = offer_sign_in(OfferSignIn(key, account), ports=ports).token
    at = open_attempt(OpenAttempt(token), ports=ports)
    prove_slack(ProveSlack(at.attempt.id, at.browser, account), ports=ports)
    return at


def all_at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run all from one line; gives what each returned, or the refusal that it met."""
    line = threading.Barrier(len(calls))
    outcomes: list[Any] = [None] * len(calls)

    def run(number: int) -> None:
        line.wait(30)
        try:
            outcomes[number] = calls[number]()
        except (LinkRefused, ChangedMeanwhile) as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert None not in outcomes
    return outcomes


def won(outcomes: list[Any]) -> list[Any]:
    return [one for one in outcomes if not isinstance(one, Exception)]


def test_of_many_browsers_one_gets_the_link(ports):
    token = offer_sign_in(OfferSignIn("one", ADA), ports=ports).token
    outcomes = all_at_once([lambda: open_attempt(OpenAttempt(token), ports=ports)] * AT_ONCE)
    assert len(won(outcomes)) == 1


def test_one_answer_of_a_login_is_taken_once(ports):
    at = opened(ports)
    keep_login(KeepLogin(at.attempt.id, at.browser, "company", {"state": "s"}), ports=ports)
    take = TakeLogin(at.attempt.id, at.browser, "company", "s")
    outcomes = all_at_once([lambda: take_login(take, ports=ports)] * AT_ONCE)
    assert len(won(outcomes)) == 1


def test_one_attempt_is_finished_once(ports):
    at = opened(ports)
    command = FinishSignIn(at.attempt.id, at.browser, login(ports))
    outcomes = all_at_once([lambda: finish_sign_in(command, ports=ports)] * AT_ONCE)
    assert len(won(outcomes)) == 1


def test_two_links_of_one_account_link_it_to_one_person(ports):
    """Both were offered while nobody was linked; they end with two identities at one moment."""
    first, second = opened(ports, "one"), opened(ports, "two")
    commands = [
        FinishSignIn(at.attempt.id, at.browser, login(ports, subject))
        for at, subject in ((first, "ada"), (second, "mallory"))
    ]
    outcomes = all_at_once(
        [lambda c=command: finish_sign_in(c, ports=ports) for command in commands]
    )
    (done,) = won(outcomes)
    assert accounts_of(done.person.id, ports=ports) == (ADA,)


def test_two_accounts_of_one_identity_become_one_person(ports):
    """Who loses the race may sign in again; nobody becomes two people."""
    commands = [
        FinishSignIn(at.attempt.id, at.browser, login(ports))
        for at in (opened(ports, "one", ADA), opened(ports, "two", BOB))
    ]
    outcomes = all_at_once(
        [lambda c=command: finish_sign_in(c, ports=ports) for command in commands]
    )
    people = {done.person for done in won(outcomes)}
    assert len(people) == 1
    again = opened(ports, "three", BOB)
    done = finish_sign_in(
        replace(commands[1], attempt=again.attempt.id, browser=again.browser), ports=ports
    )
    assert {done.person} == people
