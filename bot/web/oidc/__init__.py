"""The strict relying party: an OpenID provider is asked who somebody is, and believed in no more.

Authlib carries the messages; what they say is judged here alone, since Authlib takes foreign
audiences, missing nonces, expired tokens and other issuers than the one that was configured.
The same code serves the company's login and Sign in with Slack, by their settings.
"""

from bot.web.oidc.relying_party import (
    LoginAnswer,
    LoginStart,
    RelyingParty,
    read_answer,
    slack_account,
)
from bot.web.oidc.settings import ProviderSettings, claim_path, slack_settings
from bot.web.oidc.tokens import VerifiedLogin

__all__ = [
    "LoginAnswer",
    "LoginStart",
    "ProviderSettings",
    "RelyingParty",
    "VerifiedLogin",
    "claim_path",
    "read_answer",
    "slack_account",
    "slack_settings",
]
