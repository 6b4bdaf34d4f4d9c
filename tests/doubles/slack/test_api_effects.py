"""What the Web API does when it agrees."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.playground.slack import Workspace, buttons
from tests.support.block_examples import actions, asked, button, modal, plain, select
from tests.support.slack_calls import Office, new_office

if TYPE_CHECKING:
    from collections.abc import Iterator

CARD: list[dict[str, Any]] = [actions(button("go"))]
TYPED = {"type": "plain_text_input", "action_id": "t"}


@pytest.fixture
def office() -> Iterator[Office]:
    made = new_office()
    yield made
    made.double.stop()


def opened(office: Office, *blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Open a modal for Erin and return it as Slack shows it."""
    trigger = office.workspace.new_trigger(office.erin.id).id
    view = modal(*blocks, external_id=None, **more)
    answer = office.call("views.open", trigger_id=trigger, view=view)
    assert answer["ok"], answer
    shown: dict[str, Any] = answer["view"]
    return shown


def test_a_message_to_a_person_is_a_direct_message(office: Office) -> None:
    sent = office.call("chat.postMessage", channel=office.erin.id, text="hello")
    assert sent["channel"].startswith("D")
    again = office.call("conversations.open", users=office.erin.id)
    assert again["channel"] == {"id": sent["channel"]}
    assert [m.text for m in office.double.as_user(office.erin).messages()] == ["hello"]


def test_an_update_without_blocks_takes_the_blocks_away(office: Office) -> None:
    sent = office.call("chat.postMessage", channel=office.ops.id, text="a", blocks=CARD)
    person = office.double.as_user(office.erin)
    assert buttons(person.messages("#ops")[0]) == {"go": "x"}
    office.call("chat.update", channel=office.ops.id, ts=sent["ts"], text="b")
    (message,) = person.messages("#ops")
    assert (message.text, message.blocks) == ("b", ())
    assert message.edited_ts


def test_metadata_is_found_again_and_survives_an_update(office: Office) -> None:
    metadata = {"event_type": "card", "event_payload": {"card": "c1"}}
    place = {"channel": office.ops.id}
    sent = office.call("chat.postMessage", text="a", metadata=metadata, **place)
    office.call("chat.update", text="b", ts=sent["ts"], **place)
    (found,) = office.call("conversations.history", include_all_metadata=True, **place)["messages"]
    assert found["metadata"] == metadata
    (plainly,) = office.call("conversations.history", **place)["messages"]
    assert "metadata" not in plainly


def test_history_is_newest_first_in_pages(office: Office) -> None:
    place = {"channel": office.ops.id}
    sent = [office.call("chat.postMessage", text=str(n), **place)["ts"] for n in range(5)]
    first = office.call("conversations.history", limit=3, **place)
    assert [m["text"] for m in first["messages"]] == ["4", "3", "2"]
    cursor = first["response_metadata"]["next_cursor"]
    rest = office.call("conversations.history", limit=3, cursor=cursor, **place)
    assert [m["text"] for m in rest["messages"]] == ["1", "0"]
    assert not rest["has_more"]
    between = office.call("conversations.history", oldest=sent[0], latest=sent[3], **place)
    assert [m["text"] for m in between["messages"]] == ["2", "1"]
    exactly = office.call(
        "conversations.history", oldest=sent[1], latest=sent[1], inclusive=True, **place
    )
    assert [m["text"] for m in exactly["messages"]] == ["1"]


def test_an_ephemeral_is_seen_by_one_and_is_no_part_of_history(office: Office) -> None:
    place = {"channel": office.ops.id}
    sent = office.call("chat.postEphemeral", user=office.erin.id, text="psst", **place)
    assert [m.text for m in office.double.as_user(office.erin).messages("#ops")] == ["psst"]
    assert office.double.as_user(office.stranger).messages("#ops") == []
    assert office.call("conversations.history", **place)["messages"] == []
    assert office.error("chat.update", ts=sent["message_ts"], text="x", **place) == (
        "message_not_found"
    )


