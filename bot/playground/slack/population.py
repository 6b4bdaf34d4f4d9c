"""Who and what is in the workspace: its people, places and groups, under one lock."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Literal, TypeVar

from bot.playground.slack.records import Channel, Grid, User, UserGroup

Clock = Callable[[], datetime]
T = TypeVar("T")


class DeadlineError(AssertionError):
    """A condition did not come true before its deadline."""


class Population:
    """The part of a workspace that people make: see `Workspace`."""

    def __init__(self, seed: str, clock: Clock, name: str, app_name: str) -> None:
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
        self.grid: Grid | None = None
        self.other_teams: dict[str, str] = {}
        self.messages_tab = True
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self._dms: dict[str, str] = {}
        self.usergroups: dict[str, UserGroup] = {}
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
        team: str | None = None,
    ) -> User:
        """Add a person. A stranger belongs to another organisation (Slack Connect); `team` is
        another workspace of the same one (see `add_team`).
        """
        user = User(
            id=self.new_id("U"),
            team_id=self.new_id("TX") if stranger else team or self.team_id,
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
        ext_shared: bool = False,
    ) -> Channel:
        """Add a channel; the app is a member unless `bot_in` is false."""
        ids = {m if isinstance(m, str) else m.id for m in members}
        channel = Channel(
            id=self.new_id("C"),
            name=name,
            kind="private" if private else "public",
            members=frozenset(ids | ({self.bot_user_id} if bot_in else set())),
            is_archived=archived,
            is_ext_shared=ext_shared,
        )
        with self.lock:
            self.channels[channel.id] = channel
        self.touch()
        return channel

    def change_channel(
        self, channel_id: str, *, bot_in: bool | None = None, **changes: object
    ) -> Channel:
        """Change fields of a channel: `name`, `is_archived`, `members`; or take the app out."""
        with self.lock:
            old = self.channels[channel_id]
            if changes.get("name", old.name) != old.name:
                changes["previous_names"] = (*old.previous_names, old.name)
            changed = replace(old, **changes)  # type: ignore[arg-type]  # as in change_user
            if bot_in is not None:
                bot = frozenset({self.bot_user_id})
                members = changed.members | bot if bot_in else changed.members - bot
                changed = replace(changed, members=members)
            self.channels[channel_id] = changed
        self.touch()
        return changed

    def change_usergroup(self, group_id: str, **changes: object) -> UserGroup:
        """Change fields of a user group, for example `disabled=True`."""
        with self.lock:
            changed = replace(self.usergroups[group_id], **changes)  # type: ignore[arg-type]  # as in change_user
            self.usergroups[group_id] = changed
        self.touch()
        return changed

    def join_grid(
        self,
        name: str = "Fleet",
        *,
        org_wide: bool = True,
        user_team: Literal["team", "enterprise"] = "team",
    ) -> Grid:
        """Make the workspace part of an Enterprise Grid: see `Grid`."""
        self.grid = Grid(self.new_id("E"), name, org_wide, user_team)
        return self.grid

    def add_team(self, name: str) -> str:
        """Add another workspace of the same organisation, and return its id."""
        team_id = self.new_id("T")
        self.other_teams[team_id] = name
        return team_id

    def team_name(self, team_id: str) -> str | None:
        """Return the name of a workspace that is ours, None for another organisation's."""
        return self.name if team_id == self.team_id else self.other_teams.get(team_id)

    def add_usergroup(
        self, handle: str, name: str, users: Iterable[User | str], *, team: str = ""
    ) -> UserGroup:
        """Add a user group of people."""
        ids = tuple(u if isinstance(u, str) else u.id for u in users)
        group = UserGroup(id=self.new_id("S"), handle=handle, name=name, users=ids, team_id=team)
        with self.lock:
            self.usergroups[group.id] = group
        self.touch()
        return group

    def dm(self, user_id: str) -> Channel:
        """Return the direct message between the app and this person, made when first asked for."""
        with self.lock:
            if user_id in self._dms:
                return self.channels[self._dms[user_id]]
            channel = Channel(
                id=self.new_id("D"),
                name="",
                kind="im",
                members=frozenset({user_id, self.bot_user_id}),
                dm_user=user_id,
            )
            self.channels[channel.id] = channel
            self._dms[user_id] = channel.id
            return channel
