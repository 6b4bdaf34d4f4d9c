"""What is kept of a finding beside its key: all that a list and a look at it show."""

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from grants.decoding import decoder
from grants.review.finding import Finding
from grants.review.substance import Substance

REACHED_KEPT: Final = 20
"""A group of all service accounts reaches thousands: some are named, the rest counted."""

SET_ASIDE: Final = -1
"""The weight of what nobody here has to act on."""


@dataclass(frozen=True, slots=True)
class Detail:
    """A finding as the last scan saw it, and how many accounts it reaches in all.

    `substance` is what an answer goes by; None where an older version kept it.
    """

    finding: Finding
    reached: int = 0
    substance: Substance | None = None

    @property
    def shown_hash(self) -> str:
        """The hash of what is shown, which a click must bring back; "" where it is not known."""
        return self.substance.hash_of(self.finding.key) if self.substance else ""

    @property
    def weight(self) -> int:
        """How much it presses: its severity while it is open, else less than any."""
        return int(self.finding.severity) if self.finding.is_open else SET_ASIDE


def detail_of(
    finding: Finding, substance: Substance | None = None, reached: int | None = None
) -> Detail:
    """Give what is to be kept of a finding; `reached` counts where not all are named any more."""
    some = replace(finding, reached=finding.reached[:REACHED_KEPT])
    return Detail(some, len(finding.reached) if reached is None else reached, substance)


def body_of(detail: Detail) -> str:
    """Write a detail as one text that any database can hold."""
    return msgspec.json.encode(detail, order="deterministic").decode()


def detail_from(body: str) -> Detail:
    """Read a detail; ValueError when this version can't."""
    try:
        return decoder(Detail).decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
