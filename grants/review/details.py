"""What is kept of a finding beside its key: all that a list and a look at it show."""

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from grants.decoding import decoder
from grants.review.finding import Finding

REACHED_KEPT: Final = 20
"""A group of all service accounts reaches thousands: some are named, the rest counted."""

SET_ASIDE: Final = -1
"""The weight of what nobody here has to act on."""


@dataclass(frozen=True, slots=True)
class Detail:
    """A finding as the last scan saw it, and how many accounts it reaches in all."""

    finding: Finding
    reached: int = 0

    @property
    def weight(self) -> int:
        """How much it presses: its severity while it is open, else less than any."""
        return int(self.finding.severity) if self.finding.is_open else SET_ASIDE


def detail_of(finding: Finding) -> Detail:
    """Give what is to be kept of a finding."""
    some = replace(finding, reached=finding.reached[:REACHED_KEPT])
    return Detail(some, len(finding.reached))


def body_of(detail: Detail) -> str:
    """Write a detail as one text that any database can hold."""
    return msgspec.json.encode(detail, order="deterministic").decode()


def detail_from(body: str) -> Detail:
    """Read a detail; ValueError when this version can't."""
    try:
        return decoder(Detail).decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
