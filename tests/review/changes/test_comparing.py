"""What a change of manifests is said to do, from YAML as people write it."""

from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from grants.authz.objects import GROUP, SERVICE_ACCOUNT, Subject
from grants.policy.review_model import Allowance, Annotations, ReviewPolicy, Scope
from grants.review.changes.comparing import compare
from grants.review.changes.model import Change
from grants.review.finding import Severity
from grants.review.findings.look import Look
from grants.review.reading import read_paths

NOW = datetime(2026, 7, 1, tzinfo=UTC)
WORKER = Subject(SERVICE_ACCOUNT, "worker", "shop")

ROLE = """
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {name}, namespace: shop}}
rules:
- {{apiGroups: [""], resources: [{resource}], verbs: [{verbs}]}}
"""
BINDING = """
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {name}, namespace: shop}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: {role}}}
subjects:
- {{kind: ServiceAccount, name: worker, namespace: shop}}
"""
ACCOUNT = """
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: worker, namespace: shop}
"""
PODS = ROLE.format(name="pods", resource="pods", verbs="get, list")
BOUND = BINDING.format(name="pods", kind="Role", role="pods")


@pytest.fixture
def look(tmp_path: Path) -> Any:
    def at(name: str, text: str, policy: ReviewPolicy | None = None) -> Look:
        path = tmp_path / f"{name}.yaml"
        path.write_text(dedent(text) or "\n")
        return Look(read_paths([path], now=NOW), policy or ReviewPolicy())

    return at


@pytest.fixture
def changed(look: Any) -> Any:
    def between(base: str, head: str, policy: ReviewPolicy | None = None) -> Change:
        return compare(look("base", base, policy), look("head", head, policy))

    return between


def rules_of(change: Change) -> set[str]:
    return {one.finding.rule for one in change.findings}


def test_a_verb_more_in_a_role_is_a_gain_of_the_account_that_is_bound(changed: Any) -> None:
    more = PODS.replace("get, list", "get, list, delete") + BOUND + ACCOUNT
    (one,) = changed(PODS + BOUND + ACCOUNT, more).subjects
    assert (one.subject, one.born) == (WORKER, False)
    assert [rule.verbs for given in one.gained for rule in given.rules] == [("delete",)]
    assert one.lost == ()


def test_other_names_for_the_same_rights_are_no_change(changed: Any) -> None:
    renamed = (PODS + BOUND).replace("name: pods", "name: renamed")
    assert changed(PODS + BOUND, renamed).is_empty


def test_rights_that_move_into_the_cluster_are_a_gain(changed: Any) -> None:
    wide = BINDING.replace("RoleBinding", "ClusterRoleBinding").replace(
        ", namespace: shop}}", "}}", 1
    )
    head = wide.format(name="pods", kind="ClusterRole", role="view")
    (one,) = changed(BINDING.format(name="pods", kind="ClusterRole", role="view"), head).subjects
    assert {given.scope for given in one.gained} == {None}
    assert one.lost == ()


def test_what_a_built_in_role_gives_is_known(changed: Any) -> None:
    change = changed(ACCOUNT, ACCOUNT + BINDING.format(name="b", kind="ClusterRole", role="edit"))
    assert {"secrets-read", "pods-exec"} <= {r.rule for s in change.subjects for r in s.risks}
    assert change.worst >= Severity.MEDIUM


def test_a_label_that_aggregates_gives_rights_to_whoever_holds_the_role(changed: Any) -> None:
    held = BINDING.format(name="b", kind="ClusterRole", role="edit")
    added = """
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata:
      name: widgets
      labels: {rbac.authorization.k8s.io/aggregate-to-edit: "true"}
    rules:
    - {apiGroups: [example.com], resources: [widgets], verbs: [update]}
    """
    (one,) = changed(held, held + dedent(added)).subjects
    (given,) = one.gained
    assert [rule.resources for rule in given.rules] == [("widgets",)]
    assert given.role.meta.name == "edit"


def test_what_a_group_gains_is_gained_by_each_account_in_it(changed: Any) -> None:
    everyone = BOUND.replace(
        "{kind: ServiceAccount, name: worker, namespace: shop}",
        '{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccounts:shop"}',
    )
    change = changed(PODS + ACCOUNT, PODS + everyone + ACCOUNT)
    assert [one.subject.kind for one in change.subjects] == [GROUP, SERVICE_ACCOUNT]
    assert all(one.by_group_alone for one in change.subjects)


