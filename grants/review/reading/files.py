"""Files, folders and standard input, in order, within limits."""

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from grants.authz.objects import Origin
from grants.garbage import without_gc
from grants.review.inventory import Inventory
from grants.review.reading.gathering import Gathering
from grants.review.reading.sink import Sink
from grants.review.reading.texts import read_text

STDIN: Final = "-"
FILE_MOST_BYTES: Final = 1024**3
"""A dump of ten times the largest clusters; more would not fit into the memory of a runner."""

FILES_MOST: Final = 50_000
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


def read_paths(
    paths: Sequence[str | Path],
    stdin: BinaryIO | None = None,
    *,
    now: datetime,
    cluster: str = "",
    namespace: str = "default",
    heard: Callable[[str], None] = lambda _: None,
) -> Inventory:
    """Read files, folders and, as `-`, standard input; what can't be read is a problem of its own.

    Of folders, what is named as YAML or JSON, in the order of names; hidden ones and folders behind
    links are passed over. `namespace` is where objects stand that name none. `heard` is told each
    file before it is read.
    """
    gathering = Gathering(namespace)
    with without_gc():
        for number, (name, is_named) in enumerate(_files(paths, gathering)):
            if number >= FILES_MOST:
                gathering.tell("too-many-files", Origin(name), most=str(FILES_MOST))
                break
            heard(name)
            _read(name, stdin, gathering, is_named=is_named)
        return gathering.inventory(cluster, now)


def _files(paths: Sequence[str | Path], gathering: Gathering) -> Iterator[tuple[str, bool]]:
    """Name the files to read, and whether each was named itself."""
    for path in paths:
        # Not Path.is_dir: it raises where a folder on the way may not be entered.
        if str(path) != STDIN and os.path.isdir(path):  # noqa: PTH112 - see above
            for name in _inside(str(path), gathering):
                yield name, False
        else:
            yield str(path), True


def _inside(folder: str, gathering: Gathering) -> Iterator[str]:
    def failed(error: OSError) -> None:
        gathering.tell("unreadable", Origin(str(error.filename)), words=error.strerror or "")

    found = False
    for inside, folders, names in os.walk(folder, onerror=failed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(inside, name)
            if path.suffix.lower() in _SUFFIXES and not name.startswith(".") and _is_file(path):
                found = True
                yield str(path)
    if not found:
        gathering.tell("nothing-inside", Origin(folder))


def _is_file(path: Path) -> bool:
    """Tell whether it is a file, or a link to one; a pipe in a folder would be waited for."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises where a folder is closed


def _read(name: str, stdin: BinaryIO | None, gathering: Gathering, *, is_named: bool) -> None:
    sink = Sink(gathering, name, strict=is_named)
    try:
        data = _bytes(name, stdin)
    except OSError as error:
        sink.tell("unreadable", 0, words=error.strerror or type(error).__name__)
        return
    if len(data) > FILE_MOST_BYTES:
        sink.tell("too-big", 0, most_bytes=str(FILE_MOST_BYTES))
    elif not data.strip():
        sink.tell("empty", 0)
    else:
        read_text(data, sink)


def _bytes(name: str, stdin: BinaryIO | None) -> bytes:
    """Read at most one byte more than the limit, which is enough to tell that there is more."""
    if name == STDIN and stdin is not None:
        return stdin.read(FILE_MOST_BYTES + 1)
    with Path(name).open("rb") as file:
        if os.fstat(file.fileno()).st_size > FILE_MOST_BYTES:
            return bytes(FILE_MOST_BYTES + 1)
        return file.read(FILE_MOST_BYTES + 1)
