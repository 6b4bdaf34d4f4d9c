"""A strict double of Slack on this machine: what the bot uses is modelled, the rest refused."""

from bot.playground.slack.app import BOT_SCOPES, SlackApp
from bot.playground.slack.double import SlackDouble
from bot.playground.slack.forms import FormError
from bot.playground.slack.person import Person
from bot.playground.slack.reading import buttons, inputs, words
from bot.playground.slack.records import (
    ApiCall,
    Channel,
    Delivery,
    Message,
    Refusal,
    User,
    UserGroup,
    View,
)
from bot.playground.slack.workspace import DeadlineError, Workspace

__all__ = [
    "BOT_SCOPES",
    "ApiCall",
    "Channel",
    "DeadlineError",
    "Delivery",
    "FormError",
    "Message",
    "Person",
    "Refusal",
    "SlackApp",
    "SlackDouble",
    "User",
    "UserGroup",
    "View",
    "Workspace",
    "buttons",
    "inputs",
    "words",
]
