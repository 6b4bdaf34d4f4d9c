"""What a scan lists and what the shipped component allows are the same."""

from typing import Any

import pytest

from deploy import manifests
from grants.clusters.inventory import RESOURCES
from grants.clusters.rights_watching import KINDS


def _rules(*folders: Any) -> list[dict[str, Any]]:
    return [
        rule
        for folder in folders
        for manifest in manifests.base(folder)
        if manifest["kind"] == "ClusterRole"
        for rule in manifest["rules"]
    ]


def _allowed(rules: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted(
        (group, resource)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    )


def _listed(*, secrets: bool) -> list[tuple[str, str]]:
    paths = (path for kind, path in RESOURCES.items() if secrets or kind != "Secret")
    return sorted(("" if path[0] == "api" else path[1], path[-1]) for path in paths)


@pytest.mark.security("B1")
def test_a_scan_may_list_what_it_lists_and_nothing_else() -> None:
    rules = _rules(manifests.REVIEW)
    assert {verb for rule in rules for verb in rule["verbs"]} == {"list", "watch"}
    assert _allowed([rule for rule in rules if "list" not in rule["verbs"]]) == []
    watched = [
        ("" if path[0] == "api" else path[1], path[-1])
        for path in map(RESOURCES.__getitem__, KINDS)
    ]
    assert _allowed([rule for rule in rules if "watch" in rule["verbs"]]) == sorted(watched)
    assert _allowed(rules) == _listed(secrets=False)
    both = _rules(manifests.REVIEW, manifests.REVIEW_TOKENS)
    assert {verb for rule in both for verb in rule["verbs"]} == {"list", "watch"}
    assert _allowed(both) == _listed(secrets=True)


@pytest.mark.parametrize("folder", [manifests.REVIEW, manifests.REVIEW_TOKENS])
def test_the_rights_of_a_scan_are_given_to_the_bot_by_a_role_of_their_own(folder: Any) -> None:
    role, binding = manifests.base(folder)
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert role["metadata"]["name"].startswith("valetkey-review")
    (subject,) = binding["subjects"]
    assert (subject["kind"], subject["namespace"]) == ("ServiceAccount", "valetkey")
    shipped = {manifest["metadata"]["name"] for manifest in manifests.base()}
    assert role["metadata"]["name"] not in shipped
