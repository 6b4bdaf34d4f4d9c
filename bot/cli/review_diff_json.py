"""A change of manifests for programs: JSON whose fields are a contract, and SARIF 2.1.0."""

import hashlib
import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Final

from bot.review_report.sarif import FINGERPRINT, LEVELS, SCHEMA_URI, SCORES, file_uri
from bot.wording.changes import finding_words, what_words, who_words
from grants.authz.model import rule_as_json
from grants.authz.objects import Origin, Subject
from grants.review.changes.given import Given
from grants.review.changes.model import Change, NewFinding, NewPath, SubjectChange
from grants.review.finding import Severity
from grants.review.findings.catalogue import CATALOGUE
from grants.review.findings.escalations import PATH

SCHEMA: Final = "valetkey/review-diff/v1"
GAIN_RULE: Final = "rights-gained"


def as_json(change: Change) -> str:
    """Write a change."""
    body = {
        "schema": SCHEMA,
        "taken_at": change.taken_at.isoformat(),
        "worst": _word(change.worst),
        "partial": list(change.partial),
        "resolved": change.resolved,
        "subjects": [_subject(one) for one in change.subjects],
        "findings": [_finding(one) for one in change.findings],
        "paths": [_path(one) for one in change.paths],
    }
    return json.dumps(body, indent=2, ensure_ascii=False)


def _subject(one: SubjectChange) -> dict[str, Any]:
    return {
        "subject": _named(one.subject),
        "severity": _word(one.severity),
        "born": one.born,
        "by_group_alone": one.by_group_alone,
        "gained": [_given(given) for given in one.gained],
        "lost": [_given(given) for given in one.lost],
        "risks": [
            {
                "rule": risk.rule,
                "severity": risk.severity.word,
                "namespace": risk.scope,
                "allowed": risk.allowed or None,
            }
            for risk in one.risks
        ],
    }


def _given(given: Given) -> dict[str, Any]:
    meta = given.binding.meta
    return {
        "namespace": given.scope,
        "says": what_words(given),
        "rules": [rule_as_json(rule) for rule in given.rules],
        "binding": {
            "kind": given.binding.kind,
            "name": meta.name,
            "namespace": given.binding.namespace,
        },
        "role": {"kind": given.role.kind, "name": given.role.meta.name},
        "through": _named(given.subject),
        **_place(given.origin),
    }


def _finding(one: NewFinding) -> dict[str, Any]:
    found = one.finding
    return {
        "fingerprint": found.fingerprint,
        "rule": found.rule,
        "severity": found.severity.word,
        "open": one.severity is not None,
        "allowed": one.allowed or None,
        "says": finding_words(found),
        "subject": _named(found.subject) if found.subject else None,
        "namespace": found.namespace,
        "permission": list(found.permission),
        "fix": found.fix,
        **_place(found.origin),
    }


def _path(one: NewPath) -> dict[str, Any]:
    return {
        "from": one.start,
        "goal": one.goal,
        "severity": one.weight.word,
        "allowed": one.allowed or None,
        "steps": list(one.steps),
        **_place(one.origin),
    }


def _named(subject: Subject) -> dict[str, Any]:
    return {
        "kind": subject.kind,
        "name": subject.name,
        "namespace": subject.namespace or None,
    }


def _place(origin: Origin | None) -> dict[str, Any]:
    known = origin is not None and bool(origin.file)
    return {
        "file": origin.file if origin and known else None,
        "line": origin.line or None if origin and known else None,
    }


def _word(severity: Severity | None) -> str | None:
    return None if severity is None else severity.word


def as_sarif(change: Change) -> str:
    """Write what is of concern as SARIF: one result for each gain, new finding and new path."""
    results = [*_gain_results(change), *_finding_results(change), *_path_results(change)]
    rules = sorted({result["ruleId"] for result in results})
    for result in results:
        result["ruleIndex"] = rules.index(result["ruleId"])
    driver = {
        "name": "Valetkey",
        "semanticVersion": version("valetkey"),
        "rules": [_rule(rule) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        # Forges keep it apart from the results of scans by this.
        "automationDetails": {"id": "valetkey/review-diff/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    body = {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}
    return json.dumps(body, indent=2, ensure_ascii=False)


def _rule(id_: str) -> dict[str, Any]:
    if id_ == GAIN_RULE:
        title, fix = "Rights are gained.", "Give no more than is needed."
    else:
        entry = CATALOGUE[id_]
        title, fix = f"{entry.title[:1].upper()}{entry.title[1:]}.", entry.fix_at_large
    return {"id": id_, "shortDescription": {"text": title}, "help": {"text": fix}}


def _gain_results(change: Change) -> Iterator[dict[str, Any]]:
    for one in change.subjects:
        if one.severity is None or (one.by_group_alone and one.subject.kind != "Group"):
            continue
        # Where the gain is risky its findings tell of it, by the ids of their rules.
        risky = {risk.scope for risk in one.risks}
        for given in (given for given in one.gained if given.scope not in risky):
            text = f"{who_words(one.subject)} gains {what_words(given)}"
            parts = (who_words(one.subject), str(given.scope), str(given.binding))
            yield _result(GAIN_RULE, one.severity, text, given.origin, parts)


def _finding_results(change: Change) -> Iterator[dict[str, Any]]:
    for one in change.findings:
        if one.severity is not None:
            found = one.finding
            text = f"{finding_words(found)}. {found.fix}"
            parts = (found.fingerprint,)
            yield _result(found.rule, one.severity, text, found.origin, parts)


def _path_results(change: Change) -> Iterator[dict[str, Any]]:
    for one in change.paths:
        if one.severity is not None:
            text = f"{one.start} can get to {one.goal}: {'; '.join(one.steps)}"
            yield _result(PATH, one.severity, text, one.origin, (one.start, one.goal))


def _result(
    rule: str, severity: Severity, text: str, origin: Origin | None, parts: tuple[str, ...]
) -> dict[str, Any]:
    digest = hashlib.sha256("\0".join((rule, *parts)).encode()).hexdigest()[:32]
    return {
        "ruleId": rule,
        "level": LEVELS[severity],
        "message": {"text": text},
        "partialFingerprints": {FINGERPRINT: digest},
        "properties": {"security-severity": SCORES[severity], "severity": severity.word},
        **({"locations": [_location(origin)]} if origin and origin.file else {}),
    }


def _location(origin: Origin) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": file_uri(origin.file)}}
    if origin.line:
        place["region"] = {"startLine": origin.line}
    return {"physicalLocation": place}
