"""Findings of reviews: the list, worst first, and all about one in plain words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date as day
from typing import Any, Final

from bot.slack.blocks import (
    Block,
    actions,
    button,
    context,
    divider,
    header,
    input_block,
    modal,
    mrkdwn,
    plain,
    section,
)
from bot.slack.cards.parts import who
from bot.slack.facts import Face
from bot.slack.text import clean, code, date, fit, label, one_line
from bot.wording.review import ended_words
from grants.people.said import WHY_MOST
from grants.review.answers import Answer, AnswerKind
from grants.review.details import Detail
from grants.review.finding import Finding, Verdict
from grants.review.findings.look import few

FINDING: Final = "finding"
FINDINGS: Final = "findings"
KEEP: Final = "keep-finding"
NOT_MINE: Final = "not-mine"
READ: Final = 600
"""Findings that are read for a list: the same in many clusters is one line of it."""

LISTED: Final = 20
"""Findings in one list: each is a block with its button, and a message holds fifty."""

_CLUSTERS: Final = 10
_NAME: Final = 150
_TITLE: Final = 300
_LINES: Final = 2500
_LINE: Final = 600
_AS_CODE: Final = frozenset({"By", "Which gives", "Held by"})


@dataclass(frozen=True)
class FindingList:
    """The worst findings that somebody has to act on, and how many there are in all.

    The same in several clusters is one, shown where it is worst.
    """

    worst: Sequence[Detail]
    count: int

    @property
    def gathered(self) -> Sequence[tuple[Detail, Sequence[str]]]:
        """Each finding once, with all its clusters."""
        found: dict[str, list[Detail]] = {}
        for one in self.worst:
            found.setdefault(one.finding.fingerprint, []).append(one)
        return [(those[0], [one.finding.cluster for one in those]) for those in found.values()]


def subject_line(finding: Finding, clusters: Sequence[str] = ()) -> str:
    """Say who can do what where, as mrkdwn; in more than one cluster it says in which."""
    bold = f"*{label(finding.who, _NAME)}* " if finding.who else ""
    on = finding.cluster
    if len(clusters) > 1:
        on = f"{len(clusters)} clusters: {few(clusters)}"
    where = f"{label(place_words(finding), _NAME)} on {label(on, _NAME)}"
    return f"{finding.severity.word}: {bold}{label(finding.title, _TITLE)} ({where})"


def place_words(finding: Finding) -> str:
    """Say where the rights hold, as plain text."""
    if finding.namespace is not None:
        return finding.namespace
    return "everywhere" if finding.binding else "at rest"


def list_blocks(
    found: FindingList, where: str, most: int = LISTED, whole: str = "valetkey review scan"
) -> list[Block]:
    """Draw the list; `where` keeps ids of blocks apart, `whole` says where all of it stands."""
    if not found.worst:
        said = "Nothing to act on. What reviews of service accounts find will stand here."
        return [context(plain(said))]
    shown = found.gathered[:most]
    blocks = [
        section(
            mrkdwn(subject_line(one.finding, clusters)),
            block_id=f"{where}:{one.finding.key}"[:255],
            accessory=button("Look", FINDING, one.finding.key),
        )
        for one, clusters in shown
    ]
    more = found.count - sum(len(clusters) for _, clusters in shown)
    if more > 0:
        blocks.append(context(plain(f"… and {more} more: {whole} lists them.")))
    return blocks


def findings_view(found: FindingList) -> dict[str, Any]:
    """Show the list in a modal."""
    return modal("Service accounts", list_blocks(found, FINDINGS), callback_id=FINDINGS)


def home_findings(found: FindingList | None, most: int) -> list[Block]:
    """Draw the worst few on Home; nothing for people who may not see them."""
    if found is None:
        return []
    head = header("For reviewers: service accounts")
    return [divider(), head, *list_blocks(found, "home:finding", most, "/access review")]


@dataclass(frozen=True)
class Said:
    """What was answered to a finding, the latest first, with the faces of who did.

    `clusters` are all in which it is to be acted on. `may_answer`: whoever looks is a reviewer;
    `disowned`: they said that it is not theirs. `note` says what their click just did.
    """

    answers: Sequence[Answer] = ()
    clusters: Sequence[str] = ()
    faces: Mapping[str, Face] = field(default_factory=dict)
    may_answer: bool = False
    disowned: bool = False
    note: str = ""

    def face(self, person: str) -> Face:
        """Give a person's face, known or not."""
        return self.faces.get(person) or Face(person)


NOTHING_SAID: Final = Said()


