"""Settings of the company's OpenID provider."""

from datetime import timedelta

from pydantic import Field, SecretStr

from bot.settings_kinds import ClaimPath, Duration, ExistingFile, Scopes, SettingsGroup, WordList


class ProviderFields(SettingsGroup):
    """Which provider is believed, what is asked of it, and how long a sign-in counts."""

    oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^https://[^?#]+$",
        description=(
            "The issuer of the company's OpenID provider, exactly as its discovery document says "
            "it. Needed to serve. Any other issuer is refused."
        ),
    )
    oidc_client_id: str | None = Field(
        default=None, description="The client id at the company's provider. Needed to serve."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="The client secret at the company's provider. Needed to serve."
    )
    oidc_groups_claim: ClaimPath = Field(
        default=("groups",),
        description=(
            "Where the groups stand in the ID token: `groups`, `roles`, or a path with dots such "
            "as `realm_access.roles`. A name that holds `://` is one name, dots and all."
        ),
    )
    oidc_scopes: Scopes = Field(
        default=("openid", "email", "profile"),
        description="Scopes to ask for, with spaces between; `openid` must be one of them.",
    )
    oidc_acr_values: WordList = Field(
        default=(),
        description=(
            "Levels of sign-in (`acr`) that count, with spaces between: they are asked for, and a "
            "token with any other is refused. Default: none is demanded."
        ),
    )
    oidc_required_amr: WordList = Field(
        default=(),
        description=(
            "Methods (`amr`) that must all have been used, such as `mfa`, with spaces between. "
            "Default: none is demanded."
        ),
    )
    oidc_ca_file: ExistingFile | None = Field(
        default=None,
        description="A PEM file of authorities to trust for the provider; default: the system's.",
    )
    signin_max_age: Duration = Field(
        default=timedelta(hours=12),
        description=(
            "How old a sign-in may be to ask or to decide. Default `12h`: one sign-in a working "
            "day. Groups are as old as the sign-in, so a longer time means older groups."
        ),
    )