def test_a_new_risk_is_told_once_and_an_old_one_not(changed: Any) -> None:
    secrets = ROLE.format(name="pods", resource="secrets", verbs="get")
    change = changed(PODS + BOUND, secrets + BOUND)
    assert "secrets-read" in rules_of(change)
    worse = changed(secrets + BOUND, secrets.replace("secrets]", "secrets, configmaps]") + BOUND)
    assert "secrets-read" not in rules_of(worse)
    assert worse.subjects
    assert changed(secrets + BOUND, PODS + BOUND).resolved > 0


def test_an_account_without_owner_is_told_when_it_is_born_and_not_when_it_was(changed: Any) -> None:
    policy = ReviewPolicy(annotations=Annotations(owner="team/owner", review_by="team/review-by"))
    assert "owner-missing" in rules_of(changed("", ACCOUNT, policy))
    assert rules_of(changed(ACCOUNT, ACCOUNT + PODS, policy)) == set()
    annotated = ACCOUNT.replace(
        "namespace: shop}",
        "namespace: shop, annotations: {team/owner: a@example.com, team/review-by: 2031-01-01}}",
    )
    assert rules_of(changed("", annotated, policy)) == set()
    assert "owner-missing" in rules_of(changed(annotated, ACCOUNT, policy))


def test_what_policy_allows_is_shown_and_counts_for_nothing(changed: Any) -> None:
    secrets = ROLE.format(name="pods", resource="secrets", verbs="get") + BOUND
    assert changed(PODS + BOUND, secrets).worst is not None
    scope = Scope(rules=frozenset({"secrets-read"}), accounts=("shop/*",))
    policy = ReviewPolicy(allow=(Allowance(scope, "it mounts certificates"),))
    change = changed(PODS + BOUND, secrets, policy)
    assert {risk.allowed for one in change.subjects for risk in one.risks} == {
        "it mounts certificates"
    }
    assert change.worst is None
    elsewhere = ReviewPolicy(
        allow=(Allowance(Scope(scope.rules, accounts=("bank/*",)), "not here"),)
    )
    assert changed(PODS + BOUND, secrets, elsewhere).worst is not None


def test_what_could_not_be_read_is_said(changed: Any) -> None:
    assert changed(ACCOUNT, ACCOUNT + "\n---\n{broken: [\n").partial == ("head",)


def test_nothing_is_a_beginning_and_no_gap(changed: Any) -> None:
    assert changed("", ACCOUNT + PODS + BOUND).partial == ()
    assert changed(ACCOUNT, "").partial == ()


def test_what_is_gained_everywhere_is_not_told_of_a_namespace_again(changed: Any) -> None:
    secrets = ROLE.format(name="pods", resource="secrets", verbs="get") + BOUND
    everywhere = BINDING.replace("RoleBinding", "ClusterRoleBinding").replace(
        ", namespace: shop}}", "}}", 1
    )
    head = secrets + everywhere.format(name="all", kind="ClusterRole", role="edit")
    change = changed("", head)
    assert {one.finding.rule for one in change.findings} >= {"secrets-read"}
    assert "secrets-read" not in {one.finding.rule for one in change.untold}


CREATE_PODS = ROLE.format(name="pods", resource="pods", verbs="get, list, create")
ADMIN = """
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: admin, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admin}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: ServiceAccount, name: admin, namespace: shop}
"""


def test_a_small_gain_that_opens_a_way_to_everything_is_critical(changed: Any) -> None:
    base, head = PODS + BOUND + ACCOUNT + ADMIN, CREATE_PODS + BOUND + ACCOUNT + ADMIN
    change = changed(base, head)
    (path,) = change.paths
    assert (path.start, path.goal) == ("shop/worker", "cluster-admin")
    assert change.worst is Severity.CRITICAL
    assert changed(head, head).paths == ()


def test_a_path_may_be_allowed(changed: Any) -> None:
    rules = frozenset({"escalation-path", "workload-create"})
    allow = Allowance(Scope(rules, accounts=("shop/worker",)), "it is the deployer")
    base, head = PODS + BOUND + ACCOUNT + ADMIN, CREATE_PODS + BOUND + ACCOUNT + ADMIN
    change = changed(base, head, ReviewPolicy(allow=(allow,)))
    assert change.paths
    assert change.worst is None
