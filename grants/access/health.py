"""How each cluster is: kept in its row, told to admins when it fails for long and when it is back.

Every process looks by itself, and one may be cut off where the others are not. So a good look by
any of them counts, and what one of them alone can't reach is that one's to know, not the record's.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from grants.access.ports import AccessPorts, AccessStore, AccessTx
from grants.access.telling import tell_admins
from grants.errors import ClusterUnavailable
from grants.record.model import Event, EventType

TOLD_AFTER: Final = timedelta(minutes=1)
"""How long a cluster fails before people hear of it: shorter is a restart, which mends itself."""

WRITTEN_EVERY: Final = timedelta(minutes=1)
"""How often a row is written while nothing changes, so that its age tells that somebody looks."""

BELIEVED_FOR: Final = timedelta(seconds=5)
"""How long another process's good look counts for more than one's own bad one."""


@dataclass(frozen=True)
class ClusterHealth:
    """How a cluster is, as its row has it. `problem` is a stable code, empty while all is well.

    `failing_since` is set while there is a problem; `looked_at` is when a process last wrote what
    it saw, at least once a minute. `seen_at` is when it was first reached.
    """

    alias: str
    uid: str
    problem: str = ""
    failing_since: datetime | None = None
    looked_at: datetime | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True)
class Look:
    """What this process sees of a cluster: a problem's code or nothing, and since when."""

    alias: str
    problem: str
    since: datetime


@dataclass(frozen=True)
class Waiting:
    """How many grants lie in a cluster: not ended, due, overdue and stuck.

    Overdue is access that should be gone by now; `oldest_overdue` is when the oldest of it should
    have been. `activating` waits to begin.
    """

    live: int = 0
    due: int = 0
    activating: int = 0
    overdue: int = 0
    stuck: int = 0
    oldest_overdue: datetime | None = None


class HealthTx(AccessTx, Protocol):
    """The rows of clusters' health, beside those of access."""

    def cluster_healths(self) -> tuple[ClusterHealth, ...]:
        """List every cluster that was ever seen, by alias."""
        ...

    def save_health(self, health: ClusterHealth) -> None:
        """Store how a cluster is; one that was never seen has no row and is left alone."""
        ...

    def came_at(self, key: str) -> datetime | None:
        """Tell when the key of an inbound thing was stored, if it was."""
        ...

    def told_failing(self, clusters: Collection[str]) -> Mapping[str, tuple[str, datetime]]:
        """Give the problem and its beginning that the record last told of each, where it did."""
        ...

    def waiting_by_cluster(self, now: datetime) -> Mapping[str, Waiting]:
        """Count the grants that are not ended, by the alias that they were given under."""
        ...

    def to_note(
        self,
        clusters: Collection[str],
        problem: str,
        now: datetime,
        *,
        stuck_after: timedelta,
        warn_before: timedelta,
        limit: int,
    ) -> tuple[str, ...]:
        """List grants of clusters that can't be asked whose rows must say something else by now.

        The oldest end first: leases that are over or of whose end people must be warned,
        activations past their time, revocations that are now stuck, and whoever waits without
        `problem` as the reason.
        """
        ...

    def wake_grants(self, clusters: Collection[str], now: datetime) -> int:
        """Make what failed in these clusters due now, as if it never had; tells how many.

        It was the cluster's failure: those that happened to meet it come in their turn.
        """
        ...


class HealthStore(AccessStore, Protocol):
    """Where such transactions come from."""

    def write(self) -> AbstractContextManager[HealthTx]:
        """Open one write transaction; leaving it without an error commits."""
        ...

    def read(self) -> AbstractContextManager[HealthTx]:
        """Open one read transaction; writing in it is an error."""
        ...


class HealthPorts(AccessPorts, Protocol):
    """What a verb on clusters' health is given."""

    @property
    def store(self) -> HealthStore:
        """The rows."""
        ...


def note_looks(looks: Sequence[Look], *, ports: HealthPorts) -> Mapping[str, ClusterHealth]:
    """Bring the rows up to what this process sees, and tell admins; gives the rows by alias.

    Nothing is written while nothing changes, but for a sign of life each minute.
    """
    now = ports.clock.now()
    with ports.store.read() as tx:
        rows = {health.alias: health for health in tx.cluster_healths()}
        changed = [look for look in looks if _step(tx, rows.get(look.alias), look, now)]
    for look in changed:
        rows |= _note(look, ports)
    return rows


