"""What reviewers said of findings: that one may stay until a day, or that it is not theirs."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from grants.review.substance import Substance


class AnswerKind(StrEnum):
    """What was said."""

    KEPT = "kept"
    NOT_MINE = "not-mine"


class Ended(StrEnum):
    """Why an answer no longer stands."""

    OVER = "over"  # its last day is past
    CHANGED = "changed"  # what was kept has grown or changed
    GONE = "gone"  # the finding is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One person's answer to one finding (by its key), and what the finding was then.

    A kept one holds to the end of the day `until`. `ended` says why it no longer stands ("" while
    it does), `ended_by` what had changed.
    """

    id: str
    finding: str
    cluster: str
    kind: AnswerKind
    person: str
    sign_in: str
    at: datetime
    substance: Substance
    until: date | None = None
    reason: str = ""
    salt: bytes = b""
    ended_at: datetime | None = None
    ended: Ended | None = None
    ended_by: str = ""

    @property
    def stands(self) -> bool:
        """Tell whether nothing has ended it."""
        return self.ended is None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, with what it was about: the rule, and whose right it is."""

    answer: Answer
    rule: str
    subject: str
