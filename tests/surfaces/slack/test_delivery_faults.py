"""What may befall a payload between Slack and us: whatever it is, its outcome comes exactly once.

Two replicas over the same rows, each with a socket and an address of its own.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from bot.playground.slack import Person, words
from grants.access.model import RequestState
from grants.policy.model import Notify
from tests.support.slack_replicas import Replicas, as_new_click, fill, slack_replicas, together
from tests.support.world import World
from tests.surfaces.slack.conftest import rich_policy

TROUBLES = ("stall", "reset", "cut", "truncated", "html", "empty")


class Story:
    """Erin has asked; Ada and Bob may decide."""

    def __init__(self, town: Replicas) -> None:
        self.town, self.double, self.control = town, town.double, town.double.control
        self.erin = town.person("erin", "engineers")
        self.ada = town.person("ada", "approvers")
        self.bob = town.person("bob", "approvers")
        self.before = len(town.world.store.events)
        town.ask(self.erin)
        self.cards = {"ada": self.card(self.ada)}

    def card(self, person: Person) -> Any:
        return self.town.card(person)

    @property
    def rows(self) -> Any:
        return self.town.world.store._rows

    @property
    def request(self) -> Any:
        return next(iter(self.rows.requests.values()))

    def approved_once(self) -> None:
        """One decision, one grant, and one event for each."""
        events = [str(e.type) for e in self.town.world.store.events]
        assert events.count("decision.made") == 1
        assert events.count("grant.activating") == 1
        assert "decision.refused" not in events
        assert (len(self.rows.decisions), len(self.rows.grants)) == (1, 1)
        assert self.request.state is RequestState.APPROVED

    def asked_once(self) -> None:
        assert len(self.rows.requests) == 1
        assert [str(e.type) for e in self.town.world.store.events].count("request.submitted") == 1

    def said_to(self, person: Person) -> str:
        return " ".join(words(message) for message in person.messages())


@pytest.fixture
def story() -> Iterator[Story]:
    world = World()
    policy = rich_policy()
    notify = Notify(people=("ada@example.com", "bob@example.com"))
    view, *others = policy.entitlements
    told = (replace(view, notify=notify), *others)
    world.policy.policy = replace(policy, entitlements=told)
    with slack_replicas([world, world]) as town:
        yield Story(town)
        assert [r for r in town.workspace.refused if "trigger" not in str(r)] == []


def approve(story: Story) -> Any:
    done = story.ada.click(story.cards["ada"], "approve")
    assert done is not None
    return done


def nothing_more_is_said(story: Story, before: list[str]) -> None:
    """Each replica asks who an account is, and that is all."""
    assert set(story.town.heard()[len(before) :]) <= {"users.info"}


@pytest.mark.security("D6")
def test_a_click_that_comes_twice_is_answered_alike(story: Story) -> None:
    done = approve(story)
    before = story.town.heard()
    for _ in range(2):
        again = story.double.redeliver(done)
        assert (again.acked, again.answer) == (True, done.answer)
    nothing_more_is_said(story, before)
    story.approved_once()


@pytest.mark.security("D6")
def test_three_envelopes_with_one_click_at_the_same_moment_count_once(story: Story) -> None:
    story.control.hinder("interactive", copies=2)
    assert approve(story).acked
    story.town.wait(lambda: len(story.control.log("acked")) >= 3)
    acked = [entry.facts for entry in story.control.log("acked")][-3:]
    assert all(facts["ok"] for facts in acked)
    story.approved_once()


@pytest.mark.security("D6")
def test_the_same_click_at_both_replicas_at_the_same_moment_counts_once(story: Story) -> None:
    story.town.by_http(0)
    looked = story.ada.click(story.cards["ada"], "deny")
    assert looked is not None
    action = {**looked.payload["actions"][0], "action_id": "approve"}
    payload = {**looked.payload, "actions": [action]}
    answers = together(*(lambda n=n % 2: story.town.post(n, payload) for n in range(6)))
    assert {(a.status_code, a.text) for a in answers} == {(200, "")}
    story.approved_once()


@pytest.mark.security("D6")
def test_what_came_by_socket_and_is_sent_again_by_http_counts_once(story: Story) -> None:
    done = approve(story)
    answer = story.town.post(1, done.payload, **{"X-Slack-Retry-Num": "1"})
    assert (answer.status_code, answer.text) == (200, "")
    story.approved_once()


def test_a_refused_click_that_comes_again_is_told_so(story: Story) -> None:
    """What it did does not stand, for it did nothing; told again it would be judged twice."""
    omar = story.town.person("omar", "engineers")
    user = {**approve_later(story).payload["user"], "id": omar.id}
    payload = {**as_new_click(approve_later(story)), "user": user}
    for told in ("among those who decide", "already dealt with"):
        assert story.double.deliver_raw(payload).acked
        story.town.wait(lambda t=told: t in story.said_to(omar))
    events = [str(e.type) for e in story.town.world.store.events]
    assert events.count("decision.refused") == 1
    assert story.rows.decisions == {}


def test_a_denial_that_overtakes_an_approval_stands(story: Story) -> None:
    """Slack keeps no order: whichever comes first counts, and the other is told how it ended."""
    bobs = story.card(story.bob)
    story.bob.click(bobs, "deny")
    story.bob.type(story.bob.view(), "reason", "Not now")
    story.control.hold()
    clicks = [
        threading.Thread(target=lambda: story.ada.click(story.cards["ada"], "approve")),
        threading.Thread(target=lambda: story.bob.submit(story.bob.view())),
    ]
    for number, click in enumerate(clicks):
        click.start()
        story.town.wait(lambda n=number: story.double.courier.hindrances.held == n + 1)
    assert story.double.courier.hindrances.release("reversed", gap_seconds=0.3) == 2
    for click in clicks:
        click.join()
    assert story.request.state is RequestState.DENIED
    assert story.rows.grants == {}
    assert len(story.rows.decisions) == 1
    assert "so that can't be done any more" in story.said_to(story.ada)


def test_a_click_six_minutes_late_is_judged_by_now(story: Story) -> None:
    story.control.hold()
    click = threading.Thread(target=lambda: story.ada.click(story.cards["ada"], "approve"))
    click.start()
    story.town.wait(lambda: story.double.courier.hindrances.held == 1)
    story.town.world.clock.forward(minutes=6)
    story.control.release()
    click.join()
    story.approved_once()


def test_a_click_that_comes_after_its_request_is_over_does_nothing(story: Story) -> None:
    story.control.hold()
    click = threading.Thread(target=lambda: story.ada.click(story.cards["ada"], "approve"))
    click.start()
    story.town.wait(lambda: story.double.courier.hindrances.held == 1)
    story.town.world.clock.forward(hours=5)
    story.control.release()
    click.join()
    assert story.rows.grants == {}
    assert story.rows.decisions == {}
    assert "so that can't be done any more" in story.said_to(story.ada)


def test_a_form_ten_minutes_late_asks_from_when_it_comes(story: Story) -> None:
    """Nothing in it says when it was pressed: what counts is the moment at which it is judged."""
    fill(story.erin, "A late one")
    story.control.hold()
    press = threading.Thread(target=lambda: story.erin.submit(story.erin.view()))
    press.start()
    story.town.wait(lambda: story.double.courier.hindrances.held == 1)
    now = story.town.world.clock.forward(minutes=10)
    story.control.release()
    press.join()
    late = max(story.rows.requests.values(), key=lambda request: request.created_at)
    assert (late.created_at, len(story.rows.requests)) == (now, 2)


class Slowly:
    """Holds the verb that decides, after or before it has committed, until it is let go."""

    def __init__(self, story: Story, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
        self.reached, self.go_on = threading.Semaphore(0), threading.Event()
        for replica in story.town.each:
            verbs = replica.ports.verbs
            monkeypatch.setitem(vars(verbs), "decide", self._held(verbs.decide, after=after))

    def _held(self, decide: Any, *, after: bool) -> Any:
        def call(command: Any) -> Any:
            done = decide(command) if after else None
            self.reached.release()
            assert self.go_on.wait(10)
            return done if after else decide(command)

        return call


@pytest.mark.parametrize("ends", ["reset_socket", "half_close", "cut_frame", "refresh"])
@pytest.mark.parametrize("after", [True, False], ids=["committed", "not-committed"])
def test_a_socket_that_ends_before_the_ack_costs_nobody_anything(
    story: Story, monkeypatch: pytest.MonkeyPatch, ends: str, *, after: bool
) -> None:
    """Slack sends it again to another connection, and shows the person what came of it."""
    slowly = Slowly(story, monkeypatch, after=after)
    answers: list[Any] = []
    click = threading.Thread(target=lambda: answers.append(approve(story)))
    click.start()
    assert slowly.reached.acquire(timeout=5)
    for number in story.control.connections():
        getattr(story.control, ends)(number)
    slowly.go_on.set()
    click.join()
    assert answers[0].acked, answers[0].error
    story.town.wait(lambda: len(story.rows.grants) == 1)
    story.approved_once()
    assert "dealt with" not in story.said_to(story.ada)
    story.town.wait(lambda: story.double.sockets.count == 2)


def test_what_was_sent_over_silent_sockets_comes_again_over_new_ones(story: Story) -> None:
    for number in story.control.connections():
        story.control.silence(number)
    assert approve(story).acked, "within the time that Slack waits"
    story.approved_once()


def test_a_refresh_of_every_connection_in_the_middle_of_a_form_loses_nothing(story: Story) -> None:
    fill(story.erin, "A second one")
    for number in story.control.connections():
        story.control.warn(number)
    story.town.wait(lambda: story.double.sockets.count >= 4)
    assert story.erin.submit(story.erin.view()).errors == {}
    assert len(story.rows.requests) == 2


def test_what_one_replica_leaves_while_it_stops_another_does(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes while it drains stays without ack; Slack sends it to the other connection."""
    slowly = Slowly(story, monkeypatch, after=False)
    payload = as_new_click(approve_later(story))
    clicks = [
        threading.Thread(target=lambda: story.double.deliver_raw(payload)),
        threading.Thread(target=lambda: story.double.deliver_raw(payload)),
    ]
    for click in clicks:
        click.start()
        assert slowly.reached.acquire(timeout=5)
    stopping = threading.Thread(target=lambda: story.town.each[0].socket.stop(5.0))
    stopping.start()
    story.town.wait(lambda: story.town.each[0].socket._work._draining)
    late: list[Any] = []
    asking = threading.Thread(target=lambda: late.append(story.erin.slash("/access", "help")))
    asking.start()
    slowly.go_on.set()
    for thread in (*clicks, stopping, asking):
        thread.join()
    assert late[0].acked, "the other replica answered"
    story.approved_once()


