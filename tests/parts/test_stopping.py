"""How `serve` hears that it is to stop: once in peace, twice at once."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

PROGRAM = """
import threading, time
from bot.cli.serve import _run

class Slow:
    is_stopping = False
    server = type("Server", (), {"port": 0})
    told = threading.Event()

    def start(self):
        pass

    def run(self):
        print("up", flush=True)
        self.told.wait()

    def ask_to_stop(self):
        self.is_stopping = True
        self.told.set()

    def stop(self):
        print("stopping", flush=True)
        time.sleep(SECONDS)
        print("stopped", flush=True)
        return True

_run(Slow())
"""


@contextmanager
def _serving(stop_seconds: float) -> Iterator["subprocess.Popen[str]"]:
    program = PROGRAM.replace("SECONDS", str(stop_seconds))
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        assert _line(process) == "up"
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_told_once_it_stops_in_peace() -> None:
    with _serving(stop_seconds=0.2) as process:
        process.send_signal(signal.SIGTERM)
        assert [_line(process), _line(process)] == ["stopping", "stopped"]
        assert process.wait(10) == 0


def test_told_twice_it_ends_at_once() -> None:
    """As process 1 of a container it would outlive a second SIGTERM by the default action."""
    with _serving(stop_seconds=60) as process:
        process.send_signal(signal.SIGTERM)
        assert _line(process) == "stopping"
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
        assert time.monotonic() - began < 5
