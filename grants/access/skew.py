"""Clocks held against each other: what is told when they are apart, and whom to believe.

Others that tell the time are witnesses: the database, where it has a clock, and each cluster. What
access rests on is this process's clock; no witness sets it. A witness is believed in one thing
alone: that a clock which was set back is right now, see `may_follow`.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from grants.access.cluster_port import ClusterPort
from grants.access.ports import AccessPorts
from grants.access.telling import tell_admins
from grants.clock import Offset, SteadyClock
from grants.errors import ClusterError
from grants.record.model import Event, EventType

DATABASE: Final = "database"
ENOUGH_WITNESSES: Final = 2
_HOUR_SECONDS: Final = 3600


@dataclass(frozen=True)
class Reading:
    """What one witness showed: how far our clock is ahead of its.

    `cluster` and `endpoint` are empty for the database. `set_back` is how far this machine's own
    clock was behind what we tell, because it was set back.
    """

    offset: Offset
    set_back: timedelta
    cluster: str = ""
    endpoint: str = ""

    @property
    def witness(self) -> str:
        """Name the witness: `database`, or `cluster:` and its alias."""
        return f"cluster:{self.cluster}" if self.cluster else DATABASE

    @property
    def machine(self) -> Offset:
        """Tell how far this machine's own clock is ahead of the witness's."""
        return Offset(self.offset.ahead - self.set_back, self.offset.uncertainty)

    def after_going_back(self, by: timedelta) -> "Reading":
        """Give this reading as it would be now that we tell so much earlier."""
        offset = Offset(self.offset.ahead - by, self.offset.uncertainty)
        return replace(self, offset=offset, set_back=self.set_back - by)

    @property
    def worst(self) -> Offset:
        """Give the further of the two: what we tell, or the machine's own clock."""
        return max(self.offset, self.machine, key=lambda one: abs(one.ahead))


class HasOffset(Protocol):
    """A database that may have a clock."""

    def offset(self) -> Offset | None:
        """Tell how far our clock is ahead of the database's; None where it has none."""
        ...


def read_database(database: HasOffset, clock: SteadyClock) -> tuple[Reading, ...]:
    """Read the database's clock, where it has one; StoreUnavailable when it does not answer."""
    offset = database.offset()
    return () if offset is None else (Reading(offset, clock.set_back()),)


def read_cluster(cluster: ClusterPort, clock: SteadyClock) -> tuple[Reading, ...]:
    """Read the clock of each API server; those that do not answer are left out.

    ClusterUnavailable when they can't even be named.
    """
    found: list[Reading] = []
    for endpoint in cluster.endpoints():
        # That one does not answer is told by those who ask it for more.
        with suppress(ClusterError):
            offset = cluster.clock_offset(endpoint)
            found.append(Reading(offset, clock.set_back(), cluster.alias, endpoint))
    return tuple(found)


def may_follow(readings: Iterable[Reading], witnesses: int, alarm: timedelta) -> bool:
    """Tell whether a machine's clock that was set back is to be followed.

    Two witnesses must surely agree with it, or the only one that there is. All API servers of a
    cluster that were read are one witness. `witnesses` counts those that there are, read or not:
    while one of two is silent, the other alone moves nothing.
    """
    agree: dict[str, bool] = {}
    for reading in readings:
        so_far = agree.get(reading.witness, True)
        agree[reading.witness] = so_far and reading.machine.is_surely_within(alarm)
    needed = max(1, min(ENOUGH_WITNESSES, witnesses))
    return sum(agree.values()) >= needed


def note_reading(
    reading: Reading, host: str, *, alarm: str | None = None, ports: AccessPorts
) -> str | None:
    """Record and tell admins that clocks are surely apart, once an hour; None when they are not.

    Gives the key of the alarm, which is handed in again as `alarm` until it is None: that they
    agree again is told once, too. `host` names the machine whose clock ours is.
    """
    worst, most = reading.worst, ports.times.skew_alarm
    now = ports.clock.now()
    hour = int(now.timestamp()) // _HOUR_SECONDS
    if worst.is_surely_past(most):
        key = _key(reading, host, worst.ahead, hour)
        _note_skew(reading, host, now, key, ports)
        return key
    if max(abs(worst.ahead), worst.uncertainty) > most:
        return alarm  # nothing is sure: a measure so rough agrees with anything
    # A process that was started since finds it by the hour: it was told in each while it lasted.
    signs = (timedelta(1), timedelta(-1))
    keys = [_key(reading, host, sign, h) for sign in signs for h in (hour, hour - 1)]
    _note_agreement(reading, host, now, [alarm, *keys] if alarm else keys, ports)
    return None


def note_set_back(
    by: timedelta, readings: Iterable[Reading], host: str, ports: AccessPorts
) -> None:
    """Record that this process's clock went back, because witnesses agreed with the machine's."""
    witnesses = sorted({reading.witness for reading in readings})
    facts = {"host": host, "by_ms": _ms(by), "witnesses": witnesses}
    with ports.store.write() as tx:
        event = Event(EventType.CLOCK_SET_BACK, ports.clock.now(), actor="system", facts=facts)
        tx.append(event)


def _note_skew(reading: Reading, host: str, now: datetime, key: str, ports: AccessPorts) -> None:
    ahead = reading.worst.ahead
    with ports.store.read() as tx:
        if tx.came_before(key):
            return
    with ports.store.write() as tx:
        if not tx.first_time(key, now):
            return
        facts = _facts(reading, host)
        tx.append(Event(EventType.CLOCK_SKEWED, now, actor="system", facts=facts))
        code = "clock-ahead" if ahead > timedelta(0) else "clock-behind"
        said = _said(reading, host) | {"seconds": f"{abs(ahead).total_seconds():.1f}"}
        tell_admins(tx, ports.policy.current(), code, reading.witness, said)


def _note_agreement(
    reading: Reading, host: str, now: datetime, alarms: list[str], ports: AccessPorts
) -> None:
    with ports.store.read() as tx:
        told = [key for key in dict.fromkeys(alarms) if tx.came_before(key)]
        answers = [answer for key in told if not tx.came_before(answer := f"clock.agrees:{key}")]
        if not answers:
            return
    with ports.store.write() as tx:
        # Each of them is given, or the next look would answer the alarm before.
        firsts = [tx.first_time(answer, now) for answer in answers]
        if not any(firsts):
            return
        facts = _facts(reading, host)
        tx.append(Event(EventType.CLOCK_AGREES, now, actor="system", facts=facts))
        said = _said(reading, host)
        tell_admins(tx, ports.policy.current(), "clock-agrees", reading.witness, said)


def _key(reading: Reading, host: str, sign: timedelta, hour: int) -> str:
    way = "ahead" if sign > timedelta(0) else "behind"
    return f"clock.skewed:{host}:{reading.witness}:{reading.endpoint}:{way}:{hour}"


def _facts(reading: Reading, host: str) -> dict[str, object]:
    return {
        "host": host,
        "witness": reading.witness,
        "endpoint": reading.endpoint,
        "ahead_ms": _ms(reading.offset.ahead),
        "uncertainty_ms": _ms(reading.offset.uncertainty),
        "set_back_ms": _ms(reading.set_back),
    }


def _said(reading: Reading, host: str) -> dict[str, str]:
    return {"host": host, "cluster": reading.cluster, "endpoint": reading.endpoint}


def _ms(by: timedelta) -> int:
    return round(by.total_seconds() * 1000)
