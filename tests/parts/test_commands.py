"""`valetkey` as a process: how `serve` fails to start, and what a closed pipe does."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from grants.store.engine import serve_lock
from tests.support.store_values import populate
from tests.support.stores import copied, migrated_template, opened, sqlite_url

ROOT = Path(__file__).parents[2]
EXAMPLE = str(ROOT / "deploy" / "example-policy.yaml")
BROKEN = "apiVersion: valetkey/v1\nentitlements: 7\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    return migrated_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def url(template, tmp_path) -> str:
    return copied(template, tmp_path)


@pytest.fixture
def servable(url, tmp_path) -> dict[str, str]:
    """Settings with which `serve` would go on to the network."""
    return {
        "VALETKEY_DATABASE_URL": url,
        "VALETKEY_PUBLIC_URL": "https://valetkey.example.com",
        "VALETKEY_SLACK_API_URL": "http://127.0.0.1:9/api/",
        "VALETKEY_SLACK_BOT_TOKEN": "xoxb-1",
        "VALETKEY_SLACK_SIGNING_SECRET": "s" * 32,
        "VALETKEY_SLACK_TEAM_ID": "T0ACME",
        "VALETKEY_SLACK_SIGNIN_CLIENT_ID": "1.2",
        "VALETKEY_SLACK_SIGNIN_CLIENT_SECRET": "c" * 32,
        "VALETKEY_OIDC_ISSUER": "https://login.example.com",
        "VALETKEY_OIDC_CLIENT_ID": "valetkey",
        "VALETKEY_OIDC_CLIENT_SECRET": "c" * 32,
        "VALETKEY_POLICY_PATH": EXAMPLE,
    }


def bare() -> dict[str, str]:
    """The environment without settings of whoever runs the tests."""
    return {k: v for k, v in os.environ.items() if not k.startswith("VALETKEY_")}


def process(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=ROOT,
        env=bare() | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def another_schema(settings: dict[str, str], tmp_path: Path) -> None:
    settings["VALETKEY_DATABASE_URL"] = sqlite_url(tmp_path / "empty" / "valetkey.db")


def no_good_policy(settings: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    settings["VALETKEY_POLICY_PATH"] = str(path)


def bad_clusters(settings: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "clusters.yaml"
    path.write_text("clusters: {}\n")
    settings["VALETKEY_CLUSTERS_PATH"] = str(path)


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (another_schema, 4, "valetkey db upgrade"),
        (no_good_policy, 1, "broken.yaml:2:"),
        (bad_clusters, 3, "VALETKEY_CLUSTERS_PATH"),
    ],
)
def test_serve_that_can_not_start_says_why(
    servable: dict[str, str],
    tmp_path: Path,
    spoil: Callable[[dict[str, str], Path], None],
    code: int,
    said: str,
):
    spoil(servable, tmp_path)
    done = process("serve", **servable)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert said in done.stderr


def test_a_port_that_is_taken_is_named(servable):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        done = process("serve", **servable, VALETKEY_LISTEN_PORT=port)
    assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr
    assert f"can't listen on 127.0.0.1:{port}" in done.stderr


def test_a_second_serve_on_one_file_ends_with_4(servable, url):
    with serve_lock(url):  # type: ignore[union-attr]
        done = process("serve", **servable)
    assert done.returncode == 4
    assert "Another Valetkey process" in done.stderr


def test_the_package_runs_as_the_command_does():
    done = process("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("valetkey, version ")


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["policy", "schema"],
        ["policy", "rbac", EXAMPLE],
        ["history", "list"],
        ["history", "list", "--format", "json"],
        ["history", "list", "--format", "csv"],
    ],
    ids=" ".join,
)
def test_a_reader_who_goes_away_makes_no_noise(url, words):
    """`valetkey history list | head -1`: head is gone before the rest is written."""
    with closing(opened(url)) as store:
        populate(store)
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bot", *words],
            cwd=ROOT,
            env=bare() | {"VALETKEY_DATABASE_URL": url},
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert done.stderr == ""
    assert done.returncode in {0, 1}
