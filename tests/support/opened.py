"""`valetkey playground` as a process of its own, used only through what it prints and serves."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bot.playground.idp.install import PackagesMissingError, ensure
from bot.playground.opening import OpeningError, choose_ports
from bot.playground.processes import free_port
from tests.support.parts import missing_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

ROOT = Path(__file__).parents[2]
OPEN_WITHIN_SECONDS = 90
CLOSE_WITHIN_SECONDS = 40
LAST_LINE = "Ctrl-C stops everything."
# Real credentials of whoever runs the tests would rightly be refused.
REAL = ("VALETKEY_", "SLACK_")
# The kernel's number for a socket that waits for connections.
_LISTENS = "0A"


@dataclass
class Opened:
    """A running playground. `said` are its lines so far."""

    folder: Path
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    _reader: threading.Thread | None = None

    @classmethod
    def start(cls, folder: Path, *more: str) -> Opened:
        """Start it and wait for its last line."""
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "playground", "--folder", folder, *more],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if not k.startswith(REAL)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # As a terminal does: Ctrl-C reaches this process alone, and its children by it.
            start_new_session=True,
        )
        opened = cls(folder, process)
        opened._reader = threading.Thread(target=opened._read, daemon=True)
        opened._reader.start()
        try:
            opened.wait(lambda: LAST_LINE in opened.said, OPEN_WITHIN_SECONDS)
        except BaseException:
            opened.close()
            raise
        return opened

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))

    def wait(self, what: Callable[[], bool], seconds: float) -> None:
        """Wait until something is so, while the process lives."""
        deadline = time.monotonic() + seconds
        while not what():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            threading.Event().wait(0.05)

    def close(self) -> int:
        """Press Ctrl-C and wait for the end; gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(CLOSE_WITHIN_SECONDS)
        if self._reader is not None:
            self._reader.join()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    @property
    def text(self) -> str:
        """All that it said."""
        return "\n".join(self.said)

    @property
    def url(self) -> str:
        """The address that it says to open, without its path."""
        return self._find(r"^OPEN  (https://localhost:\d+)/")

    @property
    def ca_file(self) -> Path:
        """The throw-away authority that it says the browser will not know."""
        return Path(self._find(r"^  (/.*/ca\.pem)$"))

    def kubeconfig(self, key: str) -> Path:
        """A person's kubeconfig, of those that it names."""
        first = Path(self._find(r"export KUBECONFIG='?([^'\n]+)"))
        assert f"{key}.kubeconfig" in self.text
        return first.with_name(f"{key}.kubeconfig")

    @property
    def api_port(self) -> int:
        """The API server's port."""
        config = yaml.safe_load(self.kubeconfig("erin").read_text())
        return int(config["clusters"][0]["cluster"]["server"].rpartition(":")[2])

    def processes(self) -> dict[int, str]:
        """The playground's processes, itself first: their command lines by number."""
        lines = {int(p.name): p for p in Path("/proc").iterdir() if p.name.isdecimal()}
        found = {number: _read(folder / "cmdline") for number, folder in lines.items()}
        parents = {number: _read(folder / "stat") for number, folder in lines.items()}
        mine = {self.process.pid}
        # Children are numbered after their parents, but for a wrap around.
        for number in sorted(lines) * 2:
            fields = parents[number].rpartition(")")[2].split()
            if len(fields) > 1 and int(fields[1]) in mine:
                mine.add(number)
        return {number: found[number] for number in sorted(mine)}

    def listening(self) -> set[str]:
        """The addresses on which its processes listen, as the kernel writes them: hex."""
        inodes = set()
        for number in self.processes():
            with suppress(OSError):
                for link in Path(f"/proc/{number}/fd").iterdir():
                    with suppress(OSError):
                        inodes.add(str(link.readlink()))
        rows = [row.split() for name in ("tcp", "tcp6") for row in _rows(name)]
        return {row[1] for row in rows if row[3] == _LISTENS and f"socket:[{row[9]}]" in inodes}

    @property
    def run(self) -> Path:
        """The folder of this start: logs, database, audit log."""
        return Path(self._find(r"^Logs and database: (.+)$"))

    def audit(self) -> Iterator[dict[str, Any]]:
        """Read the API server's audit events so far."""
        text = (self.run / "plane" / "audit-0.log").read_text()
        for line in text.splitlines(keepends=True):
            # The last line may be half written.
            if line.endswith("\n"):
                yield json.loads(line)

    def _find(self, pattern: str) -> str:
        found = re.search(pattern, self.text, re.MULTILINE)
        assert found is not None, self.text
        return found[1]


@contextmanager
def opened_playground(config: pytest.Config, folder: Path, *more: str) -> Iterator[Opened]:
    """Open a playground, and close it: nothing of it may be left."""
    try:
        ensure()
    except PackagesMissingError as error:
        missing_parts(config).lacks("identity provider", error)
    # The usual ports are for a person's own playground, and for the pictures.
    port = [] if os.environ.get("VALETKEY_PICTURES") else ["--port", str(three_free_ports())]
    opened = Opened.start(folder, *more, *port)
    yield opened
    ports = [int(port) for port in re.findall(r"https://[^:/]+:(\d+)", opened.text)]
    assert opened.close() == 0, opened.text
    assert opened.said[-1] == "Everything is stopped."
    assert [port for port in {*ports, opened.api_port} if is_taken(port)] == []


def three_free_ports() -> int:
    """Find the first of three ports in a row that are free."""
    while True:
        first = free_port()
        with suppress(OpeningError):
            return choose_ports(first).slack


def is_taken(port: int) -> bool:
    """Tell whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _read(path: Path) -> str:
    """Read of a process that may have ended meanwhile."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _rows(name: str) -> list[str]:
    return Path(f"/proc/net/{name}").read_text().splitlines()[1:]


@dataclass(frozen=True)
class Kubectl:
    """The real `kubectl`, run as one person with nothing but their kubeconfig."""

    program: Path
    opened: Opened
    home: Path

    def run(self, key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it; a refusal is an answer."""
        return subprocess.run(
            [self.program, *arguments],
            env={
                "KUBECONFIG": str(self.opened.kubeconfig(key)),
                "HOME": str(self.home),
                "PATH": os.environ["PATH"],
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, key: str, *arguments: str) -> Any:
        """Run it and decode what it prints."""
        done = self.run(key, *arguments, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def until(
        self, key: str, *arguments: str, allowed: bool, seconds: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Run it again and again until it is allowed, or forbidden."""
        deadline = time.monotonic() + seconds
        while True:
            done = self.run(key, *arguments)
            if (done.returncode == 0) is allowed and (
                allowed or "forbidden" in done.stderr.lower()
            ):
                return done
            assert time.monotonic() < deadline, done.stdout + done.stderr
