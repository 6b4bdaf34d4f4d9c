"""Making Slack misbehave: errors, limits, outages, silence, late and doubled deliveries.

The same verbs are offered by HTTP (`control_http`), for what drives the double from elsewhere.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from bot.playground.slack.faults import Area, Instead, Outage, OutageKind, outage_answer
from bot.playground.slack.messages import delete
from bot.playground.slack.records import RetiredToken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.playground.slack.connection import Connection
    from bot.playground.slack.double import SlackDouble
    from bot.playground.slack.faults import Delay, Fault, Trouble
    from bot.playground.slack.hindrances import Hindrance, Order
    from bot.playground.slack.log import Entry, What
    from bot.playground.slack.rates import Limit
    from bot.playground.slack.records import Delivery, Json, Message, User

AREAS: frozenset[Area] = frozenset(get_args(Area))


class Control:
    """The verbs of one double. Connections are named by their number (`hello` counts from 1),
    oldest open one when left out. All times are real seconds of this machine.
    """

    def __init__(self, double: SlackDouble) -> None:
        self._double = double
        self._workspace = double.workspace
        self._timers: set[threading.Timer] = set()
        self._ending = threading.Lock()
        self._rotations = 0

    # The Web API

    def inject(
        self,
        method: str = "*",
        *,
        where: Mapping[str, str] | None = None,
        error: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: Json | None = None,
        retry_after_seconds: int | None = None,
        trouble: Trouble | None = None,
        times: int | None = 1,
        probability: float = 1.0,
        delay_seconds: Delay = 0.0,
        takes_effect: bool = False,
    ) -> Fault:
        """Have calls of `method` (`chat.*`, `*`, `response_url`; `socket` is the handshake) meet:

        an `error` of Slack's; a `status`, with `body` (or a page of HTML); a 429 with
        `retry_after_seconds`; a `trouble` (see `faults.Trouble`); or only a delay. `where` names
        arguments and patterns for their values. `times` None: until `lift`. `takes_effect`: the
        call is carried out first, so only its answer is lost.
        """
        instead: Instead | None = None
        given = dict(headers or {})
        if retry_after_seconds is not None:
            given["Retry-After"] = str(retry_after_seconds)
            status, error = status or 429, error or "ratelimited"
        if error is not None:
            body = {"ok": False, "error": error, **(body or {})}
        if trouble or status or body is not None:
            instead = Instead(status or 200, given, body, trouble)
        self._say("inject", method=method, error=error, status=status, trouble=trouble)
        return self._workspace.faults.add(
            method,
            instead,
            where=where,
            times=times,
            probability=probability,
            delay=delay_seconds,
            takes_effect=takes_effect,
        )

    def lift(self, fault: Fault | None = None) -> None:
        """Take a fault away, or all of them, hindrances of deliveries too."""
        self._workspace.faults.lift(fault)
        if fault is None:
            self._double.courier.hindrances.lift()

    def reseed(self, seed: str) -> None:
        """Draw faults, delays and orders from another seed from now on."""
        self._workspace.faults.reseed(seed)

    def lift_rate_limits(self, *, lifted: bool = True) -> None:
        """Let every call through, or (`lifted=False`) limit again, from full buckets."""
        self._workspace.rates.lifted = lifted
        self._workspace.rates.reset()
        self._say("rate limits", lifted=lifted)

    def set_rate_limits(
        self, limits: Mapping[str, Limit] | None = None, a_channel: Limit | None = None
    ) -> None:
        """Set the limits of methods, and of chat.postMessage in one channel."""
        rates = self._workspace.rates
        rates.reset(limits)
        rates.a_channel = a_channel or rates.a_channel

    # Outages

    def outage(
        self,
        kind: OutageKind = "refuse",
        seconds: float | None = None,
        *,
        after_seconds: float = 0.0,
        areas: Sequence[Area] = ("api", "sockets"),
    ) -> Outage:
        """Have nothing answer well, from `after_seconds` on, for `seconds` (None: until ended).

        Open Socket Mode connections go silent with `stall` and are reset with every other kind.
        `refuse` shuts the port, so it is for all areas.
        """
        outage_answer(kind)
        chosen = AREAS if kind == "refuse" else frozenset(areas)
        begins = time.monotonic() + after_seconds
        ends = None if seconds is None else begins + seconds
        outage = Outage(kind, begins, ends, chosen)
        self._workspace.faults.outages.append(outage)
        self._at(after_seconds, lambda: self._begin(outage))
        if seconds is not None:
            self._at(after_seconds + seconds, lambda: self._end(outage))
        return outage

    def end_outage(self, outage: Outage | None = None) -> None:
        """End an outage now, or all of them."""
        for one in list(self._workspace.faults.outages):
            if outage is None or one is outage:
                one.ends = time.monotonic()
                self._end(one)

    def plan_outages(
        self,
        count: int,
        within_seconds: float,
        *,
        kinds: Sequence[OutageKind] = ("refuse", "stall", "503", "html", "truncated", "reset"),
        longest_seconds: float = 30.0,
    ) -> list[Outage]:
        """Draw outages from the seed, one after the other, and have them happen.

        Each begins in its own equal share of `within_seconds` and ends within it.
        """
        dice, share = self._workspace.faults.dice("outages"), within_seconds / count
        planned = []
        for turn in range(count):
            long = dice.uniform(0.1, 1.0) * min(longest_seconds, share * 0.9)
            begins = turn * share + dice.uniform(0, share * 0.95 - long)
            planned.append(self.outage(dice.choice(kinds), long, after_seconds=begins))
        return planned

    def _begin(self, outage: Outage) -> None:
        self._workspace.log.add("outage", f"{outage.kind} begins")
        if outage.kind == "refuse":
            self._double.listening.shut()
        elif "sockets" in outage.areas:
            for connection in self._double.sockets.open:
                connection.silence() if outage.kind == "stall" else connection.reset()

    def _end(self, outage: Outage) -> None:
        outages = self._workspace.faults.outages
        with self._ending:  # by hand and by its timer at once
            if outage not in outages:
                return
            others = [one for one in outages if one is not outage]
            if outage.kind == "refuse" and all(one.kind != "refuse" for one in others):
                self._double.listening.open_again()
            outages.remove(outage)
        self._workspace.log.add("outage", f"{outage.kind} ends")
        self._workspace.touch()

    def _at(self, seconds: float, act: Any) -> None:
        if seconds <= 0:
            act()
            return
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        self._timers = {one for one in self._timers if one.is_alive()} | {timer}
        timer.start()

    # Socket Mode

    def connections(self) -> list[int]:
        """Return the numbers of the open connections, oldest first."""
        return [connection.number for connection in self._double.sockets.open]

    def _connection(self, number: int | None) -> Connection:
        for connection in self._double.sockets.open:
            if number in (None, connection.number):
                return connection
        raise LookupError(f"there is no open connection {number or ''}")

    def silence(self, connection: int | None = None) -> int:
        """Have a connection go silent: no frames, no pongs, TCP stays open."""
        return self._each("silence", self._connection(connection))

    def half_close(self, connection: int | None = None) -> int:
        """Have Slack say nothing more on a connection but go on reading (plain TCP only)."""
        return self._each("half-close", self._connection(connection))

    def reset_socket(self, connection: int | None = None) -> int:
        """Reset a connection (RST)."""
        return self._each("reset", self._connection(connection))

    def cut_frame(self, connection: int | None = None) -> int:
        """Send half of an envelope's frame, and end the connection there."""
        return self._each("cut frame", self._connection(connection))

    def warn(self, connection: int | None = None) -> int:
        """Send `disconnect` of type `warning`; the connection goes on until it is refreshed."""
        return self._each("warn", self._connection(connection))

    def refresh(self, connection: int | None = None) -> int:
        """Send `disconnect` with `refresh_requested`, and close the connection."""
        return self._each("refresh", self._connection(connection))

    def _each(self, what: str, one: Connection) -> int:
        self._say(what, connection=one.number)
        sockets = self._double.sockets
        match what:
            case "silence":
                one.silence()
            case "half-close":
                one.half_close()
            case "reset":
                one.reset()
            case "cut frame":
                one.cut_frame({"envelope_id": "cut", "type": "events_api", "payload": "x" * 400})
            case "warn":
                sockets.warn(one)
            case "refresh":
                sockets.refresh(one)
        return one.number

    def refresh_every(self, seconds: float | None, *, warning_seconds: float = 0.0) -> None:
        """Refresh each connection when it is that old, and warn before if told so; None ends it."""
        self._double.sockets.live(seconds, warning_seconds)

    def disable_link(self) -> None:
        """Turn Socket Mode off: `link_disabled`, and no new connections until `enable_link`."""
        self._say("disable link")
        self._double.sockets.disable()

    def enable_link(self) -> None:
        """Turn Socket Mode on again."""
        self._double.sockets.is_enabled = True

    # Deliveries

    def hinder(
        self,
        kind: str = "*",
        *,
        times: int | None = 1,
        probability: float = 1.0,
        delay_seconds: Delay = 0.0,
        copies: int = 0,
        pad_bytes: int = 0,
    ) -> Hindrance:
        """Have payloads to the app come late, `copies` more times at once, or that much larger.

        `kind` is `slash_commands`, `interactive`, `events_api` or `*`.
        """
        return self._double.courier.hindrances.add(
            kind,
            times=times,
            probability=probability,
            delay=delay_seconds,
            copies=copies,
            pad_bytes=pad_bytes,
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

    # People and places

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

    # Credentials

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

    # Looking

    def log(self, what: What | None = None, *, since: int = 0) -> list[Entry]:
        """Return the one ordered log: see `log.Entry`."""
        return self._workspace.log.entries(what, since=since)

    def keep_log(self, *, on: bool = True, entries: int = 20_000) -> None:
        """Switch the log, and say how many entries it keeps."""
        self._workspace.log.on = on
        self._workspace.log.keep(entries)

    def _say(self, what: str, **facts: object) -> None:
        self._workspace.log.add("control", what, **facts)

    def close(self) -> None:
        """Forget what was to begin or end later."""
        for timer in self._timers:
            timer.cancel()
