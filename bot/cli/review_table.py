"""A scan as people read it in a terminal: worst first, a line each, then what was not seen."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bot.cli.review_json import counts, short_id
from bot.cli.visible import visible
from bot.wording.reading import read_problem_sentence
from bot.wording.review import ASIDES, STATES, gap_sentence
from grants.authz.objects import SERVICE_ACCOUNT, Subject
from grants.review.finding import Aside, Finding, Severity, Verdict
from grants.review.scan import Scan
from grants.review.spread import Spread, spread
from grants.review.tracking import State

LINES_MOST: Final = 200
"""Of more lines nobody reads the next; they are counted, and `--all` shows them."""
APART_MOST: Final = 5
PROBLEMS_MOST: Final = 10
WIDTH_LEAST: Final = 60

_COLOURS: Final = {
    Severity.CRITICAL: "\x1b[1;31m",
    Severity.HIGH: "\x1b[31m",
    Severity.MEDIUM: "\x1b[33m",
    Severity.LOW: "\x1b[36m",
    Severity.INFO: "\x1b[2m",
}
_FAINT: Final = "\x1b[2m"
_BOLD: Final = "\x1b[1m"
_PLAIN: Final = "\x1b[0m"

# A column gives way to none below this, and the last of them gives way first.
_LEAST: Final = (8, 8, 10, 5, 8, 8)
_LOOKED_AT: Final = (
    ("accounts", "service account"),
    ("roles", "role"),
    ("bindings", "binding"),
    ("workloads", "workload"),
)
_HEADINGS: Final = ("severity", "rule", "who", "where", "through", "id")


@dataclass(frozen=True, slots=True)
class Look:
    """How the table is to look. `width` None: as wide as it wants, for files and pipes."""

    width: int | None = None
    colours: bool = False
    everything: bool = False


def table(scan: Scan, look: Look) -> Iterator[str]:
    """Write a scan, line by line."""
    found = spread(scan.findings, scan.clusters)
    opened = [one for one in found if one.finding.is_open]
    most = None if look.everything else LINES_MOST
    yield from _problems(scan, look)
    yield from _lines(opened[:most], scan, look)
    if most is not None and len(opened) > most:
        yield f"and {len(opened) - most} more lines: --all shows them"
    if opened:
        yield ""
    yield from _summary(scan, found, look)
    yield from _apart(found, look)
    yield from _resolved(scan)
    yield from _not_seen(scan)


def _lines(found: Sequence[Spread], scan: Scan, look: Look) -> Iterator[str]:
    if not found:
        return
    rows = [_HEADINGS, *(_row(one, scan) for one in found)]
    shown = [tuple(visible(cell) for cell in row) for row in rows]
    widths = _widths([max(len(cell) for cell in column) for column in zip(*shown, strict=True)],
                     look.width)  # fmt: skip
    for number, row in enumerate(shown):
        cells = [_fit(cell, width) for cell, width in zip(row, widths, strict=True)]
        if look.colours and number == 0:
            yield f"{_FAINT}{'  '.join(cells).rstrip()}{_PLAIN}"
            continue
        if look.colours:
            cells[0] = f"{_COLOURS[found[number - 1].finding.severity]}{cells[0]}{_PLAIN}"
        yield "  ".join(cells).rstrip()


def _row(one: Spread, scan: Scan) -> tuple[str, ...]:
    finding = one.finding
    mark = STATES.get(scan.states.get(finding.key, State.KNOWN), "")
    rule = f"{finding.rule} ({mark})" if mark else finding.rule
    through = finding.binding.name if finding.binding else ""
    role = finding.role.name if finding.role and finding.subject else ""
    if role and role != through:
        through = f"{through} > {role}" if through else role
    return (
        finding.severity.word,
        rule,
        who(finding),
        _where(one, scan),
        through,
        short_id(finding),
    )


def who(finding: Finding) -> str:
    """Name a finding's subject in few words."""
    subject = finding.subject
    if subject is None:
        return f"{finding.role.kind} {finding.role.name}" if finding.role else ""
    return subject_words(subject)


def subject_words(subject: Subject) -> str:
    """Name an account as namespace/name, others with their kind."""
    if subject.kind == SERVICE_ACCOUNT:
        return f"{subject.namespace}/{subject.name}"
    return f"{subject.kind.lower()} {subject.name}"


def _where(one: Spread, scan: Scan) -> str:
    place = one.finding.namespace or ("everywhere" if one.finding.binding else "")
    if len(scan.clusters) == 1:
        return place
    clusters = sorted(set(one.clusters))
    if len(clusters) == 1:
        where = clusters[0] + (" alone" if one.differs else "")
    else:
        where = f"{len(clusters)} clusters"
        where += f", but {one.differs[0][0]}" if len(one.differs) == 1 else ""
    return f"{place} in {where}" if place else f"in {where}"


