"""Asking for access in Slack, from the slash command to the approver's card."""

from datetime import timedelta
from typing import Any

import pytest

from bot.playground.slack import Person, buttons, inputs, words
from grants.access.model import RequestState
from grants.access.request_access import SubmitDraft, submit_draft
from grants.outbox.model import Notice, Place, PlaceKind
from tests.support.slack_bot import PUBLIC_URL, SlackBot


def fill(erin: Person, **chosen: str) -> None:
    """Fill the open form in; by default an hour of looking at payments-dev."""
    wanted = {
        "cluster": "prod",
        "namespace": "payments-dev",
        "entitlement": "view-payments",
        "reason": "Pods crash after the deploy",
        **chosen,
    }
    for action_id, value in wanted.items():
        if value and action_id in inputs(erin.view()):
            erin.fill(erin.view(), action_id, value)


def options(erin: Person, action_id: str, query: str = "") -> list[str]:
    return [o["value"] for o in erin.suggest(erin.view(), action_id, query)]


def requests(bot: SlackBot) -> list[Any]:
    return list(bot.world.store._rows.requests.values())


@pytest.fixture
def erin(bot: SlackBot) -> Person:
    return bot.person("erin", "engineers", tz="Europe/Berlin")


def test_a_linked_person_asks_and_both_sides_are_told(bot: SlackBot, erin: Person) -> None:
    ada = bot.person("ada", "approvers")
    assert erin.slash("/access").ok
    fill(erin)
    assert erin.submit(erin.view()).ok
    assert erin.views() == []
    assert bot.waked == [1], "the workers are waked, once"
    assert bot.deliver().sent == 2
    assert "Pods crash after the deploy" in bot.read(ada)
    assert "Waiting for approval" in bot.read(erin)


def test_who_is_not_linked_gets_a_link_of_their_own_first(bot: SlackBot) -> None:
    someone = bot.user("someone")
    assert someone.slash("/access").ok
    said = someone.messages()[-1]
    assert said.is_ephemeral
    assert "sign in first" in words(said)
    [link] = [e["url"] for b in said.blocks for e in b.get("elements", ()) if "url" in e]
    assert link.startswith(f"{PUBLIC_URL}/sign-in/")
    assert someone.views() == []


def test_after_linking_a_message_has_an_ask_button_that_opens_the_form(
    bot: SlackBot, erin: Person
) -> None:
    place = Place(PlaceKind.ACCOUNT, f"T1/{erin.id}")
    facts = {"name": "Erin", "email": "erin@example.com", "groups": "1", "draft": ""}
    with bot.world.store.write() as tx:
        tx.notify(Notice("linked", "att-1", place, facts))
    bot.deliver()
    greeting = erin.messages()[-1]
    assert "You are signed in as Erin (erin@example.com)" in words(greeting)
    done = erin.click(greeting, "ask")
    assert done is not None
    assert done.ok
    assert erin.view().title == "Ask for access"


def test_only_what_this_person_may_ask_is_offered(bot: SlackBot, erin: Person) -> None:
    cleo = bot.person("cleo", "sales")
    assert cleo.slash("/access").ok
    assert "lets you ask for nothing" in words(cleo.messages()[-1])
    erin.slash("/access")
    assert options(erin, "cluster") == ["prod", "stage"]
    assert options(erin, "namespace") == []
    erin.choose(erin.view(), "cluster", "stage")
    assert options(erin, "entitlement") == ["debug-payments"]


def test_each_choice_narrows_the_others(bot: SlackBot, erin: Person) -> None:
    bot.world.cluster.add_namespace("billing")
    bot.world.cluster.add_namespace("payments-prod")
    erin.slash("/access")
    erin.choose(erin.view(), "cluster", "prod")
    assert options(erin, "namespace") == ["*", "payments-dev", "payments-prod"]
    assert options(erin, "namespace", "PROD") == ["payments-prod"]
    assert options(erin, "namespace", "nothing like it") == []
    erin.choose(erin.view(), "namespace", "payments-dev")
    assert options(erin, "entitlement") == ["debug-payments", "view-payments"]
    erin.choose(erin.view(), "namespace", "*")
    assert "Look at the cluster's nodes" in words(erin.view()), "the one that fits is chosen"


def test_five_thousand_namespaces_are_offered_a_hundred_at_a_time(
    bot: SlackBot, erin: Person
) -> None:
    for number in range(5000):
        bot.world.cluster.add_namespace(f"payments-{number:04}")
    erin.slash("/access")
    erin.choose(erin.view(), "cluster", "prod")
    assert len(options(erin, "namespace")) == 100
    assert options(erin, "namespace", "4999") == ["payments-4999"]


def test_what_is_for_the_whole_cluster_needs_no_namespace(bot: SlackBot, erin: Person) -> None:
    bot.world.cluster.put_role(bot.world.policy.policy.entitlements[2].role)
    erin.slash("/access")
    erin.choose(erin.view(), "cluster", "prod")
    erin.choose(erin.view(), "entitlement", "read-nodes")
    assert "namespace" not in inputs(erin.view())
    assert "All of the cluster" in words(erin.view())
    assert erin.submit(erin.view()).ok
    assert requests(bot)[0].items[0].terms.namespace is None


