"""What could not be read of files and clusters, one sentence for each problem."""

from collections.abc import Mapping
from typing import Final

from bot.wording.filling import fill
from grants.review.inventory import ReadProblem, Seen

READ_PROBLEMS: Final[Mapping[str, str]] = {
    "a-template": "This is a chart's template: give what `helm template` makes of it.",
    "bad-character": "There is a character that no text may hold; it was replaced.",
    "bad-key": "A key is no text; it was left out.",
    "binary": "This is no text.",
    "cut-off": "The text ends in the middle; what stands before was read.",
    "duplicate-key": "The key {key} stands twice; the last one was taken.",
    "empty": "There is nothing in it.",
    "list-cut-off": "A list ends without saying its kind: it seems to be cut off.",
    "lists-too-deep": "Lists stand in lists too deep; what is further inside was left out.",
    "more-problems": "There are {count} more problems.",
    "no-answer": "{kind}: the cluster gave no answer that can be used: {words}.",
    "no-api-version": "There is no apiVersion; it was taken for {kind} of Kubernetes itself.",
    "no-name": "The {kind} has no name; it was left out.",
    "no-role": "The {kind} {name} names no role; it was left out.",
    "not-an-object": "This is no object of Kubernetes: it has no kind.",
    "not-json": "This is not JSON: {words}.",
    "not-utf-8": "There are bytes that are not UTF-8.",
    "not-yaml": "This is not YAML: {words}.",
    "nothing-inside": "There is no file in it whose name ends in .yaml, .yml or .json.",
    "too-big": "This is larger than {most_bytes} bytes; it was not read.",
    "too-deep": "Values stand in values too deep; it was not read on.",
    "too-many-aliases": "Aliases stand for too much; it was not read on.",
    "too-many-broken": "Too many documents are broken; it was not read on.",
    "too-many-files": "There are more than {most} files; from here on none was read.",
    "twice": "The {kind} {name} stands in {first_file}:{first_line}, too; this one was taken.",
    "unknown-alias": "The alias {alias} stands for nothing.",
    "unreadable": "This can't be read: {words}.",
    "wrong-type": "{at} must be {wanted}; it was left out.",
}

SEEN: Final[Mapping[Seen, str]] = {
    Seen.SEEN: "seen",
    Seen.PARTLY: "not all seen",
    Seen.FORBIDDEN: "not seen: forbidden",
    Seen.FAILED: "not seen: no answer",
    Seen.NOT_ASKED: "not seen",
}


def read_problem_sentence(problem: ReadProblem) -> str:
    """Say what is wrong, with its file and line where they are known."""
    template = READ_PROBLEMS.get(problem.code, "This can't be used ({code}).")
    sentence = fill(template, {"code": problem.code, **dict(problem.facts)})
    origin = problem.origin
    if not origin.file:
        return sentence
    place = f"{origin.file}:{origin.line}" if origin.line else origin.file
    return f"{place}: {sentence}"


def seen_words(how: Seen) -> str:
    """Say how much of a kind was seen."""
    return SEEN[how]