def approve_later(story: Story) -> Any:
    """A genuine payload of a click on Approve, from one on Deny."""
    done = story.ada.click(story.cards["ada"], "deny")
    assert done is not None
    done.payload["actions"][0]["action_id"] = "approve"
    return done


def test_a_replica_that_stops_answers_http_with_503_until_another_is_asked(story: Story) -> None:
    payload = as_new_click(approve_later(story))
    story.town.each[0].endpoint.stop(0)
    refused = story.town.post(0, payload)
    assert (refused.status_code, refused.json()["error"]) == (503, "stopping")
    assert story.town.post(1, payload).status_code == 200
    story.approved_once()


def test_a_stop_waits_for_the_request_by_http_that_is_under_way(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly = Slowly(story, monkeypatch, after=False)
    payload = as_new_click(approve_later(story))
    answers: list[Any] = []
    click = threading.Thread(target=lambda: answers.append(story.town.post(0, payload)))
    click.start()
    assert slowly.reached.acquire(timeout=5)
    endpoint = story.town.each[0].endpoint
    assert endpoint.stop(0.05) is False
    stopped: list[bool] = []
    stopping = threading.Thread(target=lambda: stopped.append(endpoint.stop(5)))
    stopping.start()
    slowly.go_on.set()
    click.join()
    stopping.join()
    assert stopped == [True]
    assert answers[0].status_code == 200
    story.approved_once()


def test_a_form_whose_ack_was_lost_and_that_is_sent_again_asks_once(story: Story) -> None:
    submitted = next(
        d for d in story.double.deliveries if d.payload.get("type") == "view_submission"
    )
    assert story.double.redeliver(submitted).answer in (None, {})
    pressed_again = {**submitted.payload, "trigger_id": "9.9.again"}
    answer = story.double.deliver_raw(pressed_again).answer
    assert answer in (None, {}), "the form closes, for it was sent"
    story.asked_once()


@pytest.mark.security("D6")
def test_the_same_form_at_both_replicas_at_the_same_moment_asks_once(story: Story) -> None:
    fill(story.erin, "A second one")
    story.town.by_http(0)
    payload = story.double._payloads.submission(story.erin.user, story.erin.view())
    answers = together(*(lambda n=n % 2: story.town.post(n, payload) for n in range(6)))
    assert {(a.status_code, a.text) for a in answers} == {(200, "")}
    assert len(story.rows.requests) == 2


def test_a_command_that_comes_twice_opens_one_form_and_tells_nobody_of_an_error(
    story: Story,
) -> None:
    done = story.erin.slash("/access")
    before = story.town.heard()
    again = story.double.redeliver(done)
    assert (again.acked, again.answer) == (True, done.answer)
    assert story.town.heard()[len(before) :] == ["views.open"], "refused by Slack: it is open"
    assert len(story.erin.views()) == 1
    assert "did not take" not in story.said_to(story.erin)


@pytest.mark.security("D6")
def test_a_stranger_who_comes_twice_gets_one_link(story: Story) -> None:
    done = story.double.as_user(story.town.workspace.add_user("new")).slash("/access")
    answers = together(*(lambda n=n % 2: story.town.post(n, done.payload) for n in range(4)))
    assert all("dealt with" in answer.text for answer in answers)
    assert len(story.rows.attempts) == 1


def test_an_event_that_is_sent_four_times_leaves_home_as_it_is(story: Story) -> None:
    done = story.erin.open_home()
    shown = story.erin.home()
    for num in (1, 2, 3):
        assert story.double.redeliver(done, num=num).acked
    again = story.erin.home()
    assert shown is not None
    assert again is not None
    assert [b.get("text") for b in again.blocks] == [b.get("text") for b in shown.blocks]


def test_slack_going_away_while_a_form_is_to_open_costs_only_the_form(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    outage = story.control.outage("503", areas=["api"])
    done = story.erin.slash("/access")
    story.control.end_outage(outage)
    assert done.acked
    assert "Slack did not take the answer in time" in str(done.answer)
    assert story.erin.slash("/access").ok
    assert story.erin.view().title == "Ask for access"
    assert not [r for r in caplog.records if r.exc_info]


@pytest.mark.parametrize(
    "fault",
    [
        {"delay_seconds": 2.3},
        {"retry_after_seconds": 30},
        *({"trouble": trouble} for trouble in TROUBLES),
    ],
    ids=["slow", "rate-limited", *TROUBLES],
)
def test_a_slow_or_limiting_slack_delays_no_ack(
    story: Story, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    story.control.inject("views.open", **fault)
    done = story.erin.slash("/access")
    assert done.acked, done.error
    assert done.after_ms < 2500
    assert "Slack did not take the answer in time" in str(done.answer)
    assert story.erin.slash("/access").ok
    assert not [r for r in caplog.records if r.exc_info]


def test_a_trigger_that_expired_on_the_way_is_said_and_clicked_again(story: Story) -> None:
    story.control.hold()
    click = threading.Thread(target=lambda: story.ada.click(story.cards["ada"], "deny"))
    click.start()
    story.town.wait(lambda: story.double.courier.hindrances.held == 1)
    story.town.world.clock.forward(seconds=5)
    story.control.release()
    click.join()
    assert "Slack did not take the answer in time" in story.said_to(story.ada)
    story.ada.click(story.cards["ada"], "deny")
    assert story.ada.view().title == "Deny"


def test_a_form_that_changed_meanwhile_is_drawn_by_whoever_changed_it(story: Story) -> None:
    story.erin.slash("/access")
    story.control.inject("views.update", error="hash_conflict")
    done = story.erin.choose(story.erin.view(), "cluster", "prod")
    assert done is not None
    assert done.ok
    assert story.erin.choose(story.erin.view(), "cluster", "stage").ok  # type: ignore[union-attr]


def test_a_verdict_shows_where_it_was_clicked_when_the_answer_under_it_is_refused(
    story: Story,
) -> None:
    """An ephemeral answer that Slack does not take comes as a message; the click counted."""
    omar = story.town.person("omar", "engineers")
    story.control.inject("chat.postEphemeral", error="internal_error")
    action = as_new_click(approve_later(story))
    user = {**action["user"], "id": omar.id}
    assert story.double.deliver_raw({**action, "user": user}).acked
    assert omar.messages(), "told in a message of their own"
    assert story.rows.decisions == {}


def test_a_full_house_leaves_clicks_to_be_sent_again_and_none_is_lost(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    for replica in story.town.each:
        for lane in (replica.socket._work._changing, replica.socket._work._answering):
            monkeypatch.setattr(lane, "_most", 0)
    full = story.ada.click(story.cards["ada"], "approve")
    assert full is not None
    assert not full.acked
    assert story.rows.decisions == {}
    monkeypatch.undo()
    assert story.double.redeliver(full).acked
    story.approved_once()


def test_the_address_to_answer_at_is_never_called(story: Story) -> None:
    """`response_url` is used up after five calls and leads wherever a payload says: not for us."""
    done = approve(story)
    forged = as_new_click(done, response_url="http://127.0.0.1:9/never")
    assert story.double.deliver_raw(forged).acked
    assert "response_url" not in story.town.heard()
    assert not [e for e in story.control.log("call") if e.name == "response_url"]


@pytest.mark.security("D6")
def test_a_storm_of_everything_decides_each_request_once(
    story: Story, seed: int, dice: random.Random
) -> None:
    """Copies, delays that reorder, and sockets that end, drawn from the run's seed."""
    story.control.reseed(f"storm-{seed}")
    for number in range(7):
        story.town.ask(story.erin, f"Storm {number}")
    cards = [m for m in story.ada.messages() if any(b["type"] == "actions" for b in m.blocks)]
    story.control.hinder("interactive", times=None, copies=2, delay_seconds=(0.0, 0.05))
    calm = threading.Event()

    def weather() -> None:
        while not calm.wait(0.05):
            with suppress(LookupError):
                getattr(story.control, dice.choice(("reset_socket", "refresh", "half_close")))()

    blowing = threading.Thread(target=weather)
    blowing.start()
    try:
        lost = [d for d in together(*(_decide(story, card) for card in cards)) if not d.acked]
    finally:
        calm.set()
        blowing.join()
    story.control.lift()
    story.town.wait(lambda: story.double.sockets.count == 2)
    assert all(story.double.redeliver(one).acked for one in lost)
    story.town.wait(lambda: len(story.rows.decisions) == len(cards) == 8)
    assert len(story.rows.grants) == 8
    assert "dealt with" not in story.said_to(story.ada)


def _decide(story: Story, card: Any) -> Any:
    return lambda: story.ada.click(card, "approve")
