"""The playground's identity provider: a real OpenID provider with people to sign in as.

`IdentityProvider` runs it, `login_as` signs a person in without a browser, and `credential` is the
`kubectl` plugin that carries the person's own ID token.
"""

from bot.playground.idp.browserless import LoginStoppedError, approve_device, login_as
from bot.playground.idp.people import (
    DEFAULT_PEOPLE,
    ONE_FACTOR,
    TWO_FACTORS,
    Client,
    Person,
    kubernetes_client,
    valetkey_client,
)
from bot.playground.idp.provider import IdentityProvider, Lie

__all__ = [
    "DEFAULT_PEOPLE",
    "ONE_FACTOR",
    "TWO_FACTORS",
    "Client",
    "IdentityProvider",
    "Lie",
    "LoginStoppedError",
    "Person",
    "approve_device",
    "kubernetes_client",
    "login_as",
    "valetkey_client",
]
