"""Which loops there are, how often each runs, and what it calls."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.worker.clockwork import Loop
from bot.worker.known_clusters import KnownClusters
from bot.worker.reconciler import Reconciler
from grants.access.expire_leases import expire_leases
from grants.access.expire_requests import expire_requests
from grants.access.ports import AccessPorts

DUE_EVERY = timedelta(milliseconds=250)  # a lease ends within this of its time, on a live worker
TELL_EVERY = timedelta(milliseconds=500)
CLOSE_EVERY = timedelta(seconds=5)
POLICY_EVERY = timedelta(seconds=5)
LOOK_EVERY = timedelta(milliseconds=500)
WAITING_EVERY = timedelta(seconds=1)
WATCH_EVERY = timedelta(milliseconds=250)
CLOCKS_EVERY = timedelta(seconds=30)
SECRETS_EVERY = timedelta(seconds=5)
ROLES_EVERY = timedelta(seconds=15)
SLACK_EVERY = timedelta(minutes=1)
FORGET_EVERY = timedelta(days=1)
REVIEW_LOOK_EVERY = timedelta(seconds=5)  # whether one is due; how often, the settings say


@dataclass(frozen=True)
class LoopCalls:
    """What the loops call beside the core's own verbs, and how often the slow ones run."""

    tell: Callable[[], object]
    forget: Callable[[], object]
    note_waiting: Callable[[], object]
    watch: Callable[[], object]
    sweep: Callable[[], object]
    sweep_every: timedelta


def process_loops(
    reload_policy: Callable[[], object],
    known_clusters: KnownClusters,
    look_at_clocks: Callable[[], object],
) -> tuple[Loop, ...]:
    """Make the loops of every process: surfaces judge by policy and read clusters, too."""
    return (
        Loop("policy", POLICY_EVERY, reload_policy),
        Loop("clusters", LOOK_EVERY, known_clusters.look),
        Loop("clocks", CLOCKS_EVERY, look_at_clocks),
    )


def secrets_loop(look_at_secrets: Callable[[], object]) -> Loop:
    """Make the loop that looks whether the files of secrets have other values."""
    return Loop("secrets", SECRETS_EVERY, look_at_secrets)


def slack_loop(look_at_slack: Callable[[], object]) -> Loop:
    """Make the loop that looks at what changes in Slack by itself."""
    return Loop("slack", SLACK_EVERY, look_at_slack)


def roles_loop(look_at_roles: Callable[[], object]) -> Loop:
    """Make the loop that judges the roles that policy names, where that is due."""
    return Loop("roles", ROLES_EVERY, look_at_roles)


def review_loop(begin_reviews: Callable[[], object]) -> Loop:
    """Make the loop that looks which clusters are due to be reviewed."""
    return Loop("review", REVIEW_LOOK_EVERY, begin_reviews)


def worker_loops(ports: AccessPorts, reconciler: Reconciler, calls: LoopCalls) -> tuple[Loop, ...]:
    """Make the loops that only a worker runs."""
    return (
        Loop("due", DUE_EVERY, lambda: _run_due(ports, reconciler)),
        Loop("tell", TELL_EVERY, calls.tell),
        Loop("close", CLOSE_EVERY, lambda: expire_requests(ports=ports)),
        Loop("waiting", WAITING_EVERY, calls.note_waiting),
        Loop("watch", WATCH_EVERY, calls.watch),
        Loop("sweep", calls.sweep_every, calls.sweep),
        Loop("forget", FORGET_EVERY, calls.forget),
    )


def _run_due(ports: AccessPorts, reconciler: Reconciler) -> None:
    """Have leases end before anything is claimed; those moved first are worked on meanwhile."""
    try:
        while expire_leases(ports=ports):
            reconciler.run_due()
    finally:
        reconciler.run_due()
