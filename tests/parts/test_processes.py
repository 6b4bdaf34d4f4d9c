"""Children are ended surely: by their owner, and when their owner is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bot.playground.processes import Children, ProcessError, free_port, wait_until

SOON = timedelta(seconds=10)
ROOT = Path(__file__).parents[2]


def gone(pid: int) -> bool:
    """Ended, and not merely a zombie that its parent has not collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def test_a_child_that_ends_early_is_reported_with_the_end_of_its_log(tmp_path):
    with Children() as children:
        child = children.start(
            "teller", ["sh", "-c", "echo bad flag; exit 3"], log_path=tmp_path / "log"
        )
        with pytest.raises(ProcessError, match=r"(?s)teller ended with code 3.*bad flag"):
            child.wait_ready(lambda: False, within=SOON)


def test_a_child_that_never_becomes_ready_is_reported_at_the_deadline(tmp_path):
    with Children() as children:
        child = children.start("sleeper", ["sleep", "60"], log_path=tmp_path / "log")
        with pytest.raises(ProcessError, match=r"sleeper ready: not within 0\.1 s"):
            child.wait_ready(lambda: False, within=timedelta(seconds=0.1))
    assert gone(child.pid)


def test_a_program_that_is_not_there_is_a_process_error(tmp_path):
    with Children() as children, pytest.raises(ProcessError, match="ghost"):
        children.start("ghost", [tmp_path / "ghost"], log_path=tmp_path / "log")


def test_children_are_ended_last_started_first(tmp_path):
    log = tmp_path / "log"
    script = "trap 'echo {0}; exit' TERM; echo up {0}; while :; do sleep 0.05; done"
    with Children() as children:
        for name in ("one", "two"):
            child = children.start(name, ["sh", "-c", script.format(name)], log_path=log)
            child.wait_ready(lambda name=name: f"up {name}" in log.read_text(), within=SOON)
    farewells = [line for line in log.read_text().split("\n") if line in {"one", "two"}]
    assert farewells == ["two", "one"]


def test_a_stubborn_child_and_what_it_started_are_gone_after_stop(tmp_path):
    log = tmp_path / "log"
    script = "trap '' TERM; sleep 60 & echo $!; while :; do sleep 0.05; done"
    with Children() as children:
        child = children.start("stubborn", ["sh", "-c", script], log_path=log)
        child.wait_ready(lambda: log.read_text().endswith("\n"), within=SOON)
        children.stop(child, grace=timedelta(seconds=0.2))
        assert children.running == []
    wait_until(lambda: gone(int(log.read_text())), within=SOON, what="the grandchild gone")


def test_a_stopped_child_is_ended_too(tmp_path):
    with Children() as children:
        child = children.start("paused", ["sleep", "60"], log_path=tmp_path / "log")
        os.kill(child.pid, signal.SIGSTOP)
        started = time.monotonic()
        children.stop(child)
        assert time.monotonic() - started < 5


def test_a_kill_of_the_owner_takes_its_children_along(tmp_path):
    """`make playground` killed by kill -9 must not leave an API server on the machine."""
    script = f"""
import pathlib, time
from bot.playground.processes import Children
children = Children()
child = children.start("s", ["sleep", "60"], log_path=pathlib.Path({str(tmp_path / "log")!r}))
print(child.pid, flush=True)
time.sleep(60)
"""
    owner = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert not gone(pid)
        owner.kill()
    wait_until(lambda: gone(pid), within=SOON, what="the child gone after its owner")


def test_a_free_port_is_below_those_of_outgoing_connections():
    assert all(20_000 <= free_port() < 32_000 for _ in range(20))
