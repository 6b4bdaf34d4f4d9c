"""What stands in the report: values for the template, each bounded and said so."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.review_report.drawing import Drawing, draw, path_id
from bot.review_report.sarif import subject_name
from bot.wording.reading import read_problem_sentence
from bot.wording.review import ASIDES, STATES, gap_sentence
from grants.authz.paths.find import Paths
from grants.authz.paths.model import Path
from grants.authz.paths.words import (
    because_words,
    need_words,
    party_words,
    step_words,
)
from grants.review.finding import Finding, Severity, binding_ref
from grants.review.findings.escalations import highest
from grants.review.findings.granted_used import GrantedUsed, granted_and_used
from grants.review.scan import Scan

DRAWN_FIRST: Final = 100
"""So many findings stand in the page itself, for who has no script; the others are drawn by it."""
PATHS_MOST: Final = 200
CUTS_MOST: Final = 5
BARS_MOST: Final = 25
CLUSTERS_MOST: Final = 6
PROBLEMS_MOST: Final = 50
REACHED_MOST: Final = 20

SEVERITIES: Final = tuple(one.word for one in sorted(Severity, reverse=True))


@dataclass(frozen=True, slots=True)
class PathWords:
    """One path in words: for each step who does what, what allows it, and what else it needs."""

    id: str
    start: str
    goal: str
    certain: bool
    steps: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class CutBar:
    """What removing one binding cuts."""

    binding: str
    paths: int
    percent: float


@dataclass(frozen=True, slots=True)
class Ways:
    """The escalation paths of one cluster."""

    cluster: str
    drawing: Drawing
    accounts: int
    pairs: int
    paths: tuple[PathWords, ...]
    paths_left_out: int
    cuts: tuple[CutBar, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """Granted against used, of one account; widths are hundredths of the widest."""

    name: str
    used: int
    unused: int
    unsure: int
    widths: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Bars:
    """The accounts of one cluster that use least of what they hold."""

    cluster: str
    bars: tuple[Bar, ...]
    left_out: int


def standing(one: Finding) -> str:
    """Say in a word how a finding stands: open, or why nobody has to act."""
    if one.is_open:
        return "open"
    if one.aside:
        return "apart"
    return "excepted" if one.is_excepted else "insufficient"


def tally(findings: Iterable[Finding]) -> dict[str, int]:
    """Count open findings by severity, and the others by how they stand."""
    found = Counter(one.severity.word if one.is_open else standing(one) for one in findings)
    return {key: found[key] for key in (*SEVERITIES, "insufficient", "excepted", "apart")}


def rows(scan: Scan) -> list[dict[str, Any]]:
    """Give each finding as the page's script and template read it; what is empty is left out."""
    return [
        {key: value for key, value in _row(one, scan).items() if value not in ("", (), None)}
        for one in scan.findings
    ]


def _row(one: Finding, scan: Scan) -> dict[str, Any]:
    state = scan.states.get(one.key)
    origin, held = one.origin, one.exception
    return {
        "id": one.fingerprint[:8],
        "severity": one.severity.word,
        "standing": standing(one),
        "state": STATES[state] if state is not None else "",
        "rule": one.rule,
        "title": one.title,
        "who": subject_name(one.subject) if one.subject else str(one.role or ""),
        "where": one.namespace or ("everywhere" if one.binding and not one.namespace else ""),
        "through": str(one.binding or ""),
        "cluster": one.cluster,
        "role": f"{one.role}" if one.role else "",
        "gives": one.permission,
        "evidence": one.evidence,
        "missing": one.missing,
        "reaches": _reached(one),
        "file": f"{origin.file}:{origin.line}".removesuffix(":0") if origin else "",
        "owner": one.owner,
        "since": f"{one.first_seen:%Y-%m-%d %H:%M}Z" if one.first_seen else "",
        "apart": ASIDES.get(one.aside, "") and f"{ASIDES[one.aside]}: {one.aside_why}",
        "exception": f"{held.reason} ({held.owner}, until {held.until})" if held else "",
        "fails": held.fails if held else "",
        "fix": one.fix,
        "controls": ", ".join(str(control) for control in one.controls),
    }


def _reached(one: Finding) -> str:
    if not one.reached or one.reached == (one.subject,):
        return ""
    more = len(one.reached) - REACHED_MOST
    names = ", ".join(subject_name(each) for each in one.reached[:REACHED_MOST])
    return f"{names} and {more} more" if more > 0 else names


def ways(scan: Scan) -> Iterator[Ways]:
    """Give the escalation paths of the first clusters, of those that have some."""
    for look, paths in zip(scan.looks[:CLUSTERS_MOST], scan.paths, strict=False):
        drawing = draw(paths)
        if drawing is not None:
            yield _ways(look.cluster, paths, drawing)


def _ways(cluster: str, paths: Paths, drawing: Drawing) -> Ways:
    found = [path for start in paths.accounts if (path := highest(paths, start)) is not None]
    # The longest are the ones that nobody sees without being told.
    found.sort(key=lambda path: (-len(path.steps), path.start))
    pairs = sum(paths.count(goal) for goal in paths.goals)
    return Ways(
        cluster=cluster,
        drawing=drawing,
        accounts=len(found),
        pairs=pairs,
        paths=tuple(_words(path) for path in found[:PATHS_MOST]),
        paths_left_out=max(0, len(found) - PATHS_MOST),
        cuts=tuple(
            CutBar(str(binding_ref(cut.binding)), cut.paths, round(100 * cut.paths / pairs, 1))
            for cut in paths.cuts[:CUTS_MOST]
        ),
    )


def _words(path: Path) -> PathWords:
    return PathWords(
        path_id(path.start),
        party_words(path.start),
        party_words(path.goal),
        path.is_certain,
        tuple(
            (
                party_words(step.actor),
                step_words(step),
                tuple(because_words(one) for one in step.because),
                tuple(need_words(need) for need in step.needs),
            )
            for step in path.steps
        ),
    )


def bars(scan: Scan) -> Iterator[Bars]:
    """Give for each cluster that was heard how much of what is granted was used."""
    for look in scan.looks:
        evidence = scan.use.get(look.cluster)
        if evidence is not None:
            yield _bars(look.cluster, list(granted_and_used(look, evidence)))


def _bars(cluster: str, found: Sequence[GrantedUsed]) -> Bars:
    most = sorted(found, key=lambda one: (-one.unused, -one.granted, one.subject))[:BARS_MOST]
    widest = max((one.granted for one in most), default=1) or 1

    def width(count: int) -> float:
        return round(100 * count / widest, 2)

    made = tuple(
        Bar(
            subject_name(one.subject),
            one.used,
            one.unused,
            one.unsure,
            (width(one.used), width(one.unused), width(one.unsure)),
        )
        for one in most
    )
    return Bars(cluster, made, len(found) - len(made))


def not_seen(scan: Scan) -> list[tuple[str, str]]:
    """Give what was not seen, by cluster."""
    return [(one.cluster, gap_sentence(gap)) for one in scan.reviews for gap in one.gaps]


def problems(scan: Scan) -> tuple[list[tuple[str, str]], int]:
    """Give what could not be read, with where; and how many more there are."""
    every = [
        (f"{one.origin.file}:{one.origin.line}".removesuffix(":0"), read_problem_sentence(one))
        for look in scan.looks
        for one in look.inventory.problems
    ]
    return every[:PROBLEMS_MOST], max(0, len(every) - PROBLEMS_MOST)
