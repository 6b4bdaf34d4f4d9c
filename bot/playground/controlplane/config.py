"""The files that the control plane's programs read, as pure functions."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUBJECT_PREFIX = "oidc:"
HEALTH_PATHS = ("/livez", "/readyz", "/healthz")


@dataclass(frozen=True)
class OidcIssuer:
    """An OpenID provider whose ID tokens the API servers accept.

    `url` is https and equal to the tokens' `iss`; `ca_pem` signs its certificate; a token's `aud`
    names one of `audiences`.
    """

    url: str
    ca_pem: str
    audiences: tuple[str, ...]


def authentication(issuers: Sequence[OidcIssuer]) -> str:
    """Render the structured authentication configuration.

    A verified email becomes `oidc:<email>`, each of `groups` becomes `oidc:<group>`. Nobody is
    anonymous but to ask for health.
    """
    return _yaml(
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "jwt": [_authenticator(issuer) for issuer in issuers],
            "anonymous": {
                "enabled": True,
                "conditions": [{"path": path} for path in HEALTH_PATHS],
            },
        }
    )


def _authenticator(issuer: OidcIssuer) -> dict[str, Any]:
    return {
        "issuer": {
            "url": issuer.url,
            "audiences": list(issuer.audiences),
            "audienceMatchPolicy": "MatchAny",
            "certificateAuthority": issuer.ca_pem,
        },
        "claimValidationRules": [
            {
                # A missing claim counts as not verified: the name bound comes from the email.
                "expression": "claims.?email_verified.orValue(false) == true",
                "message": "the email is not verified",
            }
        ],
        "claimMappings": {
            "username": {"expression": f"'{SUBJECT_PREFIX}' + claims.email"},
            "groups": {"claim": "groups", "prefix": SUBJECT_PREFIX},
        },
    }


def audit_policy() -> str:
    """Render the audit policy: who did what, without bodies.

    ResponseStarted stays: it is what shows a stream (exec, watch) that is still open. Left out are
    RequestReceived, which says nothing that the later stages do not, and the control plane's own
    heartbeats.
    """
    return _yaml(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [
                {
                    "level": "None",
                    "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
                },
                {"level": "None", "nonResourceURLs": [f"{path}*" for path in HEALTH_PATHS]},
                {"level": "Metadata"},
            ],
        }
    )


def token_file(tokens: Mapping[str, tuple[str, tuple[str, ...]]]) -> str:
    """Render the static token file from token -> (user, groups)."""
    return "".join(
        f'{token},{user},{user},"{",".join(groups)}"\n' for token, (user, groups) in tokens.items()
    )


def kubeconfig(
    server: str, ca_pem: str, user: Mapping[str, Any], *, name: str, namespace: str = "default"
) -> str:
    """Render a kubeconfig with one context called `name`; `user` as `bearer` or `exec_plugin` makes
    it.
    """
    context = {"cluster": name, "user": name, "namespace": namespace}
    cluster = {"server": server, "certificate-authority-data": _base64(ca_pem)}
    return _yaml(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": dict(user)}],
            "contexts": [{"name": name, "context": context}],
            "current-context": name,
        }
    )


def bearer(token: str) -> dict[str, Any]:
    """Make a kubeconfig user that shows this token."""
    return {"token": token}


def exec_plugin(argv: Sequence[str], env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Make a kubeconfig user whose token the command `argv` prints as an ExecCredential."""
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": argv[0],
            "args": list(argv[1:]),
            "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
            "interactiveMode": "Never",
        }
    }


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False)
