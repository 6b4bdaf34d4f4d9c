"""Settings: read from the environment once, checked all at once, and frozen.

Each field says its unit, its default and why; docs/settings.md is made from these lines.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.settings_checks import (
    Words,
    as_claim_path,
    as_duration,
    as_file,
    as_https_origin,
    as_scopes,
    as_words,
    missing_for_serving,
    problems_of,
    secrets_from_files,
    unknown_names,
)
from grants.errors import SettingsInvalid

PREFIX: Final = "VALETKEY_"

Duration = Annotated[timedelta, BeforeValidator(as_duration), Field(gt=timedelta(0))]
Origin = Annotated[str, AfterValidator(as_https_origin)]
WordList = Annotated[Words, NoDecode, BeforeValidator(as_words)]
Scopes = Annotated[WordList, AfterValidator(as_scopes)]
ExistingFile = Annotated[Path, AfterValidator(as_file)]
ClaimPath = Annotated[Words, NoDecode, BeforeValidator(as_claim_path)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


def default_database() -> SecretStr:
    """Name the SQLite file where nothing else is set: the service's folder, or the user's own."""
    service = Path("/var/lib/valetkey")
    home = os.environ.get("XDG_DATA_HOME") or str(Path("~/.local/share").expanduser())
    folder = service if service.is_dir() else Path(home) / "valetkey"
    return SecretStr(f"sqlite:///{folder / 'valetkey.db'}")


class Settings(BaseSettings):
    """Everything that is set from outside; the policy is a file of its own."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    database_url: SecretStr = Field(
        default_factory=default_database,
        description=(
            "Where the record is kept: `sqlite:////path/file.db` or "
            "`postgresql://user:password@host/name`. Default: the SQLite file `valetkey.db` in "
            "`/var/lib/valetkey` where that folder exists, else in the user's data folder, so that "
            "one process needs no server. Secret, because it may hold a password."
        ),
    )
    public_url: Origin | None = Field(
        default=None,
        description=(
            "The https address that people's browsers reach, such as "
            "`https://valetkey.example.com`: no path, no query. Needed to serve: sign-in links "
            "lead there, and requests for any other host are refused."
        ),
    )
    listen_host: str = Field(
        default="127.0.0.1",
        description=(
            "The address that the web server listens on. Default: this machine alone, because "
            "something in front has to speak https; the image sets `0.0.0.0`."
        ),
    )
    listen_port: int = Field(
        default=8080, ge=1, le=65535, description="The port that the web server listens on."
    )
    web_threads: int = Field(
        default=24,
        ge=16,
        le=256,
        description=(
            "Threads of the web server. Default 24: Slack's requests, pages and health checks each "
            "have a share that the others can't use up."
        ),
    )

    slack_bot_token: SecretStr | None = Field(
        default=None, description="The bot token of the Slack app (`xoxb-...`). Needed to serve."
    )
    slack_app_token: SecretStr | None = Field(
        default=None,
        description=(
            "The app-level token (`xapp-...`) for Socket Mode: Slack then needs no way in. "
            "Needed to serve, unless `VALETKEY_SLACK_SIGNING_SECRET` is set."
        ),
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None,
        description=(
            "The signing secret, for Slack's requests by HTTP to `/slack/events`. Needed to serve, "
            "unless `VALETKEY_SLACK_APP_TOKEN` is set; with both, both ways work."
        ),
    )
    slack_team_id: str | None = Field(
        default=None,
        pattern=r"^[TE][A-Z0-9]{2,20}$",
        description=(
            "The id of the one workspace that is served (`T...`). Needed to serve: people of other "
            "organisations in shared channels are told from one's own by it."
        ),
    )
    slack_api_url: str = Field(
        default="https://slack.com/api/",
        pattern=r"^https?://",
        description="The base of Slack's Web API; another only for tests and proxies.",
    )
    slack_signin_client_id: str | None = Field(
        default=None,
        description=(
            "The client id of the Slack app, for Sign in with Slack. Needed to serve. It is not "
            "called after Slack's own variable, because the Slack library changes how it works "
            "when it finds that one."
        ),
    )
    slack_signin_client_secret: SecretStr | None = Field(
        default=None,
        description="The client secret of the Slack app, for Sign in with Slack. Needed to serve.",
    )
    slack_signin_issuer: str = Field(
        default="https://slack.com",
        pattern=r"^https://",
        description="The issuer of Sign in with Slack; another only for tests.",
    )
    slack_ca_file: ExistingFile | None = Field(
        default=None,
        description="A PEM file of authorities to trust for Slack; default: the system's.",
    )

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

    policy_path: Path | None = Field(
        default=None, description="The policy: one YAML file, or a folder of them. Needed to serve."
    )
    clusters_path: ExistingFile | None = Field(
        default=None,
        description=(
            "A YAML file that says how each cluster is reached (see below). Default: one cluster "
            "by the alias `in-cluster`, the one that Valetkey runs in."
        ),
    )
    own_namespace: str = Field(
        default="valetkey",
        pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
        description=(
            "The namespace that Valetkey itself runs in: access there is a risk that an "
            "entitlement has to accept."
        ),
    )

    activate_within: Duration = Field(
        default=timedelta(minutes=15),
        description=(
            "How long after the last approval access may still begin. Default `15m`: access that "
            "begins when nobody waits for it any more serves nobody."
        ),
    )
    warn_before: Duration = Field(
        default=timedelta(minutes=5),
        description="How long before the end of access its holder is warned. Default `5m`.",
    )
    sweep_interval: Duration = Field(
        default=timedelta(seconds=5),
        description=(
            "How often the worker looks for what is due. Default `5s`; clicks wake it at once."
        ),
    )
    drift_interval: Duration = Field(
        default=timedelta(minutes=1),
        description="How often each cluster is compared with the record. Default `1m`.",
    )
    stuck_after: Duration = Field(
        default=timedelta(minutes=10),
        description=(
            "How long a revocation may fail before people are told that it is stuck. "
            "Default `10m`; it is retried for ever."
        ),
    )
    worker_count: int = Field(
        default=4,
        ge=1,
        le=64,
        description="How many grants are worked on at the same time in each cluster.",
    )

    log_level: LogLevel = Field(
        default="INFO",
        description="Least level of the log: `DEBUG`, `INFO`, `WARNING` or `ERROR`.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description=(
            "The bearer token that `/metrics` asks for. Default: none is asked for, because the "
            "figures name nobody."
        ),
    )

    @property
    def uses_socket_mode(self) -> bool:
        """Tell whether Slack is spoken to by Socket Mode."""
        return self.slack_app_token is not None

    @property
    def uses_signed_http(self) -> bool:
        """Tell whether Slack's requests by HTTP are taken."""
        return self.slack_signing_secret is not None

    def secrets(self) -> tuple[str, ...]:
        """Give the value of every secret, for the log's redaction alone."""
        values = (getattr(self, name) for name in secret_names())
        return tuple(v.get_secret_value() for v in values if v is not None)


def secret_names() -> tuple[str, ...]:
    """Name the fields that hold secrets; each may also come from a file (`..._FILE`)."""
    fields = Settings.model_fields
    return tuple(name for name, field in fields.items() if "SecretStr" in str(field.annotation))


def load_settings() -> Settings:
    """Read the settings; SettingsInvalid names every variable that is wrong, all at once."""
    given = {k: v for k, v in os.environ.items() if k.startswith(PREFIX)}
    from_files, problems = secrets_from_files(given, PREFIX, secret_names())
    problems += unknown_names(given, PREFIX, tuple(Settings.model_fields), secret_names())
    try:
        settings = Settings(**from_files)
    except ValidationError as error:
        # Not "from error": pydantic's own text may quote what was given.
        raise SettingsInvalid(tuple(problems + problems_of(error, PREFIX))) from None
    if problems:
        raise SettingsInvalid(tuple(problems))
    return settings


def require_for_serving(settings: Settings) -> None:
    """Demand what `valetkey serve` needs; SettingsInvalid names everything that is missing."""
    if problems := missing_for_serving(settings.model_dump(), PREFIX):
        raise SettingsInvalid(tuple(problems))