def finding_view(detail: Detail, said_of_it: Said = NOTHING_SAID) -> dict[str, Any]:
    """Show all about one finding: what, by which binding, what shows it, and what mends it."""
    finding = detail.finding
    blocks = [context(plain(said_of_it.note))] if said_of_it.note else []
    blocks.append(section(mrkdwn(subject_line(finding))))
    if len(said_of_it.clusters) > 1:
        also = f"In {len(said_of_it.clusters)} clusters: {few(said_of_it.clusters, _CLUSTERS)}."
        blocks.append(context(plain(f"{also} An answer here is for {finding.cluster} alone.")))
    for name, lines in _parts(detail):
        said = [line for line in lines if line]
        if said:
            text = code("\n".join(said), _LINES) if name in _AS_CODE else _prose(said)
            blocks.append(section(mrkdwn(f"*{name}*\n{text}")))
    if finding.verdict is Verdict.INSUFFICIENT:
        blocks.append(context(plain("What was seen allows no conclusion.")))
    controls = ", ".join(str(control) for control in finding.controls)
    since = f" · since {date(finding.first_seen)}" if finding.first_seen else ""
    small = f"Rule {label(finding.rule)}{since}" + (f" · {label(controls)}" if controls else "")
    blocks += [*_answers(said_of_it), *_buttons(detail, said_of_it), context(mrkdwn(small))]
    return modal("Finding", blocks, callback_id=FINDING)


def _answers(said: Said) -> Iterator[Block]:
    """Show who answered what; a reason stands literally."""
    for one in said.answers:
        name, at = who(said.face(one.person)), date(one.at)
        if one.kind is AnswerKind.NOT_MINE:
            yield context(mrkdwn(f"{name} said {at}: not mine"))
            continue
        until = one.until.isoformat() if one.until else ""
        yield section(mrkdwn(f"*Kept* by {name} {at}, to the end of {until} (UTC)"))
        yield section(plain(f"“{fit(clean(one.reason), WHY_MOST)}”"))
        if one.ended is not None and one.ended_at is not None:
            why = label(ended_words(one.ended, one.ended_by))
            yield context(mrkdwn(f"Counts no longer since {date(one.ended_at)}: {why}"))


def _buttons(detail: Detail, said: Said) -> Iterator[Block]:
    """Offer the answers; what is clicked is judged anew by what the hash says was shown."""
    if not (said.may_answer and detail.finding.is_open and detail.shown_hash):
        return
    value = f"{detail.finding.key}:{detail.shown_hash}"
    keep, not_mine = button("Keep…", KEEP, value), button("Not mine", NOT_MINE, value)
    yield actions(keep, *([] if said.disowned else [not_mine]), block_id="finding:answer")


@dataclass(frozen=True)
class Days:
    """Which day may be chosen: the first, the last, and the one that is offered."""

    first: day
    last: day
    offered: day


def keep_view(finding: Finding, value: str, days: Days) -> dict[str, Any]:
    """Ask why a finding may stay, and until when; `value` is the button's, checked again."""
    reason: Block = {
        "type": "plain_text_input",
        "action_id": "reason",
        "multiline": True,
        "max_length": WHY_MOST,
        "focus_on_load": True,
    }
    until: Block = {
        "type": "datepicker",
        "action_id": "until",
        "initial_date": days.offered.isoformat(),
    }
    blocks = [
        section(mrkdwn(subject_line(finding))),
        input_block("Why may it stay?", reason, "reason", hint="Shown, and kept on record."),
        input_block(
            "Until the end of which day?",
            until,
            "until",
            hint=f"At the latest {days.last.isoformat()}. It is open again after that, and as soon"
            " as it grows or changes.",
        ),
    ]
    return modal("Keep a finding", blocks, callback_id=KEEP, submit="Keep", metadata=value)


def _prose(lines: Sequence[str]) -> str:
    """Write lines that people read, each made safe by itself; what is too much is counted."""
    said = [label(line, _LINE) for line in lines]
    kept = [one for n, one in enumerate(said) if sum(map(len, said[: n + 1])) + n <= _LINES]
    more = len(said) - len(kept)
    return "\n".join([*kept, *([f"… and {more} more lines"] if more else [])])


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
    if held is None or (held.answer and not held.fails):
        return ()  # what a reviewer kept stands among the answers
    counts = f"Does not count: {held.fails}" if held.fails else "Counts"
    if held.answer:
        return (f"What was kept until {held.until.isoformat()} does not count now: {held.fails}",)
    return (held.reason, f"{held.owner}, until {held.until.isoformat()}", counts)
