"""What rules give when requests are really made: names, wildcards, subresources, groups, paths."""

import pytest

from tests.contracts.api.manifests import (
    ACCOUNTS,
    BINDINGS,
    CLUSTER_BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    PODS,
    RBAC,
    RBAC_GROUP,
    ROLES,
    Json,
    account,
    binding,
    cluster_binding,
    cluster_role,
    group,
    namespace,
    paths,
    role,
    rule,
    service_account,
    user,
)
from tests.contracts.api.stage import APPLY, MERGE, Stage, until


def allowed(stage: Stage, method: str, path: str, body: object = None, **options: str) -> bool:
    """Make a request as ada and tell whether it was let through."""
    asked = {"by": "ada"} | options
    return stage.send(method, path, body, **asked).status != 403


@pytest.fixture
def named(stage: Stage) -> Stage:
    """ada may do everything with roles called one, and nothing else."""
    stage.grant("ada", rule("*", "roles", RBAC_GROUP, "one"))
    stage.do("POST", ROLES, role("one"))
    stage.do("POST", ROLES, role("two"))
    return stage


def test_a_name_in_a_rule_is_the_one_object(named: Stage) -> None:
    assert allowed(named, "GET", f"{ROLES}/one")
    assert not allowed(named, "GET", f"{ROLES}/two")
    assert not allowed(named, "GET", ROLES)
    labels = {"metadata": {"labels": {"a": "b"}}}
    assert allowed(named, "PATCH", f"{ROLES}/one", labels, kind=MERGE)
    assert allowed(named, "DELETE", f"{ROLES}/one")
    assert not allowed(named, "DELETE", f"{ROLES}/two")


def test_a_name_in_a_rule_lets_list_that_name_by_field(named: Stage) -> None:
    by_name = {"fieldSelector": "metadata.name=one"}
    assert allowed(named, "GET", ROLES, **by_name)
    assert allowed(named, "GET", ROLES, watch="1", timeoutSeconds="1", **by_name)
    assert not allowed(named, "GET", ROLES, fieldSelector="metadata.name=two")
    assert not allowed(named, "GET", ROLES, fieldSelector="metadata.name!=one")
    both = "metadata.name=one,metadata.namespace={ns}"
    assert allowed(named, "GET", ROLES, fieldSelector=both)


def test_a_name_in_a_rule_lets_nobody_create_or_delete_many(named: Stage) -> None:
    named.do("DELETE", f"{ROLES}/one")
    assert not allowed(named, "POST", ROLES, role("one"))
    assert not allowed(named, "DELETE", ROLES)


def test_a_name_in_a_rule_lets_apply_make_it(named: Stage) -> None:
    named.do("DELETE", f"{ROLES}/one")
    harmless = role("one") | {"rules": []}
    assert allowed(named, "PATCH", f"{ROLES}/one", harmless, kind=APPLY, fieldManager="us")
    assert named.send("GET", f"{ROLES}/one").status == 200


def test_a_star_is_no_name(stage: Stage) -> None:
    stage.grant("ada", rule("get list", "roles", RBAC_GROUP, "*"))
    assert not allowed(stage, "GET", f"{ROLES}/one")
    assert not allowed(stage, "GET", ROLES)


STARS: list[tuple[Json, set[str]]] = [
    (rule("*", "pods"), {"pods"}),
    (rule("*", "pods/*"), set()),
    (rule("*", "pods/log"), {"log"}),
    (rule("*", "*"), {"pods", "log", "accounts"}),
    (rule("*", "*/log"), {"log"}),
    (rule("*", "*/*"), set()),
    (rule("*", "pod*"), set()),
    (rule("*", "pods", "*"), {"pods"}),
    (rule("*", "*", "*"), {"pods", "log", "accounts", "roles"}),
    (rule("*", "*", RBAC_GROUP), {"roles"}),
    (rule("*", "*", f"{RBAC_GROUP}/v1"), set()),
    (rule("GET", "pods"), set()),
    (rule("g*", "pods"), set()),
    (rule("get", "Pods"), set()),
]