@dataclass(frozen=True)
class _News:
    """What admins hear once: `key` is what makes it once, whoever of us is first."""

    kind: EventType
    alias: str
    problem: str
    since: datetime
    key: str


@dataclass(frozen=True)
class _Step:
    """What to store of a look, and what to tell with it."""

    health: ClusterHealth | None
    news: _News | None = None


def _step(tx: HealthTx, row: ClusterHealth | None, look: Look, now: datetime) -> _Step | None:
    if not look.problem:
        return None if row is None else _is_well(tx, row, now)
    if row is not None and not row.problem:
        return _begins_to_fail(row, look, now)
    return _still_fails(tx, row, look, now)


def _is_well(tx: HealthTx, row: ClusterHealth, now: datetime) -> _Step | None:
    if not row.problem and not _is_old(row, now):
        return None
    fresh = replace(row, problem="", failing_since=None, looked_at=now)
    is_new = row.looked_at is None
    told_at = None
    if row.problem or is_new:
        known_since = None if is_new else row.failing_since
        told_at = tx.came_at(_key(EventType.CLUSTER_FAILING, row.alias, known_since))
    if told_at is None:
        return _Step(fresh)
    since = row.failing_since or told_at - TOLD_AFTER
    problem = row.problem or ClusterUnavailable.code
    key = _key(EventType.CLUSTER_BACK, row.alias, since)
    return _Step(fresh, _News(EventType.CLUSTER_BACK, row.alias, problem, since, key))


def _begins_to_fail(row: ClusterHealth, look: Look, now: datetime) -> _Step | None:
    """Say that a cluster fails, unless somebody could work with it a moment ago.

    Who has failed for longer than others were well counts from now on: alone it is no outage.
    """
    well_at = row.looked_at
    if well_at is not None and now - well_at < BELIEVED_FOR:
        return None
    since = now if well_at is not None and look.since < well_at else look.since
    return _Step(replace(row, problem=look.problem, failing_since=since, looked_at=now))


def _still_fails(
    tx: HealthTx, row: ClusterHealth | None, look: Look, now: datetime
) -> _Step | None:
    since = (row.failing_since if row else None) or look.since
    # A cluster that was never seen has no row to keep since when: it is told of once for all.
    key = _key(EventType.CLUSTER_FAILING, look.alias, since if row else None)
    news = None
    if now - since >= TOLD_AFTER and tx.came_at(key) is None:
        news = _News(EventType.CLUSTER_FAILING, look.alias, look.problem, since, key)
    if row is None:
        return _Step(None, news) if news else None
    # Another reason is taken up no oftener: processes that see different ones would write in turns.
    if news or _is_old(row, now):
        health = replace(row, problem=look.problem, failing_since=since, looked_at=now)
        return _Step(health, news)
    return None


def _is_old(row: ClusterHealth, now: datetime) -> bool:
    return row.looked_at is None or now - row.looked_at >= WRITTEN_EVERY


def _key(kind: EventType, alias: str, since: datetime | None) -> str:
    return f"{kind}:{alias}:{since.isoformat() if since else 'never-seen'}"


def _note(look: Look, ports: HealthPorts) -> Mapping[str, ClusterHealth]:
    """Judge once more within the transaction: another process may have been first."""
    now = ports.clock.now()
    with ports.store.write() as tx:
        rows = {health.alias: health for health in tx.cluster_healths()}
        row = rows.get(look.alias)
        step = _step(tx, row, look, now)
        health = row if step is None else step.health
        if step is not None and health is not None:
            tx.save_health(health)
        if step is not None and step.news is not None:
            _tell(tx, step.news, now, ports)
    return {} if health is None else {look.alias: health}


def _tell(tx: HealthTx, news: _News, now: datetime, ports: HealthPorts) -> None:
    if not tx.first_time(news.key, now):
        return
    kind, since = news.kind, news.since.isoformat()
    facts = {"cluster": news.alias, "problem": news.problem, "since": since}
    tx.append(Event(kind, now, actor="system", facts=facts))
    said = {"cluster": news.alias, "problem": news.problem, "since_at": since}
    tell_admins(tx, ports.policy.current(), str(kind).replace(".", "-"), news.alias, said)
