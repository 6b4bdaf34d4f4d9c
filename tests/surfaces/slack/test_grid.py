"""Enterprise Grid: the app installed for a whole organisation, or for one workspace of it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.playground.slack import Person, words
from bot.slack.inbound import read_inbound
from bot.slack.standing import at_home
from grants.people.model import Account
from grants.policy.model import Notify
from tests.support.slack_bot import SlackBot, slack_bot
from tests.support.world import World

pytestmark = pytest.mark.security("P5")


@pytest.fixture(params=["team", "enterprise"])
def user_team(request: pytest.FixtureRequest) -> str:
    """What Slack names as a person's team in payloads: their workspace or the organisation."""
    name: str = request.param
    return name


@pytest.fixture
def fleet(world: World, user_team: str) -> Iterator[SlackBot]:
    """The bot in a whole organisation of two workspaces."""
    with slack_bot(world, organisation=user_team) as bot:
        yield bot
        assert bot.workspace.refused == []


@pytest.fixture
def one_of_many(world: World, user_team: str) -> Iterator[SlackBot]:
    """The bot in one workspace of an organisation."""
    with slack_bot(world) as bot:
        bot.workspace.join_grid("Fleet", org_wide=False, user_team=user_team)
        yield bot
        assert bot.workspace.refused == []


def linked(bot: SlackBot, name: str, *groups: str, **about: Any) -> Person:
    return bot.person(name, *groups, **about)


def notify(bot: SlackBot, **told: tuple[str, ...]) -> None:
    policy = bot.world.policy.policy
    entitlements = tuple(replace(e, notify=Notify(**told)) for e in policy.entitlements)
    bot.world.policy.policy = replace(policy, entitlements=entitlements)


def test_the_story_runs_in_a_whole_organisation(fleet: SlackBot) -> None:
    dock = fleet.workspace.add_team("Dock")
    erin = linked(fleet, "erin", "engineers")
    ada = linked(fleet, "ada", "approvers", team=dock)
    assert erin.slash("/access").ok
    view = erin.view()
    found = erin.suggest(view, "cluster", "")
    assert found, "typing into a select names the organisation as the person's team"
    fleet.world.ask(fleet.account(erin))
    fleet.deliver()
    assert ada.click(ada.messages()[-1], "approve").ok
    fleet.deliver()
    assert "Approved" in words(ada.messages()[0])
    ada.open_home()
    assert ada.home() is not None


def test_a_person_is_one_account_in_all_workspaces(fleet: SlackBot) -> None:
    erin = linked(fleet, "erin", "engineers")
    dock = fleet.workspace.add_team("Dock")
    erin.slash("/access", "help")
    first = fleet.double.deliveries[-1]
    done = fleet.double.forge(first, team_id=dock, trigger_id="9.9.9")
    assert done.ok
    assert "inbound.refused" not in fleet.world.events()


def test_another_organisation_is_refused_whatever_else_the_payload_names(fleet: SlackBot) -> None:
    erin = linked(fleet, "erin", "engineers")
    erin.slash("/access", "help")
    first = fleet.double.deliveries[-1]
    done = fleet.double.forge(first, enterprise_id="EELSEWHERE", trigger_id="9.9.9")
    assert "other organisations" in str(done.answer)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"stranger": True}, "other organisations"),
        ({"is_restricted": True}, "Guests"),
        ({"is_ultra_restricted": True}, "Guests"),
    ],
)
def test_guests_and_strangers_stay_outside(
    fleet: SlackBot, about: dict[str, Any], said: str
) -> None:
    outsider = fleet.user("outsider", **about)
    channel = fleet.workspace.add_channel("shared", members=[outsider.id])
    outsider.slash("/access", place=channel)
    assert said in words(outsider.messages(channel)[-1])
    assert fleet.world.events().count("inbound.refused") == 1