def test_another_cluster_empties_the_namespace(bot: SlackBot, erin: Person) -> None:
    erin.slash("/access")
    fill(erin, reason="")
    erin.choose(erin.view(), "cluster", "stage")
    chosen = {k[1]: v.get("selected_option") for k, v in erin.values(erin.view()).items()}
    assert chosen["namespace"] is None
    assert erin.submit(erin.view()).error == "incomplete"


def test_the_end_is_shown_in_the_persons_own_zone(bot: SlackBot, erin: Person) -> None:
    erin.slash("/access")
    fill(erin)
    assert "1 hour: until today 14:00 CET" in words(erin.view())
    erin.choose(erin.view(), "duration", "4 hours")
    assert "4 hours: until today 17:00 CET" in words(erin.view())
    erin.type(erin.view(), "length", "90m")
    assert "1 hour 30 minutes: until today 14:30 CET" in words(erin.view())
    erin.type(erin.view(), "length", "9h")
    assert "At most 8 hours here." in words(erin.view())


def test_everything_wrong_is_said_at_once_and_in_place(bot: SlackBot, erin: Person) -> None:
    bot.world.cluster.add_namespace("payments-gone")
    erin.slash("/access")
    fill(erin, namespace="payments-gone", length="9h", reason="  ")
    bot.world.cluster.remove_namespace("payments-gone")
    done = erin.submit(erin.view())
    fields = inputs(erin.view())
    assert done.errors == {
        fields["namespace"]: "There is no namespace payments-gone in that cluster.",
        fields["length"]: "That is too long: at most 8 hours is allowed here.",
        fields["reason"]: "Say why you need this.",
    }
    assert requests(bot) == []


@pytest.mark.parametrize(
    ("length", "said"),
    [
        ("soon", "This is not a length of time"),
        ("-5m", "This is not a length of time"),
        ("0m", "longer than nothing"),
        ("99999d", "Nobody gets access for that long"),
    ],
)
def test_a_length_that_is_none_is_refused_at_its_field(
    bot: SlackBot, erin: Person, length: str, said: str
) -> None:
    erin.slash("/access")
    fill(erin, length=length)
    done = erin.submit(erin.view())
    assert list(done.errors) == ["length"]
    assert said in done.errors["length"]
    fill(erin, length="1 hour 15 minutes")
    assert erin.submit(erin.view()).ok
    assert requests(bot)[0].items[0].terms.duration == timedelta(minutes=75)


def test_a_sign_in_too_old_keeps_what_was_asked_and_goes_on_after_it(
    bot: SlackBot, erin: Person
) -> None:
    erin.slash("/access")
    fill(erin)
    bot.world.clock.forward(hours=13)
    done = erin.submit(erin.view())
    assert done.ok
    assert "What you asked for is kept" in words(erin.view())
    assert "sign-in" in buttons(erin.view())
    [draft] = requests(bot)
    assert draft.state is RequestState.DRAFT
    bot.world.sign_in("erin", "engineers")
    submit_draft(SubmitDraft(draft.requester, draft.id), ports=bot.world)
    bot.deliver()
    assert "Waiting for approval" in bot.read(erin)
    assert "Pods crash after the deploy" in bot.read(erin)


@pytest.mark.security("D6")
def test_a_submit_delivered_twice_asks_once(bot: SlackBot, erin: Person) -> None:
    erin.slash("/access")
    fill(erin)
    done = erin.submit(erin.view())
    assert bot.double.redeliver(done).ok
    assert len(requests(bot)) == 1


def test_the_same_form_submitted_again_after_a_refusal_is_judged_again(
    bot: SlackBot, erin: Person
) -> None:
    """The key of a submit is the view and what it holds, so that a lost answer asks nothing twice.

    A refusal uses that key up; without a second look the same form, sent again once the cluster
    was back, would have been taken for done.
    """
    erin.slash("/access")
    fill(erin)
    bot.world.cluster.fail_all()
    refused = erin.submit(erin.view())
    assert "did not" in " ".join(refused.errors.values())
    bot.world.cluster.mend()
    assert erin.submit(erin.view()).ok
    assert len(requests(bot)) == 1


@pytest.mark.security("D1")
def test_markup_in_a_reason_is_only_text(bot: SlackBot, erin: Person) -> None:
    ada = bot.person("ada", "approvers")
    erin.slash("/access")
    evil = "<!channel> <https://evil.example|Approve> *bold* \u202egnp.exe\x07"
    fill(erin, reason=evil)
    erin.submit(erin.view())
    bot.deliver()
    card = ada.messages()[-1]
    [quoted] = [
        b["text"] for b in card.blocks if "evil.example" in b.get("text", {}).get("text", "")
    ]
    assert quoted["type"] == "plain_text"
    assert "\u202e" not in quoted["text"]
    assert "\x07" not in quoted["text"]
    assert "<!channel>" not in card.text
    assert "<https" not in card.text


def test_help_status_and_unknown_words_are_answered(bot: SlackBot, erin: Person) -> None:
    erin.slash("/access", "help")
    assert "/access status" in words(erin.messages()[-1])
    erin.slash("/access", "payload <!channel>")
    assert "There is no “payload <!channel>” here" in words(erin.messages()[-1])
    erin.slash("/access", "status")
    assert "No access right now" in words(erin.messages()[-1])
    erin.slash("/access")
    fill(erin)
    erin.submit(erin.view())
    erin.slash("/access", "status")
    assert "waits for approval" in words(erin.messages()[-1])
