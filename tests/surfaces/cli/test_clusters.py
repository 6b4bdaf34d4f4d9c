"""`valetkey clusters`: how each cluster stands by the record, and what a clusters file says."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from bot.cli import main
from bot.clusters_file import json_schema, read_clusters
from grants.access.cluster_states import Standing
from grants.access.health import ClusterHealth
from grants.access.model import Cause, GrantState
from tests.support.store_values import a_grant, a_request, populate, some_terms
from tests.support.stores import copied, migrated_template, opened

ROOT = Path(__file__).parents[3]
FILE = """
clusters:
  prod:
    kubeconfig: prod.kubeconfig
    context: valetkey
    endpoints: [https://10.0.0.1:6443, https://10.0.0.2:6443]
    proxy: http://me:canary-word@proxy.example:3128
  dev: {in_cluster: true}
  new: {kubeconfig: new.kubeconfig}
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("VALETKEY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def url(template: Path, tmp_path: Path, now: datetime) -> str:
    """`prod` fails and has access to take away, `dev` is well."""
    url = copied(template, tmp_path)
    store = opened(url)
    people = populate(store)
    request = a_request(people.ann, some_terms(), some_terms())
    revoking = {"state": GrantState.REVOKING, "cause": Cause.EXPIRED, "revoking_at": now}
    since = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    with store.write() as tx:
        tx.add_request(request)
        tx.add_grant(a_grant(request, 0, **revoking, expires_at=since, stuck=True))
        tx.add_grant(a_grant(request, 1, due_at=now + timedelta(hours=1)))
        tx.add_cluster("prod", "uid-1", since)
        tx.add_cluster("dev", "uid-2", since)
        tx.save_health(ClusterHealth("prod", "uid-1", "cluster-unavailable", since, now))
        tx.save_health(ClusterHealth("dev", "uid-2", "", None, now))
    store.close()
    return url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clusters.yaml"
    path.write_text(FILE)
    return path


def run(*words: str, **environ: str) -> Result:
    return CliRunner().invoke(main, ["clusters", *words], env=environ)


def test_a_table_shows_how_each_stands_and_ends_with_5_when_one_is_not_up(
    url: str, file: Path
) -> None:
    done = run("--database-url", url, VALETKEY_CLUSTERS_PATH=str(file))
    assert done.exit_code == 5
    head, dev, new, prod = (line.split() for line in done.stdout.splitlines())
    assert head[:4] == ["cluster", "state", "since", "live"]
    assert dev == ["dev", "up", "0", "0", "0", "0", "one", "endpoint"]
    assert new[:2] == ["new", "unseen"]
    assert prod[:8] == ["prod", "failing", "2026-01-05", "09:30Z", "2", "1", "1", "1"]
    assert done.stdout.endswith("2 endpoints   can't be worked with: the cluster does not answer\n")
    assert "canary-word" not in done.output


def test_json_has_every_fact_under_names_that_stay(url: str, file: Path, now: datetime) -> None:
    done = run("list", "--format", "json", "--database-url", url, VALETKEY_CLUSTERS_PATH=str(file))
    assert done.exit_code == 5
    _dev, _new, prod = json.loads(done.stdout)["clusters"]
    assert prod == {
        "cluster": "prod",
        "uid": "uid-1",
        "state": "failing",
        "problem": "cluster-unavailable",
        "since": "2026-01-05T09:30:00+00:00",
        "looked_at": now.isoformat(),
        "live": 2,
        "due": 1,
        "activating": 1,
        "overdue": 1,
        "stuck": 1,
        "oldest_overdue": "2026-01-05T09:30:00+00:00",
        "endpoints": ["https://10.0.0.1:6443", "https://10.0.0.2:6443"],
    }


def test_without_a_clusters_file_every_cluster_counts_that_was_ever_seen(url: str) -> None:
    done = run("--format", "json", "--database-url", url)
    rows = {row["cluster"]: row for row in json.loads(done.stdout)["clusters"]}
    assert {alias: row["state"] for alias, row in rows.items()} == {
        "prod": "failing",
        "dev": "up",
    }
    assert rows["dev"]["endpoints"] is None


def test_when_all_are_up_it_ends_with_0(url: str, now: datetime) -> None:
    store = opened(url)
    with store.write() as tx:
        tx.save_health(ClusterHealth("prod", "uid-1", "", None, now))
    store.close()
    assert run("--database-url", url).exit_code == 0


def test_before_any_was_seen_that_is_said(template: Path, tmp_path: Path) -> None:
    done = run("--database-url", copied(template, tmp_path))
    assert (done.exit_code, done.stdout) == (0, "no cluster was seen yet\n")


def test_the_states_are_a_contract() -> None:
    assert set(Standing) == {"up", "failing", "unlooked", "unseen", "removed"}


def test_a_file_is_checked_without_calling_anybody(file: Path) -> None:
    done = run("check", str(file))
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"prod: {file.parent}/prod.kubeconfig, context valetkey, by a proxy; proof by 2 endpoints",
        "dev: the cluster that Valetkey runs in; proof by one endpoint",
        f"new: {file.parent}/new.kubeconfig, context (the current one); proof by one endpoint",
    ]
    assert done.stderr.count("there is no file") == 2
    assert "canary-word" not in done.output


def test_a_wrong_file_is_refused_with_3(file: Path) -> None:
    file.write_text("clusters: {a: {in_cluster: true, proxy: 'socks5://canary-word@p'}}")
    done = run("check", str(file))
    assert done.exit_code == 3
    assert "clusters.a.proxy" in done.stderr
    assert "canary-word" not in done.output


def test_the_published_schema_is_the_one_that_is_read_by() -> None:
    """Made by `valetkey clusters schema > docs/clusters.schema.json`."""
    published = (ROOT / "docs" / "clusters.schema.json").read_text(encoding="utf-8")
    assert json.loads(published) == json_schema() == json.loads(run("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        (FILE, True),
        ("clusters: {a: {in_cluster: true, timeouts: {read: 5s}}}", True),
        ("clusters: {a: {in_cluster: true, timeouts: {read: 5}}}", False),
        ("clusters: {a: {in_cluster: true, timeouts: {read: five}}}", False),
        ("clusters: {a: {in_cluster: true, threads: 0}}", False),
        ("clusters: {a: {in_cluster: true, endpoints: ['http://x']}}", False),
        ("clusters: {'A b': {in_cluster: true}}", False),
        ("clusters: {}", False),
        ("clusters: {a: {colour: red}}", False),
    ],
)
def test_what_the_schema_says_is_what_is_read(tmp_path, text, is_valid) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    assert validator.is_valid(yaml.safe_load(text)) is is_valid
    path = tmp_path / "one.yaml"
    path.write_text(text)
    assert reads(path) is is_valid


def reads(path: Path) -> Any:
    try:
        return bool(read_clusters(path))
    except Exception:  # noqa: BLE001 - whatever it is, it is a refusal
        return False
