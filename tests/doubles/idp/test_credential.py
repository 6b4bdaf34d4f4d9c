"""`kubectl` gets the person's own ID token, and only that."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from bot.playground.idp import TWO_FACTORS
from bot.playground.idp.browserless import browser_session
from bot.playground.idp.credential import Wanted, exec_credential, main

pytestmark = pytest.mark.needs_node


def _claims(idp, credential):
    with browser_session(idp.ca) as browser:
        keys = KeySet.import_key_set(browser.get(f"{idp.issuer}/jwks", timeout=10).json())
    return jwt.decode(credential["status"]["token"], keys, algorithms=["RS256"]).claims


def test_the_plugin_prints_a_credential_that_verifies(idp, tmp_path):
    flags = ["--issuer", idp.issuer, "--ca", str(idp.ca), "--person", "erin", "--cache", tmp_path]
    done = subprocess.run(
        [sys.executable, "-m", "bot.playground.idp.credential", *flags],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    credential = json.loads(done.stdout)
    assert credential["apiVersion"] == "client.authentication.k8s.io/v1"
    assert credential["kind"] == "ExecCredential"
    claims = _claims(idp, credential)
    assert claims["aud"] == "kubernetes"
    assert claims["email"] == "erin@example.com"
    assert claims["groups"] == ["engineers"]
    end = datetime.fromisoformat(credential["status"]["expirationTimestamp"])
    assert int(end.timestamp()) == claims["exp"]


def test_a_second_factor_can_be_used(idp, tmp_path):
    wanted = Wanted(idp.issuer, idp.ca, "ada", second_factor=True)
    assert _claims(idp, exec_credential(wanted, tmp_path))["acr"] == TWO_FACTORS


def test_the_token_is_kept_where_only_its_owner_reads(idp, tmp_path):
    wanted, folder = Wanted(idp.issuer, idp.ca, "erin"), tmp_path / "tokens"
    first = exec_credential(wanted, folder)
    [kept] = folder.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert exec_credential(wanted, folder) == first


def test_each_person_has_a_token_of_their_own(idp, tmp_path):
    for person in ("erin", "ada"):
        credential = exec_credential(Wanted(idp.issuer, idp.ca, person), tmp_path)
        assert _claims(idp, credential)["sub"] == idp.people[person].subject


def test_a_token_that_the_provider_no_longer_vouches_for_is_asked_anew(own_idp, tmp_path):
    wanted = Wanted(own_idp.issuer, own_idp.ca, "erin")
    first = exec_credential(wanted, tmp_path)
    own_idp.rotate_keys(forget_old=True)
    second = exec_credential(wanted, tmp_path)
    assert second != first
    assert _claims(own_idp, second)["sub"] == own_idp.people["erin"].subject


def test_nobody_is_signed_in_who_may_not(own_idp, tmp_path, capsys):
    own_idp.deactivate("erin")
    cache = tmp_path / "tokens"
    flags = ["--issuer", own_idp.issuer, "--ca", str(own_idp.ca), "--cache", str(cache)]
    assert main([*flags, "--person", "erin"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "no token for erin" in told.err
    assert not cache.exists()
