"""Finds the control plane's programs, and gets those that are missing.

In order: `KUBEBUILDER_ASSETS`; our own cache; the official envtest archive where it can be reached;
a build from Go modules (always for kube-controller-manager, which the archive does not hold). Every
program is asked its version before it is used. One process at a time fills the cache; a program
appears there whole or not at all.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bot.playground.controlplane import archive, gobuild, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    Progress = Callable[[str], None]

INDEX_VARIABLE = "VALETKEY_ENVTEST_INDEX"


class AssetsMissingError(Exception):
    """Some programs could not be had; the text says which, and why for each way."""


@dataclass(frozen=True)
class AssetSources:
    """Where to look.

    `given` is the developer's own folder of programs. `cache` is where ours are kept, one folder a
    version and kind of machine. `index_url` is the envtest archive's index, None to leave the
    archive out; `archive_patience_seconds` is all that an unreachable network may cost. `go` is a
    Go command to build with; None finds or installs one.
    """

    cache: Path
    given: Path | None = None
    index_url: str | None = archive.INDEX_URL
    archive_patience_seconds: float = 2.0
    go: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read `KUBEBUILDER_ASSETS`, `XDG_CACHE_HOME`, `VALETKEY_ENVTEST_INDEX` (empty: none)."""
        given = environment.get("KUBEBUILDER_ASSETS")
        home = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "~")) / ".cache"
        return cls(
            cache=Path(home).expanduser() / "valetkey",
            given=Path(given) if given else None,
            index_url=environment.get(INDEX_VARIABLE, archive.INDEX_URL) or None,
        )

    @property
    def folder(self) -> Path:
        """The cache's folder for this version and this kind of machine."""
        return self.cache / "-".join(("controlplane", versions.KUBERNETES, *versions.machine()))


def find(
    sources: AssetSources,
    names: Collection[str] = versions.CONTROL_PLANE,
    progress: Progress = lambda _line: None,
) -> dict[str, Path]:
    """Return the programs of `names` that are here already, by name; fetches and builds nothing."""
    found: dict[str, Path] = {}
    for name in names:
        binary = versions.BINARIES[name]
        if sources.given and _usable(binary, sources.given / name, binary.accepted, progress):
            found[name] = sources.given / name
        elif _usable(binary, sources.folder / name, binary.accepted, progress):
            found[name] = sources.folder / name
    return found


def ensure(
    sources: AssetSources,
    names: Collection[str] = versions.CONTROL_PLANE,
    progress: Progress = lambda _line: None,
) -> dict[str, Path]:
    """Return all programs of `names`, by name: those that are missing are fetched or built into the
    cache.

    Takes 10 minutes or so when everything must be built. AssetsMissingError when something can't be
    had.
    """
    found = find(sources, names, progress)
    if len(found) == len(names):
        return found
    sources.folder.mkdir(parents=True, exist_ok=True)
    with _only_one(sources.folder / ".lock", progress):
        # Another process may have filled the cache while this one waited for the lock.
        found = find(sources, names)
        missing = [name for name in names if name not in found]
        reasons = _fill(sources, missing, progress)
    found = find(sources, names, progress)
    missing = [name for name in names if name not in found]
    if missing:
        raise AssetsMissingError(f"not to be had: {', '.join(missing)}. " + " ".join(reasons))
    return found


def find_kubectl(sources: AssetSources) -> Path | None:
    """Return the `kubectl` to use: the one on PATH, of whatever version, else ours, else None."""
    on_path = shutil.which("kubectl")
    return Path(on_path) if on_path else find(sources, ["kubectl"]).get("kubectl")


def _usable(binary: versions.Binary, path: Path, wanted: str, progress: Progress) -> bool:
    if not path.is_file():
        return False
    try:
        versions.require_version(binary, path, wanted)
    except versions.VersionError as error:
        progress(f"not used: {error}")
        return False
    return True


def _fill(sources: AssetSources, missing: list[str], progress: Progress) -> list[str]:
    """Try the archive, then the build, for what is missing; the reasons of what failed."""
    reasons: list[str] = []
    with tempfile.TemporaryDirectory(dir=sources.folder, prefix=".filling-") as name:
        desk = Path(name)
        # The archive never holds the controller manager: alone it is no reason to ask.
        if sources.index_url and any(part != "kube-controller-manager" for part in missing):
            try:
                missing = _from_archive(sources, missing, desk, progress)
            except (archive.ArchiveUnreachableError, archive.ArchiveRefusedError) as error:
                progress(f"envtest archive not used: {error}")
                reasons.append(f"Archive: {error}.")
        if missing:
            try:
                _from_source(sources, missing, desk, progress)
            except (gobuild.BuildError, versions.VersionError) as error:
                reasons.append(f"Build: {error}.")
    return reasons


def _from_archive(
    sources: AssetSources, missing: list[str], desk: Path, progress: Progress
) -> list[str]:
    """Move what the archive holds of `missing` into the cache; what is still missing comes back."""
    parcel = archive.look_up(
        str(sources.index_url), patience_seconds=sources.archive_patience_seconds
    )
    progress(f"fetching {parcel.url}")
    held = archive.fetch(parcel, missing, desk)
    for name in held:
        binary = versions.BINARIES[name]
        if _usable(binary, desk / name, binary.accepted, progress):
            (desk / name).replace(sources.folder / name)
    return [name for name in missing if not (sources.folder / name).is_file()]


def _from_source(sources: AssetSources, missing: list[str], desk: Path, progress: Progress) -> None:
    go = sources.go or gobuild.find_go(sources.cache, progress)
    workshop = gobuild.Workshop(go=go, scratch=desk / "go", progress=progress)
    try:
        for name in missing:
            binary = versions.BINARIES[name]
            built = workshop.build(binary, desk)
            versions.require_version(binary, built, binary.exact)
            built.replace(sources.folder / name)
    finally:
        workshop.drop_caches()


@contextmanager
def _only_one(path: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock file; the kernel lets go of it when this process ends, however it ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another process is filling the cache: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        _sweep(path.parent)
        yield


def _sweep(folder: Path) -> None:
    """Drop what a process that was killed while filling left behind; only the lock's holder may."""
    for left in folder.glob(".filling-*"):
        shutil.rmtree(left, ignore_errors=True)
