"""Home's part for admins about what could not be told."""

from collections.abc import Sequence
from typing import Final

from bot.slack.blocks import Block, context, header, mrkdwn, plain, section
from bot.slack.cards.parts import who
from bot.slack.places import CHANNEL_ID
from bot.slack.text import date, label
from bot.slack.undelivered import Missed
from bot.wording import delivery_words
from grants.outbox.model import Place, PlaceKind

_MOST: Final = 5


def undelivered_blocks(missed: Sequence[Missed]) -> list[Block]:
    """Show where messages do not arrive; nothing where all do."""
    if not missed:
        return []
    blocks = [header("For admins: not delivered")]
    blocks += [section(mrkdwn(_line(one))) for one in missed[:_MOST]]
    more = f"{len(missed) - _MOST} more places; " if len(missed) > _MOST else ""
    said = f"{more}valetkey outbox lists each message, and sends again what was given up."
    return [*blocks, context(plain(said))]


def _line(one: Missed) -> str:
    count = f"{one.count} message{'' if one.count == 1 else 's'}"
    outcome = "given up" if one.given_up else "tried again"
    where, why = _where(one), label(delivery_words(one.problem))
    return f"{where}: {count} {outcome}, because {why} · since {date(one.since)}"


def _where(one: Missed) -> str:
    if one.face is not None:
        return who(one.face)
    return _place_words(one.place)


def _place_words(place: Place) -> str:
    if place.kind is PlaceKind.CHANNEL and CHANNEL_ID.fullmatch(place.ref):
        return f"<#{place.ref}>"
    kind = {PlaceKind.CHANNEL: "channel", PlaceKind.USER_GROUP: "user group"}
    return f"{kind.get(place.kind, 'somebody')} *{label(place.ref)}*"