def test_people_are_told_apart(office: Office) -> None:
    def shown(user_id: str) -> dict[str, Any]:
        user: dict[str, Any] = office.call("users.info", user=user_id)["user"]
        return user

    assert shown(office.gone.id)["deleted"]
    assert shown(office.guest.id)["is_ultra_restricted"]
    assert shown(office.stranger.id)["is_stranger"]
    assert shown(office.stranger.id)["team_id"] != office.workspace.team_id
    assert "is_stranger" not in shown(office.erin.id)
    assert shown(office.erin.id)["tz_offset"] == 3600
    assert shown(office.bot.id)["is_bot"]


def test_groups_and_members_are_listed(office: Office) -> None:
    (group,) = office.call("usergroups.list", include_users=True)["usergroups"]
    assert group["users"] == [office.erin.id]
    assert office.call("usergroups.users.list", usergroup=group["id"])["users"] == group["users"]
    members = office.call("conversations.members", channel=office.ops.id)["members"]
    assert set(members) == {office.erin.id, office.stranger.id, office.bot.id}
    listed = office.call("users.list", limit=2)
    assert len(listed["members"]) == 2
    assert listed["response_metadata"]["next_cursor"]


def test_a_trigger_opens_one_modal_within_three_seconds(office: Office) -> None:
    """https://docs.slack.dev/interactivity/handling-user-interaction#modal_responses"""
    view = modal(external_id=None)
    trigger = office.workspace.new_trigger(office.erin.id).id
    assert office.error("views.open", trigger_id="1.2.abc", view=view) == "invalid_trigger_id"
    assert office.error("views.open", trigger_id=trigger, view=view) == ""
    assert office.error("views.open", trigger_id=trigger, view=view) == "exchanged_trigger_id"
    late = office.workspace.new_trigger(office.erin.id).id
    office.clock.pass_time(timedelta(seconds=3))
    assert office.error("views.open", trigger_id=late, view=view) == ""
    later = office.workspace.new_trigger(office.erin.id).id
    office.clock.pass_time(timedelta(seconds=3, milliseconds=1))
    assert office.error("views.open", trigger_id=later, view=view) == "expired_trigger_id"


def test_a_broken_view_does_not_use_up_the_trigger(office: Office) -> None:
    trigger = office.workspace.new_trigger(office.erin.id).id
    broken = office.call("views.open", trigger_id=trigger, view=modal(title=None))
    assert broken["error"] == "invalid_arguments"
    assert broken["errors"] == ["missing required field: title [json-pointer:/view]"]
    assert office.error("views.open", trigger_id=trigger, view=modal(external_id=None)) == ""


def test_at_most_three_modals_lie_on_each_other(office: Office) -> None:
    """https://docs.slack.dev/surfaces/modals#updating_views"""
    view = opened(office)
    for error in ("", "", "push_limit_reached"):
        trigger = office.workspace.new_trigger(office.erin.id, view["id"]).id
        assert office.error("views.push", trigger_id=trigger, view=modal(external_id=None)) == error
    stack = office.double.as_user(office.erin).views()
    assert [v.previous_id for v in stack] == [None, stack[0].id, stack[1].id]
    assert {v.root_id for v in stack} == {stack[0].id}


def test_a_push_needs_a_click_in_a_modal_that_is_still_open(office: Office) -> None:
    outside = office.workspace.new_trigger(office.erin.id).id
    body = modal(external_id=None)
    assert office.error("views.push", trigger_id=outside, view=body) == "not_found"
    view = opened(office)
    trigger = office.workspace.new_trigger(office.erin.id, view["id"]).id
    person = office.double.as_user(office.erin)
    person.close(person.view())
    assert office.error("views.push", trigger_id=trigger, view=body) == "not_found"


