"""Every secret is a canary: none may be found where people look, at DEBUG, after a whole story."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from sqlalchemy import create_engine, inspect, text

from bot.playground.town import Town
from grants.store.engine import database_url
from tests.support.signing_in import Browser
from tests.support.townsfolk import Townsfolk

MEANINGFUL = 9  # characters; anything shorter would be found by chance
SETTINGS = {"LOG_LEVEL": "DEBUG", "METRICS_TOKEN": "canary-metrics-token-4711"}


def _planted(town: Town, *more: str) -> dict[str, str]:
    """Name every secret there is: those of the settings, and those of one sign-in."""
    app = town.app
    found = {
        "bot token": app.bot_token,
        "app token": app.app_token,
        "signing secret": app.signing_secret,
        "Sign in with Slack": app.client_secret,
        "company client": town.client.secret or "",
        "metrics token": SETTINGS["METRICS_TOKEN"],
        "bot credential": _bot_credential(town),
    }
    return found | {f"of the sign-in {number}": value for number, value in enumerate(more)}


def _bot_credential(town: Town) -> str:
    kubeconfig = yaml.safe_load((town.folder / "bot.kubeconfig").read_text())
    return str(kubeconfig["users"][0]["user"]["token"])


def leaks(planted: dict[str, str], where: dict[str, str]) -> list[str]:
    """Name each secret that stands somewhere it must not."""
    assert [name for name, secret in planted.items() if len(secret) < MEANINGFUL] == []
    return [
        f"{name} in {place}"
        for place, content in where.items()
        for name, secret in planted.items()
        if secret in content
    ]


def _database(url: str) -> str:
    """Everything in the database, as text."""
    engine = create_engine(database_url(url))
    with engine.connect() as connection:
        rows = [
            str([bytes(v) if isinstance(v, memoryview) else v for v in row])
            for table in inspect(engine).get_table_names()
            for row in connection.execute(text(f'SELECT * FROM "{table}"'))
        ]
    engine.dispose()
    return "\n".join(rows)


def _sqlite_bytes(town: Town) -> str:
    """The files as they lie on the disk, what was deleted included."""
    found = (town.folder / "database").glob("valetkey.db*")
    return "\n".join(path.read_bytes().decode("latin-1") for path in found)


def _arguments(town: Town) -> str:
    assert town.bot is not None
    return Path(f"/proc/{town.bot.pid}/cmdline").read_bytes().decode("latin-1")


@pytest.fixture
def signed_in(folk: Townsfolk) -> Iterator[tuple[str, Browser]]:
    link = folk.link_for("erin")
    browser = folk.browser("erin")
    assert browser.open_link(link).status_code == 200
    yield link, browser
    browser.session.close()


@pytest.mark.security("D2")
@pytest.mark.timeout(180)
def test_no_secret_is_in_logs_rows_arguments_or_messages(
    town: Town, folk: Townsfolk, signed_in: tuple[str, Browser]
) -> None:
    link, browser = signed_in
    folk.sign_in("ada")
    folk.ask("erin", namespace="payments-dev", entitlement="view", length="1h", reason="Canaries")
    card = folk.card("ada", "Canaries", "access-requests")
    folk.person("ada").click(card, "approve")
    folk.card("erin", "Give back")
    values = [cookie.value or "" for cookie in browser.session.cookies]
    cookies = [value for value in values if len(value) >= MEANINGFUL]
    assert cookies
    planted = _planted(town, link.rpartition("/")[2], folk.token("erin"), *cookies)
    where = {
        "the log": folk.log(),
        "the database": _database(town.database_url),
        "the database's files": _sqlite_bytes(town),
        "the arguments": _arguments(town),
        "messages": str(town.workspace.messages.values()),
    }
    # The link itself is told to its owner in an ephemeral: that is what it is for.
    told = link.rpartition("/")[2]
    where["messages"] = where["messages"].replace(told, "")
    assert '"level": "DEBUG"' in where["the log"]
    assert leaks(planted, where) == []
    for place in where:
        assert leaks({"control": "canary-of-control"}, {place: "has canary-of-control in it"})
    assert leaks(planted, {"control": folk.log() + town.app.bot_token}) == ["bot token in control"]


@pytest.mark.security("D2")
def test_a_crash_says_no_secret(town: Town) -> None:
    """A wrong database is the commonest crash at a start, and its address holds a password."""
    secret = "canary-password-0815"
    environment = town.environment() | {
        "VALETKEY_DATABASE_URL": f"postgresql://valetkey:{secret}@127.0.0.1:1/none"
    }
    done = subprocess.run(
        [sys.executable, "-m", "bot", "serve"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert said.strip()
    assert leaks(_planted(town) | {"password": secret}, {"crash output": said}) == []


def test_a_deleted_row_leaves_no_bytes_behind(tmp_path: Path) -> None:
    """The positive control of looking at files: SQLite does leave deleted bytes by default."""
    path = tmp_path / "control.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute("CREATE TABLE t (x TEXT)")
    connection.execute("INSERT INTO t VALUES ('canary-of-the-files')")
    connection.commit()
    connection.execute("DELETE FROM t")
    connection.commit()
    connection.close()
    assert b"canary-of-the-files" in path.read_bytes()
