"""The state of the workspace: everything is in memory, under one lock, and deterministic."""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from bot.playground.slack.faults import Faults, Instead
from bot.playground.slack.kept import Kept
from bot.playground.slack.log import Log
from bot.playground.slack.population import Clock, DeadlineError, Population
from bot.playground.slack.rates import Rates
from bot.playground.slack.records import (
    RESPONSE_URL_LIFE,
    TRIGGER_LIFE,
    ApiCall,
    Json,
    Message,
    Refusal,
    ResponseUrl,
    RetiredToken,
    Trigger,
    ValueKey,
    View,
)

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["DeadlineError", "Sizes", "Workspace", "utc_now"]

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Sizes:
    """How much is kept, so that an hour of load does not fill the memory.

    The oldest go first. A message that went is `message_not_found`, as if deleted by hand; a
    closed view was `not_found` before; triggers and response URLs have long run out.
    """

    messages_a_place: int = 5_000
    closed_views: int = 1_000
    triggers: int = 10_000
    response_urls: int = 20_000
    message_values: int = 10_000


def utc_now() -> datetime:
    """Return the real time: the clock unless another is given."""
    return datetime.now(UTC)


class Workspace(Population):
    """One Slack workspace with one app installed. All ids follow from `seed` and order."""

    def __init__(
        self,
        *,
        seed: str = "valetkey",
        clock: Clock = utc_now,
        name: str = "Harbour",
        app_name: str = "Valetkey",
    ) -> None:
        super().__init__(seed, clock, name, app_name)
        self.app_id = self.new_id("A")
        self.bot_id = self.new_id("B")
        self.messages: dict[str, dict[str, Message]] = defaultdict(dict)
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = defaultdict(list)
        self.homes: dict[str, str] = {}
        self.message_values: dict[tuple[str, str, str], dict[ValueKey, Json]] = {}
        self.sizes = Sizes()
        self._trigger_numbers = itertools.count(1)
        self._closed_views: deque[str] = deque()
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.calls: Kept[ApiCall] = Kept()
        self.refused: Kept[Refusal] = Kept()
        self.retired_tokens: dict[str, RetiredToken] = {}
        self.log = Log()
        self.rates = Rates()
        self.faults = Faults(seed)

    def new_trigger(self, user_id: str, view_id: str | None = None) -> Trigger:
        """Return a trigger for one modal within 3 seconds."""
        with self.lock:
            digits = self.new_id("")[:6].lower()
            trigger = Trigger(
                id=f"{next(self._trigger_numbers)}.{int(self.now.timestamp())}.{digits}",
                user=user_id,
                expires=self.now + TRIGGER_LIFE,
                view_id=view_id,
            )
            self.triggers[trigger.id] = trigger
            _shorten(self.triggers, self.sizes.triggers)
            return trigger

    def new_response_url(
        self, user_id: str, channel: str, message_ts: str | None = None
    ) -> ResponseUrl:
        """Somewhere to answer one interaction in `channel`."""
        with self.lock:
            url = ResponseUrl(
                id=self.new_id("R"),
                user=user_id,
                channel=channel,
                expires=self.now + RESPONSE_URL_LIFE,
                message_ts=message_ts,
            )
            self.response_urls[url.id] = url
            _shorten(self.response_urls, self.sizes.response_urls)
            return url

    def place(self, message: Message) -> None:
        """Put a message where it belongs; in its own place if it is there already."""
        with self.lock:
            there = self.messages[message.channel]
            there[message.ts] = message
            _shorten(there, self.sizes.messages_a_place)
        self.touch()

    def keep_values(self, message: Message, person: str, values: dict[ValueKey, Json]) -> None:
        """Keep what somebody filled in in a message."""
        with self.lock:
            self.message_values[message.channel, message.ts, person] = values
            _shorten(self.message_values, self.sizes.message_values)

    def view_closed(self, view: View) -> None:
        """Keep a view that was closed, and forget the one that was closed long ago."""
        with self.lock:
            self.views[view.id] = view
            self._closed_views.append(view.id)
            while len(self._closed_views) > self.sizes.closed_views:
                self.views.pop(self._closed_views.popleft(), None)

    def inject(self, method: str, response: Json, times: int = 1) -> None:
        """Answer the next `times` calls of `method` with `response`, doing nothing.

        `{"status": 429, "headers": {"Retry-After": "2"}, "body": {...}}` sets all three;
        any other value is the body of a 200.
        """
        if "status" in response or "headers" in response:
            limited = {"ok": False, "error": "ratelimited"}
            instead = Instead(
                response.get("status", 200),
                response.get("headers") or {},
                response.get("body", limited),
            )
        else:
            instead = Instead(body=response)
        self.faults.add(method, instead, times=times)

    def refuse(self, where: str, error: str, detail: str = "") -> None:
        """Record a refusal (tests assert that `refused` is empty)."""
        with self.lock:
            self.refused.keep(Refusal(where, error, detail))
        self.touch()


def _shorten(kept: MutableMapping[K, V], size: int) -> None:
    """Let go of the oldest of a mapping that is in the order of its making."""
    while len(kept) > size:
        del kept[next(iter(kept))]
