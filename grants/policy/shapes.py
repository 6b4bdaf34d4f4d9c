"""From a text to the parts of it that have the right form, and every problem with its place."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from grants.errors import PolicyProblem
from grants.policy.schema import API_VERSION, KEYS, DocumentShape
from grants.policy.source import PolicyFile
from grants.policy.yaml_lines import Lines, Path, read_lines

_LISTS: Final = ("clusters", "entitlements")

# pydantic's kinds of errors -> our code and sentence; other kinds keep their own sentence.
_SENTENCES: Final = {
    "string_type": ("wrong-type", "must be text; put numbers, true, false and null in quotes"),
    "list_type": ("wrong-type", "must be a list"),
    "model_type": ("wrong-type", "must be keys with values"),
    "bool_type": ("wrong-type", "must be true or false"),
    "int_type": ("wrong-type", "must be a whole number"),
    "too_short": ("empty-list", "must not be empty"),
}


@dataclass
class Report:
    """Problems and warnings as they are found, each at its place."""

    problems: list[PolicyProblem] = field(default_factory=list)
    warnings: list[PolicyProblem] = field(default_factory=list)

    def wrong(
        self, part: "Part", path: Path, code: str, message: str, *, key: bool = False
    ) -> None:
        """Tell of a problem at a path within a part."""
        self.problems.append(part.problem(path, code, message, key=key))

    def warn(self, part: "Part", path: Path, code: str, message: str) -> None:
        """Tell of something that may well be a mistake."""
        self.warnings.append(part.problem(path, code, message))


@dataclass(frozen=True)
class Part:
    """A part of one file: where its paths begin, and the file's places."""

    file: str
    lines: Lines
    base: Path = ()

    def at(self, *path: str | int) -> "Part":
        """Give a part further in."""
        return Part(self.file, self.lines, (*self.base, *path))

    def problem(self, path: Path, code: str, message: str, *, key: bool = False) -> PolicyProblem:
        """Make a problem at a path within this part, or at what stands around it."""
        line, column = self.lines.mark((*self.base, *path), key=key)
        return PolicyProblem(self.file, line, column, code, message)


@dataclass(frozen=True)
class Document:
    """One file as far as it has the right form; `clusters` and `entitlements` give the index in
    the file of each that has, and `aliases` every cluster's name, those of others included.
    `sections` are all that stand there, `broken` those of them that could not be used at all.
    """

    part: Part
    shape: DocumentShape
    clusters: tuple[int, ...]
    entitlements: tuple[int, ...]
    aliases: tuple[str, ...]
    sections: frozenset[str]
    broken: frozenset[str]


def read_document(file: PolicyFile, report: Report) -> Document | None:
    """Read one file; what is wrong goes to the report, what is right is given for more checks."""
    lines = read_lines(file.data)
    part = Part(file.name, lines)
    for problem in lines.problems:
        line, column = problem.mark
        found = PolicyProblem(file.name, line, column, problem.code, problem.message)
        report.problems.append(found)
    if any(problem.code in _FATAL for problem in lines.problems):
        return None
    if not isinstance(lines.value, dict):
        report.wrong(part, (), "wrong-type", f"must begin with `apiVersion: {API_VERSION}`")
        return None
    before = len(report.problems)
    document = _shaped(part, lines.value, report)
    # Where the text itself is wrong (an alias, say), what that does to the form is no news.
    told = {problem.mark for problem in lines.problems}
    fresh = [p for p in report.problems[before:] if (p.line, p.column) not in told]
    report.problems[before:] = fresh
    return document


_FATAL: Final = frozenset({"not-utf-8", "not-yaml", "empty", "too-big"})


def _shaped(part: Part, value: dict[str, Any], report: Report) -> Document:
    bad: set[Path] = set()
    try:
        shape = DocumentShape.model_validate(value)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            bad.add(_piece(detail["loc"]))
            _tell(part, detail, report)
        shape = DocumentShape.model_validate(_without(value, bad))
    return Document(
        part,
        shape,
        _kept(value, "clusters", bad),
        _kept(value, "entitlements", bad),
        _aliases(value),
        frozenset(value),
        frozenset(str(piece[0]) for piece in bad if len(piece) == 1),
    )


def _piece(loc: Path) -> Path:
    """Give the smallest part that must be left out: a whole item of a list, or a section."""
    in_list = len(loc) > 1 and loc[0] in _LISTS and isinstance(loc[1], int)
    return loc[:2] if in_list else loc[:1]


def _without(value: dict[str, Any], bad: set[Path]) -> dict[str, Any]:
    kept = {key: item for key, item in value.items() if (key,) not in bad}
    for name in _LISTS:
        if name in kept:
            kept[name] = [kept[name][index] for index in _kept(value, name, bad)]
    return {**kept, "apiVersion": API_VERSION}


def _kept(value: dict[str, Any], name: str, bad: set[Path]) -> tuple[int, ...]:
    if (name,) in bad:
        return ()
    return tuple(i for i in range(len(value.get(name, ()))) if (name, i) not in bad)


def _aliases(value: dict[str, Any]) -> tuple[str, ...]:
    clusters = value.get("clusters")
    items = clusters if isinstance(clusters, list) else []
    names = (item.get("name") for item in items if isinstance(item, dict))
    return tuple(name for name in names if isinstance(name, str))


def _tell(part: Part, detail: ErrorDetails, report: Report) -> None:
    loc, kind = detail["loc"], detail["type"]
    if kind == "missing":
        report.wrong(part, loc, "missing", f"`{loc[-1]}` is missing")
    elif kind == "extra_forbidden":
        report.wrong(part, loc, "unknown-key", _unknown_key(loc), key=True)
    elif kind == "literal_error":
        expected = detail["ctx"]["expected"].replace("'", "`")
        report.wrong(part, loc, "bad-value", f"must be {expected}")
    elif kind in {"greater_than_equal", "less_than_equal"}:
        report.wrong(part, loc, "out-of-range", f"must be {_bound(detail)}")
    else:
        code, sentence = _SENTENCES.get(kind, (kind.replace("_", "-"), detail["msg"]))
        report.wrong(part, loc, code, sentence)


def _bound(detail: ErrorDetails) -> str:
    context = detail["ctx"]
    return f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"


def _unknown_key(loc: Path) -> str:
    name = str(loc[-1])
    shape = KEYS[tuple(str(part) for part in loc[:-1] if isinstance(part, str))]
    near = get_close_matches(name, shape.model_fields, n=1)
    hint = f"; is `{near[0]}` meant?" if near else f"; known: {', '.join(shape.model_fields)}"
    return f"`{name}` is not known here{hint}"
