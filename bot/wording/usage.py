"""What is said of audit logs: what could not be used, and what is missing for a conclusion."""

from collections.abc import Mapping
from typing import Final

from grants.usage import folded
from grants.usage.coverage import Lack, Missing

WORDS: Final[Mapping[str, str]] = {
    folded.BROKEN: "broken: no JSON, or not of this form",
    folded.CUT_OFF: "cut off at the end of a file",
    folded.TOO_LONG: "too long to be read",
    folded.FUTURE: "from the future: a clock was wrong",
    folded.UNTIMED: "without a time that can be believed",
    folded.NOBODY: "of nobody: the caller was not known",
    folded.NO_CLUSTER: "of no cluster that is known: name it by --cluster",
    folded.REPEATED: "came again, and were counted once",
    folded.OTHER: "of another log beside it",
}

_LACKS: Final[Mapping[Lack, str]] = {
    Lack.NOTHING_SEEN: (
        "No audit log of this cluster was read. Import one, or have it sent: see docs/usage.md."
    ),
    Lack.BEGAN_LATE: "The audit log was heard only since {end}. Import an older one, or wait.",
    Lack.GAP: "Nothing was heard from {start} to {end}. Import the log of that time.",
    Lack.KIND_NOT_SEEN: (
        "No {kind} was ever seen, whoever did it: the audit policy may leave it out. "
        "Have it log that at the level Metadata."
    ),
    Lack.KIND_BEGAN_LATE: "{kind} was first seen at {end}: the audit policy may have left it out.",
    Lack.KIND_SILENT: (
        "No {kind} was seen from {start} to {end}, whoever did it: "
        "the audit policy may have left it out."
    ),
    Lack.ACCOUNTS_NOT_SEEN: (
        "No service account was seen doing anything like {kind} from {start} to {end}: "
        "the audit policy may leave accounts out."
    ),
    Lack.LOSSES: "{count} events of that time could not be read, and may have been of this kind.",
    Lack.UNSEEN_VERB: (
        "{kind} is asked about inside other requests, and no audit event names it: "
        "whether it is needed is for a person to say."
    ),
}


def missing_sentence(missing: Missing) -> str:
    """Say what keeps a conclusion from being drawn, and how to get it."""
    start = end = ""
    if missing.span is not None:
        start, end = (f"{at:%Y-%m-%d %H:%M}" for at in (missing.span.start, missing.span.end))
    kind = str(missing.kind) if missing.kind else ""
    return _LACKS[missing.lack].format(start=start, end=end, kind=kind, count=missing.count)