def _widths(wanted: list[int], width: int | None) -> list[int]:
    """Take from the widest column that may still give way, until a line fits."""
    if width is None:
        return wanted
    room = max(width, WIDTH_LEAST) - 2 * (len(wanted) - 1)
    widths = list(wanted)
    while sum(widths) > room:
        slack = [have - least for have, least in zip(widths, _LEAST, strict=True)]
        index = max((4, 2, 3, 1), key=lambda i: slack[i])
        if slack[index] <= 0:
            break
        widths[index] -= 1
    return widths


def _fit(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else f"{cell[: width - 1]}…"


def _summary(scan: Scan, found: Sequence[Spread], look: Look) -> Iterator[str]:
    numbers = counts(one.finding for one in found)
    parts = [
        f"{numbers[s.word]} {s.word}" for s in sorted(Severity, reverse=True) if numbers[s.word]
    ]
    total = sum(numbers[s.word] for s in Severity)
    said = f"{_count(total, 'finding')}: {', '.join(parts)}." if total else "No findings."
    if scan.states and total:
        opened = (one.finding.key for one in found if one.finding.is_open)
        new = sum(scan.states.get(key) is not State.KNOWN for key in opened)
        said += f" {new:,} of them new or back."
    yield f"{_BOLD}{said}{_PLAIN}" if look.colours else said
    if numbers["excepted"]:
        yield f"{_count(numbers['excepted'], 'finding')} excepted by policy."
    yield f"Looked at {_looked(scan)}."
    if any(one.finding.is_open for one in found):
        yield f"`--explain {short_id(found[0].finding)}` tells all about the first."


def _looked(scan: Scan) -> str:
    numbers: Counter[str] = Counter()
    for one in scan.reviews:
        numbers.update(dict(one.looked_at))
    said = ", ".join(_count(numbers[name], word) for name, word in _LOOKED_AT)
    named = [cluster for cluster in scan.clusters if cluster]
    if not named:
        return said
    return f"{said} in {named[0] if len(named) == 1 else f'{len(named)} clusters'}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _apart(found: Sequence[Spread], look: Look) -> Iterator[str]:
    """Show what is not theirs to mend, or can't be said, in few lines."""
    for aside, words in ASIDES.items():
        those = [one.finding for one in found if one.finding.aside is aside]
        yield from _group(f"Set apart, {words}", those, look)
    unsure = [
        one.finding
        for one in found
        if one.finding.aside is Aside.NO and one.finding.verdict is Verdict.INSUFFICIENT
    ]
    yield from _group("Not enough seen to judge", unsure, look)
    held = [one.finding for one in found if one.finding.is_excepted and not one.finding.aside]
    yield from _group("Excepted", held, look)


def _group(words: str, findings: Sequence[Finding], look: Look) -> Iterator[str]:
    if not findings:
        return
    yield ""
    yield f"{words} ({len(findings)}):"
    most = len(findings) if look.everything else APART_MOST
    for one in findings[:most]:
        told = f"  {one.severity.word:<8} {one.rule}  {who(one)}  {short_id(one)}"
        if one.missing:
            told = f"  {one.rule}  {who(one)}: {one.missing[-1]}  {short_id(one)}"
        yield visible(told)
    if len(findings) > most:
        yield f"  and {len(findings) - most} more: --all shows them"


def _resolved(scan: Scan) -> Iterator[str]:
    gone = scan.resolved
    if gone:
        yield ""
        yield f"Gone since ({len(gone)}):"
        yield from (visible(f"  {one.rule}  {one.subject}") for one in gone[:LINES_MOST])


def _problems(scan: Scan, look: Look) -> Iterator[str]:
    told = [p for one in scan.looks for p in one.inventory.problems]
    most = len(told) if look.everything else PROBLEMS_MOST
    for problem in told[:most]:
        yield visible(read_problem_sentence(problem))
    if len(told) > most:
        yield f"and {len(told) - most} more of the kind"
    if told:
        yield ""


def _not_seen(scan: Scan) -> Iterator[str]:
    said: dict[str, list[str]] = {}
    for one in scan.reviews:
        for gap in one.gaps:
            said.setdefault(gap_sentence(gap), []).append(one.cluster)
    if not said:
        return
    yield ""
    yield "Not seen:"
    for sentence, clusters in said.items():
        where = (
            f" ({_in(clusters)})"
            if len(scan.reviews) > 1 and len(clusters) < len(scan.reviews)
            else ""
        )
        yield visible(f"  {sentence}{where}")


def _in(clusters: Iterable[str]) -> str:
    return ", ".join(sorted(cluster or "files" for cluster in clusters))
