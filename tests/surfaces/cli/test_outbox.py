"""`valetkey outbox`: what was not told, and telling it again."""

import json
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from grants.outbox.model import Card, CardKind, Notice, Place, PlaceKind
from tests.support.stores import copied, migrated_template, opened

OPS = Place(PlaceKind.CHANNEL, "C0OPS")
ADA = Place(PlaceKind.PERSON, "per-ada")
SHOUTED = Place(PlaceKind.CHANNEL, "ops\x1b[31m\n")


@pytest.fixture
def url(tmp_path) -> str:
    return copied(migrated_template(tmp_path), tmp_path)


@pytest.fixture
def filled(url) -> str:
    """One row given up, one that was tried, one that waits at an oddly named channel."""
    with closing(opened(url)) as store:
        with store.write() as tx:
            tx.tell(Card(CardKind.APPROVAL, "req-1", OPS))
            tx.notify(Notice("expires-soon", "gra-1", ADA, {"expires_at": "x"}))
            tx.tell(Card(CardKind.STUCK, "gra-2", SHOUTED))
        rows = {row.place: row for row in store.deliveries.claim(10, timedelta(0))}
        store.deliveries.dropped(rows[OPS], "not_in_channel")
        store.deliveries.retry(rows[ADA], timedelta(days=1), "internal_error")
    return url


def ran(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["outbox", *arguments], env={"VALETKEY_DATABASE_URL": url})


def listed(url: str, *arguments: str) -> Any:
    return json.loads(ran(url, "list", "--format", "json", *arguments).stdout)


def test_all_that_was_not_told_is_listed_with_its_reason(filled):
    said = listed(filled)
    assert (said["waiting"], said["given_up"]) == (2, 1)
    rows = {row["place"]: row for row in said["rows"]}
    ops = rows["channel:C0OPS"]
    assert ops.pop("since").endswith("+00:00")
    assert ops.pop("id").startswith("crd-")
    assert ops == {
        "state": "given-up",
        "tried": 0,
        "card": "approval",
        "notice": None,
        "about": "req-1",
        "place": "channel:C0OPS",
        "problem": "not_in_channel",
    }
    ada = rows["person:per-ada"]
    assert (ada["state"], ada["tried"], ada["notice"]) == ("waiting", 1, "expires-soon")


def test_the_two_halves_of_the_list(filled):
    assert len(listed(filled, "--waiting")["rows"]) == 2
    assert [row["about"] for row in listed(filled, "--given-up")["rows"]] == ["req-1"]
    assert len(listed(filled, "--limit", "1")["rows"]) == 1


def test_the_table_says_why_in_words_and_shows_no_control_characters(filled):
    said = ran(filled, "list").stdout
    assert "the app is not in the channel (not_in_channel)" in said
    assert "it was not tried yet" in said
    assert "ops\\x1b[31m\\n" in said
    assert "\x1b" not in said
    assert len(said.splitlines()) == 4


def test_an_empty_outbox_says_so(url):
    assert ran(url, "list").stdout == "Everything was told.\n"
    assert listed(url) == {"waiting": 0, "given_up": 0, "rows": []}


def test_what_was_given_up_is_sent_again_by_id_by_place_and_as_a_whole(filled):
    [row] = listed(filled, "--given-up")["rows"]
    done = ran(filled, "retry", row["id"])
    assert (done.exit_code, done.stdout) == (0, "1 will be sent again\n")
    assert listed(filled)["given_up"] == 0
    again = ran(filled, "retry", "--place", "channel:C0OPS")
    assert (again.exit_code, again.stdout) == (0, "nothing was given up there\n")
    assert ran(filled, "retry", "--all").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["--all", "crd-1"], 2),
        (["--place", "nowhere"], 2),
        (["--place", "ship:x"], 2),
        (["crd-none"], 1),
    ],
)
def test_what_is_not_clear_or_not_there_is_refused(filled, arguments, code):
    assert ran(filled, "retry", *arguments).exit_code == code
