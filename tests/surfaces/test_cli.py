"""The command line as a contract: its tree of commands, its exit codes, and how it ends."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from syrupy.assertion import SnapshotAssertion

from bot.cli import main
from bot.cli.failing import exit_code, failing
from grants.errors import (
    ClusterError,
    ClusterForbidden,
    PolicyInvalid,
    PolicyProblem,
    SettingsInvalid,
    StoreError,
    ValetkeyError,
)
from grants.store.engine import serve_lock
from tests.support.stores import copied, migrated_template, sqlite_url

ROOT = Path(__file__).parents[2]
EXAMPLE = str(ROOT / "deploy" / "example-policy.yaml")
NOBODY = "T0ACME/U0NOBODY"
NO_GRANT = "gra-aaaaaaaaaaaaaaaaaaaaaaaaaa"


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path) -> None:
    """Only what a test sets is set; the default database lies in a folder of its own."""
    for name in [name for name in os.environ if name.startswith("VALETKEY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    return migrated_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def url(template, tmp_path) -> str:
    return copied(template, tmp_path)


def run(*words: str, **environ: str) -> Result:
    return CliRunner().invoke(main, words, env=environ)


def tree(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from tree(below, (*path, name))


HELP_OF_ALL = """
import contextlib, io, json, sys
from bot.cli import main
said = {}
for path in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        words = [*path, "--help"]
        main(words, prog_name="valetkey", terminal_width=80, standalone_mode=False)
    said[" ".join(["valetkey", *path])] = out.getvalue()
