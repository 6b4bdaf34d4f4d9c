"""SQLite is served by one process; a second is refused until the first is gone, however it went."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import urllib3
import yaml

from bot.playground.processes import free_port, wait_until
from tests.support.stores import copied, migrated_template

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def settings(template: Path, tmp_path: Path) -> dict[str, str]:
    """Settings of a `serve` whose Slack and cluster are both away."""
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    (tmp_path / "clusters.yaml").write_text("clusters: {prod: {kubeconfig: kubeconfig}}\n")
    ours = {
        "DATABASE_URL": copied(template, tmp_path),
        "PUBLIC_URL": "https://valetkey.example.com",
        "SLACK_API_URL": "http://127.0.0.1:9/api/",
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "s" * 32,
        "SLACK_TEAM_ID": "T0ACME",
        "SLACK_SIGNIN_CLIENT_ID": "1.2",
        "SLACK_SIGNIN_CLIENT_SECRET": "c" * 32,
        "OIDC_ISSUER": "https://login.example.com",
        "OIDC_CLIENT_ID": "valetkey",
        "OIDC_CLIENT_SECRET": "c" * 32,
        "POLICY_PATH": str(ROOT / "deploy" / "example-policy.yaml"),
        "CLUSTERS_PATH": str(tmp_path / "clusters.yaml"),
    }
    others = {k: v for k, v in os.environ.items() if not k.startswith("VALETKEY_")}
    return others | {f"VALETKEY_{name}": value for name, value in ours.items()}


def run(settings: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=ROOT,
        env=settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def serving(settings: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A `serve` that answers."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "serve"],
        cwd=ROOT,
        env=settings | {"VALETKEY_LISTEN_PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        assert process.poll() is None, "it ended by itself"
        try:
            url = f"http://127.0.0.1:{port}/livez"
            return urllib3.request("GET", url, retries=False, timeout=2).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    try:
        wait_until(answers, within=timedelta(seconds=40), what="serve answers")
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_second_is_refused_and_readers_are_not(settings: dict[str, str]) -> None:
    with serving(settings):
        second = run(settings, "serve")
        assert second.returncode == 4
        assert "Another Valetkey process already uses this database file." in second.stderr
        upgrade = run(settings, "db", "upgrade")
        assert upgrade.returncode == 4
        assert "Another Valetkey process already uses this database file." in upgrade.stderr
        assert run(settings, "history", "list").returncode == 0
        assert run(settings, "db", "check").returncode == 0


def test_the_file_is_free_at_once_when_its_process_was_killed(settings: dict[str, str]) -> None:
    with serving(settings) as first:
        first.send_signal(signal.SIGKILL)
        first.wait(10)
        with serving(settings):
            assert run(settings, "serve").returncode == 4


@pytest.mark.parametrize("half", ["surfaces", "worker"])
def test_halves_apart_need_a_server(settings: dict[str, str], half: str) -> None:
    """The other half could never be started beside it, and access would not end."""
    done = run(settings, "serve", "--only", half)
    assert done.returncode == 2
    assert "--only needs PostgreSQL" in done.stderr
