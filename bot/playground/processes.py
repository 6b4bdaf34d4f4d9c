"""Processes that the playground and the tests start: with a log each, a deadline, and a sure end.

Every child leads its own process group, so that it is ended with whatever it started itself, and a
terminal's Ctrl-C reaches only us: we end the children in order. If this process is killed outright,
a watchdog (a few lines of Python that hold the other end of a pipe) ends the groups instead. A
parent-death signal would do that too, but it fires when the starting *thread* ends.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_PORTS = range(20_000, 32_000)
POLL_SECONDS = 0.05
STOP_GRACE = timedelta(seconds=20)

_WATCHDOG = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
"""


class ProcessError(Exception):
    """A child did not start, did not become ready, or ended by itself; the text carries its log's
    tail.
    """


def free_port() -> int:
    """Find a TCP port of 127.0.0.1 that nobody listens on.

    It is drawn below the range from which the kernel takes the ports of outgoing connections: one
    of those could take it before its server does.
    """
    while True:
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(check: Callable[[], bool], *, within: timedelta, what: str) -> None:
    """Ask `check` until it says yes; TimeoutError naming `what` when it has not within the time."""
    deadline = time.monotonic() + within.total_seconds()
    while not check():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what}: not within {within.total_seconds():g} s")
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class Child:
    """One running process. `pid` is also its process group's id."""

    name: str
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def pid(self) -> int:
        """The process's id, and its group's."""
        return self.process.pid

    def let_go(self, said: str) -> None:
        """Let a child that was started held go on: it reads this line."""
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.write(f"{said}\n".encode())
                self.process.stdin.close()

    def alive(self) -> bool:
        """Say whether it has not ended yet."""
        return self.process.poll() is None

    def log_tail(self, lines: int = 20) -> str:
        """Read the last lines of its log, for error messages."""
        with suppress(OSError):
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def wait_ready(self, check: Callable[[], bool], *, within: timedelta) -> None:
        """Wait until `check` says yes; ProcessError as soon as the process has ended, or at the
        deadline.
        """

        def ready() -> bool:
            if not self.alive():
                raise ProcessError(
                    f"{self.name} ended with code {self.process.returncode} before it was ready."
                    f" End of {self.log_path}:\n{self.log_tail()}"
                )
            return check()

        try:
            wait_until(ready, within=within, what=f"{self.name} ready")
        except TimeoutError as error:
            raise ProcessError(f"{error}. End of {self.log_path}:\n{self.log_tail()}") from error

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the whole group; a group that is gone is no error."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def stop(
        self, *, first: signal.Signals = signal.SIGTERM, grace: timedelta = STOP_GRACE
    ) -> None:
        """End the process and its group, and return only when it is gone: its port is free then."""
        if self.alive():
            self.signal_group(first)
            # A stopped process does not see SIGTERM before it goes on.
            self.signal_group(signal.SIGCONT)
            try:
                self.process.wait(grace.total_seconds())
            except subprocess.TimeoutExpired:
                self.signal_group(signal.SIGKILL)
        self.process.wait()
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
        # Whatever it started and left behind is ended too: the group outlives its leader.
        self.signal_group(signal.SIGKILL)


@dataclass
class Children:
    """The children of one owner, ended in the reverse order of their start. Use as a context
    manager.
    """

    running: list[Child] = field(default_factory=list)
    _watchdog: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop_all()

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log_path: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: int | None = None,
        held: bool = False,
    ) -> Child:
        """Start `argv` with output and errors appended to `log_path`.

        One that is `held` waits for a line of its input, which `Child.let_go` writes.

        `env` replaces the environment. `user` (a uid) needs root: the child runs as that user, in
        the group of the same number, with no other group.
        """
        identity = {} if user is None else {"user": user, "group": user, "extra_groups": ()}
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            try:
                process = subprocess.Popen(
                    [os.fspath(part) for part in argv],
                    stdin=subprocess.PIPE if held else subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=None if env is None else dict(env),
                    cwd=cwd,
                    start_new_session=True,
                    **identity,  # type: ignore[call-overload] # a union of three keyword types
                )
            except OSError as error:
                raise ProcessError(f"{name} could not be started: {error}") from error
        child = Child(name=name, process=process, log_path=log_path)
        self.running.append(child)
        self._tell_watchdog(f"+{child.pid}")
        return child

    def stop(
        self,
        child: Child,
        *,
        first: signal.Signals = signal.SIGTERM,
        grace: timedelta = STOP_GRACE,
    ) -> None:
        """End one child now (see `Child.stop`) and forget it."""
        child.stop(first=first, grace=grace)
        self._tell_watchdog(f"-{child.pid}")
        self.running.remove(child)

    def stop_all(self, *, grace: timedelta = STOP_GRACE) -> None:
        """End all, last started first, and the watchdog at the end."""
        while self.running:
            self.stop(self.running[-1], grace=grace)
        if self._watchdog is not None:
            self._watchdog.communicate()
            self._watchdog = None

    def _tell_watchdog(self, line: str) -> None:
        if self._watchdog is None:
            self._watchdog = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WATCHDOG],
                stdin=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        pipe = self._watchdog.stdin
        if pipe is not None:
            pipe.write(line + "\n")
            pipe.flush()
