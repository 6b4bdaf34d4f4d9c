"""Who can sign in at the playground's identity provider, and which applications may ask it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a token's `acr` says; `amr` is ["pwd"] or ["pwd", "otp", "mfa"].
ONE_FACTOR = "urn:valetkey:playground:one-factor"
TWO_FACTORS = "urn:valetkey:playground:two-factors"

# How a person's groups come: as a list; not at all; too many to send, said in either of the two
# usual ways (`_claim_names`, `hasgroups`); or, wrongly, as one comma-separated string.
GroupsSent = Literal["list", "missing", "claim-names", "hasgroups", "string"]


@dataclass(frozen=True)
class Person:
    """Somebody with an account. `key` is how tests and the sign-in page name them.

    `second_factor` says whether they own one. `extra_claims` are put into their tokens as they are.
    """

    key: str
    name: str
    title: str
    email: str | None
    groups: tuple[str, ...] = ()
    email_verified: bool = True
    second_factor: bool = False
    groups_sent: GroupsSent = "list"
    active: bool = True
    extra_claims: Mapping[str, object] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """The `sub` of their tokens: opaque, and the same at every start."""
        return hashlib.sha256(f"playground person {self.key}".encode()).hexdigest()[:24]

    def as_config(self) -> dict[str, object]:
        """Give the person as the server reads it."""
        return {
            "key": self.key,
            "subject": self.subject,
            "name": self.name,
            "title": self.title,
            "email": self.email,
            "email_verified": self.email_verified,
            "groups": list(self.groups),
            "second_factor": self.second_factor,
            "groups_sent": self.groups_sent,
            "active": self.active,
            "extra_claims": dict(self.extra_claims),
        }


DEFAULT_PEOPLE = (
    Person(
        "erin",
        "Erin Engström",
        "Engineer",
        "erin@example.com",
        groups=("engineers",),
        second_factor=True,
    ),
    Person(
        "ada",
        "Ada Okonkwo",
        "Platform lead, approves",
        "ada@example.com",
        groups=("engineers", "platform"),
        second_factor=True,
    ),
    Person(
        "omar",
        "Omar Osman",
        "On call, approves",
        "omar@example.com",
        groups=("engineers", "oncall"),
        second_factor=True,
    ),
    Person(
        "alex",
        "Alex Moreau",
        "Admin",
        "alex@example.com",
        groups=("valetkey-admins",),
        second_factor=True,
    ),
    Person("iris", "Iris Ito", "Auditor", "iris@example.com", groups=("valetkey-auditors",)),
    Person(
        "mallory",
        "Mallory Moss",
        "Contractor, in no group",
        "mallory@example.com",
        email_verified=False,
    ),
)


@dataclass(frozen=True)
class Client:
    """An application that may ask who somebody is. Without a `secret` it is a public client.

    A native client's redirect to 127.0.0.1 may use any port. `groups_path` is where its tokens
    carry the groups: ("groups",), ("realm_access", "roles"), ("https://example.com/groups",).
    """

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    secret: str | None = field(default=None, repr=False)
    native: bool = False
    device_flow: bool = False
    signing_alg: Literal["RS256", "ES256"] = "RS256"
    groups_path: tuple[str, ...] = ("groups",)

    def as_config(self) -> dict[str, object]:
        """Give the client's metadata as the server reads it (OpenID registration's names)."""
        device = ["urn:ietf:params:oauth:grant-type:device_code"] if self.device_flow else []
        secret = {} if self.secret is None else {"client_secret": self.secret}
        return {
            "client_id": self.client_id,
            "client_name": self.name,
            "redirect_uris": list(self.redirect_uris),
            "token_endpoint_auth_method": "none" if self.secret is None else "client_secret_basic",
            "application_type": "native" if self.native else "web",
            "grant_types": ["authorization_code", *device],
            "id_token_signed_response_alg": self.signing_alg,
            "groups_path": list(self.groups_path),
            **secret,
        }


def kubernetes_client() -> Client:
    """Make the public client whose ID tokens the API server takes: `kubectl`'s."""
    return Client(
        client_id="kubernetes",
        name="kubectl",
        redirect_uris=("http://127.0.0.1/callback",),
        native=True,
        device_flow=True,
    )


def valetkey_client(secret: str, *redirect_uris: str) -> Client:
    """Make the bot's own confidential client."""
    return Client("valetkey", "Valetkey", redirect_uris, secret=secret)
