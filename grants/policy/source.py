"""Policy files: one file or a folder of them, bounded in size, and the bytes that name a version.

A folder may be a mounted ConfigMap: names that begin with a dot are its inner workings.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from grants.errors import PolicyInvalid, PolicyProblem

MAX_BYTES: Final = 8_388_608
"""For all files together: room for more than ten thousand entitlements."""

MAX_FILES: Final = 1_000
_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_FOLDER_MARK: Final = b"valetkey policy folder v1\n"


@dataclass(frozen=True)
class PolicyFile:
    """One file of policy as read: its name within the folder, and its bytes."""

    name: str
    data: bytes


def pack(files: Sequence[PolicyFile]) -> bytes:
    """Give the bytes of a version: of one file its own, of several each name, size and bytes.

    No valid policy begins as the packed form does, so that the two are never mixed up.
    """
    if len(files) == 1:
        return files[0].data
    parts = [_FOLDER_MARK]
    for file in sorted(files, key=lambda f: f.name):
        name = file.name.encode()
        parts += [b"%d %d\n" % (len(name), len(file.data)), name, b"\n", file.data, b"\n"]
    return b"".join(parts)


def unpack(body: bytes) -> tuple[PolicyFile, ...]:
    """Give back the files of a version that was packed; ValueError for other bytes.

    A single file comes back under the name `policy.yaml`: its own is not part of a version.
    """
    if not body.startswith(_FOLDER_MARK):
        return (PolicyFile("policy.yaml", body),)
    files: list[PolicyFile] = []
    at = len(_FOLDER_MARK)
    while at < len(body):
        end = body.index(b"\n", at)
        name_bytes, data_bytes = (int(number) for number in body[at:end].split())
        name_end = end + 1 + name_bytes
        data_end = name_end + 1 + data_bytes
        files.append(PolicyFile(body[end + 1 : name_end].decode(), body[name_end + 1 : data_end]))
        at = data_end + 1
    return tuple(files)


def digest_of(files: Sequence[PolicyFile]) -> str:
    """Give the SHA-256 (hex) that names this version: of the packed bytes."""
    return hashlib.sha256(pack(files)).hexdigest()


@dataclass(frozen=True)
class PolicyPath:
    """Reads policy from a path: a file, or every `.yaml` and `.yml` directly in a folder."""

    path: Path

    def files(self) -> tuple[PolicyFile, ...]:
        """Read every file, by name; PolicyInvalid when something can't be read or is too big."""
        paths = self._paths()
        if len(paths) > MAX_FILES:
            raise _unreadable(self.path, "too-big", f"has more than {MAX_FILES} files")
        files, left = [], MAX_BYTES
        for path in paths:
            data = _read(path, left)
            left -= len(data)
            files.append(PolicyFile(self._name(path), data))
        return tuple(files)

    def _name(self, path: Path) -> str:
        return path.name if path != self.path else str(self.path)

    def _paths(self) -> list[Path]:
        if not self.path.is_dir():
            return [self.path]
        found = _listed(self.path)
        if not found:
            raise _unreadable(self.path, "unreadable", "holds no .yaml file")
        return found


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(
            p for p in folder.iterdir() if p.suffix in _SUFFIXES and not p.name.startswith(".")
        )
    except OSError as error:
        raise _unreadable(folder, "unreadable", _why(error)) from None


def _read(path: Path, most_bytes: int) -> bytes:
    try:
        # Not blocking: a pipe laid in place of the file must not hang the process.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            data = file.read(most_bytes + 1) or b""
    except OSError as error:
        raise _unreadable(path, "unreadable", _why(error)) from None
    if len(data) > most_bytes:
        raise _unreadable(path, "too-big", f"is bigger than {MAX_BYTES} bytes in all")
    return data


def _why(error: OSError) -> str:
    return f"can't be read: {error.strerror or type(error).__name__}"


def _unreadable(path: Path, code: str, what: str) -> PolicyInvalid:
    return PolicyInvalid((PolicyProblem(str(path), 1, 1, code, f"{path.name or path} {what}"),))
