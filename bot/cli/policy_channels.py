"""What `valetkey policy check --slack` warns of: channels, as Slack says they are."""

from pathlib import Path

from bot.settings import load_settings
from bot.settings_proxy import proxy_rules
from bot.slack.app import make_client
from bot.slack.channels import NotLooked, channels_of, look_at
from bot.slack.ports import SlackSettings
from bot.wording import notice_sentence
from grants.errors import PolicyProblem, Problem, SettingsInvalid
from grants.policy.model import Policy
from grants.policy.source import PolicyPath

_TIMEOUT_SECONDS = 10


def channel_warnings(path: Path, policy: Policy) -> tuple[PolicyProblem, ...]:
    """Ask Slack about the channels that a policy names, with the settings' bot token."""
    settings = load_settings()
    token, team = settings.slack_bot_token, settings.slack_team_id
    if token is None:
        raise SettingsInvalid((Problem("VALETKEY_SLACK_BOT_TOKEN", "missing"),))
    slack = SlackSettings(
        team=team or "",
        bot_token=token.get_secret_value(),
        public_url="",
        api_url=settings.slack_api_url,
        ca_file=str(settings.slack_ca_file) if settings.slack_ca_file else None,
        proxies=proxy_rules(settings.slack_proxy),
    )
    client = make_client(slack, _TIMEOUT_SECONDS, token=slack.bot_token)
    try:
        found = look_at(client, channels_of(policy))
    except NotLooked as error:
        said = f"Slack was not asked about channels: {error.code}"
        return (_at(path, "", "channels-not-looked-at", said),)
    return tuple(
        _at(path, one.channel, one.code, notice_sentence(one.code, {"channel": one.channel}))
        for one in found
    )


def _at(path: Path, text: str, code: str, message: str) -> PolicyProblem:
    """Point to where a channel is first named."""
    for file in PolicyPath(path).files():
        for number, line in enumerate(file.data.decode(errors="replace").splitlines(), 1):
            column = line.find(text) if text else -1
            if column >= 0:
                return PolicyProblem(file.name, number, column + 1, code, message)
    return PolicyProblem(str(path), 1, 1, code, message)
