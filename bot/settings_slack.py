"""Settings of the surface in Slack."""

from datetime import timedelta

from pydantic import Field, SecretStr

from bot.settings_kinds import DurationOrNone, ExistingFile, SettingsGroup, WordList


class SlackFields(SettingsGroup):
    """How Slack is reached, and how what comes from it is told to be genuine."""

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
    slack_connections: int = Field(
        default=2,
        ge=1,
        le=10,
        description=(
            "How many Socket Mode connections stand at once. Default 2: Slack shares payloads out "
            "among them, so that a refresh or a dead one leaves no gap. Slack takes 10 for an app, "
            "so replicas times this number must not be more."
        ),
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None,
        description=(
            "The signing secret, for Slack's requests by HTTP to `/slack/events`. Needed to serve, "
            "unless `VALETKEY_SLACK_APP_TOKEN` is set; with both, both ways work."
        ),
    )
    slack_signing_grace: DurationOrNone = Field(
        default=timedelta(minutes=5),
        description=(
            "How long a former signing secret stays good once a request came that is signed with "
            "the one that took its place in `VALETKEY_SLACK_SIGNING_SECRET_FILE`. Default `5m`, as "
            "old as a request may be. `0s`: it is good no more as soon as the file has another, "
            "because it leaked."
        ),
    )
    slack_team_id: str | None = Field(
        default=None,
        pattern=r"^[TE][A-Z0-9]{2,20}$",
        description=(
            "The id of the one workspace that is served (`T...`), or of the organisation of many "
            "(`E...`) where the app is installed for all of it. Needed to serve: people of other "
            "organisations in shared channels are told from one's own by it."
        ),
    )
    slack_workspace_ids: WordList = Field(
        default=(),
        description=(
            "Only where `VALETKEY_SLACK_TEAM_ID` is an organisation's: the workspaces (`T...`, "
            "with spaces between) in which user groups of the policy's `notify` are looked for. "
            "Slack lists groups by workspace."
        ),
    )
    slack_senders: int = Field(
        default=4,
        ge=1,
        le=32,
        description=(
            "How many messages are on their way to Slack at once. Default 4: one that hangs holds "
            "up nobody else's."
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
