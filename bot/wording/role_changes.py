"""What a role's rules gained and lost, as sentences."""

from bot.wording.filling import fill

GONE = "The role was deleted, so it gives nothing now."
NOT_COMPARED = "It says too much to be compared, so it may well give more."
GAINED = "It now also gives the right to {gained}."
LOST = "It no longer gives the right to {lost}."
REVOKED = "So your access is being taken away."
KEPT = "Your access goes on."


def role_change_words(gained: str, lost: str, *, gone: bool = False, compared: bool = True) -> str:
    """Say what was gained and lost; both are phrases such as `read secrets; delete pods`."""
    if gone:
        return GONE
    if not compared:
        return NOT_COMPARED
    said = [fill(GAINED, {"gained": gained})] if gained else []
    said += [fill(LOST, {"lost": lost})] if lost else []
    return " ".join(said)
