"""Python's cycle collection, paused where it would only get in the way."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def leave_what_stands() -> None:
    """Have cycle collection pass over all that is there now, for as long as the process lives.

    A whole collection looks at every object: a server that has started has a hundred and fifty
    thousand, and no thread goes on for a tenth of a second, somebody's click among them. They stay
    anyhow; what of them is garbage by now is collected first.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def without_gc() -> Iterator[None]:
    """Pause cycle collection: with a hundred thousand new tuples it takes most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
