"""Where the readers of one text put what they find."""

from bisect import bisect_right
from typing import Any, Final

import msgspec

from grants.authz.objects import Origin
from grants.review.reading.gathering import Gathering
from grants.review.reading.mending import mended
from grants.review.reading.quick import make_origin
from grants.review.reading.shapes import ObjectIn

LISTS_MOST: Final = 4
"""How deep Lists may stand in Lists; kubectl makes one."""


_LIST: Final = "List"


class Sink:
    """Takes the objects and problems of one file. Lines count from 1."""

    def __init__(self, gathering: Gathering, file: str, *, strict: bool = True) -> None:
        self._gathering = gathering
        self._file = file
        self._strict = strict
        self._hint_lines: list[int] = []
        self._hints: list[str] = []

    def hint(self, line: int, template: str) -> None:
        """Hear of a rendered chart's comment that names a template; lines come in order."""
        self._hint_lines.append(line)
        self._hints.append(template)

    def take(self, read: ObjectIn, line: int, after: int = 0) -> None:
        """Take an object; `after` is the line where the document before it ended."""
        made_from = self._made_from(line, after) if self._hints else ""
        if read.kind == _LIST:
            return  # one with nothing in it
        if read.kind:
            self._gathering.take(read, make_origin(self._file, line, made_from))
        elif self._strict:
            self.tell("not-an-object", line)
        else:
            self._gathering.count("(no object of Kubernetes)")

    def take_plain(self, value: dict[str, Any], line: int, after: int = 0) -> None:
        """Take an object that was read as plain values, with whatever in it is of a right type."""
        try:
            read = msgspec.convert(value, ObjectIn)
        except msgspec.ValidationError:
            read = mended(
                value, lambda path, wanted: self.tell("wrong-type", line, at=path, wanted=wanted)
            )
        self.take(read, line, after)

    def tell(self, code: str, line: int, **facts: str) -> None:
        """Take a problem."""
        self._gathering.tell(code, Origin(self._file, line), **facts)

    def _made_from(self, line: int, after: int) -> str:
        place = bisect_right(self._hint_lines, line) - 1
        return self._hints[place] if place >= 0 and self._hint_lines[place] >= after else ""


def kind_in(of_list: str) -> str:
    """Give the kind that a typed list's items leave to it: a RoleList's are Roles."""
    return of_list.removesuffix("List") if of_list.endswith("List") else ""
