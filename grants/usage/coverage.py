"""What could have been seen at all: without that, that nothing was seen says nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Final

from grants.usage.model import Kind, VerbClass, Whose
from grants.usage.seen import Seen, Traced, bits

MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)
_WHOLE_HOUR: Final = (1 << 60) - 1
_ENDS: Final = (0, 59)
ANYTHING: Final = "anything"
"""Stands for the resource of a kind that is about a whole class of acts."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, from its first moment up to its end, which is not in it."""

    start: datetime
    end: datetime

    @property
    def lasts(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Loss:
    """Something was read and could not be used, in that hour; what, and how often."""

    hour: datetime
    word: str
    count: int


@dataclass(frozen=True, slots=True)
class Judging:
    """How much silence is still believed to be silence.

    `gap`: a cluster of which nothing came for longer was not heard, since in a cluster something
    always happens. `silence`: for how many days a kind of act may not have been seen, from anybody,
    before the audit policy may have dropped it. `losses`: how many events may have been lost.
    """

    gap: timedelta = timedelta(hours=1)
    silence: timedelta = timedelta(days=7)
    losses: int = 0


class Lack(StrEnum):
    """What is missing; the words are a contract, as those of findings are."""

    NOTHING_SEEN = "nothing-seen"
    BEGAN_LATE = "began-late"
    GAP = "gap"
    KIND_NOT_SEEN = "kind-not-seen"
    KIND_BEGAN_LATE = "kind-began-late"
    KIND_SILENT = "kind-silent"
    ACCOUNTS_NOT_SEEN = "accounts-not-seen"
    LOSSES = "losses"
    UNSEEN_VERB = "unseen-verb"


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that keeps a conclusion from being drawn: what, of what kind, and when."""

    lack: Lack
    kind: Kind | None = None
    span: Span | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whether not having seen something means that it was not done."""

    missing: tuple[Missing, ...] = ()

    @property
    def sufficient(self) -> bool:
        """Tell whether nothing is missing."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was heard of one cluster.

    `hours` has the minutes (bits 0 to 59) in which anything was seen, `days` by kind and by whose
    those on which that was.
    """

    cluster: str
    hours: Mapping[datetime, int] = field(default_factory=dict)
    days: Mapping[Traced, Sequence[date]] = field(default_factory=dict)
    losses: Sequence[Loss] = ()

    @property
    def since(self) -> datetime | None:
        """Since when anything was seen."""
        return (
            min(self.hours) + min(bits(self.hours[min(self.hours)])) * MINUTE
            if self.hours
            else None
        )

    def gaps(self, window: Span, longer_than: timedelta) -> tuple[Span, ...]:
        """Give where nothing was seen for longer, between two moments and at either end."""
        heard = [window.start]
        for hour in sorted(self.hours):
            if window.start - timedelta(hours=1) < hour < window.end:
                mask = self.hours[hour]
                minutes = _ENDS if mask == _WHOLE_HOUR else bits(mask)
                heard += [hour + minute * MINUTE for minute in minutes]
        heard = [at for at in heard if window.start <= at < window.end]
        stretches = (Span(one, other) for one, other in pairwise([*heard, window.end]))
        return tuple(each for each in stretches if each.lasts > longer_than)

    def heard_on(self, kind: Kind) -> tuple[date, ...]:
        """Give the days on which a kind of act was seen, whosever it was."""
        found = {day for whose in Whose for day in self.days.get(Traced(kind, whose), ())}
        return tuple(sorted(found))

    def accounts_heard_on(self, of: VerbClass) -> tuple[date, ...]:
        """Give the days on which a service account was seen doing anything of a class."""
        found = {
            day
            for traced, days in self.days.items()
            if traced.whose is Whose.ACCOUNT and traced.kind.verb_class is of
            for day in days
        }
        return tuple(sorted(found))


def coverage_of(cluster: str, seen: Seen, losses: Mapping[tuple[str, str], int]) -> Coverage:
    """Give what was read as coverage."""
    days: dict[Traced, list[date]] = {}
    for (traced, month), mask in seen.months.items():
        year, number = map(int, month.split("-"))
        days.setdefault(traced, []).extend(date(year, number, day) for day in bits(mask))
    return Coverage(
        cluster,
        {hour_of(hour): minutes for hour, minutes in seen.hours.items()},
        {traced: tuple(sorted(each)) for traced, each in days.items()},
        tuple(Loss(hour_of(hour), word, n) for (hour, word), n in losses.items() if hour),
    )


def hour_of(text: str) -> datetime:
    """Read `2026-01-31T18`."""
    return datetime.fromisoformat(f"{text}:00").replace(tzinfo=UTC)


def could_have_seen(
    coverage: Coverage, kind: Kind, window: Span, judging: Judging | None = None
) -> Evidence:
    """Tell whether an act of a service account would have been seen, had there been one.

    Who asks of many kinds asks one `Judge`.
    """
    return Judge(coverage, window, judging).of(kind)


class Judge:
    """Tells of kinds of acts whether one of a service account would have been seen in a window.

    It would if the cluster was heard for the whole window, if acts of that kind were seen from
    before it until its end, and if service accounts' acts of that class were. All that is missing
    is given, not only the first.
    """

    def __init__(self, coverage: Coverage, window: Span, judging: Judging | None = None) -> None:
        self._coverage = coverage
        self._window = window
        self._judging = judging or Judging()
        self._known: dict[Kind, Evidence] = {}
        self._accounts: dict[VerbClass, tuple[date, ...]] = {}
        self.of_cluster = self._of_cluster()
        """What is missing of the cluster, whatever is asked."""

    def of(self, kind: Kind) -> Evidence:
        """Tell of one kind."""
        found = self._known.get(kind)
        if found is None:
            found = self._known[kind] = Evidence(self._missing(kind))
        return found

    def _missing(self, kind: Kind) -> tuple[Missing, ...]:
        if kind.verb_class is VerbClass.UNSEEN:
            return (Missing(Lack.UNSEEN_VERB, kind),)
        if self._coverage.since is None:
            return self.of_cluster
        if kind.verb_class is VerbClass.IMPERSONATE:
            # Whatever is seen says as whom it was done, so both must be seen: a policy that drops
            # reads drops those that were done as another.
            return (*self.of_cluster, *self.of_accounts)
        return (*self.of_cluster, *self._of_kind(kind))

    @cached_property
    def of_accounts(self) -> tuple[Missing, ...]:
        """What is missing of service accounts' reads and writes, whatever they are of.

        Where accounts' reads are dropped, so is that they were refused.
        """
        kinds = (Kind(of, "", ANYTHING) for of in (VerbClass.READ, VerbClass.WRITE))
        return tuple(one for kind in kinds for one in self._unheard(kind))

    def _of_cluster(self) -> tuple[Missing, ...]:
        since, window = self._coverage.since, self._window
        if since is None:
            return (Missing(Lack.NOTHING_SEEN),)
        found = []
        if since > window.start:
            found.append(Missing(Lack.BEGAN_LATE, span=Span(window.start, since)))
        heard = Span(max(since, window.start), max(since, window.end))
        gaps = self._coverage.gaps(heard, self._judging.gap)
        found += [Missing(Lack.GAP, span=gap) for gap in gaps]
        first = window.start - timedelta(hours=1)
        lost = sum(x.count for x in self._coverage.losses if first < x.hour < window.end)
        if lost > self._judging.losses:
            found.append(Missing(Lack.LOSSES, span=window, count=lost))
        return tuple(found)

    def _of_kind(self, kind: Kind) -> tuple[Missing, ...]:
        window, silence = self._window, self._judging.silence
        days = self._coverage.heard_on(kind)
        if not days:
            return (Missing(Lack.KIND_NOT_SEEN, kind),)
        found = _silences(days, kind, window, silence, Lack.KIND_SILENT)
        if days[0] > window.start.date():
            late = Span(window.start, _start(days[0]))
            found = (Missing(Lack.KIND_BEGAN_LATE, kind, late), *found)
        return found + self._unheard(kind)

    def _unheard(self, kind: Kind) -> tuple[Missing, ...]:
        """Give when no service account was heard doing anything of this class."""
        of, longest = kind.verb_class, self._judging.silence
        if of not in self._accounts:
            self._accounts[of] = self._coverage.accounts_heard_on(of)
        lack = Lack.ACCOUNTS_NOT_SEEN
        return _silences(self._accounts[of], kind, self._window, longest, lack)


def _silences(
    days: Sequence[date], kind: Kind, window: Span, longest: timedelta, lack: Lack
) -> tuple[Missing, ...]:
    """Give stretches of days without any that are too long."""
    before = [day for day in days if day <= window.start.date()][-1:]
    within = [day for day in days if window.start.date() < day <= window.end.date()]
    ends = [window.start, *(_start(day) + DAY for day in before + within)]
    # From the end of one day on which it was seen to the start of the next.
    starts = [*(_start(day) for day in before + within), window.end]
    stretches = (
        Span(max(end, window.start), start) for end, start in zip(ends, starts, strict=True)
    )
    return tuple(Missing(lack, kind, each) for each in stretches if each.lasts > longest)


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
