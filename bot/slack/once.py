"""What was delivered again is answered as the first delivery was: with what it did, if that stands.

Slack delivers at least once, and to any replica; what came first may have been done by another
process, its ack lost. So the answer is made of the rows, not of what this process remembers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.slack.inbound import Inbound
from bot.slack.reading import grant_of
from bot.slack.surface import Surface, log
from grants.access.model import GrantState, RequestState
from grants.errors import AlreadyDone

_OPEN = frozenset({RequestState.DRAFT, RequestState.PENDING})
_LIVE = frozenset({GrantState.ACTIVATING, GrantState.ACTIVE})


@contextmanager
def once(inbound: Inbound, stands: Callable[[], bool]) -> Iterator[None]:
    """Run a verb; the very same thing that came before counts as done, when what it did `stands`.

    It does not when the first delivery was refused: then whoever acts is told that this was dealt
    with.
    """
    try:
        yield
    except AlreadyDone as error:
        if error.key != inbound.key or not stands():
            raise
        log.info("%s %s came again: what it did stands", inbound.kind, inbound.name[:80])


def has_decided(surface: Surface, inbound: Inbound, request: str) -> bool:
    """Tell whether who acts has decided on a request."""
    with surface.ports.access.read() as tx:
        known = tx.known(inbound.who)
        return known is not None and any(
            decision.approver == known.person.id for decision in tx.decisions(request)
        )


def is_closed(surface: Surface, request: str) -> bool:
    """Tell whether a request is closed."""
    with surface.ports.access.read() as tx:
        found = tx.request(request)
    return found is not None and found.state not in _OPEN


def is_ending(surface: Surface, grant: str) -> bool:
    """Tell whether a grant is on its way to its end, or there."""
    found = grant_of(surface.ports, grant)
    return found is not None and found.state not in _LIVE
