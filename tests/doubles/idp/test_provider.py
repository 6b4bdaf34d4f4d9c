"""The playground's identity provider keeps the promises that a company's provider makes."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from bot.playground.idp import (
    DEFAULT_PEOPLE,
    ONE_FACTOR,
    TWO_FACTORS,
    IdentityProvider,
    Lie,
    LoginStoppedError,
    approve_device,
    valetkey_client,
)
from bot.playground.idp.browserless import browser_session
from tests.support.idp import Asker, header, unchecked

pytestmark = pytest.mark.needs_node


def test_a_token_says_who_signed_in_how_and_when(asker):
    before = int(time.time())
    claims = asker.claims("ada")
    assert claims["sub"] == asker.idp.people["ada"].subject
    assert claims["iss"] == asker.idp.issuer
    assert claims["aud"] == "valetkey"
    assert claims["nonce"] == "the nonce"
    assert claims["email"] == "ada@example.com"
    assert claims["email_verified"] is True
    assert claims["groups"] == ["engineers", "platform"]
    assert claims["acr"] == ONE_FACTOR
    assert claims["amr"] == ["pwd"]
    assert before <= claims["auth_time"] <= time.time()
    assert claims["jti"]


def test_a_second_factor_is_said_in_acr_and_amr(asker):
    claims = asker.claims("ada", second_factor=True)
    assert claims["acr"] == TWO_FACTORS
    assert claims["amr"] == ["pwd", "otp", "mfa"]


def test_somebody_without_a_second_factor_has_no_such_button(asker):
    with pytest.raises(LoginStoppedError, match="no such button for mallory"):
        asker.claims("mallory", second_factor=True)


def test_an_unverified_address_is_said_to_be_unverified(asker):
    claims = asker.claims("mallory")
    assert claims["email_verified"] is False
    assert claims["groups"] == []


def test_the_answer_names_its_issuer(asker):
    back = asker.come_back("erin")
    assert back["iss"] == asker.idp.issuer
    assert back["state"] == "the state"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
    ],
)
def test_pkce_with_s256_is_demanded_of_a_confidential_client_too(asker, changes):
    back = asker.come_back("erin", **changes)
    assert back["error"] == "invalid_request"
    assert "code" not in back


def test_a_code_is_worthless_without_its_verifier(asker):
    code = asker.come_back("erin")["code"]
    refused = asker.redeem(code, code_verifier="x" * 64)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_a_code_is_redeemed_once(asker):
    code = asker.come_back("erin")["code"]
    assert asker.redeem(code).status_code == requests.codes.ok
    assert asker.redeem(code).json()["error"] == "invalid_grant"


def test_a_redirect_that_is_not_registered_is_refused_on_the_spot(asker):
    with pytest.raises(LoginStoppedError, match="redirect_uri"):
        asker.come_back("erin", redirect_uri="https://evil.example/callback")


def test_a_client_may_have_its_tokens_signed_with_es256(asker):
    curve = replace(asker, client_id="curve")
    assert header(curve.token("erin"))["alg"] == "ES256"
    assert curve.claims("erin")["aud"] == "curve"


def test_groups_may_be_nested(asker):
    claims = replace(asker, client_id="nested").claims("erin")
    assert claims["realm_access"] == {"roles": ["engineers"]}
    assert "groups" not in claims


def test_one_sign_in_serves_the_next_request(asker):
    first, second = asker.claims("erin"), asker.claims("nobody is asked")
    assert second["sub"] == first["sub"]
    assert second["auth_time"] == first["auth_time"]


def test_prompt_login_asks_again_and_another_person_may_answer(asker):
    asker.claims("erin")
    assert asker.claims("ada", prompt="login")["sub"] == asker.idp.people["ada"].subject


def test_prompt_none_without_a_sign_in_is_an_error(asker):
    assert asker.come_back("erin", prompt="none")["error"] == "login_required"


def test_wanting_a_second_factor_asks_a_person_signed_in_with_one(asker):
    asker.claims("erin")
    assert asker.claims("erin", second_factor=True, acr_values=TWO_FACTORS)["acr"] == TWO_FACTORS
    assert asker.claims("nobody is asked", acr_values=TWO_FACTORS)["acr"] == TWO_FACTORS


def test_a_cancelled_sign_in_comes_back_as_access_denied(asker):
    page = asker.browser.get(asker.address(), timeout=10)
    answer = asker.browser.post(page.url, data={"cancel": "yes"}, allow_redirects=False, timeout=10)
    back = asker.browser.get(answer.headers["location"], allow_redirects=False, timeout=10)
    assert "error=access_denied" in back.headers["location"]


def test_the_page_loads_nothing_from_elsewhere(asker):
    page = asker.browser.get(asker.address(), timeout=10)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for mark in ("<script", "src=", "@import", "url(", "<link"):
        assert mark not in page.text


def test_max_age_asks_again_once_the_sign_in_is_older(own_asker):
    own_asker.claims("erin")
    assert own_asker.claims("nobody is asked", max_age=60)["sub"]
    own_asker.idp.age_sign_ins(timedelta(minutes=2))
    assert own_asker.come_back("erin", max_age=60, prompt="none")["error"] == "login_required"
    assert own_asker.claims("erin", max_age=60)["auth_time"] >= time.time() - 60


def test_a_code_can_be_made_to_look_older_than_it_is(own_asker):
    back = own_asker.come_back("erin")
    own_asker.idp.age_sign_ins(timedelta(hours=13))
    token = own_asker.redeem(back["code"]).json()["id_token"]
    assert unchecked(token)["auth_time"] < time.time() - 12 * 3600


def test_rotation_signs_with_new_keys_and_keeps_the_old_published(own_asker):
    old = own_asker.token("erin")
    kids = own_asker.idp.rotate_keys()
    assert len(kids) == 4
    assert header(own_asker.token("erin"))["kid"] == kids[0] != header(old)["kid"]
    assert header(old)["kid"] in {key.kid for key in own_asker.published()}


def test_rotation_may_forget_the_old_keys(own_asker):
    old = own_asker.token("erin")
    own_asker.idp.rotate_keys(forget_old=True)
    assert header(old)["kid"] not in {key.kid for key in own_asker.published()}
    assert own_asker.claims("erin")["nonce"] == "the nonce"


@pytest.mark.parametrize(
    ("sent", "there", "absent"),
    [
        ("missing", set(), {"groups", "_claim_names", "hasgroups"}),
        ("claim-names", {"_claim_names", "_claim_sources"}, {"groups"}),
        ("hasgroups", {"hasgroups"}, {"groups"}),
    ],
)
def test_groups_may_be_missing_or_too_many_to_send(own_asker, sent, there, absent):
    own_asker.idp.change_person("erin", groups_sent=sent)
    claims = own_asker.claims("erin")
    assert there <= claims.keys()
    assert not absent & claims.keys()


def test_a_changed_person_is_told_of_in_the_next_token(own_asker):
    own_asker.claims("erin")
    own_asker.idp.change_person(
        "erin", groups=("sales",), email="e2@example.com", extra_claims={"department": "blue"}
    )
    claims = own_asker.claims("nobody is asked")
    assert claims["groups"] == ["sales"]
    assert claims["email"] == "e2@example.com"
    assert claims["department"] == "blue"


def test_a_deactivated_person_gets_no_token_and_is_asked_again(own_asker):
    code = own_asker.come_back("erin")["code"]
    own_asker.idp.deactivate("erin")
    assert own_asker.redeem(code).json()["error"] == "invalid_grant"
    with pytest.raises(LoginStoppedError, match="no such button for erin"):
        own_asker.come_back("erin")
    assert own_asker.come_back("ada")["code"]


def test_a_click_on_a_card_that_was_deactivated_meanwhile_signs_nobody_in(own_asker):
    page = own_asker.browser.get(own_asker.address(), timeout=10)
    own_asker.idp.deactivate("erin")
    answer = own_asker.browser.post(
        page.url, data={"person": "erin", "factor": "one"}, allow_redirects=False, timeout=10
    )
    assert answer.status_code == requests.codes.forbidden
    assert 'role="alert"' in answer.text


def test_a_stalled_route_answers_nothing_until_it_is_healed(own_asker):
    own_asker.idp.stall("jwks")
    with pytest.raises(requests.ReadTimeout):
        own_asker.browser.get(f"{own_asker.idp.issuer}/jwks", timeout=0.3)
    own_asker.idp.heal()
    assert own_asker.published().keys
    assert own_asker.idp.requests_seen()["jwks"] == 2


def test_a_route_may_lie(own_asker):
    own_asker.idp.lie("discovery", Lie(status=503, body="down", content_type="text/plain"))
    url = f"{own_asker.idp.issuer}/.well-known/openid-configuration"
    assert own_asker.browser.get(url, timeout=10).status_code == 503
    own_asker.idp.heal()
    assert own_asker.browser.get(url, timeout=10).json()["issuer"] == own_asker.idp.issuer


def test_the_control_door_opens_to_its_token_only(own_idp):
    for headers in ({}, {"Authorization": "Bearer guessed"}):
        answer = requests.post(f"{own_idp._control_url}/rotate", headers=headers, timeout=10)
        assert answer.status_code == 401


def test_secrets_stand_neither_in_arguments_nor_in_files_left_behind(own_idp, tmp_path):
    [child] = own_idp._children.running
    assert own_idp._control_token not in Path(f"/proc/{child.pid}/cmdline").read_text()
    assert own_idp._control_token not in Path(f"/proc/{child.pid}/environ").read_text()
    assert not (tmp_path / "idp" / "config.json").exists()


def test_a_restart_keeps_the_issuer(own_asker):
    issuer = own_asker.idp.issuer
    own_asker.idp.stop()
    with pytest.raises(requests.ConnectionError):
        own_asker.browser.get(issuer, timeout=5)
    own_asker.idp.start()
    assert own_asker.idp.issuer == issuer
    assert own_asker.claims("erin")["iss"] == issuer


def test_without_single_sign_on_each_sign_in_chooses(authority, tmp_path):
    idp = IdentityProvider(
        certificate=authority.leaf("idp"),
        ca_file=authority.ca_file,
        folder=tmp_path / "idp",
        people=DEFAULT_PEOPLE[:2],
        clients=[valetkey_client("x" * 32, "https://localhost:1/cb")],
        single_sign_on=False,
    )
    with idp, browser_session(idp.ca) as browser:
        asker = Asker(idp, browser, secret="x" * 32, redirect_uri="https://localhost:1/cb")
        assert asker.claims("erin")["sub"] == idp.people["erin"].subject
        assert asker.claims("ada")["sub"] == idp.people["ada"].subject


def test_the_device_flow_gives_the_person_s_own_token(asker):
    kubectl = replace(asker, client_id="kubernetes", secret=None)
    url = f"{asker.idp.issuer}/device/auth"
    begun = asker.browser.post(
        url, data={"client_id": "kubernetes", "scope": "openid email groups"}, timeout=10
    ).json()
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": begun["device_code"],
        "client_id": "kubernetes",
    }
    waiting = asker.browser.post(f"{asker.idp.issuer}/token", data=form, timeout=10)
    assert waiting.json()["error"] == "authorization_pending"
    approve_device("omar", begun["verification_uri_complete"], asker.browser)
    token = asker.browser.post(f"{asker.idp.issuer}/token", data=form, timeout=10).json()[
        "id_token"
    ]
    claims = unchecked(token)
    assert claims["aud"] == "kubernetes"
    assert claims["sub"] == kubectl.idp.people["omar"].subject


def test_each_person_has_a_subject_of_their_own():
    assert len({person.subject for person in DEFAULT_PEOPLE}) == len(DEFAULT_PEOPLE)