def test_a_stranger_who_is_said_to_be_of_our_organisation_is_judged_by_slack(
    fleet: SlackBot,
) -> None:
    """In a shared channel a payload may name our organisation beside somebody of another."""
    outsider = fleet.user("outsider", stranger=True)
    payload = {
        "type": "block_actions",
        "team": None,
        "enterprise": {"id": fleet.ports.settings.team, "name": "Fleet"},
        "is_enterprise_install": True,
        "user": {"id": outsider.id, "team_id": fleet.ports.settings.team},
        "trigger_id": "1.1.1",
        "actions": [{"action_id": "approve", "action_ts": "1.1", "value": "x"}],
    }
    fleet.double.deliver_raw(payload)
    assert "inbound.refused" in fleet.world.events()


def test_a_group_is_looked_for_in_the_workspaces_that_are_set(world: World, user_team: str) -> None:
    with slack_bot(world, organisation=user_team) as bot:
        dock = bot.workspace.add_team("Dock")
        ada = linked(bot, "ada", "approvers", team=dock)
        erin = linked(bot, "erin", "engineers")
        group = bot.workspace.add_usergroup("oncall", "On call", [ada.id], team=dock)
        bot.with_settings(workspaces=(bot.workspace.team_id, dock))
        for ref in ("@oncall", group.id):
            notify(bot, user_groups=(ref,))
            bot.world.ask(bot.account(erin))
            bot.deliver()
        assert len(ada.messages()) == 2
        assert bot.workspace.refused == []


def test_typing_into_a_select_works_in_one_workspace_of_an_organisation(
    one_of_many: SlackBot,
) -> None:
    """Slack names the organisation as the person's team there: it was refused as another's."""
    erin = linked(one_of_many, "erin", "engineers")
    erin.slash("/access")
    assert erin.suggest(erin.view(), "cluster", "")


def test_people_of_another_workspace_of_the_organisation_stay_outside(
    one_of_many: SlackBot,
) -> None:
    dock = one_of_many.workspace.add_team("Dock")
    outsider = one_of_many.user("outsider", team=dock)
    channel = one_of_many.workspace.add_channel("both", members=[outsider.id])
    outsider.slash("/access", place=channel)
    assert "inbound.refused" in one_of_many.world.events()


def of(body: dict[str, Any], team: str) -> tuple[Account | None, set[str]]:
    inbound = at_home(read_inbound(body), team)
    return inbound.account, set(inbound.teams)


ERIN = {"id": "WERIN", "team_id": "TONE"}
ORG = {"id": "EORG", "name": "Org"}


@pytest.mark.parametrize(
    ("body", "team", "account"),
    [
        ({"user": ERIN, "team": None, "enterprise": ORG}, "EORG", "EORG"),
        ({"user": {"id": "WERIN"}, "team": None, "enterprise": ORG}, "EORG", None),
        ({"user": {**ERIN, "team_id": "EORG"}, "team": None, "enterprise": ORG}, "EORG", "EORG"),
        ({"user": ERIN, "team": None, "enterprise": {"id": "EX"}}, "EORG", None),
        ({"user": {**ERIN, "team_id": "EX"}, "team": None, "enterprise": ORG}, "EORG", None),
        ({"user": ERIN, "team": {"id": "TONE"}, "enterprise": None}, "EORG", None),
        ({"user": ERIN, "team": {"id": "TONE"}, "enterprise": ORG}, "TONE", "TONE"),
        ({"user": ERIN, "team": {"id": "TTWO"}, "enterprise": ORG}, "TONE", None),
        (
            {"user": {**ERIN, "team_id": "EORG"}, "team": {"id": "TONE"}, "enterprise": ORG},
            "TONE",
            "TONE",
        ),
        (
            {"user": {**ERIN, "team_id": "EX"}, "team": {"id": "TONE"}, "enterprise": ORG},
            "TONE",
            None,
        ),
        ({"user": {**ERIN, "team_id": "EORG"}, "team": None, "enterprise": ORG}, "TONE", None),
        ({"user": ERIN, "team": {"id": "TONE"}}, "TONE", "TONE"),
    ],
)
def test_whose_account_a_payload_names(
    body: dict[str, Any], team: str, account: str | None
) -> None:
    found, teams = of({"type": "block_actions", **body}, team)
    if account is None:
        assert found is None or teams != {team}
    else:
        assert (found, teams) == (Account(account, "WERIN"), {team})
