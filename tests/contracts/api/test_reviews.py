"""What the reviews say: of oneself, of others, and by which binding."""

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.manifests import (
    AUTHORIZATION,
    BINDINGS,
    CLUSTER_BINDINGS,
    CLUSTER_ROLES,
    READ_PODS,
    ROLES,
    Json,
    account,
    binding,
    cluster_binding,
    cluster_role,
    group,
    paths,
    review,
    role,
    rule,
    user,
    username,
)
from tests.contracts.api.served import Reply
from tests.contracts.api.stage import Stage, until

SELF = f"{AUTHORIZATION}/selfsubjectaccessreviews"
OTHERS = f"{AUTHORIZATION}/subjectaccessreviews"
LOCAL = f"{AUTHORIZATION}/namespaces/{{ns}}/localsubjectaccessreviews"
RULES = f"{AUTHORIZATION}/selfsubjectrulesreviews"
LIST_PODS = {"namespace": "{ns}", "verb": "list", "resource": "pods"}


def of_self(stage: Stage, by: str, **spec: Any) -> Reply:
    return stage.ask("POST", SELF, review("SelfSubjectAccessReview", **spec), by=by)


def of(stage: Stage, **spec: Any) -> Reply:
    return stage.ask("POST", OTHERS, review("SubjectAccessReview", **spec))


def bound(stage: Stage, made: Json) -> None:
    """Make a role and a binding of it, and wait until it counts for anybody in it."""
    wide = made["kind"] == "ClusterRoleBinding"
    stage.do("POST", CLUSTER_BINDINGS if wide else BINDINGS, made)


def reason_of(stage: Stage, **spec: Any) -> str:
    """Ask until it is allowed; the reason."""

    def asked() -> Reply:
        made = review("SubjectAccessReview", resourceAttributes=LIST_PODS, **spec)
        return stage.do("POST", OTHERS, made)

    until(lambda: bool(asked().body["status"]["allowed"]), "it is allowed")
    return asked().reason


def test_one_may_ask_about_oneself(stage: Stage, answers: SnapshotAssertion) -> None:
    denied = of_self(stage, "ada", resourceAttributes=LIST_PODS)
    assert denied.body["status"] == {"allowed": False}
    stage.grant("ada", READ_PODS)
    allowed = of_self(stage, "ada", resourceAttributes=LIST_PODS)
    assert allowed.reason == stage.fill(
        'RBAC: allowed by RoleBinding "ada-may/{ns}" of Role "ada-may" to User "'
        f'{username("ada")}"'
    )
    assert stage.told == answers


def test_a_path_may_be_asked_about(stage: Stage, answers: SnapshotAssertion) -> None:
    of_self(stage, "ada", nonResourceAttributes={"path": "/apis", "verb": "get"})
    of_self(stage, "ada", nonResourceAttributes={"path": "/metrics", "verb": "get"})
    assert stage.told == answers


