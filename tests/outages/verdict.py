"""What must hold of a run in which parts failed, and how late things were, read from its log.

The rules are those of the runs with replicas, but for one: a cluster that does not answer, or a
database that does not, can't have access end in it, so there the time counts from its coming back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.outages.stage import Part
from tests.replicas import checker
from tests.replicas.checker import PAST_END_SECONDS, Rule, Seen, Violation, ends_of
from tests.replicas.log import of_kind
from tests.support.faulty_link import Fault

HOLDS_UP: Final = frozenset({Part.CLUSTER, Part.DATABASE})
"""Parts without which nothing can end: there the lag counts from when they are back."""
AS_WITHOUT_SECONDS: Final = 3.0
"""How late access may end while a part is away that ending does not depend on."""
BY_ANOTHER_SECONDS: Final = 10.0
"""The same where another replica must take over what one had claimed, for 5 s at most, and
PostgreSQL first end the transactions that it left open.
"""


@dataclass(frozen=True)
class Window:
    """One fault of one part, from its beginning to its end, and when all was settled again."""

    part: Part
    fault: Fault
    began: float
    ended: float
    settled: float


@dataclass(frozen=True)
class Lags:
    """How late things were by one fault, in seconds; None: there was nothing to be late.

    `during`: the latest end of access that was due while it lasted and did not need the part.
    `after`: from its end until all that had waited was done.
    """

    window: Window
    during: float | None
    after: float
    ended: int
    payloads: int


def windows_of(seen: Seen) -> list[Window]:
    """Give the faults of a run in their order."""
    marks = of_kind(seen.entries, "fault", "mended", "settled")
    triples = zip(marks[0::3], marks[1::3], marks[2::3], strict=True)
    return [
        Window(Part(began["part"]), Fault(began["fault"]), began.at, ended.at, settled.at)
        for began, ended, settled in triples
    ]


def never_past_its_end(seen: Seen) -> Iterator[Violation]:
    """No review says yes 15 s after access should be over, or after its cluster is back."""
    windows = [w for w in windows_of(seen) if w.part in HOLDS_UP and w.fault is not Fault.NONE]
    for review, grant in seen.allowed:
        if grant is None:
            continue
        for why, end in ends_of(seen, grant):
            if review.at > _last_moment(end, windows):
                late = f"{review.at - end:.2f} s past {why}"
                yield Violation("never past its end", grant["id"], late)


def _last_moment(end: float, windows: list[Window]) -> float:
    last = end + PAST_END_SECONDS
    for window in windows:
        if window.began < last and window.ended > end:
            last = max(last, window.ended + PAST_END_SECONDS)
    return last


def ends_on_time(seen: Seen) -> Iterator[Violation]:
    """Whatever else is away, access ends as it does when all is well."""
    for lags in lags_of(seen):
        by_another = lags.window.part is Part.ONE_DATABASE
        most = BY_ANOTHER_SECONDS if by_another else AS_WITHOUT_SECONDS
        if lags.during is not None and lags.during > most:
            what = f"{lags.window.fault}: access ended {lags.during:.2f} s late"
            yield Violation("ends on time", str(lags.window.part), what)


def sign_ins_stand(seen: Seen) -> Iterator[Violation]:
    """Whoever was told that they are signed in is, by the record."""
    done = {event["actor"] for event in seen.events if event["type"] == "sign-in.done"}
    for told in of_kind(seen.entries, "signed-in"):
        if told["person"] not in done:
            yield Violation("sign-ins stand", told["person"], "told so, and not in the record")


def _rules() -> tuple[Rule, ...]:
    others = [rule for rule in checker.RULES if rule is not checker.never_past_its_end]
    return (*others, never_past_its_end, ends_on_time, sign_ins_stand)


RULES: Final = _rules()


def check(seen: Seen) -> list[Violation]:
    """Hold a run against every rule."""
    return [violation for rule in RULES for violation in rule(seen)]


def lags_of(seen: Seen) -> list[Lags]:
    """Tell how late things were by each fault."""
    last = _last_allowed(seen)
    due = {about: min(end for _, end in ends_of(seen, seen.grants[about])) for about in last}
    found = []
    for window in windows_of(seen):
        inside = [about for about in last if window.began <= due[about] < window.ended]
        late = [max(0.0, last[about] - due[about]) for about in inside]
        during = None if window.part in HOLDS_UP and window.fault is not Fault.NONE else late
        sent = [e for e in of_kind(seen.entries, "sent") if window.began <= e.at < window.ended]
        after = max(window.settled, _served_again(seen, window)) - window.ended
        if during is None:
            after = max([after, *(last[about] - window.ended for about in inside)])
        found.append(Lags(window, max(during) if during else None, after, len(late), len(sent)))
    return found


def _last_allowed(seen: Seen) -> dict[str, float]:
    """When each grant that should be over was last seen to be allowed."""
    found: dict[str, float] = {}
    for review, grant in seen.allowed:
        if grant is not None and any(True for _ in ends_of(seen, grant)):
            found[grant["id"]] = review.at
    return found


def _served_again(seen: Seen, window: Window) -> float:
    """When the first payload was acked that was sent after the end of a fault of Slack's sockets.

    For the others nobody need be served anew: what came in meanwhile was answered.
    """
    if window.part is not Part.SLACK_SOCKETS:
        return window.ended
    acked = (e.at for e in of_kind(seen.entries, "acked") if e["ok"] and e.at > window.ended)
    return next(acked, window.ended)
