"""How every cluster stands, by the record: for admins' lists, on whichever surface."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from grants.access.health import ClusterHealth, HealthTx, Waiting

LOOKED_AT_LEAST: Final = timedelta(minutes=3)
"""A row is written each minute; one that is older than this is looked after by nobody."""

_NONE: Final = Waiting()


class Standing(StrEnum):
    """How a cluster stands. Only `up` is as it should be.

    `unlooked`: no process has looked at it of late, so nothing is known. `unseen`: it was never
    reached. `removed`: grants lie there, and it is not configured any more.
    """

    UP = "up"
    FAILING = "failing"
    UNLOOKED = "unlooked"
    UNSEEN = "unseen"
    REMOVED = "removed"


@dataclass(frozen=True)
class ClusterState:
    """One cluster: how it stands, since when and why if not well, and what lies there.

    `since` is when it began to fail; for one that is `unlooked`, when it was looked at last.
    """

    alias: str
    standing: Standing
    uid: str = ""
    problem: str = ""
    since: datetime | None = None
    looked_at: datetime | None = None
    waiting: Waiting = _NONE

    @property
    def is_well(self) -> bool:
        """Tell whether nothing has to be done about it."""
        return self.standing is Standing.UP


def cluster_states(
    configured: Collection[str] | None, now: datetime, *, tx: HealthTx
) -> tuple[ClusterState, ...]:
    """Tell how each configured cluster stands, and those that are not and still hold grants.

    `configured` None: nobody knows here, and every cluster that was ever seen counts. What lies
    under a former alias of a cluster counts with the present one.
    """
    rows = {row.alias: row for row in tx.cluster_healths()}
    waiting = tx.waiting_by_cluster(now)
    known = set(rows) if configured is None else set(configured)
    by_uid = {row.uid: row.alias for row in rows.values() if row.alias in known}
    heirs = {a: by_uid[row.uid] for a, row in rows.items() if a not in known and row.uid in by_uid}
    unseen = tx.told_failing(known - set(rows))
    states = [_state(alias, rows, unseen, now) for alias in known]
    gone = [a for a in (*rows, *waiting) if a not in known and a not in heirs and a in waiting]
    states += [ClusterState(a, Standing.REMOVED, _uid(rows.get(a))) for a in dict.fromkeys(gone)]
    return tuple(
        replace(state, waiting=_waiting(state.alias, heirs, waiting))
        for state in sorted(states, key=lambda one: one.alias)
    )


def _state(
    alias: str,
    rows: Mapping[str, ClusterHealth],
    unseen: Mapping[str, tuple[str, datetime]],
    now: datetime,
) -> ClusterState:
    row = rows.get(alias)
    if row is None:
        problem, since = unseen.get(alias, ("", None))
        return ClusterState(alias, Standing.UNSEEN, problem=problem, since=since)
    if row.looked_at is None or now - row.looked_at > LOOKED_AT_LEAST:
        last = row.looked_at or row.seen_at
        return ClusterState(alias, Standing.UNLOOKED, row.uid, row.problem, last, row.looked_at)
    standing = Standing.FAILING if row.problem else Standing.UP
    return ClusterState(alias, standing, row.uid, row.problem, row.failing_since, row.looked_at)


def _uid(row: ClusterHealth | None) -> str:
    return "" if row is None else row.uid


def _waiting(alias: str, heirs: Mapping[str, str], waiting: Mapping[str, Waiting]) -> Waiting:
    parts = [w for a, w in waiting.items() if heirs.get(a, a) == alias]
    oldest = [w.oldest_overdue for w in parts if w.oldest_overdue is not None]
    return Waiting(
        live=sum(w.live for w in parts),
        due=sum(w.due for w in parts),
        activating=sum(w.activating for w in parts),
        overdue=sum(w.overdue for w in parts),
        stuck=sum(w.stuck for w in parts),
        oldest_overdue=min(oldest, default=None),
    )
