"""What admins see of clusters that can't be worked with, and nobody else does."""

from dataclasses import replace

from bot.slack.app import make_surface
from bot.slack.cards.home import home_view
from bot.slack.home import read_home
from grants.access.health import Look, note_looks
from tests.support.slack_bot import SlackBot


def home_of(bot: SlackBot, name: str, *groups: str) -> str:
    """What somebody's Home says, with the clusters that are configured."""
    person = bot.person(name, *groups)
    ports = replace(bot.ports, clusters=bot.world.clusters.aliases)
    return str(home_view(read_home(make_surface(ports), bot.account(person))))


def look(bot: SlackBot, problem: str = "") -> None:
    note_looks([Look("prod", problem, bot.world.clock.now())], ports=bot.world)


def test_admins_see_on_home_which_cluster_fails_since_when_and_what_waits(bot: SlackBot) -> None:
    bot.world.active()
    look(bot)
    assert "can't be worked with" not in home_of(bot, "kim", "admins")
    bot.world.clock.forward(hours=1)
    look(bot, "cluster-unavailable")
    said = home_of(bot, "lee", "admins")
    assert "*prod* can't be worked with: the cluster does not answer, since <!date^" in said
    assert "Waiting: 1 to be taken away" in said
    assert "can't be worked with" not in home_of(bot, "cleo", "engineers")
    bot.world.clock.forward(seconds=30)
    look(bot)
    assert "can't be worked with" not in home_of(bot, "mo", "admins")
