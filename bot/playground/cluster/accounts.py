"""Tokens of service accounts: made by a TokenRequest, good while account and bound object stand."""

import secrets
import time
import uuid
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from bot.playground.cluster.authorizing import User
from bot.playground.cluster.kinds import POD, SECRET, SERVICE_ACCOUNT, Json
from bot.playground.cluster.store import Store
from grants.authz.objects import ACCOUNT_PREFIX, ACCOUNTS_GROUP, AUTHENTICATED

ISSUER: Final = "https://kubernetes.default.svc"
CREDENTIAL_ID: Final = "authentication.kubernetes.io/credential-id"
_POD_NAME: Final = "authentication.kubernetes.io/pod-name"
_POD_UID: Final = "authentication.kubernetes.io/pod-uid"
_ALGORITHM: Final = "ES256"
_BOUND: Final = {"Pod": POD, "Secret": SECRET}


class AccountTokens:
    """Signs tokens with a key of its own, and knows them again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = ECKey.generate_key("P-256", parameters={"kid": secrets.token_urlsafe(16)})

    def issue(self, account: Json, spec: Json, bound_uid: str = "") -> str:
        """Sign a token for an account; `spec` is that of the TokenRequest, with its defaults."""
        now, meta = int(time.time()), account["metadata"]
        about: Json = {
            "namespace": meta["namespace"],
            "serviceaccount": {"name": meta["name"], "uid": meta["uid"]},
        }
        if bound := spec.get("boundObjectRef"):
            about[bound["kind"].lower()] = {"name": bound.get("name", ""), "uid": bound_uid}
        claims = {
            "aud": spec["audiences"],
            "exp": now + spec["expirationSeconds"],
            "iat": now,
            "iss": ISSUER,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": about,
            "nbf": now,
            "sub": f"{ACCOUNT_PREFIX}{meta['namespace']}:{meta['name']}",
        }
        header = {"alg": _ALGORITHM, "kid": self._key.kid}
        return jwt.encode(header, claims, self._key)

    def user_of(self, token: str, audience: str = ISSUER) -> User | None:
        """Give whom a token stands for; None: it is none of ours, or no longer good."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
            jwt.JWTClaimsRegistry(
                iss={"essential": True, "value": ISSUER},
                aud={"essential": True, "value": audience},
                exp={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError):
            return None
        about: dict[str, Any] = claims["kubernetes.io"]
        if not self._stands(about):
            return None
        namespace, name = about["namespace"], about["serviceaccount"]["name"]
        extra = {CREDENTIAL_ID: [f"JTI={claims['jti']}"]}
        if pod := about.get("pod"):
            extra |= {_POD_NAME: [pod["name"]], _POD_UID: [pod["uid"]]}
        return User(
            f"{ACCOUNT_PREFIX}{namespace}:{name}",
            (ACCOUNTS_GROUP, f"{ACCOUNTS_GROUP}:{namespace}", AUTHENTICATED),
            about["serviceaccount"]["uid"],
            extra,
        )

    def _stands(self, about: dict[str, Any]) -> bool:
        """Tell whether the account, and what the token is bound to, are still those meant."""
        namespace, wanted = about["namespace"], about["serviceaccount"]
        found = [(SERVICE_ACCOUNT, wanted)]
        found += [(kind, about[name.lower()]) for name, kind in _BOUND.items()
                  if name.lower() in about]  # fmt: skip
        for kind, ref in found:
            stored = self._store.get(kind, namespace, ref["name"])
            if stored is None or stored["metadata"]["uid"] != ref["uid"]:
                return False
        return True
