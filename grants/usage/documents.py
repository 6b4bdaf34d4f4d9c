"""JSON that is not one value a line: values over many lines, one behind the other, in a list."""

import re
from collections.abc import Iterator
from typing import Final

from grants.usage.blocks import BLOCK_BYTES, Readable

LONGEST_BYTES: Final = 16 * 1024 * 1024
"""An object longer than that is taken apart if it holds a list of objects, and else left out."""
# A whole text, or a quotation mark that begins one of which the end was not read yet.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|["{}\[\]]', re.DOTALL)
_QUOTE: Final = b'"'
_OBJECT: Final = b"{"
# Where a whole object stands: by itself, or in a list that is all there is.
_WHOLE: Final = (b"", b"[")
# Where its elements do: `items`, `records`, `logEvents`.
_ELEMENT: Final = b"{["


class Documents:
    """Finds the objects in a stream, in memory for one of them.

    At the end `is_cut` tells that the last one was not whole, `too_long` how many were left out.
    """

    def __init__(self, stream: Readable, longest_bytes: int = LONGEST_BYTES) -> None:
        self._stream = stream
        self._longest = longest_bytes
        self._buffer = b""
        self._at = 0
        self._open = b""
        self._whole: int | None = None
        self._element: int | None = None
        self._elements: list[tuple[int, int]] = []
        self._is_apart = False
        self.lines = 0
        self.is_cut = False
        self.too_long = 0

    def __iter__(self) -> Iterator[bytes]:
        while len(self._buffer) - self._at <= self._longest and (
            data := self._stream.read(BLOCK_BYTES)
        ):
            self.lines += data.count(b"\n")
            self._buffer += data
            yield from self._scan()
            yield from self._bound()
            self._trim()
        self.is_cut = bool(self._open)

    def _scan(self) -> Iterator[bytes]:
        for token in _TOKEN.finditer(self._buffer, self._at):
            mark = token[0]
            if mark == _QUOTE:
                self._at = token.start()
                return
            if mark in b"{[":
                self._enter(mark, token.start())
            elif mark in b"]}":
                yield from self._leave(mark, token.end())
        self._at = len(self._buffer)

    def _enter(self, mark: bytes, at: int) -> None:
        if mark == _OBJECT and self._open in _WHOLE:
            self._whole, self._is_apart, self._elements = at, False, []
        elif mark == _OBJECT and self._open == _ELEMENT:
            self._element = at
        self._open += mark

    def _leave(self, mark: bytes, end: int) -> Iterator[bytes]:
        self._open = self._open[:-1]
        if mark != b"}":
            return
        if self._open in _WHOLE:
            if self._whole is not None and not self._is_apart:
                yield self._buffer[self._whole : end]
            self._whole, self._elements = None, []
        elif self._open == _ELEMENT and self._element is not None:
            if self._is_apart:
                yield self._buffer[self._element : end]
            else:
                self._elements.append((self._element, end))
            self._element = None

    def _bound(self) -> Iterator[bytes]:
        """Take apart a whole, or leave out an element, that has become too long."""
        begin = self._element if self._is_apart else self._whole
        if begin is None or self._at - begin <= self._longest:
            return
        if self._is_apart:
            self._element = None
            self.too_long += 1
            return
        self.too_long += not self._elements
        self._is_apart = True
        for start, end in self._elements:
            yield self._buffer[start:end]
        self._elements = []

    def _trim(self) -> None:
        """Drop what was given, and what nobody will ask for."""
        begin = self._element if self._is_apart else self._whole
        keep = self._at if begin is None else begin
        self._buffer = self._buffer[keep:]
        self._at -= keep
        self._whole = None if self._whole is None else max(self._whole - keep, 0)
        self._element = None if self._element is None else self._element - keep
        self._elements = [(start - keep, end - keep) for start, end in self._elements]
