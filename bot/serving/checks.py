"""What readiness looks at in every process, whichever half it runs."""

from datetime import timedelta
from typing import Final

from bot.web.ports import Check
from bot.wiring import Core
from bot.worker.clockwork import Clockwork
from bot.worker.known_clusters import KnownClusters
from bot.worker.skew import ClockWatch

HUNG_AFTER: Final = timedelta(seconds=60)


def core_checks(core: Core, known: KnownClusters, clocks: ClockWatch) -> tuple[Check, ...]:
    """Make the checks of database, policy, clusters and clocks."""

    def rows() -> str | None:
        return "unreadable" if core.store.readiness.unreadable_grants() else None

    def policy() -> str | None:
        return "refused" if core.policy.problems else None

    def clusters() -> str | None:
        """Give codes alone: whoever reaches the probe need not learn what clusters there are."""
        return ", ".join(sorted(set(known.problems.values()))) or None

    return (
        Check("database", core.store.readiness.problem),
        Check("rows", rows, vital=False),
        Check("policy", policy, vital=False),
        Check("clusters", clusters, vital=False),
        Check("clocks", lambda: clocks.problem, vital=False),
    )


def clock_check(clockwork: Clockwork, loop: str, name: str) -> Check:
    """Make the check that the clock lives and that one loop, on which most depends, still ends.

    Other loops may wait long for somebody else's server.
    """

    def ask() -> str | None:
        if not clockwork.is_alive():
            return "clock-dead"
        return "loop-hung" if clockwork.is_late(loop, HUNG_AFTER) else None

    return Check(name, ask)
