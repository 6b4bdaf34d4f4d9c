"""Every bad token is refused by name; the good one, one thing away from each, is taken."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from joserfc.jwk import ECKey, RSAKey

from bot.web.oidc import LoginAnswer, claim_path, read_answer, slack_account, slack_settings
from grants.errors import LoginRefused
from tests.support.oidc_tokens import (
    ACCESS_TOKEN,
    CLIENT,
    EC,
    ISSUER,
    NOW,
    RSA,
    SETTINGS,
    STRANGE,
    Desk,
    MemoryTransport,
    good_claims,
    half_hash,
    part,
    sign,
    signed_with_public_key,
    unsigned,
)

AT = int(NOW.timestamp())
GOOD_HEADER = {"alg": "RS256", "kid": "rsa-1"}
pytestmark = pytest.mark.security("P3")


def _why(refused: pytest.ExceptionInfo[LoginRefused]) -> str:
    assert refused.value.provider == "company"
    return refused.value.why


def test_a_good_token_says_who_signed_in():
    login = Desk().login()
    assert (login.issuer, login.subject) == (ISSUER, "u-123")
    assert (login.email, login.email_verified, login.name) == ("erin@example.com", True, "Erin")
    assert login.groups == frozenset({"engineers"})
    assert (login.acr, login.amr) == ("mfa", ("pwd", "otp"))
    assert login.auth_time == datetime.fromtimestamp(AT - 60, UTC)
    assert login.claims["sub"] == "u-123"


BAD_CLAIMS = [
    ("another issuer", {"iss": "https://evil.example.com"}, "iss"),
    ("issuer with a slash more", {"iss": f"{ISSUER}/"}, "iss"),
    ("no issuer", {"iss": ...}, "iss"),
    ("foreign audience", {"aud": "another"}, "aud"),
    ("foreign audience, azp ours", {"aud": "another", "azp": CLIENT}, "aud"),
    ("two audiences, azp ours", {"aud": [CLIENT, "another"], "azp": CLIENT}, "aud"),
    ("no audience", {"aud": ...}, "aud"),
    ("no audience in the list", {"aud": []}, "aud"),
    ("ours within a text", {"aud": f"{CLIENT} another"}, "aud"),
    ("foreign azp", {"azp": "another"}, "azp"),
    ("azp null", {"azp": None}, "azp"),
    ("expired now", {"exp": AT}, "exp"),
    ("expired within the leeway", {"exp": AT - 1}, "exp"),
    ("no end", {"exp": ...}, "exp"),
    ("end as a text", {"exp": str(AT + 300)}, "exp"),
    ("end as a boolean", {"exp": True}, "exp"),
    ("end beyond every calendar", {"exp": 1e300}, "exp"),
    ("issued in the future", {"iat": AT + 31}, "iat"),
    ("not said when issued", {"iat": ...}, "iat"),
    ("not yet valid", {"nbf": AT + 31}, "nbf"),
    ("no nonce", {"nonce": ...}, "nonce-missing"),
    ("nonce null", {"nonce": None}, "nonce-missing"),
    ("another nonce", {"nonce": "another"}, "nonce"),
    ("no time of sign-in", {"auth_time": ...}, "auth-time-missing"),
    ("time of sign-in as a text", {"auth_time": str(AT)}, "auth-time-malformed"),
    ("sign-in too old by a second", {"auth_time": AT - 12 * 3600 - 1}, "auth-time-old"),
    ("sign-in in the future", {"auth_time": AT + 31}, "auth-time-future"),
    ("hash of another access token", {"at_hash": half_hash("another")}, "at-hash"),
    ("hash null", {"at_hash": None}, "at-hash"),
    ("no subject", {"sub": ...}, "sub"),
    ("empty subject", {"sub": ""}, "sub"),
    ("subject as a number", {"sub": 7}, "sub"),
    ("endless subject", {"sub": "x" * 256}, "sub"),
    ("subject with a line end", {"sub": "a\nb"}, "sub"),
    ("half a surrogate pair", {"name": "\ud800"}, "token-malformed"),
]


@pytest.mark.parametrize(
    ("claims", "why"), [row[1:] for row in BAD_CLAIMS], ids=[row[0] for row in BAD_CLAIMS]
)
def test_a_token_with_one_wrong_claim_is_refused_by_name(claims, why):
    desk = Desk()
    with pytest.raises(LoginRefused) as refused:
        desk.login(**claims)
    assert _why(refused) == why


GOOD_VARIANTS = [
    ("audience as a list of ours alone", {"aud": [CLIENT]}),
    ("azp ours", {"azp": CLIENT}),
    ("a provider's clock a little ahead", {"iat": AT + 30, "nbf": AT + 30, "auth_time": AT + 30}),
    ("one second before its end", {"exp": AT + 1}),
    ("sign-in just young enough", {"auth_time": AT - 12 * 3600}),
    ("times with fractions", {"auth_time": AT - 0.5, "exp": AT + 0.5}),
    ("no hash of the access token", {"at_hash": ...}),
]


@pytest.mark.parametrize(
    "claims", [row[1] for row in GOOD_VARIANTS], ids=[row[0] for row in GOOD_VARIANTS]
)
def test_what_the_standard_allows_is_taken(claims):
    assert Desk().login(**claims).subject == "u-123"


def _resigned(claims):
    """A signature that is good, over other claims than those beside it."""
    header, _claims, signature = sign(GOOD_HEADER, claims).split(".")
    return f"{header}.{part(claims | {'sub': 'somebody else'})}.{signature}"


def _twice(claims):
    return json.dumps(claims)[:-1].encode() + b', "aud": "valetkey"}'


def _with_crit(claims):
    header, body, _signature = sign(GOOD_HEADER, claims).split(".")
    header = part(GOOD_HEADER | {"crit": ["b64"], "b64": False})
    return f"{header}.{body}.AAAA"


FORGED = [
    ("not signed at all", unsigned, "alg"),
    ("HS256 with the public key", signed_with_public_key, "alg"),
    ("PS256", lambda c: sign({"alg": "PS256", "kid": "rsa-1"}, c), "alg"),
    ("RS512", lambda c: sign({"alg": "RS512", "kid": "rsa-1"}, c), "alg"),
    ("no algorithm", lambda c: f"{part({'kid': 'rsa-1'})}.{part(c)}.AAAA", "alg"),
    ("algorithm as a list", lambda c: f"{part({'alg': ['RS256']})}.{part(c)}.AAAA", "alg"),
    (
        "a key never published",
        lambda c: sign({"alg": "RS256", "kid": "strange"}, c, STRANGE),
        "kid",
    ),
    ("a foreign key under our name", lambda c: sign(GOOD_HEADER, c, STRANGE), "signature"),
    (
        "our RSA key's name for ES256",
        lambda c: sign({"alg": "ES256", "kid": "rsa-1"}, c, EC),
        "kid",
    ),
    ("key name as a number", lambda c: f"{part({'alg': 'RS256', 'kid': 1})}.{part(c)}.AA", "kid"),
    (
        "its own key in the header",
        lambda c: sign(GOOD_HEADER | {"jwk": STRANGE.as_dict(private=False)}, c, STRANGE),
        "signature",
    ),
    (
        "its own key at an address",
        lambda c: sign(GOOD_HEADER | {"jku": "https://evil.example.com/jwks"}, c, STRANGE),
        "signature",
    ),
    ("a logout token", lambda c: sign(GOOD_HEADER | {"typ": "logout+jwt"}, c), "typ"),
    ("an access token", lambda c: sign(GOOD_HEADER | {"typ": "at+jwt"}, c), "typ"),
    ("an extension that must be understood", _with_crit, "typ"),
    ("claims exchanged", _resigned, "signature"),
    ("signature cut", lambda c: sign(GOOD_HEADER, c)[:-8], "signature"),
    ("no signature", lambda c: sign(GOOD_HEADER, c).rpartition(".")[0] + ".", "signature"),
    ("two parts", lambda c: sign(GOOD_HEADER, c).rpartition(".")[0], "token-malformed"),
    ("no token", lambda c: "", "token-malformed"),
    ("not base64", lambda c: "!.!.!", "token-malformed"),
    ("not JSON", lambda c: sign(GOOD_HEADER, b"claims"), "token-malformed"),
    ("a list", lambda c: sign(GOOD_HEADER, b"[]"), "token-malformed"),
    ("a name twice", lambda c: sign(GOOD_HEADER, _twice(c)), "token-malformed"),
    ("not a number", lambda c: sign(GOOD_HEADER, b'{"exp": NaN}'), "token-malformed"),
    ("too deep", lambda c: sign(GOOD_HEADER, b"[" * 20_000), "token-malformed"),
    ("too large", lambda c: sign(GOOD_HEADER, c | {"x": "y" * 65_536}), "token-malformed"),
    ("not ASCII", lambda c: sign(GOOD_HEADER, c) + "é", "token-malformed"),
]


@pytest.mark.parametrize(
    ("forge", "why"), [row[1:] for row in FORGED], ids=[row[0] for row in FORGED]
)
def test_a_forged_token_is_refused_by_name(forge, why):
    desk = Desk()
    start = desk.begin()
    with pytest.raises(LoginRefused) as refused:
        desk.finish_with(forge(good_claims(start.nonce)), start)
    assert _why(refused) == why
    assert "evil.example.com" not in " ".join(desk.transport.asked)


@pytest.mark.parametrize(
    "forge",
    [
        lambda c: sign(GOOD_HEADER, c),
        lambda c: sign({"alg": "ES256", "kid": "ec-1"}, c, EC),
        lambda c: sign({"alg": "RS256"}, c),
        lambda c: sign(GOOD_HEADER | {"typ": "jwt", "x5t": "abc", "private": 1}, c),
    ],
    ids=["RS256", "ES256", "no key name, one key fits", "header with more in it"],
)
def test_an_honestly_signed_token_is_taken(forge):
    desk = Desk()
    start = desk.begin()
    assert desk.finish_with(forge(good_claims(start.nonce)), start).subject == "u-123"


def test_a_hash_without_an_access_token_is_refused():
    desk = Desk()
    start = desk.begin()
    desk.transport.tokens = {"id_token": sign(GOOD_HEADER, good_claims(start.nonce))}
    with pytest.raises(LoginRefused) as refused:
        desk.party.finish(desk.answer(start), start.kept(), now=NOW)
    assert _why(refused) == "at-hash"


@pytest.mark.parametrize("tokens", [{}, {"id_token": None}, {"id_token": 1}, {"access_token": "x"}])
def test_an_answer_without_an_id_token_is_refused(tokens):
    desk = Desk()
    start = desk.begin()
    desk.transport.tokens = tokens
    with pytest.raises(LoginRefused) as refused:
        desk.party.finish(desk.answer(start), start.kept(), now=NOW)
    assert _why(refused) == "token-malformed"


STRENGTH = [
    ("acr missing", {"acr": ...}, "acr"),
    ("another acr", {"acr": "pwd"}, "acr"),
    ("acr as a list", {"acr": ["mfa"]}, "acr"),
    ("amr missing", {"amr": ...}, "amr"),
    ("amr without what is demanded", {"amr": ["pwd"]}, "amr"),
    ("amr as a text", {"amr": "otp"}, "amr"),
]


@pytest.mark.parametrize(
    ("claims", "why"), [row[1:] for row in STRENGTH], ids=[row[0] for row in STRENGTH]
)
def test_a_login_weaker_than_demanded_is_refused(claims, why):
    strict = replace(SETTINGS, demanded_acr=("mfa", "phr"), demanded_amr=frozenset({"otp"}))
    with pytest.raises(LoginRefused) as refused:
        Desk(strict).login(**claims)
    assert _why(refused) == why
    assert Desk(strict).login().acr == "mfa"
    assert Desk().login(**claims).subject == "u-123"


ANSWERS = [
    ("another state", {"state": "another"}, "state"),
    ("issuer missing though announced", {"issuer": None}, "answer-iss-missing"),
    ("foreign issuer", {"issuer": "https://evil.example.com"}, "answer-iss"),
    ("foreign issuer in a refusal", {"issuer": "https://x.example", "error": "x"}, "answer-iss"),
    ("the person said no", {"code": None, "error": "access_denied"}, "denied"),
    ("the provider failed", {"code": None, "error": "server_error"}, "provider-error"),
    ("refused though a code is there", {"error": "server_error"}, "provider-error"),
    ("no code", {"code": None}, "code-missing"),
    ("empty code", {"code": ""}, "code-missing"),
]


@pytest.mark.parametrize(
    ("changes", "why"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_a_wrong_answer_is_refused_before_its_code_is_sent_anywhere(changes, why):
    desk = Desk()
    start = desk.begin()
    with pytest.raises(LoginRefused) as refused:
        desk.finish_with(sign(GOOD_HEADER, good_claims(start.nonce)), start, **changes)
    assert _why(refused) == why
    assert f"{ISSUER}/token" not in desk.transport.asked


def test_an_issuer_not_announced_may_be_missing_but_not_foreign():
    desk = Desk()
    del desk.transport.discovery["authorization_response_iss_parameter_supported"]
    start = desk.begin()
    token = sign(GOOD_HEADER, good_claims(start.nonce))
    assert desk.finish_with(token, start, issuer=None).subject == "u-123"
    with pytest.raises(LoginRefused) as refused:
        desk.finish_with(token, start, issuer="https://evil.example.com")
    assert _why(refused) == "answer-iss"


@pytest.mark.parametrize(("lost", "why"), [("state", "state"), ("verifier", "verifier-missing")])
def test_a_login_whose_kept_values_are_gone_is_refused(lost, why):
    desk = Desk()
    start = desk.begin()
    answer = desk.answer(start) if lost == "verifier" else desk.answer(start, state="")
    with pytest.raises(LoginRefused) as refused:
        desk.party.finish(answer, start.kept() | {lost: ""}, now=NOW)
    assert _why(refused) == why


DISCOVERY = [
    ("another issuer", {"issuer": "https://evil.example.com"}, "discovery-issuer"),
    ("no issuer", {"issuer": None}, "discovery-issuer"),
    ("no keys", {"jwks_uri": None}, "discovery-malformed"),
    ("plain http", {"token_endpoint": "http://login.example.com/token"}, "discovery-malformed"),
    ("another scheme", {"jwks_uri": "file:///etc/passwd"}, "discovery-malformed"),
    ("a name in the address", {"jwks_uri": "https://a@b.example/"}, "discovery-malformed"),
    ("a broken address", {"jwks_uri": "https://[::1/"}, "discovery-malformed"),
    ("PKCE without S256", {"code_challenge_methods_supported": ["plain"]}, "pkce-unsupported"),
    ("PKCE not as a list", {"code_challenge_methods_supported": "S256"}, "pkce-unsupported"),
]


@pytest.mark.parametrize(
    ("changes", "why"), [row[1:] for row in DISCOVERY], ids=[row[0] for row in DISCOVERY]
)
def test_a_provider_that_describes_itself_wrongly_is_not_used(changes, why):
    desk = Desk()
    desk.transport.discovery |= changes
    with pytest.raises(LoginRefused) as refused:
        desk.begin()
    assert _why(refused) == why


def test_discovery_is_read_again_after_an_hour():
    desk = Desk()
    desk.begin()
    desk.begin()
    assert desk.transport.asked == [SETTINGS.discovery_url]
    desk.now_ticks += 3600
    desk.transport.discovery["issuer"] = "https://evil.example.com"
    with pytest.raises(LoginRefused):
        desk.begin()


def _new_key(desk: Desk) -> RSAKey:
    key = RSAKey.generate_key(2048, {"kid": "rsa-2", "alg": "RS256"})
    desk.transport.jwks = {"keys": [key.as_dict(private=False)]}
    return key


def test_a_rotated_key_is_fetched_at_once():
    desk = Desk()
    desk.login()
    key = _new_key(desk)
    start = desk.begin()
    token = sign({"alg": "RS256", "kid": "rsa-2"}, good_claims(start.nonce), key)
    assert desk.finish_with(token, start).subject == "u-123"
    assert desk.transport.asked.count(f"{ISSUER}/jwks") == 2


def test_made_up_key_names_do_not_ask_the_provider_at_every_turn():
    desk = Desk()
    start = desk.begin()
    token = sign({"alg": "RS256", "kid": "strange"}, good_claims(start.nonce), STRANGE)
    for _turn in range(5):
        with pytest.raises(LoginRefused):
            desk.finish_with(token, start)
    assert desk.transport.asked.count(f"{ISSUER}/jwks") == 2
    desk.now_ticks += 30
    with pytest.raises(LoginRefused):
        desk.finish_with(token, start)
    assert desk.transport.asked.count(f"{ISSUER}/jwks") == 3


def test_a_withdrawn_key_is_believed_for_ten_minutes_at_most():
    desk = Desk()
    desk.login()
    _new_key(desk)
    desk.now_ticks += 600
    assert desk.login().subject == "u-123"
    desk.now_ticks += 1
    with pytest.raises(LoginRefused) as refused:
        desk.login()
    assert _why(refused) == "kid"


UNUSABLE = [
    ("for encryption", RSA.as_dict(private=False) | {"use": "enc"}),
    ("for another algorithm", RSA.as_dict(private=False) | {"alg": "RS512"}),
    ("another curve", ECKey.generate_key("P-384").as_dict(private=False) | {"kid": "rsa-1"}),
    ("a secret", {"kty": "oct", "k": "AAAA", "kid": "rsa-1"}),
    ("broken", {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "rsa-1"}),
    ("half", {"kty": "RSA", "kid": "rsa-1"}),
    ("no object", "rsa-1"),
    ("of an unknown kind", {"kty": "AKP", "kid": "rsa-1"}),
]


@pytest.mark.parametrize("entry", [row[1] for row in UNUSABLE], ids=[row[0] for row in UNUSABLE])
def test_a_published_key_that_is_not_for_us_is_passed_over(entry):
    desk = Desk(transport=MemoryTransport(jwks={"keys": [entry]}))
    with pytest.raises(LoginRefused) as refused:
        desk.login()
    assert _why(refused) == "kid"
    desk = Desk(transport=MemoryTransport(jwks={"keys": [entry, RSA.as_dict(private=False)]}))
    assert desk.login().subject == "u-123"


def test_a_small_key_is_not_used():
    with pytest.warns(match="2048"):
        small = RSAKey.generate_key(1024, {"kid": "rsa-1"})
    desk = Desk(transport=MemoryTransport(jwks={"keys": [small.as_dict(private=False)]}))
    with pytest.raises(LoginRefused) as refused:
        desk.login()
    assert _why(refused) == "kid"


@pytest.mark.parametrize("jwks", [{}, {"keys": None}, {"keys": {}}])
def test_keys_that_are_no_list_are_refused(jwks):
    with pytest.raises(LoginRefused) as refused:
        Desk(transport=MemoryTransport(jwks=jwks)).login()
    assert _why(refused) == "keys-malformed"


def test_a_token_without_a_key_name_is_refused_where_two_keys_could_be_meant():
    desk = Desk()
    desk.transport.jwks["keys"].append(STRANGE.as_dict(private=False))
    start = desk.begin()
    with pytest.raises(LoginRefused) as refused:
        desk.finish_with(sign({"alg": "RS256"}, good_claims(start.nonce)), start)
    assert _why(refused) == "kid"


UNKNOWN_GROUPS = [
    ("missing", {"groups": ...}),
    ("null", {"groups": None}),
    ("a text", {"groups": "engineers"}),
    ("a comma-separated text", {"groups": "engineers,platform"}),
    ("an object", {"groups": {"engineers": True}}),
    ("not all texts", {"groups": ["engineers", 7]}),
    ("overage by _claim_names", {"groups": ..., "_claim_names": {"groups": "src1"}}),
    ("overage beside a part", {"_claim_names": {"groups": "src1"}}),
    ("overage of a strange kind", {"_claim_names": ["groups"]}),
    ("overage by hasgroups", {"groups": ..., "hasgroups": True}),
    ("hasgroups beside a part", {"hasgroups": True}),
    ("hasgroups as a text", {"hasgroups": "true"}),
]


@pytest.mark.security("P4")
@pytest.mark.parametrize(
    "claims", [row[1] for row in UNKNOWN_GROUPS], ids=[row[0] for row in UNKNOWN_GROUPS]
)
def test_groups_that_did_not_come_are_unknown_and_never_none(claims):
    assert Desk().login(**claims).groups is None


@pytest.mark.security("P4")
def test_somebody_in_no_group_is_in_none_for_certain():
    assert Desk().login(groups=[]).groups == frozenset()
    assert Desk().login(_claim_names={"photo": "src1"}, hasgroups=False).groups == {"engineers"}


@pytest.mark.parametrize(
    ("said", "claims", "groups"),
    [
        ("roles", {"roles": ["a"]}, {"a"}),
        ("realm_access.roles", {"realm_access": {"roles": ["a", "b"]}}, {"a", "b"}),
        (r"https://example\.com/groups", {"https://example.com/groups": ["a"]}, {"a"}),
        (["https://example.com/x", "groups"], {"https://example.com/x": {"groups": []}}, set()),
        ("realm_access.roles", {"realm_access": ["roles"]}, None),
        ("realm_access.roles", {"realm_access.roles": ["a"]}, None),
        ("realm_access.roles", {"_claim_names": {"realm_access": "src1"}}, None),
    ],
)
def test_the_groups_may_stand_anywhere(said, claims, groups):
    login = Desk(replace(SETTINGS, groups_path=claim_path(said))).login(groups=["wrong"], **claims)
    assert login.groups == groups


@pytest.mark.parametrize("said", ["", ".", "a.", ".a", "a..b", "a\\", [], ["a", ""]])
def test_a_path_with_an_empty_name_is_refused(said):
    with pytest.raises(ValueError, match="path of a claim"):
        claim_path(said)


@pytest.mark.parametrize(
    ("claims", "email", "verified"),
    [
        ({"email_verified": "true"}, "erin@example.com", False),
        ({"email_verified": 1}, "erin@example.com", False),
        ({"email_verified": ...}, "erin@example.com", False),
        ({"email": ...}, None, False),
        ({"email": ["erin@example.com"]}, None, False),
        ({"email": ""}, None, False),
    ],
)
def test_an_email_is_verified_only_when_the_provider_says_so_plainly(claims, email, verified):
    login = Desk().login(**claims)
    assert (login.email, login.email_verified) == (email, verified)


SLACK = slack_settings(
    client_id=CLIENT, client_secret="s", redirect_uri="https://valetkey.example.com/slack"
)


def _slack_desk() -> Desk:
    settings = replace(SLACK, issuer=ISSUER, name="company")
    desk = Desk(settings)
    del desk.transport.discovery["authorization_response_iss_parameter_supported"]
    return desk


def test_sign_in_with_slack_needs_no_auth_time_and_gives_team_and_user():
    said = {"https://slack.com/user_id": "U1", "https://slack.com/team_id": "T1"}
    login = _slack_desk().login(auth_time=..., groups=..., acr=..., amr=..., **said)
    assert slack_account(login) == ("T1", "U1")
    assert login.auth_time is None
    assert login.groups is None
    assert SLACK.issuer == "https://slack.com"


@pytest.mark.parametrize(
    ("organisation", "served", "team"),
    [("E1", "E1", "E1"), ("E1", "T1", "T1"), ("E2", "E1", "T1"), (..., "E1", "T1")],
)
def test_a_person_of_the_served_organisation_is_one_account_in_all_its_workspaces(
    organisation, served, team
):
    said = {
        "https://slack.com/user_id": "U1",
        "https://slack.com/team_id": "T1",
        "https://slack.com/enterprise_id": organisation,
    }
    assert slack_account(_slack_desk().login(**said), served) == (team, "U1")


@pytest.mark.parametrize(
    "said",
    [
        {"https://slack.com/user_id": "U1"},
        {"https://slack.com/team_id": "T1"},
        {"https://slack.com/user_id": "", "https://slack.com/team_id": "T1"},
        {"https://slack.com/user_id": ["U1"], "https://slack.com/team_id": "T1"},
    ],
)
def test_sign_in_with_slack_must_say_both_team_and_user(said):
    login = _slack_desk().login(**said)
    with pytest.raises(LoginRefused) as refused:
        slack_account(login)
    assert refused.value.why == "slack-account-missing"


def test_sign_in_with_slack_still_demands_the_nonce():
    with pytest.raises(LoginRefused) as refused:
        _slack_desk().login(nonce=...)
    assert _why(refused) == "nonce-missing"


def test_the_answer_is_read_from_the_address():
    answer = read_answer("state=s&code=c&iss=https%3A%2F%2Flogin.example.com&more=1")
    assert answer == LoginAnswer("s", "c", ISSUER, None)
    assert read_answer("state=s&error=access_denied").error == "access_denied"


@pytest.mark.parametrize(
    "query",
    ["", "code=c", "state=", "state=a&state=b", "state=a&code=c&code=d", "state=" + "x" * 9000],
)
def test_an_address_that_says_a_thing_twice_or_no_state_is_refused(query):
    with pytest.raises(LoginRefused) as refused:
        read_answer(query)
    assert refused.value.why == "answer-malformed"


@pytest.mark.security("D2")
def test_no_secret_shows_in_what_could_be_logged():
    desk = Desk()
    start = desk.begin()
    token = sign(GOOD_HEADER, good_claims(start.nonce, exp=AT))
    with pytest.raises(LoginRefused) as refused:
        desk.finish_with(token, start)
    shown = f"{refused.value!r} {refused.value} {start!r} {desk.answer(start)!r} {SETTINGS!r}"
    for secret in (start.state, start.nonce, start.verifier, token, ACCESS_TOKEN, "a secret"):
        assert secret not in shown


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://login.example.com"},
        {"leeway": timedelta(seconds=61)},
        {"leeway": timedelta(seconds=-1)},
        {"scopes": ("email",)},
    ],
)
def test_settings_that_would_weaken_the_check_are_refused(changes):
    with pytest.raises(ValueError, match=r"issuer|leeway|scope"):
        replace(SETTINGS, **changes)