def test_stars_stand_for_all_or_for_nothing(stage: Stage) -> None:
    """Each rule has a person of its own, and all of them are made before any is asked."""
    asked = {
        "pods": f"{PODS}/one",
        "log": f"{PODS}/one/log",
        "accounts": f"{ACCOUNTS}/one",
        "roles": f"{ROLES}/one",
    }
    marker = rule("get", "markers", "example.com")
    for number, (one, _) in enumerate(STARS):
        name = f"p{number}"
        stage.do("POST", ROLES, role(name, one, marker))
        stage.do("POST", BINDINGS, binding(name, f"Role/{name}", user(name)))
    for number, (one, may) in enumerate(STARS):
        name = f"p{number}"
        stage.until_may(name, "get", "markers", group="example.com")
        let = {what for what, path in asked.items() if allowed(stage, "GET", path, by=name)}
        assert (one, let) == (one, may)


def test_groups_of_accounts_reach_them_all(stage: Stage) -> None:
    first, second = stage.add_account("first"), stage.add_account("second")
    stage.do("POST", NAMESPACES, namespace("other-{word}"))
    elsewhere = "system:serviceaccount:other-{word}:first"
    stage.do(
        "POST", BINDINGS, binding("all", "ClusterRole/view", group("system:serviceaccounts:{ns}"))
    )
    until(lambda: stage.send("GET", PODS, by=first).status == 200, "it counts")
    assert stage.send("GET", PODS, by=second).status == 200
    headers = {"Impersonate-User": elsewhere}
    assert stage.send("GET", PODS, headers=headers).status == 403
    everywhere = binding("everywhere", "ClusterRole/view", group("system:serviceaccounts"))
    stage.do("POST", BINDINGS, everywhere)
    until(lambda: stage.send("GET", PODS, headers=headers).status == 200, "it counts for all")
    assert stage.send("GET", PODS, by="ada").status == 403


def test_an_account_of_the_same_name_elsewhere_is_another(stage: Stage) -> None:
    robot = stage.add_account("robot")
    stage.do("POST", BINDINGS, binding("one", "ClusterRole/view", account("robot")))
    until(lambda: stage.send("GET", PODS, by=robot).status == 200, "it counts")
    stage.do("POST", NAMESPACES, namespace("other-{word}"))
    headers = {"Impersonate-User": "system:serviceaccount:other-{word}:robot"}
    assert stage.send("GET", PODS, headers=headers).status == 403


def test_everybody_signed_in_is_a_group(stage: Stage) -> None:
    everybody = group("system:authenticated")
    stage.do("POST", BINDINGS, binding("all", "ClusterRole/view", everybody))
    until(lambda: stage.send("GET", PODS, by="ada").status == 200, "it counts")
    assert stage.send("GET", PODS, by=stage.add_account("robot")).status == 200
    anonymous = {"Impersonate-User": "system:anonymous"}
    assert stage.send("GET", PODS, headers=anonymous).status == 403


def test_subjects_are_literal_and_their_case_counts(stage: Stage) -> None:
    name = stage.fill("oidc:ada-{word}@example.com")
    for number, subject in enumerate(("*", "oidc:*", name.upper(), name.capitalize())):
        made = {"kind": "User", "apiGroup": RBAC_GROUP, "name": subject}
        stage.do("POST", BINDINGS, binding(f"b-{number}", "ClusterRole/view", made))
    star = {"kind": "Group", "apiGroup": RBAC_GROUP, "name": "*"}
    stage.do("POST", BINDINGS, binding("star", "ClusterRole/view", star, user("grace")))
    until(lambda: stage.send("GET", PODS, by="grace").status == 200, "they count")
    assert stage.send("GET", PODS, by="ada").status == 403


def test_paths_have_a_star_at_the_end_alone(stage: Stage) -> None:
    made = cluster_role("p-{word}", paths("get", "/logs/* /metrics /x/*/y"))
    stage.do("POST", CLUSTER_ROLES, made)
    stage.do("POST", CLUSTER_BINDINGS, cluster_binding("p-{word}", "p-{word}", user("ada")))
    until(lambda: allowed(stage, "GET", "/metrics"), "it counts")
    assert allowed(stage, "GET", "/logs/any/thing")
    assert not allowed(stage, "GET", "/logs")
    assert not allowed(stage, "GET", "/metrics/more")
    assert not allowed(stage, "GET", "/x/1/y")
    assert not allowed(stage, "POST", "/metrics")