def test_an_update_from_an_older_state_loses(office: Office) -> None:
    """https://docs.slack.dev/reference/methods/views.update"""
    view = opened(office)
    body = modal(external_id=None)
    given = {"view_id": view["id"], "view": body}
    fresh = office.call("views.update", hash=view["hash"], **given)
    assert fresh["ok"]
    assert fresh["view"]["hash"] != view["hash"]
    assert office.error("views.update", hash=view["hash"], **given) == "hash_conflict"
    assert office.error("views.update", **given) == ""
    assert office.error("views.update", view=body) == "invalid_arguments"
    assert office.error("views.update", view=body, view_id="V404") == "not_found"


def test_home_has_a_hash_too(office: Office) -> None:
    home = {"type": "home", "blocks": []}
    given = {"user_id": office.erin.id, "view": home}
    first = office.call("views.publish", **given)["view"]
    assert office.error("views.publish", hash=first["hash"], **given) == ""
    assert office.error("views.publish", hash=first["hash"], **given) == "hash_conflict"
    assert office.call("views.publish", **given)["view"]["id"] == first["id"]


def test_an_external_id_names_one_open_view(office: Office) -> None:
    def trigger() -> str:
        return office.workspace.new_trigger(office.erin.id).id

    body = modal(external_id="mine")
    assert office.error("views.open", trigger_id=trigger(), view=body) == ""
    assert office.error("views.open", trigger_id=trigger(), view=body) == "duplicate_external_id"
    assert office.error("views.update", external_id="mine", view=body) == ""
    assert office.error("views.update", external_id="yours", view=body) == "not_found"


def test_a_view_is_at_most_250_kb(office: Office) -> None:
    def sections(count: int) -> list[dict[str, Any]]:
        return [{"type": "section", "text": plain("x" * 3000)}] * count

    for count, error in ((80, ""), (90, "view_too_large")):
        trigger = office.workspace.new_trigger(office.erin.id).id
        view = modal(*sections(count), external_id=None)
        assert office.error("views.open", trigger_id=trigger, view=view) == error


def test_what_was_filled_in_survives_an_update_where_ids_stay(office: Office) -> None:
    one = asked(TYPED, block_id="one")
    chosen = asked(select(), block_id="chosen")
    view = opened(office, one, chosen)
    person = office.double.as_user(office.erin)
    person.type(person.view(), "t", "kept")
    person.choose(person.view(), "s", "v")
    other = asked(TYPED, block_id="another")
    fewer = asked(select(options=[{"text": plain(), "value": "w"}]), block_id="chosen")
    body = modal(one, other, fewer, external_id=None)
    shown = office.call("views.update", view_id=view["id"], view=body)["view"]
    values = shown["state"]["values"]
    assert values["one"]["t"]["value"] == "kept"
    assert values["another"]["t"]["value"] is None
    assert values["chosen"]["s"]["selected_option"] is None


def test_the_next_call_can_be_answered_by_the_test(office: Office) -> None:
    office.workspace.inject("chat.postMessage", {"ok": False, "error": "fatal_error"})
    met = office.workspace.faults.decide("chat.postMessage", {})
    assert met is not None
    assert met.instead is not None
    assert met.instead.body == {"ok": False, "error": "fatal_error"}
    assert office.workspace.faults.decide("chat.postMessage", {}) is None


def test_the_same_seed_gives_the_same_ids() -> None:
    def ids(seed: str) -> list[str]:
        workspace = Workspace(seed=seed)
        user = workspace.add_user("erin")
        return [workspace.team_id, user.id, workspace.dm(user.id).id, workspace.new_trigger("U").id]

    assert ids("a")[:3] == ids("a")[:3]
    assert not set(ids("a")) & set(ids("b"))


def test_timestamps_differ_even_when_the_clock_stands_still(office: Office) -> None:
    stamps = [office.workspace.new_ts() for _ in range(3)]
    assert sorted(set(stamps), key=float) == stamps
