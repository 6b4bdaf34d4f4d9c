"""The state of the workspace: everything is in memory, under one lock, and deterministic."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from bot.playground.slack.faults import Faults, Instead
from bot.playground.slack.kept import Kept
from bot.playground.slack.log import Log
from bot.playground.slack.rates import Rates
from bot.playground.slack.records import (
    RESPONSE_URL_LIFE,
    TRIGGER_LIFE,
    ApiCall,
    Channel,
    Json,
    Message,
    Refusal,
    ResponseUrl,
    RetiredToken,
    Trigger,
    User,
    UserGroup,
    ValueKey,
    View,
)

Clock = Callable[[], datetime]
T = TypeVar("T")


def utc_now() -> datetime:
    """Return the real time: the clock unless another is given."""
    return datetime.now(UTC)


class DeadlineError(AssertionError):
    """A condition did not come true before its deadline."""


class Workspace:
    """One Slack workspace with one app installed. All ids follow from `seed` and order."""

    def __init__(
        self,
        *,
        seed: str = "valetkey",
        clock: Clock = utc_now,
        name: str = "Harbour",
        app_name: str = "Valetkey",
    ) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 0
        self.clock = clock
        self._seed = seed
        self._counts: dict[str, int] = defaultdict(int)
        self._last_ts = 0
        self.name = name
        self.domain = name.lower()
        self.team_id = self.new_id("T")
        self.app_id = self.new_id("A")
        self.bot_id = self.new_id("B")
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.usergroups: dict[str, UserGroup] = {}
        self.messages: dict[str, dict[str, Message]] = defaultdict(dict)
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = defaultdict(list)
        self.homes: dict[str, str] = {}
        self.message_values: dict[tuple[str, str, str], dict[ValueKey, Json]] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.calls: Kept[ApiCall] = Kept()
        self.refused: Kept[Refusal] = Kept()
        self.retired_tokens: dict[str, RetiredToken] = {}
        self.log = Log()
        self.rates = Rates()
        self.faults = Faults(seed)
        bot = User(
            id=self.new_id("U"),
            team_id=self.team_id,
            name=app_name.lower(),
            real_name=app_name,
            is_bot=True,
        )
        self.users[bot.id] = bot
        self.bot_user_id = bot.id

    @property
    def now(self) -> datetime:
        """The workspace's time, aware UTC."""
        return self.clock()

    def new_id(self, prefix: str) -> str:
        """Return the next id of this kind: `prefix` and ten letters or digits."""
        with self.lock:
            self._counts[prefix] += 1
            count = self._counts[prefix]
        digest = hashlib.sha256(f"{self._seed}:{prefix}:{count}".encode()).digest()
        return prefix + base64.b32encode(digest).decode()[:10]

    def new_ts(self) -> str:
        """Return a message timestamp, later than all before even if the clock stands still."""
        with self.lock:
            micros = int(self.now.timestamp() * 1_000_000)
            self._last_ts = max(micros, self._last_ts + 1)
            seconds, rest = divmod(self._last_ts, 1_000_000)
            return f"{seconds}.{rest:06d}"

    def touch(self) -> None:
        """Say that something changed: wakes whoever waits, and the page."""
        with self.changed:
            self.version += 1
            self.changed.notify_all()

    def wait_for(self, predicate: Callable[[], T], timeout_seconds: float = 5.0) -> T:
        """Wait until `predicate` gives something truthy, and return that.

        It is asked again at each change (and every 50 ms, for what changes elsewhere).
        Raises DeadlineError after `timeout_seconds`.
        """
        found = self.come(predicate, timeout_seconds)
        if not found:
            raise DeadlineError(f"not true within {timeout_seconds} s: {predicate}")
        return found

    def come(self, predicate: Callable[[], T], timeout_seconds: float) -> T:
        """Wait as `wait_for` does, and return what `predicate` gave last, true or not."""
        deadline = time.monotonic() + timeout_seconds
        with self.changed:
            while True:
                found = predicate()
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                self.changed.wait(min(left, 0.05))

    def add_user(
        self,
        name: str,
        real_name: str = "",
        *,
        tz: str = "Etc/UTC",
        email: str = "",
        is_admin: bool = False,
        is_restricted: bool = False,
        is_ultra_restricted: bool = False,
        deleted: bool = False,
        stranger: bool = False,
    ) -> User:
        """Add a person. A stranger belongs to another team (Slack Connect)."""
        user = User(
            id=self.new_id("U"),
            team_id=self.new_id("TX") if stranger else self.team_id,
            name=name,
            real_name=real_name or name.capitalize(),
            tz=tz,
            email=email or f"{name}@{self.domain}.example",
            is_admin=is_admin,
            is_restricted=is_restricted or is_ultra_restricted,
            is_ultra_restricted=is_ultra_restricted,
            is_stranger=stranger,
            deleted=deleted,
        )
        with self.lock:
            self.users[user.id] = user
        self.touch()
        return user

    def change_user(self, user_id: str, **changes: object) -> User:
        """Change fields of a person, for example `deleted=True`."""
        with self.lock:
            self.users[user_id] = replace(self.users[user_id], **changes)  # type: ignore[arg-type]  # names are the caller's, checked by replace
        self.touch()
        return self.users[user_id]

    def add_channel(
        self,
        name: str,
        *,
        members: Iterable[User | str] = (),
        private: bool = False,
        bot_in: bool = True,
        archived: bool = False,
    ) -> Channel:
        """Add a channel; the app is a member unless `bot_in` is false."""
        ids = {m if isinstance(m, str) else m.id for m in members}
        channel = Channel(
            id=self.new_id("C"),
            name=name,
            kind="private" if private else "public",
            members=frozenset(ids | ({self.bot_user_id} if bot_in else set())),
            is_archived=archived,
        )
        with self.lock:
            self.channels[channel.id] = channel
        self.touch()
        return channel

    def add_usergroup(self, handle: str, name: str, users: Iterable[User | str]) -> UserGroup:
        """Add a user group of people."""
        ids = tuple(u if isinstance(u, str) else u.id for u in users)
        group = UserGroup(id=self.new_id("S"), handle=handle, name=name, users=ids)
        with self.lock:
            self.usergroups[group.id] = group
        self.touch()
        return group

    def dm(self, user_id: str) -> Channel:
        """Return the direct message between the app and this person, made when first asked for."""
        with self.lock:
            for channel in self.channels.values():
                if channel.dm_user == user_id:
                    return channel
            channel = Channel(
                id=self.new_id("D"),
                name="",
                kind="im",
                members=frozenset({user_id, self.bot_user_id}),
                dm_user=user_id,
            )
            self.channels[channel.id] = channel
            return channel

    def new_trigger(self, user_id: str, view_id: str | None = None) -> Trigger:
        """Return a trigger for one modal within 3 seconds."""
        with self.lock:
            digits = self.new_id("")[:6].lower()
            trigger = Trigger(
                id=f"{len(self.triggers) + 1}.{int(self.now.timestamp())}.{digits}",
                user=user_id,
                expires=self.now + TRIGGER_LIFE,
                view_id=view_id,
            )
            self.triggers[trigger.id] = trigger
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
            return url

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
