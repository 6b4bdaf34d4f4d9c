"""Waking the workers after a verb that changed something, once."""

from collections.abc import Callable
from typing import TypeVar

from grants.errors import TermsChanged

C = TypeVar("C")
T = TypeVar("T")


def waking(wake: Callable[[], None], verb: Callable[[C], T]) -> Callable[[C], T]:
    """Give a verb that wakes the workers when it has committed a change.

    What is refused changes nothing, but for a request that is closed because what would be granted
    is no longer what was agreed on. (A card that shows other terms than the request's closes none.)
    """

    def call(command: C) -> T:
        try:
            done = verb(command)
        except TermsChanged as error:
            if error.what != "terms":
                wake()
            raise
        wake()
        return done

    return call
