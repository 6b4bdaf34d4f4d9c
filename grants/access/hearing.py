"""Changes that a cluster tells of: each only makes a look come sooner, none decides anything.

Most of what is heard is our own doing. It is told from what others did by the rows alone: a
binding that is as its row says, or whose grant is being given or ended, needs no look.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from grants.access.cluster_port import Binding
from grants.access.drift import drift_of
from grants.access.model import ROLE_GONE, Grant, GrantState
from grants.access.ports import AccessPorts, AccessStore, AccessTx
from grants.access.steps import place_of
from grants.access.watch_port import BindingChange, BindingKind, Change, RoleChange, Watched
from grants.authz.model import RoleRef, rules_digest
from grants.errors import ChangedMeanwhile
from grants.ids import Prefix, is_id

ROLES_MOST: Final = 20
"""How many roles of a cluster are watched, those of most grants first: each holds a connection."""

_TRIES: Final = 3
_BEING_MOVED: Final = frozenset({GrantState.ACTIVATING, GrantState.REVOKING})


@dataclass(frozen=True)
class RolePlace:
    """A role by which grants are active in a cluster; a Role's namespace with it."""

    ref: RoleRef
    namespace: str | None


class HearingTx(AccessTx, Protocol):
    """The rows that a change is held against, beside those of access."""

    def grants_among(self, grants: Iterable[str]) -> tuple[Grant, ...]:
        """Read those of these grants that there are and can be read; none is locked."""
        ...

    def unreadable_among(self, grants: Iterable[str]) -> frozenset[str]:
        """Name those of these grants whose rows this version can't read."""
        ...

    def active_in(self, cluster_uid: str) -> tuple[Grant, ...]:
        """List the active grants of a cluster, whatever its alias was when they were given."""
        ...

    def active_by_role(self, cluster_uid: str) -> dict[RolePlace, int]:
        """Count the active grants of a cluster by their role."""
        ...

    def active_through(self, cluster_uid: str, role: RolePlace) -> tuple[Grant, ...]:
        """List the active grants of a cluster by one role."""
        ...

    def hurry(self, grants: Iterable[str], now: datetime) -> int:
        """Make these grants, where they are active, due now; tells how many.

        Each row's version goes up, so that a look under way, which may have looked too early,
        can't set the next look far ahead: it is done again.
        """
        ...


class HearingStore(AccessStore, Protocol):
    """Where such transactions come from."""

    def write(self) -> AbstractContextManager[HearingTx]:
        """Open one write transaction; leaving it without an error commits."""
        ...

    def read(self) -> AbstractContextManager[HearingTx]:
        """Open one read transaction; writing in it is an error."""
        ...


class HearingPorts(AccessPorts, Protocol):
    """What hearing and sweeping are given."""

    @property
    def store(self) -> HearingStore:
        """The rows."""
        ...


@dataclass(frozen=True)
class Heard:
    """How many grants are looked at sooner, and whether the cluster should be swept now."""

    hurried: int = 0
    sweep: bool = False


def hear(cluster: str, changes: Sequence[Change], *, ports: HearingPorts) -> Heard:
    """Hold changes of a cluster (by its alias) against the rows; only what differs is acted on.

    Of several changes to one thing the last counts: our own binding is made empty and then filled,
    and the row may be past both.
    """
    last = {_about(change): change for change in changes}
    bindings = [change for change in last.values() if isinstance(change, BindingChange)]
    roles = [change for change in last.values() if isinstance(change, RoleChange)]
    with ports.store.read() as tx:
        late, sweep = _of_bindings(tx, bindings, ports.installation)
        uid = tx.cluster_uid(cluster) if roles else None
        if uid is not None:
            for role in roles:
                late |= _of_role(tx, uid, role)
    return Heard(hurry(late, ports=ports), sweep)


def hurry(grants: Iterable[str], *, ports: HearingPorts) -> int:
    """Have grants looked at now; tells how many are."""
    late = sorted(set(grants))
    if not late:
        return 0
    for tries_left in reversed(range(_TRIES)):
        try:
            with ports.store.write() as tx:
                return tx.hurry(late, ports.clock.now())
        except ChangedMeanwhile:
            # Another replica hears the same, and PostgreSQL lets one of two go first.
            if not tries_left:
                raise
    return 0


def watched_in(cluster: str, *, ports: HearingPorts) -> tuple[Watched, ...]:
    """Tell what to watch in a cluster: our bindings, and the roles by which grants are active.

    One stream of a name serves every namespace.
    """
    with ports.store.read() as tx:
        uid = tx.cluster_uid(cluster)
        counts = tx.active_by_role(uid) if uid is not None else {}
    by_role: dict[RoleRef, int] = {}
    for place, count in counts.items():
        by_role[place.ref] = by_role.get(place.ref, 0) + count
    first = sorted(by_role, key=lambda ref: (-by_role[ref], ref))
    return (*BindingKind, *first[:ROLES_MOST])


def digest_of_change(change: RoleChange) -> str:
    """Give the digest of a role's rules as a row keeps it."""
    return ROLE_GONE if change.rules is None else rules_digest(change.rules)


def _about(change: Change) -> tuple[str, str | None]:
    if isinstance(change, BindingChange):
        return change.binding.place.name, change.binding.place.namespace
    return str(change.ref), change.namespace


def _of_bindings(
    tx: HearingTx, changes: Sequence[BindingChange], installation: str
) -> tuple[set[str], bool]:
    named = {id(change): set(_grants_of(change.binding)) for change in changes}
    rows = {g.id: g for g in tx.grants_among(sorted(set().union(*named.values())))}
    late: set[str] = set()
    sweep = False
    for change in changes:
        own = [rows[name] for name in named[id(change)] if name in rows]
        late |= {grant.id for grant in own if _is_drift(grant, change, installation)}
        sweep |= not change.gone and not any(_may_stand(g, change.binding) for g in own)
    return late, sweep


def _grants_of(binding: Binding) -> tuple[str, ...]:
    """Name the grants that a binding may be about: by its label, and by its name."""
    by_name = f"{Prefix.GRANT}-{binding.place.name.rpartition(f'-{Prefix.GRANT}-')[2]}"
    return tuple(name for name in (binding.grant, by_name) if name and is_id(name, Prefix.GRANT))


def _is_drift(grant: Grant, change: BindingChange, installation: str) -> bool:
    """Tell whether an active grant's binding is not what its row says."""
    if grant.state is not GrantState.ACTIVE:
        return False
    if change.gone:
        return change.binding.uid == grant.binding_uid
    if change.binding.place != place_of(grant):
        return False
    return drift_of(grant, change.binding, installation) is not None


def _may_stand(grant: Grant, binding: Binding) -> bool:
    """Tell whether a binding is one that nobody but its own grant's walk needs to look at."""
    if grant.state in _BEING_MOVED:
        return True
    return grant.state is GrantState.ACTIVE and binding.uid == grant.binding_uid


def _of_role(tx: HearingTx, cluster_uid: str, change: RoleChange) -> set[str]:
    digest = digest_of_change(change)
    through = tx.active_through(cluster_uid, RolePlace(change.ref, change.namespace))
    return {grant.id for grant in through if grant.role_seen != digest}
