"""Whether the names that were seen are all that there will be."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from grants.review.rightsizing.model import Need, Window
from grants.usage.model import MANY

NAMES_MOST: Final = 20
"""More names than this are a kind of thing, not a few things."""

SETTLED_AFTER: Final = 0.75
"""A name first seen in the last quarter of the window says that more are on their way."""

# What controllers append to names, in the alphabet of Kubernetes' own generator, a cron job's
# minutes, hashes and uuids.
_GENERATED: Final = re.compile(
    r"-[bcdfghjklmnpqrstvwxz2456789]{5}$"
    r"|-\d{6,}(-|$)"
    r"|(^|[-.])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}([-.]|$)"
)


class Names(StrEnum):
    """Whether rules name what was used: if it looks settled, wherever possible, or never."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def looks_generated(name: str) -> bool:
    """Tell whether a controller made this name up, so that the next one will be another."""
    return bool(_GENERATED.search(name))


def are_settled(needs: Sequence[Need], window: Window, choice: Names = Names.AUTO) -> bool:
    """Tell whether needs that differ by name alone are for all the names that there will be."""
    if choice is not Names.AUTO:
        return choice is Names.ALWAYS and all(need.question.name != MANY for need in needs)
    latest = window.since + (window.until - window.since) * SETTLED_AFTER
    return (
        len(needs) <= NAMES_MOST
        and all(need.question.name != MANY for need in needs)
        and max(need.first_seen for need in needs) <= latest
        and not any(looks_generated(need.question.name) for need in needs)
    )
