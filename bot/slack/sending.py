"""One row brought to Slack: changed where it stands, found again, posted, or fanned out."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.logs import get_logger
from bot.slack.cards.parts import Message
from bot.slack.places import Gone, Places
from bot.slack.ports import SlackPorts
from bot.slack.render import Drawn
from bot.slack.troubles import Trouble, met
from grants.outbox.model import Card, CardKind, Delivery, Notice, Place

log = get_logger("slack.sending")

EVENT_TYPE: Final = "valetkey_card"
_OLDER: Final = timedelta(minutes=10)
"""How far Slack's clock and ours may be apart, when a lost message is looked for."""
_PAGES: Final = 5

Stands = tuple[str | None, str | None]
"""Where a message stands now: conversation and ts, or neither."""


class Sender:
    """Brings rows to Slack. Whatever a call raises goes through; Gone: there is nowhere to go."""

    def __init__(self, ports: SlackPorts, client: WebClient, places: Places) -> None:
        self._ports = ports
        self._client = client
        self._places = places
        self._fanning = threading.Lock()

    def bring(self, row: Delivery, drawn: Drawn, must_hold: Callable[[], None]) -> Stands:
        """Change the message that stands, find one lost in a crash, or post the first.

        `must_hold` is called right before each of these, and raises when the claim on the row has
        run out: a replica that stood still would tell again what another has told meanwhile.

        One that somebody deleted is posted again where it matters, once for each change: who
        deletes it again and again meets no loop.
        """
        must_hold()
        if row.channel and row.ts:
            if self._change(row.channel, row.ts, drawn.message):
                return row.channel, row.ts
            log.info("the message of %s was deleted; it matters: %s", row.id, drawn.matters)
        if row.sending_since is not None:
            found = self._find_lost(row)
            must_hold()
            if found is not None and self._change(*found, drawn.message):
                return found
        if row.sent > 0 and not drawn.matters:
            return None, None
        return self._post(row, drawn.message, must_hold)

    def _change(self, channel: str, ts: str, card: Message) -> bool:
        """Change a message; False when it is gone."""
        try:
            self._client.chat_update(
                channel=channel, ts=ts, text=card.text, blocks=list(card.blocks)
            )
        except SlackApiError as error:
            if met(error).trouble is Trouble.LOST:
                return False
            raise
        return True

    def _post(self, row: Delivery, card: Message, must_hold: Callable[[], None]) -> Stands:
        address = self._places.address(row.place)
        must_hold()
        self._ports.deliveries.sending(row, self._ports.clock.now())
        must_hold()
        answer = self._client.chat_postMessage(
            channel=address,
            text=card.text,
            blocks=list(card.blocks),
            metadata={"event_type": EVENT_TYPE, "event_payload": {"id": row.id}},
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer["channel"]), str(answer["ts"])

    def _find_lost(self, row: Delivery) -> tuple[str, str] | None:
        """Look for a message that was posted before its row could be told so."""
        if row.sending_since is None or not self._places.can_be_read(row.place):
            return None
        channel = self._places.conversation(row.place)
        cursor: str | None = None
        for _page in range(_PAGES):
            answer = self._client.conversations_history(
                channel=channel,
                oldest=f"{(row.sending_since - _OLDER).timestamp():.6f}",
                include_all_metadata=True,
                limit=200,
                cursor=cursor,
            )
            for message in answer.get("messages") or ():
                if _is_of(message, row.id):
                    return channel, str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return None

    def fan_out(self, row: Delivery) -> Stands:
        """Turn a card for a user group into one for each member, once.

        Each member's copy is a row of its own, and told again by itself when something changes.
        People who join the group later see the request in Home. Who is told already, by name or
        by another group, is not told twice.
        """
        if row.sent == 0:
            members = self._places.group_members(row.place.ref)
            if not members:
                raise Gone("nobody-in-group")
            with self._fanning:  # two groups with the same member, looked at at once
                self._tell_members(row, members)
        return None, None

    def _tell_members(self, row: Delivery, members: tuple[Place, ...]) -> None:
        told = self._ports.deliveries.places_of(row)
        with self._ports.access.write() as tx:
            for place in members:
                if place in told:
                    continue
                if row.kind is CardKind.NOTICE:
                    tx.notify(Notice(row.code, row.about, place, row.facts))
                else:
                    tx.tell(Card(row.kind, row.about, place))


def _is_of(message: dict[str, Any], delivery: str) -> bool:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return metadata.get("event_type") == EVENT_TYPE and payload.get("id") == delivery


def names(place: Place) -> str:
    """Name a place for logs and admins: its kind and reference."""
    return f"{place.kind} {place.ref}"
