"""A grant that is walked at once by the process that made it: born claimed, and handed over.

A person waits for it. A claim of its own is one commit more, and reading what was just written is
two transactions more. If that process dies, the claim lapses as any other.
"""

from collections.abc import Callable
from dataclasses import dataclass

from grants.access.model import Grant
from grants.access.ports import Hold
from grants.authz.model import Rule

Holder = Callable[[str], Hold | None]
"""Tells for a cluster's alias by what claim a grant is born that is begun at once; None: it is not,
and whoever has room for it claims it."""


@dataclass(frozen=True)
class Fresh:
    """A grant as it was just stored, with its claim, and the rules of its role, just read in its
    own cluster, which said who it is.

    A hint for its first walk alone. What changed meanwhile has another version, which is compared
    before anything is stored, and nobody is given anything before that.
    """

    grant: Grant
    rules: tuple[Rule, ...]
    hold: Hold
