"""Enterprise Grid and Slack Connect: whose team a payload names, and which methods must be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from slack_bolt import BoltRequest
from slack_bolt.request.internals import (
    extract_enterprise_id,
    extract_is_enterprise_install,
    extract_team_id,
)

from bot.playground.slack.payloads import Payloads
from tests.support.slack_calls import Office, new_office

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.playground.slack import User

TEAM_METHODS: dict[str, dict[str, Any]] = {
    "users.list": {},
    "usergroups.list": {},
    "usergroups.users.list": {"usergroup": ""},
    "conversations.list": {},
}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []}


@pytest.fixture
def office() -> Iterator[Office]:
    made = new_office()
    yield made
    made.double.stop()


def ask(office: Office, method: str, **args: Any) -> str:
    group = {"usergroup": office.group.id} if method == "usergroups.users.list" else {}
    return office.error(method, **{**group, **args})


def payloads(office: Office) -> Payloads:
    return Payloads(office.workspace, "https://hooks.example")


def open_modal(office: Office, user: User) -> Any:
    trigger = office.workspace.new_trigger(user.id).id
    view = office.call("views.open", trigger_id=trigger, view=MODAL)["view"]
    return office.workspace.views[view["id"]]


@pytest.mark.parametrize("method", TEAM_METHODS)
def test_a_token_of_the_organisation_must_name_a_workspace(office: Office, method: str) -> None:
    assert ask(office, method) == ""
    office.workspace.join_grid()
    assert ask(office, method) == "missing_argument"
    assert ask(office, method, team_id="T404") == "team_access_not_granted"
    assert ask(office, method, team_id=office.workspace.team_id) == ""


def test_a_token_of_a_workspace_need_not_and_other_methods_need_not(office: Office) -> None:
    office.workspace.join_grid(org_wide=False)
    assert ask(office, "users.list") == ""
    office.workspace.join_grid()
    assert office.error("users.info", user=office.erin.id) == ""


def test_auth_test_says_whether_the_organisation_installed_it(office: Office) -> None:
    assert "enterprise_id" not in office.call("auth.test")
    grid = office.workspace.join_grid(org_wide=False)
    here = office.call("auth.test")
    assert (here["enterprise_id"], here["is_enterprise_install"]) == (grid.id, False)
    assert here["team_id"] == office.workspace.team_id
    grid = office.workspace.join_grid()
    everywhere = office.call("auth.test")
    assert everywhere["is_enterprise_install"] is True
    assert everywhere["team_id"] == everywhere["enterprise_id"] == grid.id


def test_a_list_is_of_one_workspace(office: Office) -> None:
    office.workspace.join_grid()
    dock = office.workspace.add_team("Dock")
    dora = office.workspace.add_user("dora", team=dock)
    divers = office.workspace.add_usergroup("divers", "Divers", [dora], team=dock)
    people = office.call("users.list", team_id=dock)["members"]
    assert [person["id"] for person in people] == [dora.id]
    groups = office.call("usergroups.list", team_id=dock)["usergroups"]
    assert [group["id"] for group in groups] == [divers.id]
    home = office.workspace.team_id
    assert office.error("usergroups.users.list", usergroup=divers.id, team_id=home) == (
        "no_such_subteam"
    )


def test_a_person_of_the_organisation_is_shown_as_such(office: Office) -> None:
    assert "enterprise_user" not in office.call("users.info", user=office.erin.id)["user"]
    grid = office.workspace.join_grid()
    shown = office.call("users.info", user=office.erin.id)["user"]["enterprise_user"]
    assert (shown["enterprise_id"], shown["teams"]) == (grid.id, [office.workspace.team_id])
    assert "enterprise_user" not in office.call("users.info", user=office.stranger.id)["user"]


def test_payloads_of_an_organisation_wide_install_have_no_team(office: Office) -> None:
    grid = office.workspace.join_grid()
    view = open_modal(office, office.erin)
    for payload in (
        payloads(office).submission(office.erin, view),
        payloads(office).closed(office.erin, view, cleared=False),
    ):
        assert payload["team"] is None
        assert payload["enterprise"] == {"id": grid.id, "name": "Fleet"}
        assert payload["is_enterprise_install"] is True
        assert payload["user"]["team_id"] == office.workspace.team_id
        assert payload["view"]["app_installed_team_id"] == grid.id
        assert extract_is_enterprise_install(payload)
        assert extract_enterprise_id(payload) == grid.id


def test_those_of_a_workspace_install_name_both(office: Office) -> None:
    before = payloads(office).submission(office.erin, open_modal(office, office.erin))
    assert before["enterprise"] is None
    grid = office.workspace.join_grid(org_wide=False)
    payload = payloads(office).submission(office.erin, open_modal(office, office.erin))
    assert payload["team"]["id"] == office.workspace.team_id
    assert payload["team"]["enterprise_id"] == grid.id
    assert payload["is_enterprise_install"] is False


def test_a_command_says_by_a_word_whether_it_is_organisation_wide(office: Office) -> None:
    before = payloads(office).slash(office.erin, "/access", "", office.ops)
    assert (before["is_enterprise_install"], "enterprise_id" in before) == ("false", False)
    grid = office.workspace.join_grid()
    after = payloads(office).slash(office.erin, "/access", "", office.ops)
    assert (after["is_enterprise_install"], after["enterprise_id"]) == ("true", grid.id)
    assert after["team_id"] == office.workspace.team_id
    request = BoltRequest(mode="socket_mode", body=after)
    assert request.context.is_enterprise_install is True


def test_an_event_has_the_workspace_and_an_authorization_without_one(office: Office) -> None:
    grid = office.workspace.join_grid()
    dock = office.workspace.add_team("Dock")
    dora = office.workspace.add_user("dora", team=dock)
    payload = payloads(office).home_opened(dora, "home")
    assert (payload["team_id"], payload["enterprise_id"]) == (dock, grid.id)
    (authorization,) = payload["authorizations"]
    assert (authorization["team_id"], authorization["is_enterprise_install"]) == (None, True)
    assert extract_team_id(payload) is None


def test_a_suggestion_names_the_organisation_as_the_persons_team(office: Office) -> None:
    """So Slack's page about block_suggestion says, and of no other payload."""
    view = open_modal(office, office.erin)
    key = ("block", "action")
    before = payloads(office).suggestion(office.erin, view, key, "x")
    assert before["user"]["team_id"] == office.workspace.team_id
    grid = office.workspace.join_grid()
    after = payloads(office).suggestion(office.erin, view, key, "x")
    assert after["user"]["team_id"] == grid.id
    assert payloads(office).submission(office.erin, view)["user"]["team_id"] != grid.id
    office.workspace.join_grid(user_team="enterprise")
    again = payloads(office).submission(office.erin, view)
    assert again["user"]["team_id"] == office.workspace.grid.id  # type: ignore[union-attr]


