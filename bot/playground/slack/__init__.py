"""A strict double of Slack on this machine: what the bot uses is modelled, the rest refused.

    workspace = Workspace(seed="one")
    erin = workspace.add_user("erin", "Erin Engineer", tz="Europe/Berlin")
    ops = workspace.add_channel("ops", members=[erin])
    app = SlackApp.made_up()
    with SlackDouble(workspace, app) as double:
        ...  # start the bot with app.bot_token, app.app_token and double.api_url
        double.wait_connected()
        person = double.as_user(erin)
        assert person.slash("/access", "", ops).ok
        view = person.wait_for(lambda: person.views() and person.view())
        person.fill(view, "reason", "the queue is stuck")
        person.submit(view)

Three files say what is modelled: `routes.METHODS` (the Web API and its arguments),
`blockkit_blocks` and `blockkit_elements` (the tables of Block Kit). What is not is refused with
"not modelled" and stands in `workspace.refused`, which a test asserts to be empty. Where it is
stricter than Slack, it is so on purpose: docs/slack-double.md says where, and what is not modelled.

`double.control` makes Slack misbehave: errors, limits, outages, silent connections, late, doubled
and reordered deliveries. Everything is in memory, ids and whatever is drawn by chance follow from
the seed, and the clock can be given.
"""

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
