"""Findings of reviews: the list, worst first, and all about one in plain words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.slack.blocks import Block, button, context, header, modal, mrkdwn, plain, section
from bot.slack.text import code, date, label, one_line
from grants.review.details import Detail
from grants.review.finding import Finding, Verdict

FINDING: Final = "finding"
FINDINGS: Final = "findings"
LISTED: Final = 20
"""Findings in one list: each is a block with its button, and a message holds fifty."""

_NAME: Final = 150
_TITLE: Final = 300
_LINES: Final = 2500


@dataclass(frozen=True)
class FindingList:
    """The worst findings that somebody has to act on, and how many there are in all."""

    worst: Sequence[Detail]
    count: int


def subject_line(finding: Finding) -> str:
    """Say who can do what where, as mrkdwn."""
    who = label(str(finding.subject or finding.role or ""), _NAME)
    where = f"{label(place_words(finding), _NAME)} on {label(finding.cluster, _NAME)}"
    return f"*{finding.severity.word}* {who} {label(finding.title, _TITLE)} ({where})"


def place_words(finding: Finding) -> str:
    """Say where the rights hold, as plain text."""
    if finding.namespace is not None:
        return finding.namespace
    return "everywhere" if finding.binding else "at rest"


def list_blocks(found: FindingList, where: str) -> list[Block]:
    """Draw the list; `where` keeps ids of blocks apart."""
    if not found.worst:
        said = "Nothing to act on. What reviews of service accounts find will stand here."
        return [context(plain(said))]
    blocks = [
        section(
            mrkdwn(subject_line(one.finding)),
            block_id=f"{where}:{one.finding.key}"[:255],
            accessory=button("Look", FINDING, one.finding.key),
        )
        for one in found.worst[:LISTED]
    ]
    more = found.count - len(found.worst[:LISTED])
    if more > 0:
        blocks.append(context(plain(f"… and {more} more: valetkey review scan lists them all.")))
    return blocks


def findings_view(found: FindingList) -> dict[str, Any]:
    """Show the list in a modal."""
    return modal("Service accounts", list_blocks(found, FINDINGS), callback_id=FINDINGS)


def home_findings(found: FindingList | None, most: int) -> list[Block]:
    """Draw the worst few on Home; nothing for people who may not see them."""
    if found is None:
        return []
    few = FindingList(found.worst[:most], found.count)
    return [header("For reviewers: service accounts"), *list_blocks(few, "home:finding")]


def finding_view(detail: Detail) -> dict[str, Any]:
    """Show all about one finding: what, by which binding, what shows it, and what mends it."""
    finding = detail.finding
    blocks = [section(mrkdwn(subject_line(finding)))]
    for name, lines in _parts(detail):
        said = [line for line in lines if line]
        if said:
            blocks.append(section(mrkdwn(f"*{name}*\n{code(chr(10).join(said), _LINES)}")))
    if finding.verdict is Verdict.INSUFFICIENT:
        blocks.append(context(plain("What was seen allows no conclusion.")))
    controls = ", ".join(str(control) for control in finding.controls)
    since = f" · since {date(finding.first_seen)}" if finding.first_seen else ""
    small = f"Rule {label(finding.rule)}{since}" + (f" · {label(controls)}" if controls else "")
    return modal("Finding", [*blocks, context(mrkdwn(small))], callback_id=FINDING)


def _parts(detail: Detail) -> Iterator[tuple[str, tuple[str, ...]]]:
    finding = detail.finding
    role = f"{finding.role}" if finding.role else ""
    home = f" of {finding.role_namespace}" if role and finding.role_namespace else ""
    yield "By", (one_line(str(finding.binding or "")), one_line(f"{role}{home}"))
    yield "Which gives", finding.permission
    yield "Shown by", finding.evidence
    yield "Not seen", finding.missing if finding.verdict is Verdict.INSUFFICIENT else ()
    yield "Held by", _reached(detail)
    yield "Owner", (finding.owner,)
    yield "Exception", _exception(finding)
    yield "Set apart", (finding.aside_why,)
    yield "Mend by", (finding.fix,)


def _reached(detail: Detail) -> tuple[str, ...]:
    named = tuple(str(one) for one in detail.finding.reached)
    if not named or detail.finding.reached == (detail.finding.subject,):
        return ()
    more = detail.reached - len(named)
    return (*named, f"and {more} more service accounts") if more > 0 else named


def _exception(finding: Finding) -> tuple[str, ...]:
    held = finding.exception
    if held is None:
        return ()
    counts = f"Does not count: {held.fails}" if held.fails else "Counts"
    return (held.reason, f"{held.owner}, until {held.until.isoformat()}", counts)
