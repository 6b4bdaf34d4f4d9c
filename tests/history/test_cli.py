"""`valetkey history` and `valetkey db`, as somebody types them."""

import csv
import io
import json
from contextlib import closing
from dataclasses import replace

import pytest
from click.testing import CliRunner

from bot.cli import main
from grants.access.model import Cause, ProofKind
from grants.people.model import Profile
from grants.record.model import Event, EventType
from grants.store import schema
from grants.store.engine import serve_lock
from tests.support.store_values import (
    HOUR,
    NOW,
    a_decision,
    a_grant,
    a_person,
    a_proof,
    a_request,
    a_sign_in,
    active,
    ended,
    populate,
    some_terms,
)
from tests.support.stores import opened

EVIL = '=HYPERLINK("https://evil.test")\x1b[31m\u202eback\nnext'


@pytest.fixture
def run(sqlite_url, monkeypatch):
    """Run a command on the test's database; gives what it printed and its exit code."""
    monkeypatch.setenv("VALETKEY_DATABASE_URL", sqlite_url)

    def run(*words):
        done = CliRunner().invoke(main, [*words])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output, done.exit_code

    return run


@pytest.fixture
def serving(sqlite_url):
    """A store that a running serve holds."""
    with serve_lock(sqlite_url), closing(opened(sqlite_url)) as store:
        yield store


@pytest.fixture
def stored(serving):
    """Ann's pending request, and her ended grant, approved by bob."""
    stored = populate(serving)
    request = a_request(stored.ann, some_terms(cluster="lab"), created_at=NOW - HOUR)
    grant = a_grant(request)
    with serving.write() as tx:
        tx.add_request(request)
        tx.add_decision(a_decision(request, stored.bob, reason="fine"))
        tx.add_grant(grant)
        tx.add_proof(a_proof(grant, ProofKind.GONE))
        tx.save_grant(replace(ended(active(grant), Cause.GIVEN_BACK), ended_by=stored.ann.id))
        tx.append(Event(EventType.GRANT_ENDED, NOW, "system", request=request.id, grant=grant.id))
    return replace(stored, request=request), grant


def rows_of(output):
    return json.loads(output)["rows"]


def test_a_table_has_a_line_for_each_row(run, stored):
    output, code = run("history", "list")
    head, pending, over = output.splitlines()
    assert code == 0
    assert head.split()[:4] == ["asked", "who", "what", "where"]
    assert "pending" in pending
    for part in ("2026-01-05 08:30Z", "lab/shop", "ended (given-back)", "bob@example.test (app"):
        assert part in over


def test_json_has_every_fact(run, stored):
    output, _ = run("history", "list", "--format", "json", "--state", "ended")
    (row,) = rows_of(output)
    assert row["requester"]["email"] == "ann@example.test"
    assert (row["cluster"], row["cause"], row["ended_at"]) == (
        "lab",
        "given-back",
        "2026-01-05T10:30:00.123456Z",
    )
    assert row["decisions"][0]["approver"]["subject"] == "bob"
    assert row["proofs"][0]["kind"] == "gone"


def test_csv_has_the_same_rows(run, stored):
    output, _ = run("history", "list", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(output)))
    assert [row["state"] for row in rows] == ["pending", "ended"]
    assert rows[1]["requester"] == "ann@example.test"
    assert rows[1]["decisions"] == "bob@example.test approve 2026-01-05T09:30:00.123456Z fine"


def test_csv_of_nothing_is_a_header(run, stored):
    output, _ = run("history", "list", "--format", "csv", "--cluster", "none")
    assert list(csv.DictReader(io.StringIO(output))) == []
    assert output.startswith('"request","grant"')


@pytest.mark.parametrize(
    ("words", "states"),
    [
        ([], ["pending", "ended"]),
        (["--person", "ann@example.test"], ["pending", "ended"]),
        (["--person", "T1/U1"], ["pending", "ended"]),
        (["--person", "bob"], []),
        (["--cluster", "lab"], ["ended"]),
        (["--namespace", "shop", "--state", "pending"], ["pending"]),
        (["--role", "ClusterRole/view"], ["pending", "ended"]),
        (["--role", "edit"], []),
        (["--until", "2026-01-05T09:00Z"], ["ended"]),
        (["--until", "2026-01-05T10:00+01:00"], ["ended"]),
        (["--since", "2026-01-05T11:00"], ["pending"]),
        (["--since", "2026-01-06"], ["pending"]),
        (["--limit", "1"], ["pending"]),
    ],
)
def test_filters_narrow_the_list(run, stored, words, states):
    output, code = run("history", "list", "--format", "json", *words)
    assert code == 0
    assert [row["state"] for row in rows_of(output)] == states


def test_more_rows_than_a_page_are_all_listed(run, serving):
    stored = populate(serving)
    with serving.write() as tx:
        for _ in range(2):
            tx.add_request(a_request(stored.ann, *(some_terms() for _ in range(300))))
    every = rows_of(run("history", "list", "--format", "json")[0])
    assert len(every) == 601
    assert len(rows_of(run("history", "list", "--format", "json", "--limit", "550")[0])) == 550


