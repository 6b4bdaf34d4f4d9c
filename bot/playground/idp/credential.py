"""A `kubectl` exec credential: prints an ExecCredential with the person's own ID token.

    python -m bot.playground.idp.credential --issuer https://localhost:8443 --ca CA --person erin

The token is asked for as the public client `kubernetes` with PKCE, and kept in a file that only its
owner reads, until shortly before it ends or until the provider no longer publishes the key that
signed it.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import secrets
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from bot.playground.idp.browserless import LoginStoppedError, browser_session, login_as

if TYPE_CHECKING:
    from collections.abc import Sequence

API_VERSION = "client.authentication.k8s.io/v1"
# Registered without a port: the provider takes any on loopback, and nobody listens there.
_REDIRECT = "http://127.0.0.1/callback"
_SCOPE = "openid email profile groups"
_TIMEOUT_SECONDS = 10
_RENEW_BEFORE_END_SECONDS = 60


@dataclass(frozen=True)
class Wanted:
    """Whose token, from whom, for which client."""

    issuer: str
    ca_file: Path
    person: str
    client_id: str = "kubernetes"
    second_factor: bool = False


@dataclass(frozen=True)
class _Token:
    text: str
    exp: int


def exec_credential(wanted: Wanted, folder: Path) -> dict[str, object]:
    """Give the ExecCredential of `wanted`; its token is kept in `folder` (made 0700) while good.

    Raises LoginStoppedError, or requests' own errors when the provider does not answer.
    """
    with browser_session(wanted.ca_file) as session:
        discovery = _json(session, f"{wanted.issuer}/.well-known/openid-configuration")
        keys = KeySet.import_key_set(_json(session, str(discovery["jwks_uri"])))  # type: ignore[arg-type] # JSON
        file = folder / f"{_name(wanted)}.jwt"
        token = _kept(file, keys)
        if token is None:
            token = _checked(_ask(wanted, discovery, session), keys)
            _keep(file, token)
    end = datetime.fromtimestamp(token.exp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": API_VERSION,
        "kind": "ExecCredential",
        "status": {"token": token.text, "expirationTimestamp": end},
    }


def _ask(wanted: Wanted, discovery: dict[str, object], session: requests.Session) -> str:
    """Sign the person in and redeem the code."""
    verifier, state, nonce = (secrets.token_urlsafe(48) for _ in range(3))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    question = {
        "client_id": wanted.client_id,
        "response_type": "code",
        "scope": _SCOPE,
        "redirect_uri": _REDIRECT,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    address = f"{discovery['authorization_endpoint']}?{urlencode(question)}"
    back = login_as(wanted.person, address, session, second_factor=wanted.second_factor)
    said = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    if said.get("state") != state or said.get("iss") != wanted.issuer or "code" not in said:
        raise LoginStoppedError(
            f"the provider did not sign {wanted.person} in: {said.get('error')}"
        )
    answer = session.post(
        str(discovery["token_endpoint"]),
        data={
            "grant_type": "authorization_code",
            "code": said["code"],
            "redirect_uri": _REDIRECT,
            "client_id": wanted.client_id,
            "code_verifier": verifier,
        },
        timeout=_TIMEOUT_SECONDS,
    )
    answer.raise_for_status()
    return str(answer.json()["id_token"])


def _checked(text: str, keys: KeySet) -> _Token:
    claims = jwt.decode(text, keys, algorithms=["RS256", "ES256"]).claims
    return _Token(text, int(claims["exp"]))


def _kept(file: Path, keys: KeySet) -> _Token | None:
    try:
        token = _checked(file.read_text().strip(), keys)
    except (OSError, JoseError, ValueError):
        # Nothing kept, or a provider started anew has other keys: ask again.
        return None
    return token if token.exp - time.time() > _RENEW_BEFORE_END_SECONDS else None


def _keep(file: Path, token: _Token) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Two kubectl at once may both write: each writes its own file and puts it in place whole.
    part = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(token.text)
    part.replace(file)


def _name(wanted: Wanted) -> str:
    facts = (wanted.issuer, wanted.client_id, wanted.person, str(wanted.second_factor))
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]


def _json(session: requests.Session, url: str) -> dict[str, object]:
    answer = session.get(url, timeout=_TIMEOUT_SECONDS)
    answer.raise_for_status()
    said: dict[str, object] = answer.json()
    return said


def _cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "valetkey" / "playground-tokens"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the ExecCredential as JSON; 1 and a line on standard error when there is none."""
    parser = argparse.ArgumentParser(prog="python -m bot.playground.idp.credential")
    parser.add_argument("--issuer", required=True, help="https address of the identity provider")
    parser.add_argument(
        "--ca", required=True, type=Path, help="PEM file that its certificate needs"
    )
    parser.add_argument("--person", required=True, help="who signs in, for example erin")
    parser.add_argument("--client-id", default="kubernetes")
    parser.add_argument("--second-factor", action="store_true")
    parser.add_argument("--cache", type=Path, default=None, help="folder that keeps tokens")
    given = parser.parse_args(arguments)
    wanted = Wanted(given.issuer, given.ca, given.person, given.client_id, given.second_factor)
    try:
        print(json.dumps(exec_credential(wanted, given.cache or _cache_folder())))
    except (LoginStoppedError, JoseError, requests.RequestException) as error:
        print(f"no token for {given.person}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
