"""The relying party and a real OpenID provider understand each other, and nothing else passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.playground.idp import TWO_FACTORS, Client, IdentityProvider, Lie, login_as, valetkey_client
from bot.playground.idp.browserless import browser_session
from bot.playground.idp.install import PackagesMissingError
from bot.web.oidc import ProviderSettings, RelyingParty, VerifiedLogin, claim_path, read_answer
from grants.errors import LoginRefused
from tests.support import parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.playground.certs import Authority

pytestmark = [pytest.mark.needs_node, pytest.mark.security("P3")]

CALLBACK = "https://localhost:8443/signin/callback"
SECRET = "a secret of the tests, long enough"
CLIENTS = (
    valetkey_client(SECRET, CALLBACK),
    Client("curve", "Curve", (CALLBACK,), secret=SECRET, signing_alg="ES256"),
    Client("nested", "Nested", (CALLBACK,), secret=SECRET, groups_path=("realm_access", "roles")),
)


@pytest.fixture
def idp(authority: Authority, tmp_path, pytestconfig: pytest.Config) -> Iterator[IdentityProvider]:
    provider = IdentityProvider(
        certificate=authority.leaf("idp"),
        ca_file=authority.ca_file,
        folder=tmp_path / "idp",
        clients=CLIENTS,
    )
    try:
        provider.start()
    except PackagesMissingError as error:
        parts.missing_parts(pytestconfig).lacks("identity provider", error)
    yield provider
    provider.stop()


@pytest.fixture
def settings(idp: IdentityProvider) -> ProviderSettings:
    return ProviderSettings(
        name="company",
        issuer=idp.issuer,
        client_id="valetkey",
        client_secret=SECRET,
        redirect_uri=CALLBACK,
        ca_file=idp.ca,
    )


def _login(
    idp: IdentityProvider,
    party: RelyingParty,
    person: str = "erin",
    *,
    second_factor: bool = False,
    between=lambda: None,
) -> VerifiedLogin:
    """One whole login, in a browser of its own; `between` happens before the code is redeemed."""
    start = party.start()
    with browser_session(idp.ca) as browser:
        back = login_as(person, start.url, browser, second_factor=second_factor)
    between()
    return party.finish(read_answer(urlsplit(back).query), start.kept(), now=datetime.now(UTC))


def test_a_person_signs_in(idp, settings):
    login = _login(idp, RelyingParty(settings))
    assert (login.issuer, login.subject) == (idp.issuer, idp.people["erin"].subject)
    assert (login.email, login.email_verified) == ("erin@example.com", True)
    assert login.name == "Erin Engström"
    assert login.groups == {"engineers"}
    assert login.amr == ("pwd",)
    assert datetime.now(UTC) - login.auth_time < timedelta(minutes=1)


def test_an_unverified_address_is_known_as_such(idp, settings):
    login = _login(idp, RelyingParty(settings), "mallory")
    assert (login.email_verified, login.groups) == (False, frozenset())


def test_a_token_signed_with_es256_is_taken(idp, settings):
    party = RelyingParty(replace(settings, client_id="curve"))
    assert _login(idp, party).subject == idp.people["erin"].subject


def test_nested_groups_are_found(idp, settings):
    path = claim_path("realm_access.roles")
    party = RelyingParty(replace(settings, client_id="nested", groups_path=path))
    assert _login(idp, party, "ada").groups == {"engineers", "platform"}


@pytest.mark.security("P4")
@pytest.mark.parametrize("sent", ["missing", "claim-names", "hasgroups", "string"])
def test_groups_that_do_not_come_are_unknown(idp, settings, sent):
    idp.change_person("erin", groups_sent=sent)
    assert _login(idp, RelyingParty(settings)).groups is None


def test_keys_may_be_rotated_under_a_running_bot(idp, settings):
    party = RelyingParty(settings)
    _login(idp, party)
    idp.rotate_keys(forget_old=True)
    assert _login(idp, party).subject == idp.people["erin"].subject
    assert idp.requests_seen()["jwks"] == 2
    assert idp.requests_seen()["discovery"] == 1


def test_a_second_factor_is_asked_for_and_proven(idp, settings):
    strict = replace(settings, demanded_acr=(TWO_FACTORS,), demanded_amr=frozenset({"mfa"}))
    party = RelyingParty(strict)
    assert _login(idp, party, second_factor=True).acr == TWO_FACTORS
    with pytest.raises(LoginRefused) as refused:
        _login(idp, party, "mallory")
    assert refused.value.why == "acr"


def test_a_sign_in_too_old_is_refused_even_when_the_provider_gives_it(idp, settings):
    party = RelyingParty(settings)
    with pytest.raises(LoginRefused) as refused:
        _login(idp, party, between=lambda: idp.age_sign_ins(timedelta(hours=13)))
    assert refused.value.why == "auth-time-old"


def test_an_old_session_at_the_provider_is_asked_to_sign_in_again(idp, settings):
    party = RelyingParty(settings)
    with browser_session(idp.ca) as browser:
        login_as("erin", party.start().url, browser)
        idp.age_sign_ins(timedelta(hours=13))
        start = party.start()
        # Somebody else than the old session's person answers: the page was really shown.
        back = login_as("ada", start.url, browser)
    login = party.finish(read_answer(urlsplit(back).query), start.kept(), now=datetime.now(UTC))
    assert login.subject == idp.people["ada"].subject


def test_a_token_of_another_application_is_refused(idp, settings):
    """The code of another client's login, brought to ours: the provider itself refuses it."""
    other = RelyingParty(replace(settings, client_id="curve"))
    start = other.start()
    with browser_session(idp.ca) as browser:
        back = login_as("erin", start.url, browser)
    with pytest.raises(LoginRefused) as refused:
        RelyingParty(settings).finish(
            read_answer(urlsplit(back).query), start.kept(), now=datetime.now(UTC)
        )
    assert refused.value.why == "code-refused"


