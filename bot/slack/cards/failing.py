"""Clusters that can't be worked with, for admins: why, since when, and what waits for each."""

from collections.abc import Sequence
from typing import Final

from bot.slack.blocks import Block, context, header, mrkdwn, plain, section
from bot.slack.text import date, label
from bot.wording.clusters import standing_words, waiting_words
from grants.access.cluster_states import ClusterState

_MOST: Final = 10


def failing_blocks(states: Sequence[ClusterState]) -> list[Block]:
    """Draw those that are not up; nothing while all are."""
    failing = [state for state in states if not state.is_well]
    if not failing:
        return []
    blocks = [header("For admins: clusters that can't be worked with")]
    for state in failing[:_MOST]:
        since = f", since {date(state.since)}" if state.since else ""
        lines = [f"*{label(state.alias)}* {standing_words(state)}{since}"]
        if waits := waiting_words(state, date):
            lines.append(f"Waiting: {waits}")
        block_id = f"home:cluster:{state.alias}"
        blocks.append(section(mrkdwn("\n".join(lines)), block_id=block_id))
    if len(failing) > _MOST:
        left = len(failing) - _MOST
        blocks.append(context(plain(f"… and {left} more: valetkey clusters lists them all.")))
    return blocks
