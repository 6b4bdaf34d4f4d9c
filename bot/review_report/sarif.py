"""A scan as SARIF 2.1.0, for forges and editors: rules with help, results with lines."""

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote

from bot.wording.reading import read_problem_sentence
from bot.wording.review import gap_sentence
from grants.authz.objects import SERVICE_ACCOUNT, Origin, Subject
from grants.review.finding import Finding, Severity, Verdict
from grants.review.findings.catalogue import CATALOGUE
from grants.review.findings.escalations import PATH
from grants.review.findings.look import Look
from grants.review.findings.scanning import Review
from grants.review.scan import Scan
from grants.review.tracking import State

SCHEMA_URI: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT: Final = "valetkey/v1"

LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# What forges sort by, from 0 to 10: their critical begins at 9, high at 7, medium at 4.
SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.0",
    Severity.LOW: "2.0",
    Severity.INFO: "0.5",
}
_BASELINE: Final = {State.NEW: "new", State.KNOWN: "unchanged", State.REOPENED: "new"}


def render_sarif(scan: Scan) -> str:
    """Write a scan, one run for each cluster or set of files."""
    runs = [_run(scan, *pair) for pair in zip(scan.looks, scan.reviews, strict=True)]
    body = {"version": "2.1.0", "$schema": SCHEMA_URI, "runs": runs}
    return json.dumps(body, indent=2, ensure_ascii=False)