def test_a_role_binding_is_named(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.grant("ada", READ_PODS)
    reply = of(stage, user=username("ada"), resourceAttributes=LIST_PODS)
    assert reply.status == 201
    of(stage, user=username("ada"), resourceAttributes=LIST_PODS | {"verb": "delete"})
    of(stage, user=username("grace"), resourceAttributes=LIST_PODS)
    assert stage.told == answers


def test_a_cluster_role_of_a_role_binding_is_named(stage: Stage) -> None:
    bound(stage, binding("viewer", "ClusterRole/view", user("ada")))
    name = stage.fill(username("ada"))
    assert reason_of(stage, user=name) == stage.fill(
        f'RBAC: allowed by RoleBinding "viewer/{{ns}}" of ClusterRole "view" to User "{name}"'
    )


def test_a_cluster_role_binding_is_named_without_a_namespace(stage: Stage) -> None:
    stage.do("POST", CLUSTER_ROLES, cluster_role("reader-{word}"))
    bound(stage, cluster_binding("readers-{word}", "reader-{word}", user("ada")))
    name = stage.fill(username("ada"))
    assert reason_of(stage, user=name) == stage.fill(
        'RBAC: allowed by ClusterRoleBinding "readers-{word}" of ClusterRole "reader-{word}"'
        f' to User "{name}"'
    )


def test_a_group_is_named_and_only_counts_when_it_is_sent(stage: Stage) -> None:
    bound(stage, binding("team", "ClusterRole/view", group("team-{word}")))
    assert reason_of(stage, user="grace", groups=["x", "team-{word}"]) == stage.fill(
        'RBAC: allowed by RoleBinding "team/{ns}" of ClusterRole "view" to Group "team-{word}"'
    )
    alone = review("SubjectAccessReview", user="grace", resourceAttributes=LIST_PODS)
    assert not stage.do("POST", OTHERS, alone).body["status"]["allowed"]


def test_a_group_needs_no_user(stage: Stage) -> None:
    bound(stage, binding("team", "ClusterRole/view", group("team-{word}")))
    assert reason_of(stage, groups=["team-{word}"]).endswith(stage.fill('to Group "team-{word}"'))


def test_an_account_is_named_with_its_namespace(stage: Stage) -> None:
    bound(stage, binding("robots", "ClusterRole/view", account("robot")))
    assert reason_of(stage, user="system:serviceaccount:{ns}:robot") == stage.fill(
        'RBAC: allowed by RoleBinding "robots/{ns}" of ClusterRole "view"'
        ' to ServiceAccount "robot/{ns}"'
    )


def test_an_account_that_is_bound_as_a_user_is_named_as_one(stage: Stage) -> None:
    name = "system:serviceaccount:{ns}:robot"
    subject = {"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    bound(stage, binding("robots", "ClusterRole/view", subject))
    assert reason_of(stage, user=name).endswith(stage.fill(f'to User "{name}"'))


def test_an_account_without_a_namespace_is_of_its_bindings(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    made = binding("robots", "ClusterRole/view", {"kind": "ServiceAccount", "name": "robot"})
    stage.ask("POST", BINDINGS, made)
    assert stage.told == answers


def test_a_wide_binding_is_named_before_a_near_one(stage: Stage) -> None:
    stage.do("POST", CLUSTER_ROLES, cluster_role("reader-{word}"))
    bound(stage, binding("near", "ClusterRole/view", user("ada")))
    stage.until_may("ada", "list", "pods")
    bound(stage, cluster_binding("wide-{word}", "reader-{word}", user("ada")))
    wide = stage.fill('ClusterRoleBinding "wide-{word}"')
    until(lambda: wide in reason_of(stage, user=username("ada")), "the wide one is named")


def test_masters_may_all_and_no_reason_is_given(stage: Stage, answers: SnapshotAssertion) -> None:
    of(stage, user="x", groups=["system:masters"], resourceAttributes=LIST_PODS)
    of_self(stage, "admin", nonResourceAttributes={"path": "/nowhere", "verb": "x"})
    assert stage.told == answers


def test_a_role_that_is_not_there_is_told_as_an_error(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    bound(stage, binding("dangling", "Role/later", user("ada")))
    asked = review("SubjectAccessReview", user=username("ada"), resourceAttributes=LIST_PODS)
    until(lambda: stage.do("POST", OTHERS, asked).reason != "", "it is seen")
    of(stage, user=username("ada"), resourceAttributes=LIST_PODS)
    assert stage.told == answers


def test_a_review_believes_what_it_is_asked(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.grant("ada", rule("*", "*", "*"))
    for attributes in (
        {"namespace": "{ns}", "verb": "get", "resource": "nodes"},
        {"namespace": "{ns}", "verb": "juggle", "resource": "x", "subresource": "y", "group": "z"},
        {"namespace": "{ns}", "verb": "get", "resource": "pods", "version": "v9", "name": "one"},
        {"namespace": "{ns}"},
        {},
    ):
        of(stage, user=username("ada"), resourceAttributes=attributes)
    assert stage.told == answers


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"user": "x"}, id="no-attributes"),
        pytest.param({"resourceAttributes": LIST_PODS}, id="no-user"),
        pytest.param({"user": "", "groups": [], "resourceAttributes": LIST_PODS}, id="empty"),
        pytest.param(
            {
                "user": "x",
                "resourceAttributes": LIST_PODS,
                "nonResourceAttributes": {"path": "/x", "verb": "get"},
            },
            id="both",
        ),
    ],
)
def test_half_a_question_is_refused(
    stage: Stage, answers: SnapshotAssertion, spec: dict[str, Any]
) -> None:
    of(stage, **spec)
    of_self(stage, "ada", **{k: v for k, v in spec.items() if k.endswith("Attributes")})
    assert stage.told == answers


def test_a_review_has_no_name(stage: Stage, answers: SnapshotAssertion) -> None:
    asked = review("SubjectAccessReview", user="x", resourceAttributes=LIST_PODS)
    for metadata in ({"name": "mine"}, {"labels": {"a": "b"}}):
        refused = stage.send("POST", OTHERS, {**asked, "metadata": metadata})
        assert (refused.status, refused.reason) == (422, "Invalid")
        assert refused.message.endswith(": must be empty")
    stage.ask("POST", OTHERS, {**asked, "status": {"allowed": True, "reason": "because"}})
    assert stage.told == answers


def test_a_local_review_is_of_its_namespace(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.grant("ada", READ_PODS)

    def local(**attributes: str) -> None:
        spec = {"user": username("ada"), "resourceAttributes": attributes}
        stage.ask("POST", LOCAL, review("LocalSubjectAccessReview", **spec))

    local(**LIST_PODS)
    local(namespace="another", verb="list", resource="pods")
    local(verb="list", resource="pods")
    assert stage.told == answers


def test_ones_rules_are_listed(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.grant("ada", READ_PODS, rule("get", "configmaps", names="one two"))
    asked = review("SelfSubjectRulesReview", namespace="{ns}")
    reply = stage.ask("POST", RULES, asked, by="ada", show=_sorted_rules)
    assert reply.body["status"]["incomplete"] is False
    assert stage.told == answers


def test_an_accounts_rules_are_listed_with_those_of_its_groups(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    robot = stage.add_account("robot")
    stage.do("POST", CLUSTER_ROLES, cluster_role("p-{word}", paths("get", "/metrics /logs/*")))
    stage.do("POST", CLUSTER_BINDINGS, cluster_binding("p-{word}", "p-{word}", account("robot")))
    stage.do("POST", ROLES, role("all", rule("*", "*", "*")))
    everybody = group("system:serviceaccounts:{ns}")
    stage.do("POST", BINDINGS, binding("all", "Role/all", everybody))
    until(lambda: stage.send("GET", "/metrics", by=robot).status == 200, "its path")
    until(lambda: stage.send("GET", ROLES, by=robot).status == 200, "its group")
    asked = review("SelfSubjectRulesReview", namespace="{ns}")
    stage.ask("POST", RULES, asked, by=robot, show=_sorted_rules)
    assert stage.told == answers


def test_rules_do_not_tell_of_a_role_that_is_not_there(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    bound(stage, binding("dangling", "Role/later", user("ada")))
    spec = {"resourceAttributes": LIST_PODS}
    asked = review("SelfSubjectAccessReview", **spec)
    until(lambda: stage.do("POST", SELF, asked, by="ada").reason != "", "it is seen")
    asked = review("SelfSubjectRulesReview", namespace="{ns}")
    stage.ask("POST", RULES, asked, by="ada", show=_sorted_rules)
    assert stage.told == answers


def test_rules_are_asked_for_in_a_namespace(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.ask("POST", RULES, review("SelfSubjectRulesReview"), by="ada")
    asked = review("SelfSubjectRulesReview", namespace="no-such-namespace")
    stage.ask("POST", RULES, asked, by="ada", show=_sorted_rules)
    assert stage.told == answers


def _sorted_rules(body: Any) -> Any:
    status = body["status"]
    for kind in ("resourceRules", "nonResourceRules"):
        status[kind] = sorted(status[kind], key=str)
    return body
