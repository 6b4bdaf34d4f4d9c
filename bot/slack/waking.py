"""Waking the workers after a verb that changed something, once."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from grants.access.decide import Decided
from grants.access.fresh import Fresh
from grants.access.model import Grant
from grants.errors import TermsChanged

C = TypeVar("C")
T = TypeVar("T")


class Due(NamedTuple):
    """A grant that has something to do now, and the alias of its cluster.

    `fresh` is what the decision that made it hands over, where it was born claimed.
    """

    cluster: str
    grant: str
    fresh: Fresh | None = None


Wake = Callable[[Sequence[Due]], None]
"""Has the workers look at once; what is known to be due is named, and needs no search."""


def waking(wake: Wake, verb: Callable[[C], T]) -> Callable[[C], T]:
    """Give a verb that wakes the workers when it has committed a change.

    What is refused changes nothing, but for a request that is closed because what would be granted
    is no longer what was agreed on. (A card that shows other terms than the request's closes none.)
    """

    def call(command: C) -> T:
        try:
            done = verb(command)
        except TermsChanged as error:
            if error.what != "terms":
                wake(())
            raise
        wake(_due(done))
        return done

    return call


def _due(done: object) -> tuple[Due, ...]:
    if isinstance(done, Grant):
        return (Due(done.cluster, done.id),)
    if isinstance(done, Decided):
        clusters = (item.terms.cluster for item in done.request.items)
        held = {fresh.grant.id: fresh for fresh in done.held}
        made = zip(clusters, done.grants, strict=False)
        return tuple(Due(cluster, grant, held.get(grant)) for cluster, grant in made)
    return ()
