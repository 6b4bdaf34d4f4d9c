"""`valetkey usage`: logs in, rows and coverage out."""

import gzip
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from bot.cli.usage_files import Task, pieces_of, read_all
from bot.web.audit_tokens import may_send, read_tokens
from bot.wording.usage import WORDS, missing_sentence
from grants.usage import folded as folded_words
from grants.usage.coverage import Lack, Missing, Span
from grants.usage.folded import Folded
from grants.usage.model import Kind, VerbClass
from tests.support.audit import NOW, START, denied, event, lines
from tests.support.stores import copied, migrated_template


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    return migrated_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def url(template, tmp_path) -> str:
    return copied(template, tmp_path)


def ran(url: str, *arguments: str, given: bytes | None = None) -> Result:
    environ = {"VALETKEY_DATABASE_URL": url}
    return CliRunner().invoke(main, ["usage", *arguments], input=given, env=environ)


def as_json(url: str, *arguments: str, given: bytes | None = None) -> Any:
    done = ran(url, *arguments, "--format", "json", given=given)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def log(tmp_path) -> str:
    path = tmp_path / "audit.log"
    some = [event(n, START + timedelta(minutes=n)) for n in range(30)]
    path.write_bytes(lines(*some[:10], b"{broken", *some[10:], denied(99), b"also"))
    return str(path)


def test_a_log_is_read_what_is_broken_named_and_the_rest_kept(url, log):
    done = ran(url, "import", log, "--cluster", "prod", "--processes", "1")
    assert done.exit_code == 0
    assert "31 events in 33 lines." in done.stdout
    assert f"  2 {WORDS['broken']}" in done.stdout
    assert f"  {log}:11: broken" in done.stdout
    assert f"  {log}:33: broken" in done.stdout
    assert "The result is partial" in done.stdout
    said = as_json(url, "show", "--account", "shop/web")
    assert [(row["verb"], row["allowed"], row["count"]) for row in said["rows"]] == [
        ("get", False, 1),
        ("get", True, 30),
    ]
    assert said["rows"][1]["binding"] == "RoleBinding shop/web"
    assert said["rows"][1]["role"] == "Role/reader"


def test_what_was_imported_is_not_imported_again(url, log):
    first = as_json(url, "import", log, "--cluster", "prod")
    assert (first["events"], first["partial"], first["known"]) == (31, True, [])
    again = as_json(url, "import", log, "--cluster", "prod")
    assert (again["events"], again["known"]) == (0, [log])
    assert as_json(url, "show")["rows"][1]["count"] == 30
    assert "was imported before" in ran(url, "import", log, "--cluster", "prod").stdout


def test_a_dry_run_keeps_nothing(url, log):
    assert as_json(url, "import", log, "--cluster", "prod", "--dry-run")["events"] == 31
    assert as_json(url, "show")["rows"] == []


def test_a_log_may_come_by_a_pipe(url):
    data = gzip.compress(lines(event(1), event(2)))
    said = as_json(url, "import", "-", "--cluster", "prod", given=data)
    assert (said["events"], said["partial"]) == (2, False)
    assert len(as_json(url, "show")["rows"]) == 1


def test_several_files_are_read_at_once(url, tmp_path):
    paths = []
    for n in range(4):
        path = tmp_path / f"{n}.log"
        path.write_bytes(lines(event(n, START + timedelta(days=n))))
        paths.append(str(path))
    said = as_json(url, "import", *paths, "--cluster", "prod", "--processes", "2")
    assert said["events"] == 4
    assert as_json(url, "show")["rows"][0]["count"] == 4


def test_parts_of_one_file_are_the_whole_and_broken_lines_keep_their_numbers(tmp_path):
    path = tmp_path / "audit.log"
    some = [event(n, START + timedelta(seconds=n)) for n in range(400)]
    path.write_bytes(lines(*some[:300], b"{", *some[300:]))
    pieces = pieces_of(path, 3, least_bytes=1000)
    assert len(pieces) == 3
    whole = Folded()
    tasks = [Task(piece, "prod", NOW) for piece in pieces]
    heard: list[int] = []
    for _, part in read_all(tasks, 2, heard.append):
        whole.merge(part, whole.lines)
    assert whole.events == 400
    assert whole.lines == 401
    assert whole.places == [(str(path), 301, "broken")]
    assert heard[-1] >= path.stat().st_size


def test_what_can_only_be_read_from_its_start_is_not_parted(tmp_path):
    packed, spread = tmp_path / "a.gz", tmp_path / "b.json"
    packed.write_bytes(gzip.compress(lines(*(event(n) for n in range(300)))))
    spread.write_text(json.dumps([event(n) for n in range(300)], indent=1))
    for path in (packed, spread):
        assert len(pieces_of(path, 4, least_bytes=10)) == 1


def test_events_that_name_no_cluster_need_one(url, log):
    done = ran(url, "import", log)
    assert done.exit_code == 1
    assert "name the cluster by --cluster" in done.stderr


@pytest.mark.parametrize("data", [b"", b"hello\nworld\n", b"[]"])
def test_a_file_without_an_event_says_so(url, tmp_path, data):
    path = tmp_path / "empty"
    path.write_bytes(data)
    done = ran(url, "import", str(path), "--cluster", "prod")
    assert done.exit_code == 1
    assert "no audit event" in done.stderr


def test_a_file_that_is_not_there_is_named(url):
    done = ran(url, "import", "/nowhere/audit.log", "--cluster", "prod")
    assert done.exit_code == 2
    assert "/nowhere/audit.log" in done.stderr


def test_names_from_a_log_can_not_drive_the_terminal(url):
    bad = event(1, user={"username": "a\x1b[31m\nb"})
    ran(url, "import", "-", "--cluster", "prod", given=lines(bad))
    assert "\\x1b[31m\\nb" in ran(url, "show").stdout


def test_coverage_says_since_when_what_kinds_and_what_was_lost(url, log):
    assert "No audit log was read yet" in ran(url, "coverage").stdout
    ran(url, "import", log, "--cluster", "prod")
    said = ran(url, "coverage").stdout
    assert "prod: heard since 2026-03-02 08:00 UTC" in said
    assert "read configmaps by account: 1 days" in said
    assert "  2 lost, in 1 hours" in said
    (facts,) = as_json(url, "coverage", "--cluster", "prod")["clusters"]
    assert facts["since"] == "2026-03-02T08:00:00+00:00"
    assert facts["kinds"][0]["whose"] == "account"
    assert facts["gaps"][-1]["from"] == "2026-03-02T08:29:00+00:00"


def test_a_token_is_made_with_what_the_settings_need():
    made = CliRunner().invoke(main, ["usage", "token", "prod"])
    secret, setting = (line.rpartition(":  ")[2] for line in made.stdout.splitlines())
    assert may_send(read_tokens(setting), "prod", secret)
    assert CliRunner().invoke(main, ["usage", "token", "a b"]).exit_code == 2


def test_all_that_may_be_wrong_or_missing_is_said():
    words = {v for k, v in vars(folded_words).items() if k.isupper() and isinstance(v, str)}
    assert words == set(WORDS)
    kind = Kind(VerbClass.READ, "apps", "deployments")
    for lack in Lack:
        said = missing_sentence(Missing(lack, kind, Span(START, NOW), 3))
        assert said.endswith(".")
        assert "{" not in said
    assert "2026-03-02 08:00" in missing_sentence(Missing(Lack.GAP, span=Span(START, NOW)))
