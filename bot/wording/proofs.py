"""What a proof showed, in sentences."""

from collections.abc import Mapping
from typing import Final

from bot.wording.filling import fill
from grants.access.model import Proof, ProofKind

NOTES: Final[Mapping[str, str]] = {
    "one-endpoint": "This is as seen from one endpoint.",
    "adds-nothing": "This access adds nothing: all that was sampled was allowed before it, too.",
    "still-allowed-by-other": "Some of it is still allowed, though not by this access:",
    "no-questions": "The role gave no question to ask, so only the binding was looked at.",
    "could-not-empty": "The binding could not be emptied while something held it.",
    "not-all-allowed-yet": "Not everything sampled was allowed at the first look.",
}

_LONGEST_LIST: Final = 5


def note_sentence(code: str) -> str:
    """Say a proof's note."""
    return NOTES.get(code) or fill("The proof carries the note {code}.", {"code": code})


def still_allowed(proof: Proof) -> tuple[str, ...]:
    """Give what reviews said that still allow, verbatim, each once."""
    answers = (a for one in proof.seen for a in one.answers if a.allowed)
    return tuple(dict.fromkeys(a.reason or "no reason given" for a in answers))


def proof_sentences(proof: Proof) -> tuple[str, ...]:
    """Say what a proof showed: the finding first, then each note."""
    said = [_finding(proof)]
    for note in proof.notes:
        if note == "still-allowed-by-other":
            said.append(_still_allowed(proof))
        else:
            said.append(note_sentence(note))
    if proof.unsampled:
        said.append(_unsampled(proof.unsampled))
    return tuple(said)


def _finding(proof: Proof) -> str:
    # Counted from the answers there are: one API server may have given none.
    answers = [a for one in proof.seen for a in one.answers]
    total, allowed = len(answers), sum(a.allowed for a in answers)
    servers, silent = len(proof.seen), sum(bool(one.problem) for one in proof.seen)
    if proof.kind is ProofKind.GONE:
        where = f"{servers} API server{'' if servers == 1 else 's'} asked"
        denied = _all_or(total - allowed, total, "denied")
        return f"Proven: the binding is gone, and {denied} ({where}{_silent(silent)})."
    missing = f" ({servers} asked{_silent(silent)})" if silent else ""
    if proof.kind is ProofKind.ACTIVE:
        return f"Seen: the binding is there, and {_all_or(allowed, total, 'allowed')}{missing}."
    return f"Before: {_all_or(allowed, total, 'allowed already')}{missing}."


def _silent(count: int) -> str:
    return f", {count} did not answer" if count else ""


def _all_or(count: int, total: int, word: str) -> str:
    if total == 0:
        return "there was nothing to ask"
    if count == total:
        return f"all {total} questions were {word}" if total > 1 else f"the question was {word}"
    return f"{count} of {total} questions were {word}"


def _still_allowed(proof: Proof) -> str:
    reasons = still_allowed(proof)
    shown = "; ".join(f"still allowed by “{reason}”" for reason in reasons[:_LONGEST_LIST])
    more = len(reasons) - _LONGEST_LIST
    rest = f"; and {more} more" if more > 0 else ""
    return f"{NOTES['still-allowed-by-other']} {shown}{rest}."


def _unsampled(count: int) -> str:
    return f"{count} more permission{'' if count == 1 else 's'} of the role " + (
        "was not sampled." if count == 1 else "were not sampled."
    )
