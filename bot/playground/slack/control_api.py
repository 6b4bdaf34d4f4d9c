"""Control of the Web API: errors, delays, rate limits and outages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, get_args

from bot.playground.slack.control_base import ControlBase
from bot.playground.slack.faults import Area, Instead, Outage, OutageKind, outage_answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.playground.slack.faults import Delay, Fault, Trouble
    from bot.playground.slack.rates import Limit
    from bot.playground.slack.records import Json

AREAS: frozenset[Area] = frozenset(get_args(Area))


class ControlApi(ControlBase):
    """What the app meets when it calls Slack."""

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
