"""Text for Slack: cleaned of what hides or steers, escaped, and cut to Slack's limits."""

import unicodedata
from datetime import datetime
from typing import Final

from bot.wording import moment_words

ELLIPSIS: Final = "…"
_JOINERS: Final = "\u200c\u200d"  # scripts and emoji need them; they steer nothing
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ESCAPED: Final = frozenset(_ESCAPES)
# What mrkdwn reads as format, in a look-alike that it does not: only for labels put beside markup.
_TICK: Final = "\N{MODIFIER LETTER GRAVE ACCENT}"
_MARKS: Final = str.maketrans({"*": "\N{ASTERISK OPERATOR}", "`": _TICK, "~": "\N{TILDE OPERATOR}"})


def clean(text: str) -> str:
    """Take out controls, bidi marks and invisible characters; newlines stay, tabs are spaces.

    Without this a reason could re-order or hide what an approver reads around it.
    """
    if text.isascii() and text.isprintable():
        return text  # as nearly every name is: lists of a hundred are cleaned while somebody types
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = lines.replace("\u2028", "\n").replace("\u2029", "\n").replace("\t", " ")
    return "".join(c for c in lines if c in "\n" + _JOINERS or _is_shown(c))


def one_line(text: str) -> str:
    """Clean a text and put it on one line."""
    return " ".join(clean(text).split())


def _is_shown(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}


def _width(text: str) -> int:
    """Count as Slack's clients do, in UTF-16 units: an emoji outside the BMP is two."""
    return len(text) + sum(c > "\uffff" for c in text)


def fit(text: str, limit: int) -> str:
    """Cut a text to a limit of characters; what was cut shows as an ellipsis."""
    return _fit(text, limit, escaped=False)


def fit_escaped(text: str, limit: int) -> str:
    """Escape `& < >` and cut so that the escaped text fits and no escape is cut in two."""
    return _fit(text, limit, escaped=True)


def _fit(text: str, limit: int, *, escaped: bool) -> str:
    if len(text) <= limit and text.isascii() and not (escaped and _ESCAPED & set(text)):
        return text
    parts = [_ESCAPES.get(c, c) if escaped else c for c in text]
    if _width("".join(parts)) <= limit:
        return "".join(parts)
    room, kept = limit - len(ELLIPSIS), []
    for part in parts:
        room -= _width(part)
        if room < 0:
            break
        kept.append(part)
    return "".join(kept).rstrip() + ELLIPSIS


def label(text: str, limit: int = 200) -> str:
    """Make a name safe beside our own markup: one line, escaped, without format marks."""
    return fit_escaped(one_line(text).translate(_MARKS), limit)


def code(text: str, limit: int = 2900) -> str:
    """Put text into a code block; backticks can't end it early."""
    return f"```{fit_escaped(clean(text).replace('`', _TICK), limit)}```"


def date(at: datetime, form: str = "{date_short_pretty} at {time}") -> str:
    """Write a moment that each reader sees in their own zone, with the fallback Slack demands."""
    return f"<!date^{int(at.timestamp())}^{form}|{moment_words(at)}>"


def mention(user: str) -> str:
    """Mention an account by the id that Slack itself gave."""
    return f"<@{user}>" if user.isalnum() else label(user)