def test_another_login_s_verifier_does_not_redeem_the_code(idp, settings):
    party = RelyingParty(settings)
    start, other = party.start(), party.start()
    with browser_session(idp.ca) as browser:
        back = login_as("erin", start.url, browser)
    kept = start.kept() | {"verifier": other.verifier}
    with pytest.raises(LoginRefused) as refused:
        party.finish(read_answer(urlsplit(back).query), kept, now=datetime.now(UTC))
    assert refused.value.why == "code-refused"


def test_the_answer_must_name_the_issuer_since_the_provider_announces_it(idp, settings):
    party = RelyingParty(settings)
    start = party.start()
    with browser_session(idp.ca) as browser:
        back = login_as("erin", start.url, browser)
    said = parse_qs(urlsplit(back).query)
    query = f"code={said['code'][0]}&state={said['state'][0]}"
    with pytest.raises(LoginRefused) as refused:
        party.finish(read_answer(query), start.kept(), now=datetime.now(UTC))
    assert refused.value.why == "answer-iss-missing"


def test_a_wrong_secret_is_refused(idp, settings):
    with pytest.raises(LoginRefused) as refused:
        _login(idp, RelyingParty(replace(settings, client_secret="wrong")))
    assert refused.value.why == "code-refused"


def test_a_deactivated_person_gets_no_token(idp, settings):
    with pytest.raises(LoginRefused) as refused:
        _login(idp, RelyingParty(settings), between=lambda: idp.deactivate("erin"))
    assert refused.value.why == "code-refused"


@pytest.mark.parametrize("route", ["discovery", "token", "jwks"])
def test_a_provider_that_hangs_is_left_in_time(idp, settings, route):
    party = RelyingParty(replace(settings, timeout=timedelta(milliseconds=400)))
    idp.stall(route)
    with pytest.raises(LoginRefused) as refused:
        _login(idp, party)
    assert refused.value.why == "unavailable"
    idp.heal()
    assert _login(idp, party).subject == idp.people["erin"].subject


def test_a_provider_that_is_down_is_unavailable_and_back_when_it_is_back(idp, settings):
    party = RelyingParty(settings)
    idp.stop()
    with pytest.raises(LoginRefused) as refused:
        party.start()
    assert refused.value.why == "unavailable"
    idp.start()
    assert _login(idp, party).subject == idp.people["erin"].subject


def test_discovery_of_another_issuer_is_refused(idp, settings):
    idp.lie("discovery", Lie(body='{"issuer": "https://evil.example.com"}'))
    with pytest.raises(LoginRefused) as refused:
        RelyingParty(settings).start()
    assert refused.value.why == "discovery-issuer"


def test_discovery_that_leads_elsewhere_is_not_followed(idp, settings):
    idp.lie("discovery", Lie(status=302, headers=(("location", "https://localhost:1/"),)))
    with pytest.raises(LoginRefused) as refused:
        RelyingParty(settings).start()
    assert refused.value.why == "redirected"
