"""A town whose API server, provider and database can each be taken away: for bad input."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import free_port
from bot.playground.relay import Relay
from bot.playground.slack.records import Delivery
from bot.playground.town import Town
from tests.support.townsfolk import Townsfolk

ACK_MS = 3000
BINDING_OF_BOT = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


class BadTown(Townsfolk):
    """Townsfolk, and the ways to spoil their day. The bot reaches its cluster through a relay."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        assert town.plane is not None
        self._api_port = urlsplit(town.plane.url).port or 0
        self._relay_port = free_port()
        self._relay = self._new_relay()
        kubeconfig = town.folder / "bot.kubeconfig"
        text = kubeconfig.read_text().replace(f":{self._api_port}", f":{self._relay_port}")
        kubeconfig.write_text(text)

    def _new_relay(self) -> Relay:
        relay = Relay(self._api_port, port=self._relay_port)
        relay.start()
        return relay

    def stop(self) -> None:
        self._relay.resume()
        self._relay.stop()

    @contextmanager
    def cluster_down(self) -> Iterator[None]:
        """Nobody listens where the API server was."""
        self._relay.stop()
        try:
            yield
        finally:
            self._relay = self._new_relay()

    @contextmanager
    def cluster_slow(self) -> Iterator[None]:
        """Connections stand, and no byte moves."""
        self._relay.pause()
        try:
            yield
        finally:
            self._relay.resume()

    @contextmanager
    def cluster_forbids(self) -> Iterator[None]:
        """Somebody took the bot's rights away."""
        plane = self.plane
        every = plane.admin_request("GET", BINDING_OF_BOT)["items"]
        taken = [b for b in every if _is_of_bot(b)]
        assert taken
        for binding in taken:
            plane.admin_request("DELETE", f"{BINDING_OF_BOT}/{binding['metadata']['name']}")
        try:
            yield
        finally:
            for binding in taken:
                kept = {"name": binding["metadata"]["name"]}
                body = {k: v for k, v in binding.items() if k != "metadata"} | {"metadata": kept}
                plane.admin_request("POST", BINDING_OF_BOT, body)

    @property
    def plane(self) -> ControlPlane:
        assert self.town.plane is not None
        return self.town.plane

    @property
    def database(self) -> Path:
        return Path(self.town.database_url.removeprefix("sqlite:///"))

    @contextmanager
    def database_locked(self) -> Iterator[None]:
        """Another process (for the database this one is) holds the write lock."""
        with closing(sqlite3.connect(self.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                other.execute("ROLLBACK")

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """Everything that stands in a table, read by another connection."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as reader:
            return reader.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()

    def events(self) -> list[dict[str, Any]]:
        """The record, decoded, in its order."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as reader:
            found = reader.execute("SELECT canonical FROM events ORDER BY number").fetchall()
        return [json.loads(canonical) for (canonical,) in found]

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """What may not be half done: requests, decisions, grants."""
        return {table: self.rows(table) for table in ("requests", "decisions", "grants")}

    def ready(self) -> dict[str, Any]:
        """What /readyz says."""
        ports = self.town.ports
        answer = urllib3.request(
            "GET",
            f"http://127.0.0.1:{ports.backend}/readyz",
            headers={"Host": f"localhost:{ports.valetkey}"},
            timeout=5,
            retries=False,
        )
        found: dict[str, Any] = json.loads(answer.data)
        return found

    def serve(self, **settings: str) -> subprocess.CompletedProcess[str]:
        """Start another `valetkey serve` that must refuse to run; gives what it said."""
        return run_bot("serve", environment=self.environment(settings))

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        changed = {f"VALETKEY_{name}": value for name, value in settings.items()}
        return self.town.environment() | {"VALETKEY_LISTEN_PORT": str(free_port())} | changed


def _is_of_bot(binding: dict[str, Any]) -> bool:
    subjects = binding.get("subjects") or []
    return any(one["name"] == "valetkey" for one in subjects)


def run_bot(*words: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the product until it ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def in_time(done: Delivery | None) -> Delivery:
    """Give a delivery that was acked within Slack's three seconds."""
    assert done is not None
    assert done.acked, done.error
    assert done.after_ms < ACK_MS
    return done
