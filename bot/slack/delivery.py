"""The outbox brought to Slack: rendered at delivery, found again rather than sent twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.logs import get_logger
from bot.slack.cards.parts import Message
from bot.slack.members import Members
from bot.slack.places import Gone, Places
from bot.slack.ports import SlackPorts
from bot.slack.render import render
from grants.access.telling import tell_admins
from grants.errors import StoreError
from grants.outbox.model import Card, CardKind, Delivery, Notice, Place, PlaceKind

log = get_logger("slack.delivery")

EVENT_TYPE: Final = "valetkey_card"
_BATCH: Final = 25
_HOLD: Final = timedelta(seconds=60)
_FIRST_WAIT: Final = timedelta(seconds=2)
_MOST_WAIT: Final = timedelta(minutes=5)
_OLDER: Final = timedelta(minutes=2)
_PAGES: Final = 5

# What no repeating mends: a place that is not there, or a card that Slack does not take.
DEAD_ENDS: Final = frozenset(
    {
        "account_inactive",
        "cannot_dm_bot",
        "channel_not_found",
        "invalid_arguments",
        "invalid_blocks",
        "is_archived",
        "messages_tab_disabled",
        "msg_too_long",
        "no_such_subteam",
        "no_text",
        "not_in_channel",
        "restricted_action",
        "subteam_not_found",
        "user_disabled",
        "user_not_found",
        "user_not_visible",
    }
)
_LOST: Final = frozenset({"message_not_found", "cant_update_message"})
_TOO_MANY: Final = 429


@dataclass(frozen=True)
class Counts:
    """How many rows were told, put off and given up in one round."""

    sent: int = 0
    retried: int = 0
    dropped: int = 0

    def plus(self, outcome: str) -> "Counts":
        """Count one more."""
        return Counts(
            self.sent + (outcome == "sent"),
            self.retried + (outcome == "retried"),
            self.dropped + (outcome == "dropped"),
        )


class Courier:
    """Delivers rows of the outbox; `client` has time-outs and never repeats a call by itself."""

    def __init__(self, ports: SlackPorts, client: WebClient, members: Members) -> None:
        self._ports = ports
        self._client = client
        self._places = Places(ports, client, members)
        # When Slack wants us to be quiet: by place, for all rows of a round and later ones.
        self._quiet: dict[Place, datetime] = {}

    def deliver_once(self) -> Counts:
        """Deliver what is due, at most a batch; one row's failure never stops another."""
        counts, started = Counts(), self._ports.clock.now()
        for row in self._ports.deliveries.claim(_BATCH, _HOLD):
            if self._ports.clock.now() - started > _HOLD / 2:
                break  # the claims on the rest run out, and somebody else may have them
            counts = counts.plus(self._deliver(row))
        return counts

    def _deliver(self, row: Delivery) -> str:
        now = self._ports.clock.now()
        until = self._quiet.get(row.place)
        if until is not None and now < until:
            return self._put_off(row, "ratelimited", until)
        self._quiet.pop(row.place, None)
        try:
            return self._send(row)
        except Gone as gone:
            return self._drop(row, gone.why)
        except SlackApiError as error:
            return self._after_error(row, error, now)
        except (SlackClientError, OSError) as error:
            return self._put_off(row, type(error).__name__, now + _wait(row.attempts))
        except StoreError:
            raise
        except Exception:
            log.exception("the card of %s at delivery %s broke", row.about, row.id)
            return self._put_off(row, "broken", now + _MOST_WAIT)

    def _send(self, row: Delivery) -> str:
        if row.place.kind is PlaceKind.USER_GROUP:
            return self._fan_out(row)
        card = render(self._ports, row)
        if card is None:
            raise Gone("nothing-to-show")
        channel, ts = self._bring(row, card)
        self._ports.deliveries.sent(row, channel, ts)
        return "sent"

    def _bring(self, row: Delivery, card: Message) -> tuple[str, str]:
        """Change the message that stands, find one lost in a crash, or post the first."""
        standing = (row.channel, row.ts) if row.channel and row.ts else self._find_lost(row)
        if standing is not None:
            try:
                self._client.chat_update(
                    channel=standing[0],
                    ts=standing[1],
                    text=card.text,
                    blocks=list(card.blocks),
                )
            except SlackApiError as error:
                if error.response.get("error") not in _LOST:
                    raise
                log.info("the message of %s was deleted; it is posted again", row.id)
            else:
                return standing
        return self._post(row, card)

    def _post(self, row: Delivery, card: Message) -> tuple[str, str]:
        address = self._places.address(row.place)
        self._ports.deliveries.sending(row, self._ports.clock.now())
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
        if row.sending_since is None:
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

    def _fan_out(self, row: Delivery) -> str:
        """Turn a card for a user group into one for each member, once.

        Each member's copy is a row of its own, and told again by itself when something changes.
        People who join the group later see the request in Home.
        """
        if row.sent == 0:
            members = self._places.group_members(row.place.ref)
            with self._ports.access.write() as tx:
                for place in members:
                    if row.kind is CardKind.NOTICE:
                        tx.notify(Notice(row.code, row.about, place, row.facts))
                    else:
                        tx.tell(Card(row.kind, row.about, place))
        self._ports.deliveries.sent(row, None, None)
        return "sent"

    def _after_error(self, row: Delivery, error: SlackApiError, now: datetime) -> str:
        code = str(error.response.get("error") or "unknown")
        if error.response.status_code == _TOO_MANY or code in {"ratelimited", "rate_limited"}:
            until = now + _retry_after(error)
            self._quiet[row.place] = until
            return self._put_off(row, "ratelimited", until)
        if code in DEAD_ENDS:
            return self._drop(row, code)
        return self._put_off(row, code, now + _wait(row.attempts))

    def _put_off(self, row: Delivery, problem: str, until: datetime) -> str:
        self._ports.deliveries.retry(row, until, problem)
        return "retried"

    def _drop(self, row: Delivery, problem: str) -> str:
        log.error("delivery %s to %s was given up: %s", row.id, row.place, problem)
        self._ports.deliveries.dropped(row, problem)
        self._tell_admins(row, problem)
        return "dropped"

    def _tell_admins(self, row: Delivery, problem: str) -> None:
        """Tell admins once a day for each place; never about a place that admins are told at."""
        policy, now = self._ports.policy.current(), self._ports.clock.now()
        refs = (*policy.admin_notify.channels, *policy.admin_notify.user_groups)
        if row.code == "delivery-failed" or row.place.ref in refs:
            return
        facts = {"target": f"{row.place.kind} {row.place.ref}", "problem": problem}
        with self._ports.access.write() as tx:
            if tx.first_time(f"undelivered:{row.place}:{problem}:{now:%Y-%m-%d}", now):
                tell_admins(tx, policy, "delivery-failed", row.about, facts)


def _is_of(message: dict[str, Any], delivery: str) -> bool:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return metadata.get("event_type") == EVENT_TYPE and payload.get("id") == delivery


def _wait(attempts: int) -> timedelta:
    """Wait longer with each failure, up to five minutes."""
    doubled: timedelta = _FIRST_WAIT * 2 ** min(attempts, 10)
    return min(doubled, _MOST_WAIT)


def _retry_after(error: SlackApiError) -> timedelta:
    headers: dict[str, Any] = {k.lower(): v for k, v in (error.response.headers or {}).items()}
    value = headers.get("retry-after", "")
    text = value[0] if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    return timedelta(seconds=int(text)) if text.isdecimal() else _FIRST_WAIT
