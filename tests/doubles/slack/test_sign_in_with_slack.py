"""Sign in with Slack: what the browser sees, and tokens that stand up to strict checks."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet
from slack_sdk import WebClient

from bot.playground.slack.signin import TEAM_ID, USER_ID

if TYPE_CHECKING:
    from tests.support.slack_world import World

Json = dict[str, Any]
CALLBACK = "https://valetkey.example/slack/callback"


def asking(world: World, **changes: str | None) -> dict[str, str]:
    parameters: dict[str, str | None] = {
        "response_type": "code",
        "client_id": world.double.app.client_id,
        "scope": "openid profile email",
        "redirect_uri": CALLBACK,
        "state": "st",
        "nonce": "no",
        **changes,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def consent(world: World, decision: str = "allow", **changes: str | None) -> dict[str, list[str]]:
    """Decide on the page as Erin; return the query of the redirect."""
    url = f"{world.double.url}/openid/connect/authorize"
    form = {**asking(world, **changes), "person": world.erin.id, "decision": decision}
    answer = requests.post(url, data=form, allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    target = answer.headers["Location"]
    assert target.startswith(CALLBACK)
    return parse_qs(urlsplit(target).query)


def token(world: World, code: str, **changes: str) -> Json:
    fields = {
        "client_id": world.double.app.client_id,
        "client_secret": world.double.app.client_secret,
        "code": code,
        "redirect_uri": CALLBACK,
        "grant_type": "authorization_code",
        **changes,
    }
    url = f"{world.double.api_url}openid.connect.token"
    answer: Json = requests.post(url, data=fields, timeout=5).json()
    return answer


def test_a_sign_in_ends_with_a_token_that_names_user_and_team(world: World) -> None:
    back = consent(world)
    assert back["state"] == ["st"]
    answer = token(world, back["code"][0])
    discovery = requests.get(
        f"{world.double.url}/.well-known/openid-configuration", timeout=5
    ).json()
    keys = KeySet.import_key_set(requests.get(discovery["jwks_uri"], timeout=5).json())
    claims = jwt.decode(answer["id_token"], keys, algorithms=["RS256"]).claims
    assert claims["iss"] == discovery["issuer"] == world.double.url
    assert claims["aud"] == world.double.app.client_id
    assert claims["nonce"] == "no"
    assert claims["sub"] == claims[USER_ID] == world.erin.id
    assert claims[TEAM_ID] == world.workspace.team_id
    assert 0 < claims["exp"] - claims["iat"] <= 300
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).decode().rstrip("=")
    client = WebClient(token=answer["access_token"], base_url=world.double.api_url)
    info = client.openid_connect_userInfo()
    assert info[USER_ID] == world.erin.id
    assert info["email"] == "erin@harbour.example"


def test_only_what_was_asked_for_is_told(world: World) -> None:
    answer = token(world, consent(world, scope="openid", nonce=None)["code"][0])
    payload = answer["id_token"].split(".")[1]
    claims = base64.urlsafe_b64decode(payload + "==").decode()
    assert "email" not in claims
    assert "nonce" not in claims


def test_the_person_may_say_no(world: World) -> None:
    assert consent(world, "deny") == {"error": ["access_denied"], "state": ["st"]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"client_id": "1.2"}, "Invalid client_id parameter"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri did not match"),
        ({"redirect_uri": f"{CALLBACK}/more"}, "redirect_uri did not match"),
        ({"response_type": "token"}, "response_type must be code"),
        ({"scope": "profile email"}, "Invalid permissions requested"),
        ({"scope": "openid chat:write"}, "Invalid permissions requested"),
        ({"team": "T404"}, "not the workspace"),
        ({"code_challenge": "x"}, "not modelled: code_challenge"),
    ],
)
def test_the_page_refuses_and_never_redirects(
    world: World, changes: dict[str, str], said: str
) -> None:
    """https://docs.slack.dev/authentication/sign-in-with-slack"""
    url = f"{world.double.url}/openid/connect/authorize"
    page = requests.get(f"{url}?{urlencode(asking(world, **changes))}", timeout=5)
    assert page.status_code == 400
    assert said in page.text
    form = {**asking(world, **changes), "person": world.erin.id, "decision": "allow"}
    assert requests.post(url, data=form, allow_redirects=False, timeout=5).status_code == 400
    assert requests.get(f"{url}?{urlencode(asking(world))}", timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "1.2"}, "invalid_client_id"),
        ({"client_secret": "guess"}, "bad_client_secret"),
        ({"code": "guess"}, "invalid_code"),
        ({"redirect_uri": "https://evil.example/"}, "bad_redirect_uri"),
        ({"grant_type": "password"}, "invalid_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_grant_type"),
    ],
)
def test_the_token_is_refused(world: World, changes: dict[str, str], error: str) -> None:
    """https://docs.slack.dev/reference/methods/openid.connect.token"""
    code = consent(world)["code"][0]
    assert token(world, **{"code": code, **changes}) == {"ok": False, "error": error}
    assert token(world, code)["ok"]


def test_a_code_works_once_and_for_ten_minutes(world: World) -> None:
    code = consent(world)["code"][0]
    assert token(world, code)["ok"]
    assert token(world, code)["error"] == "invalid_code"
    late = consent(world)["code"][0]
    world.workspace.clock = lambda now=world.workspace.now: now + timedelta(minutes=11)
    assert token(world, late)["error"] == "invalid_code"


def test_the_client_may_name_itself_in_the_header(world: World) -> None:
    app = world.double.app
    fields = {"code": consent(world)["code"][0], "redirect_uri": CALLBACK}
    url = f"{world.double.api_url}openid.connect.token"
    login = (app.client_id, app.client_secret)
    assert requests.post(url, data=fields, auth=login, timeout=5).json()["ok"]


def test_a_deactivated_person_cannot_sign_in(world: World) -> None:
    world.workspace.change_user(world.erin.id, deleted=True)
    url = f"{world.double.url}/openid/connect/authorize"
    form = {**asking(world), "person": world.erin.id, "decision": "allow"}
    assert requests.post(url, data=form, allow_redirects=False, timeout=5).status_code == 400


def test_the_page_offers_the_person_of_this_browser(world: World) -> None:
    browser = requests.Session()
    browser.get(f"{world.double.url}/?as=ari", timeout=5)
    url = f"{world.double.url}/openid/connect/authorize?{urlencode(asking(world))}"
    page = browser.get(url, timeout=5).text
    browser.close()
    assert f'<option value="{world.ari.id}" selected>' in page


def test_tests_may_consent_in_one_step(world: World) -> None:
    url = f"{world.double.url}/openid/connect/authorize?{urlencode(asking(world))}"
    target = world.double.sign_in.consent(url, world.ari.id)
    code = parse_qs(urlsplit(target).query)["code"][0]
    assert token(world, code)["ok"]