def _run(scan: Scan, look: Look, review: Review) -> dict[str, Any]:
    # The scan's own, since those know since when they were seen.
    findings = [one for one in scan.findings if one.cluster == review.cluster]
    rules = [id_ for id_ in CATALOGUE if any(one.rule == id_ for one in findings)]
    driver = {
        "name": "Valetkey",
        "semanticVersion": version("valetkey"),
        "rules": [_rule(id_, findings) for id_ in rules],
    }
    return {
        "tool": {"driver": driver},
        # Forges keep runs of different clusters apart by this.
        "automationDetails": {"id": f"valetkey/review/{review.cluster or 'files'}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(look, review)],
        "results": [_result(one, rules.index(one.rule), scan) for one in findings],
    }


def _rule(id_: str, findings: Sequence[Finding]) -> dict[str, Any]:
    rule = CATALOGUE[id_]
    worst = max(one.severity for one in findings if one.rule == id_)
    controls = [str(control) for control in rule.controls]
    fix = rule.fix_at_large
    help_text = f"{fix}\n\nSee: {', '.join(controls)}." if controls else fix
    return {
        "id": id_,
        "name": "".join(part.title() for part in id_.split("-")),
        "shortDescription": {"text": _sentence(rule.title)},
        "fullDescription": {"text": _sentence(f"a service account, user or group {rule.title}")},
        "help": {"text": help_text, "markdown": _markdown(fix, controls)},
        "defaultConfiguration": {"level": LEVELS[worst]},
        "properties": {
            "tags": ["security", "kubernetes", "rbac", *controls][:20],
            "precision": "high",
            "security-severity": SCORES[worst],
        },
    }


def _markdown(fix: str, controls: list[str]) -> str:
    lines = "".join(f"\n- {control}" for control in controls)
    return f"**What mends it.** {fix}\n\n**Controls**\n{lines}" if controls else fix


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _result(one: Finding, index: int, scan: Scan) -> dict[str, Any]:
    unsure = one.verdict is Verdict.INSUFFICIENT
    found: dict[str, Any] = {
        "ruleId": one.rule,
        "ruleIndex": index,
        # SARIF's own words for "not enough is known to decide"; such a result has no level.
        "kind": "open" if unsure else "fail",
        "level": "none" if unsure else LEVELS[one.severity],
        "message": {"text": _message(one)},
        "partialFingerprints": {FINGERPRINT: one.fingerprint},
        "properties": {
            "security-severity": SCORES[one.severity],
            "severity": one.severity.word,
            **({"owner": one.owner} if one.owner else {}),
            **({"cluster": one.cluster} if one.cluster else {}),
            **({"firstSeen": one.first_seen.isoformat()} if one.first_seen else {}),
        },
        "locations": [_location(one)],
    }
    state = scan.states.get(one.key)
    if state is not None:
        found["baselineState"] = _BASELINE[state]
    suppressions = list(_suppressions(one))
    if suppressions:
        found["suppressions"] = suppressions
    if one.rule == PATH:
        found["codeFlows"] = [_steps(one)]
    return found


def _message(one: Finding) -> str:
    parts = [_sentence(f"{_who(one)} {one.title}")]
    if one.binding:
        parts.append(f"Through {one.binding}, {one.role}." if one.role else f"By {one.binding}.")
    if one.permission:
        parts.append(f"It gives: {'; '.join(one.permission)}.")
    if one.rule != PATH and one.evidence:
        parts.append(f"Shown by: {'; '.join(one.evidence)}.")
    if one.missing:
        parts.append(f"Not seen: {'; '.join(one.missing)}.")
    parts.append(one.fix)
    return " ".join(part for part in parts if part)


def _who(one: Finding) -> str:
    return subject_name(one.subject) if one.subject else str(one.role or one.binding or "something")


def subject_name(subject: Subject) -> str:
    """Name a subject as kubectl's users do: an account by its namespace."""
    if subject.kind == SERVICE_ACCOUNT:
        return f"{subject.namespace}/{subject.name}"
    return f"{subject.kind.lower()} {subject.name}"


def _location(one: Finding) -> dict[str, Any]:
    named = [part for part in (one.subject, one.binding, one.role) if part]
    found: dict[str, Any] = {}
    if one.origin is not None and one.origin.file:
        found["physicalLocation"] = _physical(one.origin)
    found["logicalLocations"] = [
        {"name": part.name, "fullyQualifiedName": _qualified(one, str(part)), "kind": "resource"}
        for part in named
    ]
    return found


def _qualified(one: Finding, name: str) -> str:
    return f"{one.cluster}: {name}" if one.cluster else name


def _physical(origin: Origin) -> dict[str, Any]:
    found: dict[str, Any] = {"artifactLocation": {"uri": file_uri(origin.file)}}
    if origin.line:
        found["region"] = {"startLine": origin.line}
    return found


def file_uri(file: str) -> str:
    """Write a file as a reference that forges match with the repository's own files."""
    return f"file://{quote(file)}" if file.startswith("/") else quote(file.removeprefix("./"))


def _suppressions(one: Finding) -> Iterator[dict[str, Any]]:
    """Give the reasons why nobody here is to act: policy excepts it, or it is the system's."""
    if one.exception is not None:
        held = one.exception
        why = f"{held.reason} ({held.owner}, until {held.until.isoformat()})"
        yield {
            "kind": "external",
            "status": "rejected" if held.fails else "accepted",
            "justification": f"{why}; it does not count: {held.fails}" if held.fails else why,
        }
    if one.aside:
        yield {"kind": "external", "status": "accepted", "justification": one.aside_why}


def _steps(one: Finding) -> dict[str, Any]:
    steps = [{"location": {"message": {"text": line}}} for line in one.evidence]
    return {"message": {"text": _sentence(one.title)}, "threadFlows": [{"locations": steps}]}


def _invocation(look: Look, review: Review) -> dict[str, Any]:
    problems = [
        {
            "level": "warning" if problem.loses else "note",
            "message": {"text": read_problem_sentence(problem)},
            "descriptor": {"id": problem.code},
            **(
                {"locations": [{"physicalLocation": _physical(problem.origin)}]}
                if problem.origin.file
                else {}
            ),
        }
        for problem in look.inventory.problems
    ]
    gaps = [
        {
            "level": "note",
            "message": {"text": f"Not seen. {gap_sentence(gap)}"},
            "descriptor": {"id": gap.code},
        }
        for gap in review.gaps
    ]
    return {
        "executionSuccessful": not look.inventory.partial,
        "endTimeUtc": f"{review.taken_at:%Y-%m-%dT%H:%M:%SZ}",
        "toolExecutionNotifications": [*problems, *gaps],
    }
