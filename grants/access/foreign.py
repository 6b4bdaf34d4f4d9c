"""Bindings of other installations: never touched, but told of when nobody seems to end them.

A database that was lost takes the installation's id with it: the next one has another, and what
the old one gave would stand for ever, because every sweep sees its own alone. So what is past its
end is told by whoever sees it. Taking it over is a person's word, given in a setting, and is not
believed where the other installation has made a binding since ours began: then it lives.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from grants.access.cluster_port import Binding, ClusterPort
from grants.access.findings import Finding, record_finding
from grants.access.ports import AccessPorts
from grants.policy.model import Policy
from grants.record.model import EventType

CLOCKS_DIFFER_BY: Final = timedelta(minutes=1)
"""How much later than ours began a former installation's binding may seem to have been made."""


@dataclass(frozen=True)
class Former:
    """Installations whose database was lost, by id; `since` is when ours was made."""

    ids: frozenset[str]
    since: datetime


NO_FORMER: Final = Former(frozenset(), datetime.min.replace(tzinfo=UTC))


def is_taken_over(installation: str, former: Former, listed: Iterable[Binding]) -> bool:
    """Tell whether an installation is named as lost, and nothing in this cluster denies it."""
    if installation not in former.ids:
        return False
    return not any(_made_since(found, former) for found in listed if _of(found, installation))


def foreign_overdue(
    cluster: ClusterPort, others: Sequence[Binding], former: Former, *, ports: AccessPorts
) -> int:
    """Record and tell what stands past its end under another installation's label; counts it.

    What is named in `former` and is here all the same has shown that it lives: that is told, too.
    """
    now, policy = ports.clock.now(), ports.policy.current()
    overdue = [b for b in others if is_overdue(b, now, ports.times.stuck_after, policy)]
    for found in overdue:
        record_finding(EventType.BINDING_FOREIGN, cluster, found, Finding.FOREIGN_OVERDUE, ports)
    for found in others:
        if found.installation in former.ids and _made_since(found, former):
            record_finding(EventType.BINDING_FOREIGN, cluster, found, Finding.FORMER_ALIVE, ports)
    return len(overdue)


def is_overdue(found: Binding, now: datetime, patience: timedelta, policy: Policy) -> bool:
    """Tell whether a binding that gives access should have been ended for so long by its owner.

    One without a valid expiry is held against our own policy's longest, for want of a better.
    """
    if not found.subjects:
        return False
    end = found.expires_at or found.created_at + policy.longest()
    return now >= end + patience


def _of(found: Binding, installation: str) -> bool:
    return found.installation == installation


def _made_since(found: Binding, former: Former) -> bool:
    return found.created_at > former.since + CLOCKS_DIFFER_BY
