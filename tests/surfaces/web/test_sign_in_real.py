"""The whole sign-in on real parts: a browser's cookies over https, a real OpenID provider, Slack's
strict double, SQLite, and nothing faked between them.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bot.playground.idp import IdentityProvider, Lie, valetkey_client
from bot.playground.idp.install import PackagesMissingError
from bot.playground.slack import SlackApp, SlackDouble, Workspace
from bot.playground.tls_front import tls_front
from bot.web.app import COMPANY_CALLBACK, SLACK_CALLBACK, App, create_app, sign_in_url
from bot.web.oidc import ProviderSettings, RelyingParty, slack_settings
from bot.web.ports import WebPorts
from bot.web.server import Server
from grants.clock import SystemClock
from grants.people.model import Account, Known
from grants.people.offer_sign_in import OfferSignIn, offer_sign_in
from grants.people.queries import accounts_of, known_account
from tests.support import parts
from tests.support.signing_in import Browser
from tests.support.stores import copied, migrated_template, opened
from tests.support.web import Drafts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.playground.certs import Authority
    from grants.store.store import Store

pytestmark = pytest.mark.needs_node

SECRET = "a secret of the tests, long enough"


class Site:
    """Stands where the app will: its address must be known before the app can be made."""

    app: App

    def __call__(self, environ, start_response):
        return self.app(environ, start_response)


@dataclass
class RealPeople:
    store: Store
    clock: SystemClock


@dataclass
class Town:
    """Everything real, and the two accounts in it."""

    authority: Authority
    idp: IdentityProvider
    slack: SlackDouble
    people: RealPeople
    drafts: Drafts
    url: str
    erin: Account
    ada: Account

    def offer(self, account: Account, draft: str | None = None) -> str:
        command = OfferSignIn(secrets.token_hex(8), account, draft)
        offered = offer_sign_in(command, ports=self.people)
        return sign_in_url(self.url, offered.token)

    def browser(self, account: Account, person: str) -> Browser:
        return Browser(self.authority.ca_file, self.slack, account.user, person)

    def known(self, account: Account) -> Known | None:
        return known_account(account, ports=self.people)


@pytest.fixture
def town(authority: Authority, tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Town]:
    with ExitStack() as stack:
        yield _build(stack, authority, tmp_path, pytestconfig)


def _build(stack: ExitStack, authority: Authority, folder: Path, config: pytest.Config) -> Town:
    site = Site()
    server = Server(site, port=0, threads=16)
    server.start()
    stack.callback(server.stop)
    front = stack.enter_context(tls_front(server.port, authority.leaf("web")))
    url = f"https://localhost:{front.port}"
    idp = _idp(authority, folder, url, config)
    stack.callback(idp.stop)
    slack = stack.enter_context(_slack(authority, url))
    store = stack.enter_context(closing(_store(folder)))
    people, drafts = RealPeople(store, SystemClock()), Drafts()
    site.app = create_app(_ports(url, people, drafts, _logins(authority, idp, slack, url)))
    erin, ada = (
        Account(slack.workspace.team_id, user.id)
        for user in slack.workspace.users.values()
        if user.name in {"erin", "ada"}
    )
    return Town(authority, idp, slack, people, drafts, url, erin, ada)


def _idp(authority: Authority, folder: Path, url: str, config: pytest.Config) -> IdentityProvider:
    idp = IdentityProvider(
        certificate=authority.leaf("idp"),
        ca_file=authority.ca_file,
        folder=folder / "idp",
        clients=(valetkey_client(SECRET, f"{url}{COMPANY_CALLBACK}"),),
    )
    try:
        idp.start()
    except PackagesMissingError as error:
        parts.missing_parts(config).lacks("identity provider", error)
    return idp


def _slack(authority: Authority, url: str) -> SlackDouble:
    workspace = Workspace(seed="sign-in")
    workspace.add_user("erin", "Erin Engström")
    workspace.add_user("ada", "Ada Okonkwo")
    leaf = authority.leaf("slack")
    app = SlackApp.made_up(redirect_uris=(f"{url}{SLACK_CALLBACK}",))
    return SlackDouble(
        workspace,
        app,
        hostname="localhost",
        ssl_certfile=str(leaf.chain_file),
        ssl_keyfile=str(leaf.key_file),
    )


def _store(folder: Path) -> Store:
    return opened(copied(migrated_template(folder), folder))


def _logins(
    authority: Authority, idp: IdentityProvider, slack: SlackDouble, url: str
) -> tuple[RelyingParty, RelyingParty]:
    of_slack = slack_settings(
        client_id=slack.app.client_id,
        client_secret=slack.app.client_secret,
        redirect_uri=f"{url}{SLACK_CALLBACK}",
        team=slack.workspace.team_id,
        issuer=slack.url,
        ca_file=authority.ca_file,
    )
    of_company = ProviderSettings(
        name="company",
        issuer=idp.issuer,
        client_id="valetkey",
        client_secret=SECRET,
        redirect_uri=f"{url}{COMPANY_CALLBACK}",
        ca_file=authority.ca_file,
    )
    return RelyingParty(of_slack), RelyingParty(of_company)


def _ports(
    url: str, people: RealPeople, drafts: Drafts, logins: tuple[RelyingParty, RelyingParty]
) -> WebPorts:
    return WebPorts(
        public_url=url,
        people=people,
        slack_login=logins[0],
        company_login=logins[1],
        submit_draft=drafts.submit,
    )


@pytest.mark.security("P1")
def test_a_person_is_linked_by_both_logins_and_signs_in_again_by_one(town: Town):
    browser = town.browser(town.erin, "erin")
    done = browser.open_link(town.offer(town.erin, "req-1"))
    assert done.status_code == 200, done.text
    assert "Erin Engström" in done.text
    known = town.known(town.erin)
    assert known is not None
    assert known.person.issuer == town.idp.issuer
    assert known.sign_in.groups == {"engineers"}
    assert known.emails == {"erin@example.com"}
    assert town.drafts.submitted == [(known.person.id, "req-1")]
    town.idp.change_person("erin", groups=("engineers", "oncall"))
    again = town.browser(town.erin, "erin").open_link(town.offer(town.erin))
    assert again.status_code == 200, again.text
    known = town.known(town.erin)
    assert known is not None
    assert known.sign_in.groups == {"engineers", "oncall"}


@pytest.mark.security("P1")
def test_one_persons_link_in_anothers_browser_links_nobody(town: Town):
    refused = town.browser(town.ada, "ada").open_link(town.offer(town.erin))
    assert refused.status_code == 403
    assert town.known(town.erin) is None
    assert town.known(town.ada) is None


@pytest.mark.security("P1")
def test_another_identity_on_a_later_sign_in_is_refused(town: Town):
    town.browser(town.erin, "erin").open_link(town.offer(town.erin))
    before = town.known(town.erin)
    refused = town.browser(town.erin, "ada").open_link(town.offer(town.erin))
    assert refused.status_code == 403
    assert "another identity" in refused.text
    assert town.known(town.erin) == before


@pytest.mark.security("P2")
def test_two_accounts_of_one_identity_are_one_person(town: Town):
    town.browser(town.erin, "erin").open_link(town.offer(town.erin))
    town.browser(town.ada, "erin").open_link(town.offer(town.ada))
    erin, ada = town.known(town.erin), town.known(town.ada)
    assert erin is not None
    assert ada is not None
    assert erin.person == ada.person
    assert set(accounts_of(erin.person.id, ports=town.people)) == {town.erin, town.ada}


@pytest.mark.security("P4")
def test_a_login_that_sends_no_groups_is_taken_and_its_groups_are_unknown(town: Town):
    town.idp.change_person("erin", groups_sent="claim-names")
    done = town.browser(town.erin, "erin").open_link(town.offer(town.erin))
    assert "groups are not known" in done.text
    known = town.known(town.erin)
    assert known is not None
    assert known.sign_in.groups is None


def test_a_provider_that_fails_at_the_end_leaves_the_link_good(town: Town):
    link, browser = town.offer(town.erin), town.browser(town.erin, "erin")
    town.idp.lie("token", Lie(status=503))
    refused = browser.open_link(link)
    assert refused.status_code == 503
    assert town.known(town.erin) is None
    town.idp.heal()
    assert browser.open_link(link).status_code == 200
    assert town.known(town.erin) is not None
