"""One `valetkey serve` of a run: started, killed, paused, told to stop; each is logged."""

import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import urllib3

from bot.playground.processes import Child, Children
from tests.replicas.log import Log

READY_WITHIN: Final = timedelta(seconds=40)
ENDED_WITHIN_SECONDS: Final = 30.0


@dataclass
class Replica:
    """A process that comes and goes under one name and port."""

    name: str
    argv: list[str]
    port: int
    environment: dict[str, str]
    log_path: Path
    children: Children
    log: Log
    child: Child | None = None

    @property
    def running(self) -> Child:
        """The process; it must have been started."""
        assert self.child is not None, f"{self.name} is not started"
        return self.child

    def start(self) -> None:
        """Start the process; `wait_ready` waits for it."""
        self.child = self.children.start(
            self.name, list(self.argv), log_path=self.log_path, env=self.environment
        )
        self._note("started")

    def wait_ready(self) -> None:
        """Wait until it says that it is ready, connected to Slack too."""
        self.running.wait_ready(self.is_ready, within=READY_WITHIN)

    def is_ready(self) -> bool:
        """Ask its readiness."""
        status, text = self.probe()
        return status == 200 and b"not-connected" not in text

    def probe(self, path: str = "/readyz") -> tuple[int, bytes]:
        """Ask one of its probes; status 0 when it does not answer."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            answer = urllib3.request("GET", url, timeout=2, retries=False)
        except urllib3.exceptions.HTTPError:
            return 0, b""
        return answer.status, answer.data

    def kill(self) -> None:
        """SIGKILL: no handler, no flush."""
        self._note("killed")
        self.children.stop(self.running, first=signal.SIGKILL)
        self.child = None

    def pause(self) -> None:
        """SIGSTOP: it stands still wherever it is."""
        self._note("paused")
        self.running.signal_group(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._note("continued")
        self.running.signal_group(signal.SIGCONT)

    def tell_to_stop(self) -> None:
        """SIGTERM, as a rolling restart begins."""
        self._note("told")
        self.running.signal_group(signal.SIGTERM)

    def wait_ended(self) -> float:
        """Wait until it has ended by itself; gives how long that took, in seconds."""
        began = time.monotonic()
        try:
            code = self.running.process.wait(ENDED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        took = time.monotonic() - began
        self._note("ended", code=code, took_seconds=round(took, 3))
        self.children.stop(self.running, first=signal.SIGKILL)
        self.child = None
        assert code == 0, f"{self.name} ended with {code} after {took:.1f} s"
        return took

    def _note(self, act: str, **facts: object) -> None:
        self.log.add(time.time(), "replica", name=self.name, act=act, **facts)
