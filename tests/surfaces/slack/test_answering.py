"""Reviewers answer findings in Slack: the buttons, the form, and what it can never do."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from bot.playground.slack import Person, words
from bot.playground.slack.blockkit import check_view
from bot.slack.app import handler_of, make_surface
from bot.slack.cards.findings import Days, Said, finding_view, keep_view
from bot.slack.guard import guarded
from bot.slack.inbound import read_inbound
from grants.outbox.model import Notice, Place, PlaceKind
from grants.review.answers import Answer
from grants.review.details import Detail
from tests.support import store_fixtures as fixtures
from tests.support.kept_findings import ReviewedWorld
from tests.support.slack_bot import SlackBot, slack_bot
from tests.support.store_values import FixedClock

clock = fixtures.clock
sqlite_template = fixtures.sqlite_template
sqlite_url = fixtures.sqlite_url

EVIL = "<!channel> <@U1> *bold* `code` ~x~ <https://evil.example|click>\n> quote :tada: &lt;"


@dataclass
class Source:
    """What reviews found and people answered, from the rows of a world."""

    world: ReviewedWorld

    def worst(self, limit: int) -> Sequence[Detail]:
        return self.world.worst(limit)

    def count(self) -> int:
        return self.world.count()

    def one(self, key: str) -> Detail | None:
        return self.world.one(key)

    def clusters(self, key: str) -> Sequence[str]:
        return [key.partition("@")[2]]

    def answers(self, key: str) -> Sequence[Answer]:
        return self.world.said(key)


@pytest.fixture
def world(sqlite_url: str, clock: FixedClock) -> Iterator[ReviewedWorld]:
    with closing(fixtures.opened(sqlite_url, clock)) as store:
        world = ReviewedWorld(store)
        world.scan()
        yield world


@pytest.fixture
def bot(world: ReviewedWorld) -> Iterator[SlackBot]:
    with slack_bot(world, findings=Source(world)) as bot:
        yield bot
        assert bot.workspace.refused == [], "Slack would have refused something"


def look(person: Person, world: ReviewedWorld) -> str:
    """Open the finding from the list; gives what stands there."""
    person.slash("/access", "review")
    person.click(person.messages()[-1], "finding", block_id=f"review:{world.detail().finding.key}")
    return str(person.view().body)


def open_form(person: Person, world: ReviewedWorld) -> None:
    look(person, world)
    person.click(person.view(), "keep-finding")


def send(
    person: Person, world: ReviewedWorld, reason: str = "It is the vault", days: int = 30
) -> dict[str, str]:
    """Fill in the form and send it; gives what is said at its fields."""
    form = person.view()
    person.fill(form, "reason", reason)
    person.fill(form, "until", world.day(days).isoformat())
    return dict(person.submit(form).errors)


def shown(person: Person) -> str:
    return str(person.view().body)


def test_a_reviewer_keeps_a_finding_with_a_reason_and_a_day(
    bot: SlackBot, world: ReviewedWorld
) -> None:
    sam = bot.person("sam", "security")
    said = look(sam, world)
    assert "Keep…" in said
    assert "Not mine" in said
    sam.click(sam.view(), "keep-finding")
    assert f"At the latest {world.day(180).isoformat()}" in shown(sam)
    assert send(sam, world) == {}
    assert f"Kept to the end of {world.day(30).isoformat()}" in shown(sam)
    sam.close(sam.view())
    assert sam.views() == [], "what still showed it as open is closed, too"
    (answer,) = world.answers()
    assert (answer.reason, answer.until) == ("It is the vault", world.day(30))
    sam.slash("/access", "review")
    assert "Nothing to act on" in words(sam.messages()[-1])


def test_who_looks_later_sees_who_kept_it_why_and_that_it_is_over(
    bot: SlackBot, world: ReviewedWorld
) -> None:
    sam, key = bot.person("sam", "security"), world.detail().finding.key
    digest = a_digest(bot, sam, key)
    open_form(sam, world)
    send(sam, world)
    sam.close(sam.view(), whole_stack=True)
    sam.click(digest, "finding")
    said = shown(sam)
    assert "*Kept* by <@" in said
    assert "“It is the vault”" in said
    assert "Keep…" not in said
    sam.close(sam.view(), whole_stack=True)
    world.scan(world.things("get", "list"))
    sam.click(digest, "finding")
    assert "Counts no longer since" in shown(sam)
    assert "the role gives something else than was looked at" in shown(sam)
    assert "Keep…" in shown(sam)
    bot.deliver()
    ended = words(sam.messages()[-1])
    assert "What you kept counts no longer: the role gives something else" in ended
    assert "It is open again." in ended


def a_digest(bot: SlackBot, person: Person, key: str) -> Any:
    """Have somebody told of a finding with a button that leads to it."""
    account = bot.account(person)
    world = bot.world
    assert isinstance(world, ReviewedWorld)
    facts = {"by": "Pat", "cluster": "prod", "severity": "high", "who": "x", "title": "y"}
    place = Place(PlaceKind.PERSON, world.person_id(account))
    with world.store.write() as tx:
        tx.notify(Notice("finding-not-mine", key, place, facts))
    bot.deliver()
    return person.messages()[-1]


@pytest.mark.parametrize(
    ("reason", "days", "field", "said"),
    [
        ("  ", 30, "reason", "Say why."),
        ("fine", -1, "until", "The last day must be from"),
        ("fine", 181, "until", "The last day must be from"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_form_stays(
    reason: str, days: int, field: str, said: str, bot: SlackBot, world: ReviewedWorld
) -> None:
    sam = bot.person("sam", "security")
    open_form(sam, world)
    errors = send(sam, world, reason, days)
    assert list(errors) == [field]
    assert said in errors[field]
    assert world.answers() == []
    assert send(sam, world) == {}
    assert len(world.answers()) == 1


@pytest.mark.security("P6")
def test_a_finding_that_changed_meanwhile_is_refused_in_one_sentence(
    bot: SlackBot, world: ReviewedWorld
) -> None:
    sam = bot.person("sam", "security")
    open_form(sam, world)
    world.scan(world.things("get", "list"))
    send(sam, world)
    assert "This finding is not what you were shown any more" in shown(sam)
    assert world.answers() == []


@pytest.mark.security("P7")
def test_who_may_not_keep_hears_it_before_writing_a_reason(
    bot: SlackBot, world: ReviewedWorld
) -> None:
    world.scan(world.things(owner="sam@example.com"))
    sam, kim = bot.person("sam", "security"), bot.person("kim", "admins")
    open_form(sam, world)
    assert "This is a right of your own (sam@example.com)" in shown(sam)
    assert "Keep…" not in look(kim, world), "admins look on"
    world.scan(world.things(owner=""))
    open_form(sam, world)
    assert "Nothing says whose this account is" in shown(sam)


@pytest.mark.security("P6")
def test_buttons_bring_back_a_key_and_a_hash_and_nothing_else_counts(
    bot: SlackBot, world: ReviewedWorld
) -> None:
    sam = bot.person("sam", "security")
    detail = world.detail()
    value = f"{detail.finding.key}:{detail.shown_hash}"
    look(sam, world)
    (row,) = [block for block in sam.view().blocks if block.get("block_id") == "finding:answer"]
    assert [one["value"] for one in row["elements"]] == [value, value]
    for wrong in ("", "x", f"{detail.finding.key}:{'g' * 64}", f"{'k' * 301}:{detail.shown_hash}",
                  f"a\x00b:{detail.shown_hash}", detail.finding.key):  # fmt: skip
        form = keep_view(detail.finding, wrong, Days(world.day(0), world.day(9), world.day(3)))
        said = sent_form(bot, sam, form, world)
        assert "There is no such finding" in said
    assert world.answers() == []


@pytest.mark.security("D6")
def test_what_slack_delivers_again_is_kept_once_and_answered_as_before(
    bot: SlackBot, world: ReviewedWorld
) -> None:
    sam, detail = bot.person("sam", "security"), world.detail()
    days = Days(world.day(0), world.day(9), world.day(3))
    form = keep_view(detail.finding, f"{detail.finding.key}:{detail.shown_hash}", days)
    said = [sent_form(bot, sam, form, world, view="V1") for _ in range(3)]
    assert "Kept to the end of" in said[0]
    assert said == [said[0]] * 3
    assert len(world.answers()) == 1
    assert len(world.written("finding.kept")) == 1
    assert "This finding is kept already" in sent_form(bot, sam, form, world, view="V2")


def sent_form(
    bot: SlackBot, sam: Person, form: dict[str, Any], world: ReviewedWorld, view: str = ""
) -> str:
    """Send a form, perhaps with metadata that we never gave, or as the same view again."""
    state = {
        "reason": {"reason": {"type": "plain_text_input", "value": "Because"}},
        "until": {"until": {"type": "datepicker", "selected_date": world.day(3).isoformat()}},
    }
    account = bot.account(sam)
    body = {
        "type": "view_submission",
        "user": {"id": account.user, "team_id": account.team},
        "team": {"id": account.team},
        "view": {**form, "id": view or f"V{world.key()}", "state": {"values": state}},
    }
    inbound = read_inbound(body)
    return str(guarded(make_surface(bot.ports), inbound, handler_of(inbound)))


def test_not_mine_shows_there_and_tells_who_is_next_in_line(
    bot: SlackBot, world: ReviewedWorld
) -> None:
    sam, olga = bot.person("sam", "security"), bot.person("olga", "shop")
    world.scan(world.things(owner="olga@example.com"))
    look(sam, world)
    before = sam.view()
    sam.click(before, "not-mine")
    said = shown(sam)
    assert "Not mine" not in said
    assert "You said that this is not yours. Whoever is next in line is told." in said
    assert "said <!date" in said
    bot.deliver()
    told = olga.messages()[-1]
    assert "This finding is not theirs, Sam says" in words(told)
    assert "shop/app may read Secrets" in words(told)
    olga.click(told, "finding")
    assert "Only reviewers, admins and auditors" in words(olga.messages()[-1])
    sam.click(before, "not-mine", as_shown=True)
    assert "already dealt with" in shown(sam)
    assert len(world.answers()) == 1


@pytest.mark.security("D1")
def test_what_people_write_is_never_markup_nor_a_mention(
    bot: SlackBot, world: ReviewedWorld
) -> None:
    """A canary in the reason, and in the name of who answered: shown, and read as text alone."""
    sam = bot.person("sam", "security")
    open_form(sam, world)
    send(sam, world, EVIL)
    (answer,) = world.answers()
    view = finding_view(world.detail(), Said([answer], may_answer=True))
    assert check_view(view, ("modal",)) == []
    holding = [text for text in texts(view) if "evil.example" in text["text"]]
    assert [text["type"] for text in holding] == ["plain_text"]
    assert {text.get("emoji") for text in holding} == {False}
    assert not any(
        mark in text["text"]
        for text in texts(view)
        if text["type"] == "mrkdwn"
        for mark in ("<!channel>", "<@U1>", "*bold*", "`code`")
    )


@pytest.mark.security("D1")
def test_names_in_what_is_told_of_answers_are_never_markup(
    bot: SlackBot, world: ReviewedWorld
) -> None:
    sam = bot.person("sam", "security")
    place = Place(PlaceKind.PERSON, world.person_id(bot.account(sam)))
    facts = {"by": EVIL, "cluster": EVIL, "severity": EVIL, "who": EVIL, "title": EVIL,
             "cause": EVIL, "changed": EVIL}  # fmt: skip
    for code in ("finding-not-mine", "finding-keep-ended"):
        with world.store.write() as tx:
            tx.notify(Notice(code, "k" * 32, place, facts))
        bot.deliver()
        told = sam.messages()[-1]
        for text in texts(list(told.blocks)):
            if text["type"] == "mrkdwn":
                assert not any(
                    m in text["text"] for m in ("<!channel>", "<@U1>", "*bold*", "`code`")
                )


def texts(block: Any) -> Iterator[dict[str, Any]]:
    """Walk every text object of blocks."""
    if isinstance(block, dict):
        if block.get("type") in {"mrkdwn", "plain_text"}:
            yield block
        for value in block.values():
            yield from texts(value)
    elif isinstance(block, list):
        for value in block:
            yield from texts(value)


def test_someone_who_is_not_linked_is_asked_to_sign_in(bot: SlackBot, world: ReviewedWorld) -> None:
    sam = bot.person("sam", "security")
    look(sam, world)
    world.clock.forward(hours=13)
    sam.click(sam.view(), "keep-finding")
    assert "sign in again" in shown(sam)
