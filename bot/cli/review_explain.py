"""All about one finding, in plain lines."""

from collections.abc import Iterator
from typing import Final

from bot.cli.review_json import REACHED_SHOWN, short_id
from bot.cli.review_table import subject_words, who
from bot.cli.visible import visible
from grants.authz.model import rules_digest
from grants.review.finding import Finding, Verdict
from grants.review.scan import Scan
from grants.review.spread import Spread, spread

_INDENT: Final = "               "
ID_LEAST: Final = 4


def matching(scan: Scan, id_: str) -> list[Spread]:
    """Give the findings that an id (or the beginning of one, or a whole key) may mean."""
    wanted = id_.partition("@")[0].lower()
    found = spread(scan.findings, scan.clusters)
    return [one for one in found if one.finding.fingerprint.startswith(wanted)]


def explain(scan: Scan, one: Spread) -> Iterator[str]:
    """Say all about a finding: what, whose, where, by which lines, what shows it, what mends it."""
    finding = one.finding
    yield visible(f"{finding.severity.word}: {who(finding)} {finding.title}")
    for label, lines in _parts(scan, one):
        for number, line in enumerate(line for line in lines if line):
            lead = f"  {label + ':':<13}" if number == 0 else _INDENT
            yield visible(f"{lead}{line}")


def _parts(scan: Scan, one: Spread) -> Iterator[tuple[str, tuple[str, ...]]]:
    finding = one.finding
    yield "id", (f"{short_id(finding)} (rule {finding.rule})",)
    yield "where", (_place(finding),)
    yield "through", (str(finding.binding or ""), _role(scan, finding))
    yield "gives", finding.permission
    yield "also", (", ".join(finding.implies),)
    yield "reaches", (_reached(finding),)
    yield "shown by", finding.evidence
    yield "not seen", finding.missing if finding.verdict is Verdict.INSUFFICIENT else ()
    yield "stands in", (_file(finding),)
    yield "clusters", _clusters(one)
    yield "owner", (finding.owner,)
    yield "since", (f"{finding.first_seen:%Y-%m-%d %H:%M}Z" if finding.first_seen else "",)
    yield "set apart", (finding.aside_why,)
    yield "exception", _exception(finding)
    yield "mend by", (finding.fix,)
    yield "controls", (", ".join(str(control) for control in finding.controls),)


def _place(finding: Finding) -> str:
    if finding.namespace is not None:
        return f"namespace {finding.namespace}"
    return "everywhere" if finding.binding else ""


def _role(scan: Scan, finding: Finding) -> str:
    if finding.role is None:
        return ""
    place = f" of {finding.role_namespace}" if finding.role_namespace else ""
    for look in scan.looks:
        role = look.role(finding.role, finding.role_namespace)
        if role is not None and look.cluster == finding.cluster:
            return f"{finding.role}{place} (rules_digest {rules_digest(role.rules)})"
    return f"{finding.role}{place}"


def _reached(finding: Finding) -> str:
    names = [subject_words(one) for one in finding.reached]
    if not names or finding.reached == (finding.subject,):
        return ""
    more = len(names) - REACHED_SHOWN
    shown = ", ".join(names[:REACHED_SHOWN])
    return f"{shown} and {more} more service accounts" if more > 0 else shown


def _file(finding: Finding) -> str:
    origin = finding.origin
    if origin is None or not origin.file:
        return ""
    return f"{origin.file}:{origin.line}" if origin.line else origin.file


def _clusters(one: Spread) -> tuple[str, ...]:
    named = sorted({cluster for cluster in one.clusters if cluster})
    differs = (f"{cluster} differs from the others: {how}" for cluster, how in one.differs)
    return (", ".join(named), *differs)


def _exception(finding: Finding) -> tuple[str, ...]:
    held = finding.exception
    if held is None:
        return ()
    counts = f"does not count: {held.fails}" if held.fails else "counts"
    return (f"{held.reason} ({held.owner}, until {held.until.isoformat()}); {counts}",)
