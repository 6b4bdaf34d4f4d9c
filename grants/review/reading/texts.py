"""One file's bytes: in which form they stand, what is no text in them, and who reads them."""

import codecs
import re
from typing import Final

from grants.review.reading.json_text import read_json
from grants.review.reading.sink import Sink

_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_LOOKED_AT_BYTES: Final = 8192
_BINARY_SHARE: Final = 0.05
_ALLOWED: Final = bytes({9, 10, 13, *range(32, 127)})
# What YAML forbids; libyaml would stop there, and up to 16 kB before.
_FORBIDDEN: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_STRANGE: Final = "\ufffd"
_TOLD_MOST: Final = 20


def read_text(data: bytes, sink: Sink) -> None:
    """Read the objects of one text, JSON or YAML."""
    data = _in_utf_8(data, sink)
    if _is_binary(data[:_LOOKED_AT_BYTES]):
        sink.tell("binary", 1)
        return
    is_json = data.lstrip()[:1] in {b"{", b"["}
    position = read_json(data, sink) if is_json else 0
    if position == len(data):
        return
    # Only whoever has YAML pays for its library.
    from grants.review.reading.yaml_text import read_yaml  # noqa: PLC0415 - see above

    before = data.count(b"\n", 0, position)
    rest = _cleaned(data[position:], sink, before)
    read_yaml(rest, sink, is_json=is_json, before=before)


def _in_utf_8(data: bytes, sink: Sink) -> bytes:
    """Give the text in UTF-8: what PowerShell redirects to a file stands in UTF-16."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            try:
                return data.decode(name).encode()
            except UnicodeError:
                sink.tell("not-utf-8", 1)
                return data.decode(name, "replace").encode()
    return data


def _is_binary(sample: bytes) -> bool:
    strange = len(sample.translate(None, _ALLOWED + bytes(range(128, 256))))
    return strange > _BINARY_SHARE * len(sample)


def _cleaned(data: bytes, sink: Sink, before: int) -> bytes:
    """Put a mark in the place of each character that is none, so that all else can be read."""
    if not data.translate(None, _ALLOWED):
        return data
    text = data.decode("utf-8", "surrogateescape")
    line, position = before + 1, 0
    for number, strange in enumerate(_FORBIDDEN.finditer(text)):
        if number == _TOLD_MOST:
            break
        line += text.count("\n", position, strange.start())
        position = strange.start()
        is_byte = "\udc80" <= strange[0] <= "\udcff"
        sink.tell("not-utf-8" if is_byte else "bad-character", line)
    return _FORBIDDEN.sub(_STRANGE, text).encode()
