"""`valetkey people`: who is linked to an account, and taking the link away."""

import json
from contextlib import closing
from dataclasses import dataclass

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from grants.clock import SystemClock
from grants.people.finish_sign_in import FinishSignIn, LoginFacts, SignedIn, finish_sign_in
from grants.people.model import Account, Profile
from grants.people.offer_sign_in import OfferSignIn, offer_sign_in
from grants.people.open_attempt import OpenAttempt, open_attempt
from grants.people.prove_slack import ProveSlack, prove_slack
from grants.people.queries import known_account
from grants.store.store import Store
from tests.support.stores import copied, migrated_template, opened

ADA = Account("T0ACME", "U0ADA")


@dataclass
class Ports:
    store: Store
    clock: SystemClock


@pytest.fixture
def url(tmp_path) -> str:
    return copied(migrated_template(tmp_path), tmp_path)


def ran(url: str, *arguments: str, typed: str = "") -> Result:
    environ = {"VALETKEY_DATABASE_URL": url}
    return CliRunner().invoke(main, ["people", *arguments], env=environ, input=typed)


def linked(url: str, name: str = "Ada Lovelace") -> SignedIn:
    with closing(opened(url)) as store:
        ports = Ports(store, SystemClock())
        token = offer_sign_in(OfferSignIn("one", ADA), ports=ports).token
        at = open_attempt(OpenAttempt(token), ports=ports)
        prove_slack(ProveSlack(at.attempt.id, at.browser, ADA), ports=ports)
        login = LoginFacts(
            issuer="https://login.acme.example",
            subject="ada",
            auth_time=ports.clock.now(),
            groups=frozenset({"b", "a"}),
            acr=None,
            amr=("pwd",),
            profile=Profile(name, "ada@acme.example", email_verified=True),
        )
        return finish_sign_in(FinishSignIn(at.attempt.id, at.browser, login), ports=ports)


def test_an_account_is_shown_with_its_person(url):
    done = linked(url)
    shown = ran(url, "show", "T0ACME/U0ADA", "--format", "json")
    assert shown.exit_code == 0, shown.output
    facts = json.loads(shown.output)
    assert facts["person"] == done.person.id
    assert facts["groups"] == ["a", "b"]
    assert facts["accounts"] == ["T0ACME/U0ADA"]
    table = ran(url, "show", "T0ACME/U0ADA")
    assert "Ada Lovelace" in table.output
    assert "a, b" in table.output


def test_an_account_that_is_linked_to_nobody_is_not_found(url):
    for command in ("show", "unlink"):
        refused = ran(url, command, "T0ACME/U0ADA")
        assert refused.exit_code == 1
        assert "no such account" in refused.output


@pytest.mark.parametrize("name", ["ada", "T0ACME/", "/U0ADA", "T0ACME/U0/x", "T0ACME/U0 ADA"])
def test_what_is_no_account_is_a_usage_error(url, name):
    refused = ran(url, "show", name)
    assert refused.exit_code == 2
    assert "TEAM/USER" in refused.output


def test_a_link_is_taken_away_once_it_is_confirmed(url):
    linked(url)
    kept = ran(url, "unlink", "T0ACME/U0ADA", typed="n\n")
    assert kept.exit_code == 1
    done = ran(url, "unlink", "T0ACME/U0ADA", "--yes")
    assert done.exit_code == 0, done.output
    with closing(opened(url)) as store:
        assert known_account(ADA, ports=Ports(store, SystemClock())) is None


@pytest.mark.security("D1")
def test_a_name_from_the_provider_is_no_terminal_code(url):
    linked(url, name=f"Ada{chr(0x1B)}[2J{chr(0x202E)}")
    shown = ran(url, "show", "T0ACME/U0ADA")
    assert chr(0x1B) not in shown.output
    assert chr(0x202E) not in shown.output
