"""How a cluster stands, in words."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from bot.wording.states import trouble_words
from bot.wording.times import moment_words
from grants.access.cluster_states import ClusterState, Standing

STANDINGS: Final[Mapping[Standing, str]] = {
    Standing.UP: "up",
    Standing.FAILING: "can't be worked with",
    Standing.UNLOOKED: "was not looked at: is a worker running?",
    Standing.UNSEEN: "was never reached",
    Standing.REMOVED: "is not configured any more, and access lies there",
}


def standing_words(state: ClusterState) -> str:
    """Say how a cluster stands and why, as the end of `The cluster ...`."""
    said = STANDINGS[state.standing]
    return f"{said}: {trouble_words(state.problem)}" if state.problem else said


def waiting_words(state: ClusterState, moment: Callable[[datetime], str] = moment_words) -> str:
    """Say what waits for a cluster; empty when nothing does. `moment` writes a time."""
    waiting = state.waiting
    counts = (
        (waiting.overdue, "to be taken away"),
        (waiting.activating, "to be switched on"),
        (waiting.stuck, "stuck"),
    )
    said = ", ".join(f"{count} {what}" for count, what in counts if count)
    if waiting.oldest_overdue is not None:
        said += f", the oldest since {moment(waiting.oldest_overdue)}"
    return said