def test_one_request_is_shown_with_decisions_proofs_and_events(run, stored):
    people, grant = stored
    for name in (people.request.id, grant.id):
        body = json.loads(run("history", "show", name, "--format", "json")[0])
        assert body["request"] == people.request.id
        assert body["decisions"][0]["reason"] == "fine"
        assert body["grants"][0]["proofs"][0]["endpoints"][0]["answers"][0]["allowed"] is True
        assert [event["type"] for event in body["events"]] == ["grant.ended"]
    output, _ = run("history", "show", grant.id)
    assert "cause: given-back" in output
    assert "decisions 1:" in output


@pytest.mark.parametrize("name", ["req-unknown", "gra-unknown", "", "x"])
def test_an_unknown_name_is_said_and_ends_with_one(run, stored, name):
    output, code = run("history", "show", name)
    assert (code, "no such request" in output) == (1, True)


def test_an_unknown_person_is_said_and_ends_with_one(run, stored):
    output, code = run("history", "list", "--person", "nobody@example.test")
    assert (code, "no such person" in output) == (1, True)


@pytest.mark.parametrize(
    "words", [["--since", "yesterday"], ["--state", "gone"], ["--limit", "0"], ["--format", "xml"]]
)
def test_what_cannot_be_read_ends_with_two(run, stored, words):
    assert run("history", "list", *words)[1] == 2


@pytest.mark.security("D1")
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_what_people_wrote_never_acts_on_a_terminal_or_in_a_spreadsheet(run, serving, form):
    evil = a_person("evil")
    with serving.write() as tx:
        tx.add_person(evil, NOW)
        tx.add_sign_in(a_sign_in(evil, profile=Profile(EVIL, None, False)))
        tx.add_request(a_request(evil, some_terms(reason=EVIL, cluster="-1+1", namespace="@x")))
    output, _ = run("history", "list", "--format", form)
    assert "\x1b" not in output
    assert "\u202e" not in output
    if form == "csv":
        (row,) = csv.DictReader(io.StringIO(output))
        assert not [name for name, cell in row.items() if cell.startswith(tuple("=+-@\t\r\n"))]
        assert row["reason"].startswith("'=HYPERLINK")
        assert (row["cluster"], row["namespace"]) == ("'-1+1", "'@x")
    elif form == "table":
        assert len(output.splitlines()) == 2
    else:
        assert rows_of(output)[0]["reason"] == EVIL


@pytest.mark.security("D1")
def test_a_shown_request_never_acts_on_a_terminal(run, serving):
    stored = populate(serving)
    request = a_request(stored.ann, some_terms(reason=EVIL))
    with serving.write() as tx:
        tx.add_request(request)
    output, _ = run("history", "show", request.id)
    assert "\x1b" not in output
    assert "\\x1b[31m" in output


def test_history_of_a_database_that_is_too_old_says_what_to_do(run, sqlite_url):
    schema.downgrade(sqlite_url)
    output, code = run("history", "list")
    assert (code, "valetkey db upgrade" in output) == (4, True)


def test_the_schema_is_made_checked_and_made_once(run, sqlite_url):
    schema.downgrade(sqlite_url)
    assert run("db", "check")[1] == 4
    assert run("db", "upgrade") == (f"upgraded to {schema.head()}\n", 0)
    assert run("db", "upgrade") == (f"already at {schema.head()}\n", 0)
    assert run("db", "check")[1] == 0


def test_the_schema_of_a_served_file_is_not_touched(run, serving):
    output, code = run("db", "upgrade")
    assert (code, "Another Valetkey process" in output) == (4, True)


@pytest.mark.security("D2")
def test_a_password_is_not_taken_from_the_arguments(run):
    for url in ("postgresql://u:canary@h/d", "postgresql://h/d?password=canary"):
        output, code = run("db", "check", "--database-url", url)
        assert code == 2
        assert "VALETKEY_DATABASE_URL" in output
        assert "canary" not in output


def test_another_database_can_be_named(run, tmp_path):
    url = f"sqlite:///{tmp_path}/another/valetkey.db"
    assert run("db", "upgrade", "--database-url", url)[1] == 0
    assert run("history", "list", "--database-url", url) == ("nothing found\n", 0)


def test_the_fields_of_json_and_csv_are_a_contract(run, stored):
    """A change here is a line in CHANGELOG."""
    people, _ = stored
    (row, *_) = rows_of(run("history", "list", "--format", "json")[0])
    assert list(row) == [
        "request",
        "grant",
        "state",
        "request_state",
        "requester",
        "recipient",
        "cluster",
        "namespace",
        "role",
        "entitlement",
        "duration_seconds",
        "reason",
        "asked_at",
        "closed_at",
        "active_at",
        "expires_at",
        "ended_at",
        "cause",
        "cause_detail",
        "ended_by",
        "stuck",
        "policy_digest",
        "role_digest",
        "decisions",
        "proofs",
    ]
    head = run("history", "list", "--format", "csv")[0].splitlines()[0]
    assert set(row) - {name.strip('"') for name in head.split(",")} == {"request_state"}
    view = json.loads(run("history", "show", people.request.id, "--format", "json")[0])
    assert list(view) == [
        "request",
        "state",
        "requester",
        "recipient",
        "asked_at",
        "closed_at",
        "policy_digest",
        "terms_hash",
        "items",
        "decisions",
        "grants",
        "events",
    ]
