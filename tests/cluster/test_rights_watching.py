"""Watches of what rights hang on, on the real control plane, with the shipped rights alone."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from bot.playground.controlplane.client import ApiError
from deploy import manifests
from grants.clusters import labels
from grants.clusters.rights_watching import KINDS
from grants.clusters.watching import KubernetesStream
from grants.errors import ClusterError, ClusterForbidden
from grants.review.rights_change import RightsChange
from tests.support.cluster_lab import RBAC, RealLab, eventually, new_word
from tests.support.tried_account import Rules, Tried

pytestmark = pytest.mark.security("B1")

SOON_SECONDS = 10.0
RULES = [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]


def rules_of_review() -> Rules:
    return [
        rule
        for manifest in manifests.base(manifests.REVIEW)
        if manifest["kind"] == "ClusterRole"
        for rule in manifest["rules"]
    ]


def test_what_comes_changes_and_goes_is_heard_and_what_stands_is_not_told_again(
    lab: RealLab, tried: Tried
) -> None:
    before = new_word()
    made(lab, before)
    tried.may(rules_of_review())
    eventually(lambda: opens(tried), "the account may watch")
    with listening(tried) as heard:
        word = new_word()
        made(lab, word)
        names, others = gathered(heard, word, len(KINDS))
        assert {change.kind for change in names} == set(KINDS)
        assert {change.namespace for change in names if not change.kind.startswith("C")} == {
            lab.namespace
        }
        admin = lab.plane.admin_request
        admin("PATCH", f"{RBAC}/clusterroles/{word}", {"rules": []})
        assert gathered(heard, word, 1)[0][0].kind == "ClusterRole"
        admin("DELETE", f"{RBAC}/clusterrolebindings/{word}")
        assert gathered(heard, word, 1)[0][0].kind == "ClusterRoleBinding"
    assert {before, word} & {change.name for change in (*others, *left(heard))} == set()
    clean(lab, before, word)


def test_what_a_grant_makes_is_passed_over(lab: RealLab, tried: Tried) -> None:
    tried.may(rules_of_review())
    eventually(lambda: opens(tried), "the account may watch")
    ours, other = new_word(), new_word()
    mine = {
        labels.MANAGED_BY_LABEL: labels.MANAGED_BY,
        labels.INSTALLATION_LABEL: lab.installation,
    }
    with listening(tried) as heard:
        bind(lab, ours, mine)
        bind(lab, other, mine | {labels.INSTALLATION_LABEL: "inst-another"})
        _, others = gathered(heard, other, 1)
    assert ours not in {change.name for change in (*others, *left(heard))}


def test_without_the_right_to_watch_that_is_said(lab: RealLab, tried: Tried) -> None:
    lists = [{**rule, "verbs": ["list"]} for rule in rules_of_review()]
    tried.may(lists)

    def refused() -> bool:
        with pytest.raises(ClusterError) as error:
            tried.cluster.rights_watchers()[0].open()
        return isinstance(error.value, ClusterForbidden) and "watch" in error.value.action

    eventually(refused, "lists are allowed, watches are not")


def opens(tried: Tried) -> bool:
    """Tell whether each kind may be watched by now."""
    try:
        for watcher in tried.cluster.rights_watchers():
            watcher.open().close()
    except ClusterForbidden:
        return False
    return True


@contextmanager
def listening(tried: Tried) -> Iterator["queue.Queue[RightsChange]"]:
    """Watch every kind, and put what comes into one queue."""
    heard: queue.Queue[RightsChange] = queue.Queue()
    streams = [watcher.open() for watcher in tried.cluster.rights_watchers()]
    threads = [threading.Thread(target=follow, args=(one, heard)) for one in streams]
    for thread in threads:
        thread.start()
    try:
        yield heard
    finally:
        for stream in streams:
            stream.close()
        for thread in threads:
            thread.join(SOON_SECONDS)


def follow(stream: KubernetesStream[RightsChange], heard: "queue.Queue[RightsChange]") -> None:
    try:
        for changes in stream.batches():
            for change in changes:
                heard.put(change)
    except ClusterError:
        return  # closed by the test


def gathered(
    heard: "queue.Queue[RightsChange]", word: str, many: int
) -> tuple[list[RightsChange], list[RightsChange]]:
    """Wait for so many changes of things of that name; gives them, and what came besides."""
    found: list[RightsChange] = []
    others: list[RightsChange] = []
    while len(found) < many:
        change = heard.get(timeout=SOON_SECONDS)
        (found if change.name == word else others).append(change)
    return found, others


def left(heard: "queue.Queue[RightsChange]") -> list[RightsChange]:
    """Give what else came."""
    return [heard.get_nowait() for _ in range(heard.qsize())]


def made(lab: RealLab, word: str) -> None:
    """Make one of each kind."""
    admin, here = lab.plane.admin_request, f"/namespaces/{lab.namespace}"
    admin("POST", f"/api/v1{here}/serviceaccounts", {"metadata": {"name": word}})
    role: dict[str, Any] = {"metadata": {"name": word}, "rules": RULES}
    admin("POST", f"{RBAC}{here}/roles", role)
    admin("POST", f"{RBAC}/clusterroles", role)
    bind(lab, word, {})
    admin("POST", f"{RBAC}/clusterrolebindings", binding(lab, word, {}))


def bind(lab: RealLab, word: str, bears: dict[str, str]) -> None:
    path = f"{RBAC}/namespaces/{lab.namespace}/rolebindings"
    lab.plane.admin_request("POST", path, binding(lab, word, bears))


def binding(lab: RealLab, word: str, bears: dict[str, str]) -> dict[str, Any]:
    return {
        "metadata": {"name": word, "labels": bears},
        "roleRef": {"apiGroup": RBAC.split("/")[2], "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": word, "namespace": lab.namespace}],
    }


def clean(lab: RealLab, *words: str) -> None:
    """Take away what no namespace takes along."""
    for word in words:
        for kind in ("clusterroles", "clusterrolebindings"):
            with suppress(ApiError):
                lab.plane.admin_request("DELETE", f"{RBAC}/{kind}/{word}")
