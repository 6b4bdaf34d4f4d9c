"""Settings: read from the environment once, checked all at once, and frozen.

Each field says its unit, its default and why; docs/settings.md is made from these lines.
"""

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError

from bot.settings_audit import AuditFields
from bot.settings_checks import missing_for_serving, problems_of, secrets_from_files, unknown_names
from bot.settings_kinds import PREFIX, LogLevel, Origin, SettingsGroup
from bot.settings_provider import ProviderFields
from bot.settings_proxy import ProxyFields
from bot.settings_slack import SlackFields
from bot.settings_work import WorkFields
from grants.errors import SettingsInvalid


def default_database() -> SecretStr:
    """Name the SQLite file where nothing else is set: the service's folder, or the user's own."""
    service = Path("/var/lib/valetkey")
    home = os.environ.get("XDG_DATA_HOME") or str(Path("~/.local/share").expanduser())
    folder = service if service.is_dir() else Path(home) / "valetkey"
    return SecretStr(f"sqlite:///{folder / 'valetkey.db'}")


class PlaceFields(SettingsGroup):
    """Where the record is kept, and where the web server stands."""

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
        default=40,
        ge=16,
        le=256,
        description=(
            "Threads of the web server. Default 40: Slack's requests, pages and health checks each "
            "have a share that the others can't use up."
        ),
    )


class Settings(AuditFields, WorkFields, ProviderFields, SlackFields, ProxyFields, PlaceFields):
    """Everything that is set from outside; the policy is a file of its own."""

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


def secret_path(name: str) -> Path | None:
    """Give the file that a secret was read from, to look at it again; None: it has none."""
    given = os.environ.get(f"{PREFIX}{name.upper()}_FILE")
    return Path(given) if given else None


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


def require_for_serving(settings: Settings, *, surfaces: bool = True) -> None:
    """Demand what `valetkey serve` needs, with surfaces or without.

    SettingsInvalid names everything that is missing.
    """
    if problems := missing_for_serving(settings.model_dump(), PREFIX, surfaces=surfaces):
        raise SettingsInvalid(tuple(problems))
