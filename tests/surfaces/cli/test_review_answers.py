"""`valetkey review answers`: who answered what, why, and what became of it."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from click.testing import CliRunner

from bot.cli.review import review
from tests.support import store_fixtures as fixtures
from tests.support.kept_findings import ReviewedWorld
from tests.support.store_values import FixedClock

clock = fixtures.clock
sqlite_template = fixtures.sqlite_template
sqlite_url = fixtures.sqlite_url

EVIL = "It is \x1b[31mfine\u202e, really"


@pytest.fixture
def world(sqlite_url: str, clock: FixedClock) -> Iterator[ReviewedWorld]:
    with closing(fixtures.opened(sqlite_url, clock)) as store:
        world = ReviewedWorld(store)
        world.scan()
        yield world


def run(url: str, *more: str) -> str:
    done = CliRunner().invoke(review, ["answers", "--database-url", url, *more])
    assert done.exit_code == 0, done.output
    return done.output


def test_nobody_has_answered_yet(world: ReviewedWorld, sqlite_url: str) -> None:
    assert run(sqlite_url) == "Nobody has answered a finding yet.\n"
    assert json.loads(run(sqlite_url, "--format", "json")) == []


@pytest.mark.security("D1")
def test_answers_are_listed_with_their_reason_and_their_end(
    world: ReviewedWorld, sqlite_url: str
) -> None:
    sam = world.person("sam", "security")
    world.not_mine(sam)
    world.clock.forward(seconds=1)
    world.keep(sam, reason=EVIL)
    world.scan(world.things("get", "list"))
    kept, told, ended, not_mine = run(sqlite_url).splitlines()
    assert "kept  secrets-read  ServiceAccount shop/app on prod, by sam@example.com" in kept
    assert "It is \\x1b[31mfine\\u202e, really" in told
    assert "the role gives something else than was looked at" in ended
    assert "not mine  secrets-read" in not_mine
    first, second = json.loads(run(sqlite_url, "--format", "json", "--cluster", "prod"))
    assert (first["answer"], first["reason"]) == ("kept", EVIL)
    assert (first["ended"], first["changed"]) == ("changed", "rules")
    assert (second["answer"], second["until"], second["ended"]) == ("not-mine", None, None)
    assert json.loads(run(sqlite_url, "--format", "json", "--limit", "1")) == [first]
    assert json.loads(run(sqlite_url, "--format", "json", "--cluster", "stage")) == []
