"""Secrets replaced while the process runs: taken up when they are good, hidden before that."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.playground.slack import Person
from bot.secret_file import LiveSecret
from bot.slack.app import make_client, make_courier, make_surface
from bot.slack.signature import SIGNATURE, TIMESTAMP, sign
from bot.slack.tokens import SigningSecret, Tokens, try_app_token, try_bot_token
from grants.outbox.model import Notice, Place, PlaceKind
from tests.support.slack_bot import SlackBot
from tests.support.world import HandClock

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@dataclass
class Heard:
    """What is told of secrets: outcomes to the watch, values to the redaction."""

    outcomes: list[tuple[str, str]] = field(default_factory=list)
    learned: list[str] = field(default_factory=list)

    def replaced(self, secret: str, outcome: str) -> None:
        self.outcomes.append((secret, outcome))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("old-secret\n")
    return path


def live(
    file: Path, heard: Heard, try_out: Callable[[str], str | None] = lambda _: ""
) -> LiveSecret:
    return LiveSecret(
        "token", "old-secret", file, learn=heard.learned.append, try_out=try_out, watch=heard
    )


class TestAFile:
    def test_a_value_counts_once_two_looks_have_found_it(self, file: Path, heard: Heard) -> None:
        secret = live(file, heard)
        assert not secret.look()
        file.write_text("half-of-a-ne")
        assert not secret.look()
        file.write_text("new-secret")
        assert not secret.look()
        assert secret.value == "old-secret"
        assert secret.look()
        assert (secret.value, secret.problem) == ("new-secret", "")
        assert heard.outcomes == [("token", "taken")]

    def test_a_value_is_hidden_before_it_is_used(self, file: Path, heard: Heard) -> None:
        used: list[bool] = []
        secret = live(file, heard, lambda new: used.append(new in heard.learned) or "")
        file.write_text("new-secret")
        secret.look()
        secret.look()
        assert used == [True]

    def test_a_value_that_is_no_good_changes_nothing(self, file: Path, heard: Heard) -> None:
        answers = iter(["invalid_auth", "invalid_auth", None, ""])
        secret = live(file, heard, lambda _: next(answers))
        file.write_text("new-secret")
        looks = [secret.look() for _ in range(5)]
        assert looks == [False, False, False, False, True]
        assert heard.outcomes == [("token", "refused"), ("token", "taken")]

    def test_a_file_that_is_gone_or_empty_changes_nothing(self, file: Path, heard: Heard) -> None:
        secret = live(file, heard)
        spoils = (file.unlink, lambda: file.write_text(" \n"), lambda: file.write_bytes(b"\xff"))
        for spoil in spoils:
            spoil()
            assert not secret.look()
            assert (secret.value, secret.problem) == ("old-secret", "unreadable")
        file.write_text("old-secret")
        secret.look()
        assert secret.problem == ""
        assert heard.outcomes == [("token", "unreadable")]

    def test_without_a_file_there_is_nothing_to_look_at(self, heard: Heard) -> None:
        assert not LiveSecret("token", "x", watch=heard).look()


@dataclass
class Town:
    """The bot with its tokens in files."""

    bot: SlackBot
    tokens: Tokens
    bot_file: Path
    app_file: Path


@pytest.fixture
def town(bot: SlackBot, tmp_path: Path, heard: Heard) -> Iterator[Town]:
    files = (tmp_path / "bot", tmp_path / "app")
    app, settings = bot.double.app, bot.ports.settings
    for path, value in zip(files, (app.bot_token, app.app_token), strict=True):
        path.write_text(value)
    tokens = Tokens(
        LiveSecret(
            "bot-token",
            app.bot_token,
            files[0],
            try_out=lambda new: try_bot_token(make_client(settings, 5, token=new), settings.team),
            watch=heard,
        ),
        LiveSecret(
            "app-token",
            app.app_token,
            files[1],
            try_out=lambda new: try_app_token(make_client(settings, 5), new),
            watch=heard,
        ),
    )
    bot.ports = replace(bot.ports, tokens=tokens)
    bot.courier.stop()
    bot.courier = make_courier(make_surface(bot.ports))
    yield Town(bot, tokens, *files)
    bot.courier.stop()


def told(bot: SlackBot, person: Person) -> int:
    with bot.world.store.write() as tx:
        tx.notify(Notice("unlinked", "per-1", Place(PlaceKind.ACCOUNT, f"T1/{person.id}")))
    for _ in range(4):
        bot.deliver()
        bot.world.clock.forward(seconds=2)
    return len(person.messages())


def test_a_bot_token_that_is_rotated_is_taken_up_by_the_next_looks(town: Town) -> None:
    erin = town.bot.person("erin")
    new = town.bot.double.control.rotate_bot_token(grace_seconds=60)
    town.bot_file.write_text(new)
    for _ in range(2):
        town.tokens.look()
    assert town.tokens.bot.value == new
    assert told(town.bot, erin) == 1


def test_a_refusal_of_the_token_has_the_file_looked_at_at_once(town: Town) -> None:
    """The old token is dead; what waits is told with the new one, and nothing is given up."""
    erin = town.bot.person("erin")
    new = town.bot.double.control.rotate_bot_token()
    assert told(town.bot, erin) == 0
    assert town.bot.courier.breaker.is_open
    town.bot_file.write_text(new)
    for _ in range(10):
        town.bot.world.clock.forward(minutes=1)
        town.bot.deliver()
    assert len(erin.messages()) == 1
    assert town.bot.deliveries.figures().given_up == {}


def test_a_bad_new_token_breaks_nothing_and_is_shown(town: Town, heard: Heard) -> None:
    erin = town.bot.person("erin")
    town.bot_file.write_text("xoxb-of-somebody-else")
    town.app_file.write_text("xapp-of-somebody-else")
    for _ in range(3):
        town.tokens.look()
    assert town.tokens.problem() == "bot-token-refused, app-token-refused"
    assert sorted(heard.outcomes) == [("app-token", "refused"), ("bot-token", "refused")]
    assert told(town.bot, erin) == 1
    app = town.bot.double.app
    town.bot_file.write_text(app.bot_token)
    town.app_file.write_text(app.app_token)
    town.tokens.look()
    assert town.tokens.problem() is None


def test_a_token_of_another_workspace_is_no_good(town: Town) -> None:
    settings = town.bot.ports.settings
    client = make_client(settings, 5, token=town.bot.double.app.bot_token)
    assert try_bot_token(client, "TELSEWHERE") == "other-team"
    assert try_bot_token(client, settings.team) == ""


def test_while_slack_is_away_a_new_token_is_neither_taken_nor_refused(
    town: Town, heard: Heard
) -> None:
    new = town.bot.double.control.rotate_bot_token(grace_seconds=60)
    town.bot_file.write_text(new)
    town.bot.double.control.outage("503")
    for _ in range(3):
        town.tokens.look()
    assert (town.tokens.problem(), heard.outcomes) == (None, [])
    town.bot.double.control.end_outage()
    town.tokens.look()
    assert town.tokens.bot.value == new


def test_an_app_level_token_is_tried_before_it_is_taken(town: Town) -> None:
    new = town.bot.double.control.rotate_app_token()
    town.app_file.write_text(new)
    for _ in range(2):
        town.tokens.look()
    assert town.tokens.app is not None
    assert town.tokens.app.value == new


@dataclass
class Signed:
    clock: HandClock
    secret: SigningSecret
    file: Path

    def why(self, key: str) -> str:
        stamp, body = str(int(self.clock.now().timestamp())), b"payload"
        headers = {TIMESTAMP: stamp, SIGNATURE: sign(key, stamp, body)}
        return self.secret.why_not(headers, body, self.clock.now())

    def rotate(self, value: str) -> None:
        self.file.write_text(value)
        self.secret.look()
        self.secret.look()


@pytest.fixture
def signed(file: Path) -> Signed:
    clock = HandClock(NOW)
    return Signed(clock, signing(file, clock, timedelta(minutes=5)), file)


def signing(file: Path, clock: HandClock, grace: timedelta) -> SigningSecret:
    return SigningSecret("signing-secret", "old-secret", file, clock=clock, grace=grace)


def test_the_former_signing_secret_is_good_until_the_new_one_was_seen_and_a_little_longer(
    signed: Signed,
) -> None:
    signed.rotate("new-secret")
    signed.clock.forward(hours=5)
    assert signed.why("old-secret") == "", "Slack has not yet been seen to sign with the new one"
    assert signed.why("new-secret") == ""
    signed.clock.forward(minutes=4)
    assert signed.why("old-secret") == ""
    signed.clock.forward(minutes=2)
    assert signed.why("old-secret") == "bad-signature"
    assert signed.why("new-secret") == ""


def test_the_former_signing_secret_is_good_for_a_day_at_most(signed: Signed) -> None:
    signed.rotate("new-secret")
    signed.clock.forward(hours=25)
    assert signed.why("old-secret") == "bad-signature"


def test_a_slip_does_not_push_out_the_secret_that_slack_still_signs_with(signed: Signed) -> None:
    """A wrong secret was written and mended, and Slack's requests were refused meanwhile."""
    signed.rotate("new-secre")
    signed.clock.forward(hours=1)
    signed.rotate("new-secret")
    assert signed.why("old-secret") == ""
    assert signed.why("new-secre") == "bad-signature"
    signed.clock.forward(hours=23, minutes=1)
    assert signed.why("old-secret") == "bad-signature", "a day at most, since it was replaced"
    assert signed.why("new-secret") == ""


def test_without_a_grace_the_former_signing_secret_is_good_no_more(file: Path) -> None:
    clock = HandClock(NOW)
    signed = Signed(clock, signing(file, clock, timedelta(0)), file)
    signed.rotate("new-secret")
    assert signed.why("old-secret") == "bad-signature"
    assert signed.why("new-secret") == ""


def test_any_other_secret_stays_bad(signed: Signed) -> None:
    assert signed.why("third-secret") == "bad-signature"
    signed.rotate("new-secret")
    assert signed.why("third-secret") == "bad-signature"
    assert signed.why(hashlib.sha256(b"x").hexdigest()) == "bad-signature"
