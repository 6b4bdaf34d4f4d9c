"""Which parts of Valetkey a process runs."""

from enum import StrEnum
from typing import Final


class Part(StrEnum):
    """One of the two halves. Each needs the database alone to do its work, never the other half.

    `surfaces`: what people's clicks, forms and browsers reach. `worker`: what brings grants
    forward, ends them, and tells people.
    """

    SURFACES = "surfaces"
    WORKER = "worker"


ALL_PARTS: Final = frozenset(Part)
