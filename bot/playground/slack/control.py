"""Making Slack misbehave: errors, limits, outages, silence, late and doubled deliveries.

The same verbs are offered by HTTP (`control_http`), for what drives the double from elsewhere.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.playground.slack.control_api import ControlApi
from bot.playground.slack.control_sockets import ControlSockets
from bot.playground.slack.messages import delete
from bot.playground.slack.records import RetiredToken

if TYPE_CHECKING:
    from bot.playground.slack.double import SlackDouble
    from bot.playground.slack.faults import Delay
    from bot.playground.slack.hindrances import Forgery, Hindrance, Order
    from bot.playground.slack.log import Entry, What
    from bot.playground.slack.records import Channel, Delivery, Message, User, UserGroup


class Control(ControlApi, ControlSockets):
    """The verbs of one double. All times are real seconds of this machine."""

    def __init__(self, double: SlackDouble) -> None:
        super().__init__(double)
        self._rotations = 0

    def hinder(
        self,
        kind: str = "*",
        *,
        times: int | None = 1,
        probability: float = 1.0,
        delay_seconds: Delay = 0.0,
        copies: int = 0,
        pad_bytes: int = 0,
        forge: Forgery | None = None,
    ) -> Hindrance:
        """Have payloads to the app come late, `copies` more times at once, or that much larger.

        `kind` is `slash_commands`, `interactive`, `events_api` or `*`. By HTTP they can be forged:
        see `hindrances.Forgery`.
        """
        return self._double.courier.hindrances.add(
            kind,
            times=times,
            probability=probability,
            delay=delay_seconds,
            copies=copies,
            pad_bytes=pad_bytes,
            forge=forge,
        )

    def hold(self) -> None:
        """Hold back every payload until `release`."""
        self._double.courier.hindrances.hold()

    def release(self, order: Order = "first") -> int:
        """Send what is held: `first` come first, `reversed` or `shuffled`. Returns how many."""
        return self._double.courier.hindrances.release(order)

    def redeliver(self, delivery: Delivery | int = -1, *, num: int = 1) -> Delivery:
        """Send a payload once more, as a retry. A number counts in `deliveries`, -1 the last."""
        if isinstance(delivery, int):
            delivery = self._double.deliveries[delivery]
        return self._double.redeliver(delivery, num=num)

    def compress(self, factor: float) -> None:
        """Let the minutes between retries pass `factor` times faster."""
        self._double.courier.retries.compress = factor

    def retry_events(self, *, on: bool) -> None:
        """Whether events that were not acked are sent again (they are, at first)."""
        self._double.courier.retries.on = on

    def click(
        self, user: User | str, message: Message | tuple[str, str], action: str, **how: Any
    ) -> Delivery:
        """Have somebody (by id or name) click a button of a message, given or as (channel, ts)."""
        person = self._double.as_user(self.user_id(user))
        target = message if not isinstance(message, tuple) else self._message(message)
        done = person.click(target, action, **how)
        if done is None:
            raise LookupError("the confirm dialog was cancelled")
        return done

    def slash(
        self, user: User | str, command: str, text: str = "", place: str | None = None
    ) -> Delivery:
        """Have somebody send a slash command, from the DM with the app by default."""
        return self._double.as_user(self.user_id(user)).slash(command, text, place)

    def change_user(self, user: User | str, **changes: object) -> User:
        """Rename somebody (`name`, `real_name`), deactivate (`deleted`), make a guest
        (`is_restricted`), or have them refuse direct messages (`refuses_dms`).
        """
        self._say("change user", changes=dict(changes))
        return self._workspace.change_user(self.user_id(user), **changes)

    def change_channel(self, channel: Channel | str, **changes: Any) -> Channel:
        """Rename a channel (`name`), archive it (`is_archived`), share it (`is_ext_shared`), or
        take the app out (`bot_in=False`).
        """
        self._say("change channel", changes=dict(changes))
        name = channel if isinstance(channel, str) else channel.id
        for one in list(self._workspace.channels.values()):
            if name in (one.id, one.name):
                return self._workspace.change_channel(one.id, **changes)
        raise LookupError(f"there is no channel {name}")

    def change_usergroup(self, group: UserGroup | str, **changes: object) -> UserGroup:
        """Change a user group: `users`, `disabled`, `handle`."""
        self._say("change user group", changes=dict(changes))
        name = group if isinstance(group, str) else group.id
        for one in list(self._workspace.usergroups.values()):
            if name in (one.id, one.handle):
                return self._workspace.change_usergroup(one.id, **changes)
        raise LookupError(f"there is no user group {name}")

    def user_id(self, user: User | str) -> str:
        """Return the id of a person given by value, id or name."""
        if not isinstance(user, str):
            return user.id
        for one in list(self._workspace.users.values()):
            if user in (one.id, one.name):
                return one.id
        raise LookupError(f"there is no user {user}")

    def _message(self, place: tuple[str, str]) -> Message:
        channel, ts = place
        return self._workspace.messages[channel][ts]

    def delete_message(self, message: Message | tuple[str, str]) -> None:
        """Delete a message by hand, as a person could: the app hears nothing of it."""
        delete(self._workspace, self._message(message) if isinstance(message, tuple) else message)

    def rotate_bot_token(self, *, grace_seconds: float = 0.0, error: str = "token_revoked") -> str:
        """Give the app a new bot token; the old one is good for `grace_seconds`, then `error`."""
        old = self._double.app.bot_token
        new = f"xoxb-{self._secret('bot')}"
        self._retire(old, RetiredToken("bot", time.monotonic() + grace_seconds, error))
        self._double.app = replace(self._double.app, bot_token=new)
        return new

    def rotate_app_token(self, *, grace_seconds: float = 0.0, error: str = "invalid_auth") -> str:
        """Give the app a new app-level token. Connections that are open stay."""
        old = self._double.app.app_token
        new = f"xapp-1-{self._secret('app')}"
        self._retire(old, RetiredToken("app", time.monotonic() + grace_seconds, error))
        self._double.app = replace(self._double.app, app_token=new)
        return new

    def rotate_signing_secret(self) -> str:
        """Sign by a new secret from now on."""
        new = self._secret("signing")[:32]
        self._double.app = replace(self._double.app, signing_secret=new)
        self._say("signing secret rotated")
        return new

    def _secret(self, purpose: str) -> str:
        self._rotations += 1
        base = f"{self._double.app.signing_secret}:{purpose}:{self._rotations}"
        return hashlib.sha256(base.encode()).hexdigest()[:40]

    def _retire(self, token: str, how: RetiredToken) -> None:
        self._workspace.retired_tokens[token] = how
        self._say(f"{how.kind} token rotated")

    def log(self, what: What | None = None, *, since: int = 0) -> list[Entry]:
        """Return the one ordered log: see `log.Entry`."""
        return self._workspace.log.entries(what, since=since)

    def keep_log(self, *, on: bool = True, entries: int = 20_000) -> None:
        """Switch the log, and say how many entries it keeps."""
        self._workspace.log.on = on
        self._workspace.log.keep(entries)