json.dump(said, sys.stdout)
"""


def test_the_commands_and_their_options_are_a_contract(snapshot: SnapshotAssertion):
    """In a process of its own: click keeps a command's help option as it was first asked for."""
    done = subprocess.run(
        [sys.executable, "-c", HELP_OF_ALL],
        input=json.dumps(list(tree(main))),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == snapshot


def test_every_command_says_what_it_does():
    for path in tree(main):
        command: Any = main
        for name in path:
            command = command.get_command(click.Context(command), name)
        assert command.help
        assert command.help.strip()


def kinds(kind: type[ValetkeyError]) -> Iterator[type[ValetkeyError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from kinds(below)


def test_every_error_has_the_exit_code_of_its_family():
    families = {SettingsInvalid: 3, StoreError: 4, ClusterError: 5}
    for kind in kinds(ValetkeyError):
        expected = next((code for top, code in families.items() if issubclass(kind, top)), 1)
        assert exit_code(kind.__new__(kind)) == expected


def broken_policy(tmp_path: Path) -> str:
    path = tmp_path / "broken.yaml"
    path.write_text("apiVersion: valetkey/v1\nentitlements: 7\n")
    return str(path)


USAGE = {
    "unknown command": ["frobnicate"],
    "unknown command of a group": ["db", "frobnicate"],
    "unknown option": ["history", "list", "--frobnicate"],
    "no argument": ["history", "show"],
    "not a time": ["history", "list", "--since", "yesterday"],
    "not a state": ["history", "list", "--state", "lost"],
    "not a number": ["history", "list", "--limit", "0"],
    "not an account": ["people", "show", "ada"],
    "no path": ["policy", "check"],
    "no such form": ["policy", "rbac", EXAMPLE, "--format", "xml"],
    "not a port": ["playground", "--port", "80"],
    "a password in an argument": ["db", "check", "--database-url", "postgresql://a:b@127.0.0.1/c"],
}


@pytest.mark.parametrize("words", USAGE.values(), ids=USAGE.keys())
def test_wrong_use_ends_with_2_and_says_how_it_is_used(words):
    done = run(*words)
    assert done.exit_code == 2
    assert "Usage: " in done.stderr
    assert "Error: " in done.stderr


REFUSED = {
    "no such account": (["people", "show", NOBODY], "There is no such account"),
    "no link to take away": (["people", "unlink", NOBODY, "--yes"], "There is no such account"),
    "no such grant": (["history", "show", NO_GRANT], "There is no such request"),
    "nobody of that name": (["history", "list", "--person", "nobody"], "There is no such person"),
}


@pytest.mark.parametrize(("words", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_ends_with_1_and_a_sentence(url, words, said):
    done = run(*words, VALETKEY_DATABASE_URL=url)
    assert done.exit_code == 1
    assert done.stderr.startswith(said)
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["check", "show", "rbac"])
def test_a_policy_that_is_not_valid_ends_with_1_and_its_line(tmp_path, command):
    path = broken_policy(tmp_path)
    done = run("policy", command, path)
    assert done.exit_code == 1
    assert f"{path}:2:" in done.output


def test_no_manifest_is_printed_from_a_policy_that_is_not_valid(tmp_path):
    assert run("policy", "rbac", broken_policy(tmp_path)).stdout == ""


SETTINGS = {
    "not a number": (["db", "check"], {"VALETKEY_LISTEN_PORT": "x"}, "VALETKEY_LISTEN_PORT"),
    "not a setting": (["history", "list"], {"VALETKEY_LISTEN_PROT": "1"}, "VALETKEY_LISTEN_PROT"),
    "none to serve with": (["serve"], {}, "VALETKEY_PUBLIC_URL"),
    "the playground beside a real one": (
        ["playground"],
        {"VALETKEY_SLACK_BOT_TOKEN": "xoxb-1"},
        "VALETKEY_SLACK_BOT_TOKEN",
    ),
}


@pytest.mark.parametrize(("words", "environ", "said"), SETTINGS.values(), ids=SETTINGS.keys())
def test_settings_that_do_not_fit_end_with_3_and_are_named(words, environ, said):
    done = run(*words, **environ)
    assert done.exit_code == 3
    assert said in done.stderr
    assert "xoxb-1" not in done.stderr


NEEDS_DATABASE = {
    "db check": ["db", "check"],
    "history list": ["history", "list"],
    "history show": ["history", "show", NO_GRANT],
    "people show": ["people", "show", NOBODY],
    "people unlink": ["people", "unlink", NOBODY, "--yes"],
}


@pytest.mark.parametrize("words", NEEDS_DATABASE.values(), ids=NEEDS_DATABASE.keys())
def test_without_a_schema_every_command_ends_with_4_and_says_what_to_run(tmp_path, words):
    nothing = sqlite_url(tmp_path / "nothing" / "valetkey.db")
    done = run(*words, "--database-url", nothing)
    assert done.exit_code == 4
    assert "valetkey db upgrade" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("words", NEEDS_DATABASE.values(), ids=NEEDS_DATABASE.keys())
def test_a_server_that_is_down_ends_every_command_with_4(words):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    done = run(*words, "--database-url", f"postgresql://127.0.0.1:{port}/valetkey")
    assert done.exit_code == 4
    assert "can't be reached" in done.stderr


def test_a_database_that_is_no_file_and_no_server_ends_with_4():
    done = run("db", "check", "--database-url", "mysql://127.0.0.1/valetkey")
    assert done.exit_code == 4
    assert "SQLite file or a PostgreSQL server" in done.stderr


def test_a_folder_that_others_can_enter_is_named(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    shared.chmod(0o755)
    (shared / "another.txt").write_text("")
    done = run("db", "upgrade", "--database-url", sqlite_url(shared / "valetkey.db"))
    assert done.exit_code == 4
    assert f"{shared} is open to others (0755)" in done.stderr


def test_an_upgrade_beside_a_serve_ends_with_4(url):
    with serve_lock(url):  # type: ignore[union-attr]
        done = run("db", "upgrade", "--database-url", url)
    assert done.exit_code == 4
    assert "Another Valetkey process" in done.stderr


def ended_by(error: ValetkeyError) -> tuple[int, str]:
    @click.command()
    def command() -> None:
        with failing():
            raise error

    done = CliRunner().invoke(command, [])
    return done.exit_code, done.stderr


def test_a_cluster_that_refuses_ends_with_5_and_the_detail():
    code, said = ended_by(ClusterForbidden("prod", "get roles", "roles is forbidden"))
    assert code == 5
    assert "The cluster prod refuses" in said
    assert "(roles is forbidden)" in said


@pytest.mark.security("D1")
def test_what_an_error_quotes_is_no_terminal_code():
    problem = PolicyProblem("a\x1b[2J.yaml", 1, 1, "code", "said \u202eso")
    for error in (PolicyInvalid((problem,)), ClusterForbidden("prod", "get roles", "\x1b[2J")):
        _, said = ended_by(error)
        assert "\x1b" not in said
        assert "\u202e" not in said
