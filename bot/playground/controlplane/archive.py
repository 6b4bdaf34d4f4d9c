"""The official envtest archive: etcd, kube-apiserver and kubectl, a download of seconds where it is
reached.

Its index names each archive's address and SHA-512; nothing is unpacked before the sum is right.
"""

from __future__ import annotations

import hashlib
import queue
import tarfile
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import requests
import urllib3
import yaml

from bot.playground.controlplane import versions

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

INDEX_URL = (
    "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml"
)
MAX_ARCHIVE_BYTES = 1 << 30
_MAX_INDEX_BYTES = 4 << 20
_CHUNK_BYTES = 1 << 20
_DOWNLOAD_STALL_SECONDS = 15


class ArchiveUnreachableError(Exception):
    """The index or the archive is not to be had here; building is the way on."""


class ArchiveRefusedError(Exception):
    """The archive is not what the index promised; its content must not be used."""


@dataclass(frozen=True)
class Archive:
    """Where one archive lies and what it must hash to (SHA-512, hex)."""

    url: str
    sha512: str


def look_up(index_url: str, *, patience_seconds: float) -> Archive:
    """Find the archive for this machine; ArchiveUnreachableError after `patience_seconds` at most.

    A thread bounds the whole look-up: no time-out of a client covers a name server that never
    answers.
    """
    answers: queue.SimpleQueue[str | requests.RequestException] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_get_index(index_url, patience_seconds))
        except requests.RequestException as error:
            answers.put(error)

    # A daemon: the end of this program must not wait for the name server either.
    threading.Thread(target=ask, name="envtest-index", daemon=True).start()
    try:
        answer = answers.get(timeout=patience_seconds)
    except queue.Empty:
        answer = requests.Timeout()
    if isinstance(answer, requests.RequestException):
        raise ArchiveUnreachableError(f"{index_url}: {type(answer).__name__}") from answer
    return _archive_in(answer, index_url)


def fetch(archive: Archive, names: Collection[str], into: Path) -> set[str]:
    """Download, check the sum, unpack those of `names` that it holds into the folder `into`.

    Says which it held. ArchiveUnreachableError when the download breaks off, ArchiveRefusedError
    when the sum, the size or the format is wrong.
    """
    into.mkdir(parents=True, exist_ok=True)
    parcel = into / "archive.part"
    try:
        with parcel.open("w+b") as file:
            if _download(archive.url, file) != archive.sha512.lower():
                raise ArchiveRefusedError(f"{archive.url}: its SHA-512 is not that of the index")
            file.seek(0)
            return _unpack(file, names, into)
    except requests.RequestException as error:
        raise ArchiveUnreachableError(f"{archive.url}: {type(error).__name__}") from error
    except tarfile.TarError as error:
        raise ArchiveRefusedError(f"{archive.url}: {error}") from error
    finally:
        parcel.unlink(missing_ok=True)


def _get_index(url: str, patience_seconds: float) -> str:
    with requests.get(url, timeout=patience_seconds, stream=True) as answer:
        answer.raise_for_status()
        try:
            raw: bytes = answer.raw.read(_MAX_INDEX_BYTES, decode_content=True)
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(str(error)) from error
        return raw.decode(errors="replace")


def _archive_in(text: str, index_url: str) -> Archive:
    system, arch = versions.machine()
    release = f"v{versions.KUBERNETES}"
    name = f"envtest-{release}-{system}-{arch}.tar.gz"
    try:
        entry = yaml.safe_load(text)["releases"][release][name]
        return Archive(url=str(entry["selfLink"]), sha512=str(entry["hash"]))
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ArchiveUnreachableError(f"{index_url} has no {name}") from error


def _download(url: str, file: BinaryIO) -> str:
    digest, size_bytes = hashlib.sha512(), 0
    with requests.get(url, timeout=_DOWNLOAD_STALL_SECONDS, stream=True) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_content(_CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > MAX_ARCHIVE_BYTES:
                raise ArchiveRefusedError(f"{url}: over {MAX_ARCHIVE_BYTES} bytes")
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _unpack(file: BinaryIO, names: Collection[str], into: Path) -> set[str]:
    """Only regular files of the names wanted, by their last part: no path of the archive's is
    followed.
    """
    found: set[str] = set()
    with tarfile.open(fileobj=file, mode="r:gz") as tar:
        for member in tar:
            name = member.name.rsplit("/", 1)[-1]
            content = tar.extractfile(member) if member.isfile() and name in names else None
            if content is None:
                continue
            with content, (into / name).open("wb") as out:
                while chunk := content.read(_CHUNK_BYTES):
                    out.write(chunk)
            (into / name).chmod(0o755)
            found.add(name)
    return found
