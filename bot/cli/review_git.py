"""Manifests as they stand at a revision of a git repository, read without touching its files."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

_SUFFIXES: Final = (".yaml", ".yml", ".json")
_FILE_MODES: Final = frozenset({"100644", "100755"})
_SECONDS: Final = 120


@contextmanager
def files_at(revision: str, paths: Sequence[str]) -> Iterator[Path]:
    """Give a folder with the files that stood below `paths` at a revision; gone afterwards.

    Attributes, filters and links of the repository count for nothing: what is compared with must
    not be up to what is changed.
    """
    commit = _commit(revision)
    with TemporaryDirectory(prefix="valetkey-diff-") as folder:
        for blob, name in _listed(commit, paths):
            to = Path(folder, name)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(_git("cat-file", "blob", blob))
        yield Path(folder)


def _commit(revision: str) -> str:
    """Name the commit; a revision that looks like an option must never be one."""
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    try:
        return _git(*asked).decode().strip()
    except click.ClickException:
        raise click.UsageError(f"git knows no revision {revision!r} here") from None


def _listed(commit: str, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give each file that may hold manifests: its blob, and its name from the root."""
    found = _git("ls-tree", "-r", "-z", "--full-name", commit, "--", *paths)
    for entry in found.decode("utf-8", "surrogateescape").split("\0"):
        facts, _, name = entry.partition("\t")
        if name.lower().endswith(_SUFFIXES) and facts.split()[0] in _FILE_MODES:
            yield facts.split()[2], name


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - no shell; see above
            ["git", *arguments],  # noqa: S607 - the git of whoever calls
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        raise click.ClickException("git is not installed") from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode("utf-8", "replace").strip()
        raise click.ClickException(f"git failed: {said or type(error).__name__}") from None
    return done.stdout
