"""Runs a credential plugin for no longer than it may take: a script, started by the loader.

The official client waits for a plugin for ever, and one that hangs (a login that waits for a
browser, a metadata server that is away) would keep its cluster from being reached until a restart.
`python plugin.py SECONDS COMMAND ARGUMENT ...` ends as the command does, with 124 when it took too
long and 127 when there is no such command.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

TOOK_TOO_LONG: Final = 124
NOT_THERE: Final = 127


def bounded(command: str, args: Sequence[str], within_seconds: float) -> tuple[str, list[str]]:
    """Give the command and arguments that run a plugin with a time limit."""
    return sys.executable, ["-I", str(Path(__file__)), str(within_seconds), command, *args]


def run(command: Sequence[str], within_seconds: float) -> int:
    """Run a command on this process's own standard streams; gives its exit code."""
    try:
        # A session of its own, so that whatever it started ends with it.
        process = subprocess.Popen(command, start_new_session=True)  # noqa: S603 - the operator's own kubeconfig names it
    except OSError as error:
        sys.stderr.write(f"can't be run: {error.strerror}\n")
        return NOT_THERE
    try:
        return process.wait(timeout=within_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        sys.stderr.write(f"did not end within {within_seconds:g} s\n")
        return TOOK_TOO_LONG


if __name__ == "__main__":
    sys.exit(run(sys.argv[2:], float(sys.argv[1])))