def test_a_stranger_stays_a_stranger_in_a_grid(office: Office) -> None:
    office.workspace.join_grid(org_wide=False)
    payload = payloads(office).submission(office.stranger, open_modal(office, office.stranger))
    assert payload["user"]["team_id"] == office.stranger.team_id != office.workspace.team_id
    assert "enterprise_id" not in payload["team"]


def test_a_shared_channel_says_so(office: Office) -> None:
    quiet = office.workspace.add_channel("quiet", members=[office.erin])
    assert office.call("conversations.info", channel=quiet.id)["channel"]["is_ext_shared"] is False
    office.double.control.change_channel("quiet", is_ext_shared=True)
    assert office.call("conversations.info", channel=quiet.id)["channel"]["is_ext_shared"] is True
    # A stranger in it shows the same.
    assert office.call("conversations.info", channel=office.ops.id)["channel"]["is_ext_shared"]


def test_people_and_channels_can_be_renamed_and_keep_their_ids(office: Office) -> None:
    office.double.control.change_user("erin", name="erin.e", real_name="Erin Eng")
    shown = office.call("users.info", user=office.erin.id)["user"]
    assert (shown["id"], shown["name"], shown["real_name"]) == (
        office.erin.id,
        "erin.e",
        "Erin Eng",
    )
    office.double.control.change_channel("ops", name="operations")
    channel = office.call("conversations.info", channel=office.ops.id)["channel"]
    assert (channel["name"], channel["previous_names"]) == ("operations", ["ops"])
    with pytest.raises(LookupError):
        office.double.control.change_channel("ops", name="x")


def test_a_deactivated_person_is_shown_as_deleted(office: Office) -> None:
    assert office.call("users.info", user=office.erin.id)["user"]["deleted"] is False
    office.double.control.change_user("erin", deleted=True)
    assert office.call("users.info", user=office.erin.id)["user"]["deleted"] is True


def test_a_disabled_group_is_listed_only_when_asked_for(office: Office) -> None:
    def ids(**args: Any) -> list[str]:
        groups = office.call("usergroups.list", include_count=True, **args)["usergroups"]
        return [group["id"] for group in groups]

    assert ids() == [office.group.id]
    assert ids(include_disabled=True) == [office.sleeping.id, office.group.id]
    office.double.control.change_usergroup("oncall", disabled=True)
    assert ids() == []
    assert office.error("usergroups.users.list", usergroup=office.group.id) == "no_such_subteam"


def test_private_channels_without_the_app_are_not_listed(office: Office) -> None:
    listed = office.call("conversations.list", types="public_channel,private_channel")["channels"]
    ids = {channel["id"] for channel in listed}
    assert {office.ops.id, office.inner.id, office.elsewhere.id, office.old.id} <= ids
    assert office.secret.id not in ids
    shorter = office.call("conversations.list", exclude_archived=True)["channels"]
    assert office.old.id not in {channel["id"] for channel in shorter}
    assert office.error("conversations.list", without="channels:read") == "missing_scope"
