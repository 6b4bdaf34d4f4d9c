"""Settings of proxies, and the environment's own beside them."""

import os
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from bot.settings_kinds import SettingsGroup
from grants.errors import Problem, SettingsInvalid
from grants.proxies import ProxyRules, read_proxy


def as_proxy(value: SecretStr) -> SecretStr:
    """Demand the address of an HTTP proxy."""
    read_proxy(value.get_secret_value())
    return value


ProxyAddress = Annotated[SecretStr, AfterValidator(as_proxy)]


class ProxyFields(SettingsGroup):
    """Which proxies stand between here and Slack, and here and the company's provider."""

    slack_proxy: ProxyAddress | None = Field(
        default=None,
        description=(
            "The proxy to Slack, for its Web API, Socket Mode and Sign in with Slack: "
            "`http://user:password@host:port`, user and password only where it asks for them. "
            "Default: the environment's `HTTPS_PROXY`. See [Proxies](#proxies)."
        ),
    )
    oidc_proxy: ProxyAddress | None = Field(
        default=None,
        description=(
            "The proxy to the company's OpenID provider, as for Slack. "
            "Default: the environment's `HTTPS_PROXY`."
        ),
    )


def proxy_rules(own: SecretStr | None = None) -> ProxyRules:
    """Give the rules for one thing: what is set for it, and the environment's own variables.

    SettingsInvalid when HTTPS_PROXY is no proxy that can be used: every library would have an
    opinion of its own on it.
    """
    try:
        return ProxyRules.read(own.get_secret_value() if own else None, os.environ)
    except ValueError as error:
        raise SettingsInvalid(
            (Problem("HTTPS_PROXY", "invalid", (("detail", str(error)),)),)
        ) from None
