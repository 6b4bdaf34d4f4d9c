"""What people write beside what they do: the reason of a decision, of a revocation, of a keep."""

from typing import Final

from grants.errors import BadInput, Problem

WHY_MOST: Final = 1000  # characters


def check_reason(reason: str) -> None:
    """Refuse what can't be kept as the reason of what somebody does: BadInput."""
    problems = wrong_with_reason(reason, WHY_MOST)
    if problems:
        raise BadInput(tuple(problems))


def wrong_with_reason(reason: str, most: int) -> list[Problem]:
    """Name what is wrong with a reason, if anything; `most` in characters."""
    if len(reason) > most:
        facts = (("maximum", str(most)), ("length", str(len(reason))))
        return [Problem("reason", "reason-too-long", facts)]
    # NUL, which PostgreSQL can't hold, and half a character, which nothing can hash.
    if "\x00" in reason or any("\ud800" <= char <= "\udfff" for char in reason):
        return [Problem("reason", "invalid")]
    return []
