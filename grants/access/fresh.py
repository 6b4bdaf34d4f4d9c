"""What a walk need not read, because it was read or written a moment ago.

A grant that is walked at once by the process that made it is born claimed, and handed over. A
person waits for it. A claim of its own is one commit more, and reading what was just written is two
transactions more. If that process dies, or never learns what became of its commit, the claim lapses
as any other.

Grants that are to end are read many at a time, as they are claimed.

Either is a hint for one walk alone. What changed meanwhile has another version, which is compared
before anything is stored. Nobody is given anything before that; and what is being taken away is
never given back, so a binding may be deleted by what stood there a moment ago.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from grants.access.before import Before
from grants.access.cluster_port import Started
from grants.access.model import Grant, Proof
from grants.access.ports import AccessPorts, Hold
from grants.authz.model import Rule

Holder = Callable[[str], Hold | None]
"""Tells for a cluster's alias by what claim a grant is born that is begun at once; None: it is not,
and whoever has room for it claims it."""


@dataclass(frozen=True)
class Fresh:
    """A grant as it was just stored, with its claim, and the rules of its role, just read in its
    own cluster, which said who it is. `asking` is what is asked of it meanwhile.
    """

    grant: Grant
    rules: tuple[Rule, ...]
    hold: Hold
    asking: Started[Before | None] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Ending:
    """A grant that is revoking, as it stood when it was claimed, and the proof before it."""

    grant: Grant
    before: Proof | None


Handed = Fresh | Ending


def read_ends(grants: Sequence[str], ports: AccessPorts) -> Mapping[str, Ending]:
    """Read those of these grants that are revoking, all at once."""
    if not grants:
        return {}
    with ports.store.read() as tx:
        return {grant.id: Ending(grant, before) for grant, before in tx.ends_among(grants)}