def test_paths_of_a_role_binding_give_nothing(stage: Stage) -> None:
    stage.do(
        "POST",
        CLUSTER_ROLES,
        cluster_role("p-{word}", paths("get", "/metrics"), rule("get", "pods")),
    )
    stage.do("POST", BINDINGS, binding("one", "ClusterRole/p-{word}", user("ada")))
    stage.until_may("ada", "get", "pods")
    assert not allowed(stage, "GET", "/metrics")


def test_a_role_binding_on_namespaces_gives_its_own(stage: Stage) -> None:
    one = rule("get list delete", "namespaces")
    stage.do("POST", CLUSTER_ROLES, cluster_role("n-{word}", one))
    stage.do("POST", BINDINGS, binding("one", "ClusterRole/n-{word}", user("ada")))
    until(lambda: allowed(stage, "GET", f"{NAMESPACES}/{{ns}}"), "it counts")
    assert not allowed(stage, "GET", f"{NAMESPACES}/default")
    assert not allowed(stage, "GET", NAMESPACES)
    assert not allowed(stage, "GET", f"{CLUSTER_ROLES}/view")


def test_a_wide_binding_counts_everywhere(stage: Stage) -> None:
    stage.do("POST", CLUSTER_ROLES, cluster_role("r-{word}", rule("list", "roles", RBAC_GROUP)))
    stage.do("POST", CLUSTER_BINDINGS, cluster_binding("r-{word}", "r-{word}", user("ada")))
    until(lambda: allowed(stage, "GET", f"{RBAC}/roles"), "it counts")
    assert allowed(stage, "GET", ROLES)
    assert allowed(stage, "GET", f"{RBAC}/namespaces/kube-system/roles")


def test_a_role_that_appears_later_counts_from_then_on(stage: Stage) -> None:
    stage.do("POST", BINDINGS, binding("one", "Role/later", user("ada")))
    assert not allowed(stage, "GET", PODS)
    stage.do("POST", ROLES, role("later"))
    until(lambda: allowed(stage, "GET", PODS), "it comes alive")
    stage.do("DELETE", f"{ROLES}/later")
    until(lambda: not allowed(stage, "GET", PODS), "it ends with the role")


def test_access_ends_with_its_binding(stage: Stage) -> None:
    stage.do("POST", BINDINGS, binding("one", "ClusterRole/view", user("ada")))
    until(lambda: allowed(stage, "GET", PODS), "it counts")
    stage.do("PATCH", f"{BINDINGS}/one", {"subjects": []}, kind=MERGE)
    until(lambda: not allowed(stage, "GET", PODS), "emptied, it gives nothing")
    stage.do("PATCH", f"{BINDINGS}/one", {"subjects": [user("ada")]}, kind=MERGE)
    until(lambda: allowed(stage, "GET", PODS), "it counts again")
    stage.do("DELETE", f"{BINDINGS}/one")
    until(lambda: not allowed(stage, "GET", PODS), "deleted, it gives nothing")


def test_verbs_are_those_of_methods(stage: Stage) -> None:
    stage.grant("ada", rule("create update patch delete deletecollection", "serviceaccounts"))
    made = service_account("one")
    assert allowed(stage, "POST", ACCOUNTS, made)
    assert allowed(stage, "PUT", f"{ACCOUNTS}/one", made)
    assert allowed(stage, "PATCH", f"{ACCOUNTS}/one", {}, kind=MERGE)
    assert allowed(stage, "DELETE", f"{ACCOUNTS}/one")
    assert allowed(stage, "DELETE", ACCOUNTS)
    assert not allowed(stage, "GET", f"{ACCOUNTS}/one")
    assert not allowed(stage, "GET", ACCOUNTS)
    assert not allowed(stage, "POST", f"{ACCOUNTS}/one/token", {})


def test_a_put_that_makes_needs_the_right_to_create(stage: Stage) -> None:
    stage.grant("ada", rule("update", "roles", RBAC_GROUP), rule("get list watch", "pods"))
    assert stage.send("PUT", f"{ROLES}/one", role("one"), by="ada").status == 403
    stage.do("POST", ROLES, role("one"))
    assert stage.send("PUT", f"{ROLES}/one", role("one"), by="ada").status == 200
