"""When Slack, the database or time is in the way: the ack leaves and the person is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bot.playground.slack import Person, buttons, words
from bot.slack.ask_form import NOT_READ
from bot.slack.guard import NOT_TAKEN
from grants.access.model import AccessRequest, RequestState
from grants.errors import StoreUnavailable
from tests.support.slack_bot import SlackBot


@pytest.fixture
def erin(bot: SlackBot) -> Person:
    return bot.person("erin", "engineers")


@pytest.fixture
def ada(bot: SlackBot) -> Person:
    return bot.person("ada", "approvers")


def asked(bot: SlackBot, erin: Person) -> AccessRequest:
    request = bot.world.ask(bot.account(erin))
    bot.deliver()
    return request


@contextmanager
def database_down(bot: SlackBot) -> Iterator[None]:
    store, kept = bot.world.store, bot.world.store.write

    def refuse() -> Any:
        raise StoreUnavailable("locked")

    store.write = refuse  # type: ignore[method-assign]
    yield
    store.write = kept  # type: ignore[method-assign]


def test_a_form_that_slack_does_not_open_is_said(bot: SlackBot, erin: Person) -> None:
    bot.workspace.inject("views.open", {"ok": False, "error": "expired_trigger_id"})
    assert erin.slash("/access").ok
    assert words(erin.messages()[-1]) == NOT_TAKEN
    assert erin.slash("/access").ok
    assert erin.view().title == "Ask for access"


def test_an_answer_that_can_not_stand_under_the_message_comes_as_a_message(
    bot: SlackBot, erin: Person
) -> None:
    asked(bot, erin)
    bot.workspace.inject("chat.postEphemeral", {"ok": False, "error": "user_not_in_channel"})
    stale = erin.messages()[0]
    erin.click(stale, "cancel")
    erin.click(stale, "cancel", as_shown=True)
    said = erin.messages()[-1]
    assert not said.is_ephemeral
    assert "This request is cancelled" in words(said)


def test_when_nothing_can_be_said_the_ack_leaves_all_the_same(
    bot: SlackBot, erin: Person, caplog: pytest.LogCaptureFixture
) -> None:
    asked(bot, erin)
    stale = erin.messages()[0]
    erin.click(stale, "cancel")
    for method in ("chat.postEphemeral", "chat.postMessage"):
        bot.workspace.inject(method, {"ok": False, "error": "fatal_error"})
    done = erin.click(stale, "cancel", as_shown=True)
    assert done is not None
    assert done.ok
    assert "nobody could be told" in caplog.text


def test_a_database_that_is_down_changes_nothing_and_says_so(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    request = asked(bot, erin)
    card = ada.messages()[-1]
    with database_down(bot):
        done = ada.click(card, "approve")
        assert done is not None
        assert done.ok
        assert "The database can't be reached right now" in words(ada.messages()[-1])
        guest = bot.user("guest", is_restricted=True)
        assert guest.slash("/access").ok, "refused, though the refusal can't be recorded"
        assert "Guests" in words(guest.messages()[-1])
    assert bot.world.request(request.id).state is RequestState.PENDING
    ada.click(card, "approve")
    assert bot.world.request(request.id).state is RequestState.APPROVED


def test_a_database_down_at_submit_keeps_the_form(bot: SlackBot, erin: Person) -> None:
    erin.slash("/access")
    erin.choose(erin.view(), "cluster", "prod")
    erin.choose(erin.view(), "namespace", "payments-dev")
    erin.choose(erin.view(), "entitlement", "view-payments")
    erin.type(erin.view(), "reason", "A long story that nobody wants to type twice")
    with database_down(bot):
        done = erin.submit(erin.view())
    assert list(done.errors) == ["reason"]
    assert "The database can't be reached right now" in done.errors["reason"]
    assert erin.submit(erin.view()).ok
    assert erin.views() == []
    assert len(bot.world.store._rows.requests) == 1


def test_a_namespace_list_that_does_not_come_is_said_and_choosing_that_chooses_nothing(
    bot: SlackBot, erin: Person
) -> None:
    """The list was empty, as if there were no namespaces in which anything can be asked for."""
    bot.world.cluster.fail_all()
    erin.slash("/access")
    erin.choose(erin.view(), "cluster", "prod")
    *_, said = erin.suggest(erin.view(), "namespace")
    assert said["text"]["text"] == NOT_READ
    erin.choose(erin.view(), "namespace", said["value"])
    erin.choose(erin.view(), "entitlement", "view-payments")
    erin.type(erin.view(), "reason", "To look")
    done = erin.submit(erin.view())
    assert [key.partition(":")[0] for key in done.errors] == ["namespace"]
    assert bot.world.store._rows.requests == {}


def test_a_denial_of_what_was_decided_meanwhile_is_refused(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    asked(bot, erin)
    card = ada.messages()[-1]
    ada.click(card, "deny")
    ada.type(ada.view(), "reason", "No")
    erin.click(erin.messages()[-1], "cancel")
    ada.submit(ada.view())
    assert "This request is cancelled, so that can't be done any more." in words(ada.view())
    ada.close(ada.view())
    ada.click(card, "deny", as_shown=True)
    assert "This request is cancelled" in words(ada.messages()[-1])


def test_what_was_done_in_home_is_not_told_as_failed_when_home_can_not_be_shown(
    bot: SlackBot, erin: Person
) -> None:
    """The request was cancelled, and erin was told to try again: Slack had not taken Home."""
    asked(bot, erin)
    erin.open_home()
    bot.double.control.inject("views.publish", trouble="reset")
    erin.click(erin.home(), "cancel")  # type: ignore[arg-type]
    (request,) = bot.world.store._rows.requests.values()
    assert request.state is RequestState.CANCELLED
    assert erin.views() == []
    assert NOT_TAKEN not in " ".join(words(message) for message in erin.messages())


def test_a_denial_from_the_card_in_home_closes_both_modals(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    request = asked(bot, erin)
    ada.open_home()
    ada.click(ada.home(), "look")  # type: ignore[arg-type]
    ada.click(ada.view(), "deny")
    assert [v.title for v in ada.views()] == ["Request", "Deny"]
    ada.type(ada.view(), "reason", "Not now")
    assert ada.submit(ada.view()).ok
    assert ada.views() == []
    assert bot.world.request(request.id).state is RequestState.DENIED


@pytest.mark.parametrize(
    ("action", "value", "said"),
    [
        ("deny", "req-1:x", "There is no such request"),
        ("deny", f"req-{'a' * 26}:{'0' * 64}", "There is no such request"),
        ("look", f"req-{'a' * 26}:{'0' * 64}", "There is no such request"),
        ("cancel", "gra-1", "There is no such request"),
        ("cancel", f"req-{'a' * 26}", "There is no such request"),
        ("give-back", "gra-1", "There is no such grant"),
        ("revoke", f"gra-{'a' * 26}", "Only admins can revoke access"),
    ],
)
@pytest.mark.security("P6")
def test_forged_ids_are_named_and_change_nothing(
    bot: SlackBot, erin: Person, ada: Person, action: str, value: str, said: str
) -> None:
    asked(bot, erin)
    ada.click(ada.messages()[-1], "deny")
    payload = bot.double.deliveries[-1].payload
    forged = {**payload["actions"][0], "action_id": action, "value": value}
    before = bot.world.store._rows.requests
    assert bot.double.deliver_raw({**payload, "trigger_id": "9.9", "actions": [forged]}).ok
    assert said in words(ada.messages()[-1])
    assert bot.world.store._rows.requests == before


def test_forged_modals_are_named(bot: SlackBot, erin: Person, ada: Person) -> None:
    asked(bot, erin)
    view = {"id": "V1", "type": "modal", "private_metadata": "forged"}
    for callback, said in (("deny", "such request"), ("revoke", "such grant"), ("x", "not known")):
        done = bot.double.deliver_raw(
            {
                "type": "view_submission",
                "team": {"id": "T1"},
                "user": {"id": ada.id, "team_id": "T1"},
                "view": {**view, "callback_id": callback},
            }
        )
        assert said in str(done.answer)


def test_a_draft_can_be_cancelled_from_home(bot: SlackBot, erin: Person) -> None:
    bot.world.clock.forward(hours=13)
    with pytest.raises(Exception, match="sign-in-too-old"):
        bot.world.ask(bot.account(erin))
    erin.open_home()
    home = erin.home()
    assert home is not None
    assert "waits for your sign-in" in words(home)
    erin.click(home, "cancel")
    assert "cancel" not in buttons(erin.home())  # type: ignore[arg-type]


def test_a_stale_form_loses_the_race_quietly(bot: SlackBot, erin: Person) -> None:
    erin.slash("/access")
    bot.workspace.inject("views.update", {"ok": False, "error": "hash_conflict"})
    done = erin.choose(erin.view(), "cluster", "prod")
    assert done is not None
    assert done.ok
    assert erin.messages() == []
