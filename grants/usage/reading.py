"""Audit logs of every form that is known, read to their end whatever stands in them."""

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from itertools import chain
from typing import Final

import msgspec

from grants.usage.blocks import Block, Inflating, Readable, blocks, lines_of
from grants.usage.documents import Documents
from grants.usage.envelopes import unwrap
from grants.usage.events import EVENT, LINE, LINES, Event, Line
from grants.usage.folded import (
    BROKEN,
    CUT_OFF,
    NO_CLUSTER,
    OTHER,
    TOO_LONG,
    Folded,
)
from grants.usage.folding import Folder
from grants.usage.window import KEPT, Window

UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


class Reader:
    """Reads streams into one `Folded`. What is wrong is counted and named, and the rest used.

    `cluster` is whose events they all are; without it each envelope has to say. `windows` know
    which requests were counted before.
    """

    def __init__(
        self,
        now: datetime,
        cluster: str = "",
        windows: dict[str, Window] | None = None,
        kept: int = KEPT,
    ) -> None:
        self.folded = Folded()
        self._now = now
        self._cluster = cluster
        self._windows = {} if windows is None else windows
        self._kept = kept
        self._folders: dict[str, Folder] = {}
        self._file = ""
        self._last = cluster
        # Whether lines are taken to be events: else an event's fields are few beside all others.
        self._is_bare = bool(cluster)

    def read(self, stream: Readable, file: str = "") -> None:
        """Read a stream of lines, or of JSON over many lines; it may be gzip."""
        self._file = file
        inflating = Inflating(stream)
        whole = blocks(inflating)
        for number, block in enumerate(whole):
            if number == 0 and is_document(block.data):
                self._documents(_Rest(chain((block,), whole)))
                break
            self._block(block)
        if inflating.is_broken:
            self._lose(CUT_OFF, self.folded.lines + 1)

    def _block(self, block: Block) -> None:
        folded = self.folded
        if block.too_long:
            self._lose(TOO_LONG, folded.lines + 1, block.too_long)
            folded.lines += block.too_long
        try:
            if not self._is_bare or not self._bare(block.data):
                self._take(LINE.decode_lines(block.data))
        except UNREADABLE:
            self._one_by_one(block)
            return
        folded.lines += lines_of(block.data) + block.is_cut

    def _bare(self, data: bytes) -> bool:
        """Read lines of which each should be an event; False when none is."""
        events = EVENT.decode_lines(data)
        rest = self._folder(self._cluster).fold(events)
        self.folded.events += len(events) - len(rest)
        if rest and len(rest) == len(events):
            self._is_bare = False
        elif rest:
            for number, line in enumerate(LINE.decode_lines(data), self.folded.lines + 1):
                if not line.auditID:
                    self._unwrap(line, number)
        return self._is_bare

    def _take(self, lines: list[Line]) -> None:
        """Take in lines of which all may be wrapped in something."""
        for number, line in enumerate(lines, self.folded.lines + 1):
            self._unwrap(line, number)

    def _one_by_one(self, block: Block) -> None:
        """Read line by line what can't be read at once."""
        lines = block.data.split(b"\n")
        if not block.is_cut:
            lines.pop()
        for number, data in enumerate(lines, 1):
            self.folded.lines += 1
            try:
                for line in lines_in(data):
                    self._unwrap(line, self.folded.lines)
            except UNREADABLE:
                is_cut = block.is_cut and number == len(lines)
                self._lose(CUT_OFF if is_cut else BROKEN, self.folded.lines)

    def _documents(self, stream: Readable) -> None:
        documents = Documents(stream)
        for data in documents:
            try:
                self._unwrap(LINE.decode(data), self.folded.lines + documents.lines)
            except UNREADABLE:
                self._lose(BROKEN, self.folded.lines + documents.lines)
        self.folded.lines += documents.lines
        if documents.too_long:
            self._lose(TOO_LONG, self.folded.lines, documents.too_long)
        if documents.is_cut:
            self._lose(CUT_OFF, self.folded.lines)

    def _unwrap(self, line: Line, number: int) -> None:
        """Take in what one line holds; a line of which a part is broken is not used at all."""
        try:
            found = list(unwrap(line))
        except UNREADABLE:
            self._lose(BROKEN, number)
            return
        by_cluster: dict[str, list[Event]] = {}
        for cluster, event in found:
            if event is None:
                self.folded.words[OTHER] += 1
            else:
                by_cluster.setdefault(self._cluster or cluster, []).append(event)
        for cluster, events in by_cluster.items():
            if not cluster:
                self.folded.note(NO_CLUSTER, self._file, number, len(events))
                continue
            self.folded.events += len(events)
            self.folded.words[OTHER] += len(self._folder(cluster).fold(events))

    def _folder(self, cluster: str) -> Folder:
        self._last = cluster
        folder = self._folders.get(cluster)
        if folder is None:
            window = self._windows.setdefault(cluster, Window(self._kept))
            part = self.folded.parts[cluster]
            folder = self._folders[cluster] = Folder(part, self.folded, window, self._now)
        folder.window.turn()
        return folder

    def _lose(self, word: str, line: int, count: int = 1) -> None:
        """Note what can't be used, and that something of the last cluster was lost with it."""
        self.folded.note(word, self._file, line, count)
        if self._last:
            self._folder(self._last).lose(word, count)


class _Rest:
    """What is left of a stream that was begun to be read in blocks."""

    def __init__(self, blocks_left: Iterator[Block]) -> None:
        self._blocks = blocks_left

    def read(self, _size: int, /) -> bytes:
        return next((block.data for block in self._blocks if block.data), b"")


def lines_in(data: bytes) -> list[Line]:
    """Read one line, of a form that a block of lines is not read by; msgspec.DecodeError if none.

    CloudWatch's export puts the time before the message, Fluent Bit sends a list, Firehose puts
    objects one behind the other.
    """
    data = data.strip()
    if not data:
        return []
    if data.startswith(b"["):
        return LINES.decode(data)
    stamp, space, message = data.partition(b" ")
    if space and b"T" in stamp and stamp.endswith(b"Z"):
        data = message
        if not data.startswith(b"{"):
            return [Line()]
    try:
        return [LINE.decode(data)]
    except msgspec.DecodeError:
        if b"}{" not in data:
            raise
    documents = Documents(BytesIO(data))
    found = [LINE.decode(each) for each in documents]
    if documents.is_cut:
        raise msgspec.DecodeError("the last object is not whole")
    return found


def is_document(data: bytes) -> bool:
    """Tell whether JSON goes over many lines: then the first line is no whole value."""
    first = next((line for line in data.split(b"\n", 20) if line.strip()), b"").strip()
    if not first.startswith((b"{", b"[")):
        return False
    try:
        msgspec.json.decode(first)
    except UNREADABLE:
        # A line that is broken looks the same, but the second begins an object, too.
        rest = [line for line in data.split(b"\n", 20)[1:] if line.strip()]
        return not rest or not rest[0].startswith((b"{", b"["))
    return False
