"""Problems of single fields: what is wrong, said so that the person can mend it."""

from collections.abc import Mapping
from typing import Final

from bot.wording.filling import fill
from grants.errors import Problem

PROBLEMS: Final[Mapping[str, str]] = {
    "missing": "This is needed.",
    "unknown": "There is nothing of that name.",
    "invalid": "This can't be used.",
    "empty": "This is empty.",
    "unreadable": "This can't be read.",
    "unusable": "{file} can't be used: {why}.",
    "twice": "This is given twice.",
    "too-small": "This is too small.",
    "not-https": "This must be an https address.",
    "excludes-kubeconfig": "This can't be set together with a kubeconfig or a context.",
    "unknown-cursor": "This is no place in the list (any more): begin at its first page.",
    "name-length": "This is not a name: it is empty, or too long.",
    "cluster-unknown": "There is no cluster of that name.",
    "entitlement-unknown": "There is nothing of that name to ask for (any more).",
    "cluster-missing": "Choose a cluster.",
    "namespace-missing": "Choose a namespace.",
    "entitlement-missing": "Choose what you need.",
    "duration-missing": "Choose for how long, or write it.",
    "duration-unreadable": "This is not a length of time. Write for example 90m, 2h or 1h30m.",
    "duration-not-positive": "The time must be longer than nothing.",
    "duration-absurd": "Nobody gets access for that long.",
    "outside-invalid": "The file of rights outside of RBAC, {field}: {detail}.",
    "reason-empty": "Say why.",
    "until-missing": "Choose the last day.",
    "until-within": "The last day must be from {first} to {last}.",
    "reason-too-long": "This is too long: {length} of at most {maximum} characters.",
}


def problem_sentence(problem: Problem) -> str:
    """Say what is wrong with one field."""
    template = PROBLEMS.get(problem.code, "This can't be used ({code}).")
    facts = {"field": problem.field, "code": problem.code, **dict(problem.facts)}
    return fill(template, facts)
