"""What people have not heard yet of findings."""

from dataclasses import dataclass
from enum import StrEnum

from grants.review.details import Detail
from grants.review.finding import Finding


class News(StrEnum):
    """What people have not heard of a finding yet."""

    NEW = "new"
    BACK = "back"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Untold:
    """A finding and what is news of it."""

    detail: Detail
    news: News

    @property
    def finding(self) -> Finding:
        """The finding, as it was last seen."""
        return self.detail.finding
