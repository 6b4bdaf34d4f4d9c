"""What RBAC's own objects may say, and who may write them: nobody gives more than they have."""

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.manifests import (
    BINDINGS,
    CLUSTER_BINDINGS,
    CLUSTER_ROLES,
    RBAC_GROUP,
    READ_PODS,
    ROLES,
    Json,
    binding,
    cluster_binding,
    cluster_role,
    group,
    paths,
    ref,
    role,
    rule,
    user,
)
from tests.contracts.api.stage import MERGE, Stage, until

WRITE_RBAC = rule("create update patch get", "roles rolebindings", RBAC_GROUP)
ALL = rule("*", "*", "*")


@pytest.mark.parametrize(
    "one",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"verbs": []}, id="no-verbs"),
        pytest.param({"verbs": ["get"]}, id="verbs-alone"),
        pytest.param({"verbs": ["get"], "apiGroups": [""]}, id="no-resources"),
        pytest.param({"verbs": ["get"], "resources": ["pods"]}, id="no-groups"),
        pytest.param({"apiGroups": [""], "resources": ["pods"]}, id="no-verbs-but-rest"),
        pytest.param(paths("get", "/metrics"), id="path"),
        pytest.param(rule("get", "pods") | paths("get", "/x"), id="path-and-resource"),
        pytest.param({"verbs": ["get"], "nonResourceURLs": ["no-slash"]}, id="path-without-slash"),
        pytest.param(rule("anything", "p*", "nowhere.example", "a b"), id="whatever"),
        pytest.param(rule("get", "pods/log */scale"), id="subresources"),
        pytest.param({"verbs": "get"}, id="text-for-list"),
        pytest.param({"verbs": [1]}, id="number-for-text"),
    ],
)
def test_rules_have_a_form(stage: Stage, answers: SnapshotAssertion, one: Json) -> None:
    stage.ask("POST", ROLES, role("one", one))
    stage.ask("POST", CLUSTER_ROLES, cluster_role("one-{word}", one))
    assert stage.told == answers


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"roleRef": ref("Role/")}, id="no-role-name"),
        pytest.param({"roleRef": ref("Pod/x")}, id="role-kind"),
        pytest.param({"roleRef": ref("Role/x") | {"apiGroup": "apps"}}, id="role-group"),
        pytest.param({"roleRef": ref("Role/a%b")}, id="role-name"),
        pytest.param({"roleRef": None}, id="no-role"),
        pytest.param({"subjects": [{"kind": "User"}]}, id="no-subject-name"),
        pytest.param({"subjects": [{"kind": "Robot", "name": "x"}]}, id="subject-kind"),
        pytest.param({"subjects": [{"name": "x"}]}, id="no-subject-kind"),
        pytest.param(
            {"subjects": [{"kind": "User", "name": "x", "apiGroup": ""}]}, id="user-core-group"
        ),
        pytest.param(
            {"subjects": [{"kind": "User", "name": "x", "apiGroup": "apps"}]}, id="user-group"
        ),
        pytest.param(
            {"subjects": [{"kind": "User", "name": "x", "namespace": "y"}]}, id="user-namespace"
        ),
        pytest.param(
            {"subjects": [{"kind": "ServiceAccount", "name": "Robot", "namespace": "x"}]},
            id="account-name",
        ),
        pytest.param(
            {"subjects": [{"kind": "ServiceAccount", "name": "robot"}]}, id="account-nowhere"
        ),
        pytest.param(
            {
                "subjects": [
                    {"kind": "ServiceAccount", "name": "a", "namespace": "b", "apiGroup": "c"}
                ]
            },
            id="account-group",
        ),
        pytest.param({"subjects": [group("g"), group("g")]}, id="twice"),
        pytest.param({"subjects": [group("")]}, id="group-without-name"),
    ],
)
def test_bindings_have_a_form(
    stage: Stage, answers: SnapshotAssertion, fields: dict[str, Any]
) -> None:
    stage.ask("POST", BINDINGS, binding("one", "ClusterRole/view") | fields)
    stage.ask("POST", CLUSTER_BINDINGS, cluster_binding("one-{word}", "view-{word}") | fields)
    assert stage.told == answers


def test_a_wide_binding_binds_no_near_role(stage: Stage, answers: SnapshotAssertion) -> None:
    made = cluster_binding("one-{word}", "x") | {"roleRef": ref("Role/x")}
    assert stage.ask("POST", CLUSTER_BINDINGS, made).status == 422
    assert stage.told == answers


def test_nobody_writes_a_role_that_gives_more_than_they_have(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    stage.grant("ada", WRITE_RBAC, rule("get", "pods"))
    assert stage.ask("POST", ROLES, role("same", rule("get", "pods")), by="ada").status == 201
    more = (
        rule("get delete", "pods secrets"),
        rule("*", "pods"),
        rule("get", "pods", "apps"),
        rule("get", "pods/log"),
        rule("get", "secrets", names="one two"),
    )
    for number, one in enumerate(more):
        refused = stage.ask("POST", ROLES, role(f"more-{number}", one), by="ada")
        assert (refused.status, refused.reason) == (403, "Forbidden")
        assert "is attempting to grant RBAC permissions not currently held:" in refused.message
    narrower = role("narrower", rule("get", "pods", names="one"))
    assert stage.ask("POST", ROLES, narrower, by="ada").status == 201
    assert stage.told == answers


def test_nobody_widens_a_role_beyond_what_they_have(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    stage.grant("ada", WRITE_RBAC, rule("get", "pods"))
    made = stage.do("POST", ROLES, role("one", rule("get", "secrets"))).body
    wider = {"rules": [rule("get", "secrets"), rule("list", "secrets")]}
    assert stage.ask("PUT", f"{ROLES}/one", made | wider, by="ada").status == 403
    assert stage.ask("PATCH", f"{ROLES}/one", wider, by="ada", kind=MERGE).status == 403
    labels = {"metadata": {"labels": {"a": "b"}}}
    assert stage.ask("PATCH", f"{ROLES}/one", labels, by="ada", kind=MERGE).status == 403
    freed = {"metadata": {"finalizers": ["example.com/hold"]}}
    assert stage.ask("PATCH", f"{ROLES}/one", freed, by="ada", kind=MERGE).status == 200
    narrower = {"rules": [rule("get", "pods")], "metadata": {"finalizers": None}}
    assert stage.ask("PATCH", f"{ROLES}/one", narrower, by="ada", kind=MERGE).status == 200
    assert stage.told == answers


def test_whoever_may_escalate_may_write_any_role(stage: Stage) -> None:
    stage.grant("ada", WRITE_RBAC, rule("escalate", "roles", RBAC_GROUP))
    assert stage.send("POST", ROLES, role("all", ALL), by="ada").status == 201


def test_a_refused_role_is_told_with_whom_and_what_in_full(stage: Stage) -> None:
    stage.grant("ada", WRITE_RBAC)
    refused = stage.send("POST", ROLES, role("all", rule("get list", "secrets")), by="ada")
    assert refused.message == stage.fill(
        'roles.rbac.authorization.k8s.io "all" is forbidden: user "oidc:ada-{word}@example.com"'
        ' (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently'
        ' held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}'
    )


def test_nobody_binds_a_role_that_gives_more_than_they_have(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    stage.grant("ada", WRITE_RBAC, READ_PODS)
    stage.do("POST", ROLES, role("pods", rule("get", "pods")))
    stage.do("POST", ROLES, role("secrets", rule("get", "secrets")))
    held = binding("pods", "Role/pods", user("grace"))
    assert stage.ask("POST", BINDINGS, held, by="ada").status == 201
    more = binding("secrets", "Role/secrets", user("grace"))
    assert stage.ask("POST", BINDINGS, more, by="ada").status == 403
    empty = binding("empty", "Role/secrets")
    assert stage.ask("POST", BINDINGS, empty, by="ada").status == 403
    missing = binding("missing", "Role/missing", user("grace"))
    stage.ask("POST", BINDINGS, missing, by="ada")
    stage.ask("POST", BINDINGS, binding("all", "ClusterRole/cluster-admin"), by="ada")
    assert stage.told == answers


def test_whoever_may_bind_a_role_may_bind_it(stage: Stage) -> None:
    bind = rule("bind", "roles clusterroles", RBAC_GROUP, "secrets view")
    stage.grant("ada", WRITE_RBAC, bind)
    stage.do("POST", ROLES, role("secrets", rule("get", "secrets")))
    made = binding("one", "Role/secrets", user("grace"))
    assert stage.send("POST", BINDINGS, made, by="ada").status == 201
    made = binding("two", "ClusterRole/view", user("grace"))
    assert stage.send("POST", BINDINGS, made, by="ada").status == 201
    made = binding("three", "ClusterRole/edit", user("grace"))
    assert stage.send("POST", BINDINGS, made, by="ada").status == 403


def test_emptying_a_binding_needs_what_making_it_does(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    stage.grant("ada", WRITE_RBAC, rule("delete", "rolebindings", RBAC_GROUP))
    made = binding("one", "ClusterRole/view", user("grace"), finalizers=["example.com/hold"])
    stage.do("POST", BINDINGS, made)
    emptied: Json = {"subjects": []}
    assert stage.ask("PATCH", f"{BINDINGS}/one", emptied, by="ada", kind=MERGE).status == 403
    labels = {"metadata": {"labels": {"a": "b"}}}
    assert stage.ask("PATCH", f"{BINDINGS}/one", labels, by="ada", kind=MERGE).status == 403
    freed: Json = {"metadata": {"finalizers": None}}
    assert stage.ask("PATCH", f"{BINDINGS}/one", freed, by="ada", kind=MERGE).status == 200
    assert stage.ask("DELETE", f"{BINDINGS}/one", by="ada").status == 200
    assert stage.told == answers


def test_a_dry_run_is_held_to_the_same(stage: Stage) -> None:
    stage.grant("ada", WRITE_RBAC)
    refused = stage.send("POST", ROLES, role("all", ALL), by="ada", dryRun="All")
    assert refused.status == 403
    made = binding("one", "ClusterRole/view")
    assert stage.send("POST", BINDINGS, made, by="ada", dryRun="All").status == 403


def test_rights_to_paths_are_held_to_the_same(stage: Stage, answers: SnapshotAssertion) -> None:
    write = rule("create", "clusterroles clusterrolebindings", RBAC_GROUP)
    stage.do("POST", CLUSTER_ROLES, cluster_role("w-{word}", write))
    stage.do("POST", CLUSTER_BINDINGS, cluster_binding("w-{word}", "w-{word}", user("ada")))
    stage.until_may("ada", "create", "clusterroles", group=RBAC_GROUP)
    wide = cluster_role("p-{word}", paths("get", "/metrics"))
    assert stage.ask("POST", CLUSTER_ROLES, wide, by="ada").status == 403
    known = cluster_role("q-{word}", paths("get", "/api /healthz"))
    assert stage.ask("POST", CLUSTER_ROLES, known, by="ada").status == 201
    bound = cluster_binding("x-{word}", "cluster-admin", user("ada"))
    assert stage.ask("POST", CLUSTER_BINDINGS, bound, by="ada").status == 403
    assert stage.told == answers


def test_masters_write_whatever_they_like(stage: Stage) -> None:
    assert stage.send("POST", ROLES, role("all", ALL)).status == 201
    made = binding("one", "ClusterRole/cluster-admin", user("ada"))
    assert stage.send("POST", BINDINGS, made).status == 201


def test_a_cluster_role_gathers_others(stage: Stage) -> None:
    pick = {"matchLabels": {"gather": "{word}"}}
    gathering = cluster_role("all-{word}") | {"aggregationRule": {"clusterRoleSelectors": [pick]}}
    gathering["rules"] = []
    part = cluster_role("part-{word}", rule("get", "pods"), labels={"gather": "{word}"})
    stage.do("POST", CLUSTER_ROLES, gathering)
    stage.do("POST", CLUSTER_ROLES, part)

    def rules() -> Any:
        return stage.do("GET", f"{CLUSTER_ROLES}/all-{{word}}").body["rules"]

    until(lambda: rules() == [rule("get", "pods")], "its rules are gathered")
    change = {"rules": [rule("list", "pods")]}
    stage.do("PATCH", f"{CLUSTER_ROLES}/part-{{word}}", change, kind=MERGE)
    until(lambda: rules() == [rule("list", "pods")], "a change is gathered")
    stage.do("DELETE", f"{CLUSTER_ROLES}/part-{{word}}")


def test_own_rules_of_a_gathering_role_are_overwritten(stage: Stage) -> None:
    pick = {"matchLabels": {"gather": "{word}"}}
    part = cluster_role("part-{word}", rule("get", "pods"), labels={"gather": "{word}"})
    stage.do("POST", CLUSTER_ROLES, part)
    gathering = cluster_role("all-{word}", rule("get", "secrets"))
    gathering["aggregationRule"] = {"clusterRoleSelectors": [pick]}
    stage.do("POST", CLUSTER_ROLES, gathering)
    path = f"{CLUSTER_ROLES}/all-{{word}}"
    until(lambda: stage.do("GET", path).body["rules"] == [rule("get", "pods")], "it is overwritten")


@pytest.mark.parametrize("name", ["view", "edit", "admin"])
def test_what_is_labelled_for_it_joins_a_role_of_the_system(stage: Stage, name: str) -> None:
    labels = {f"rbac.authorization.k8s.io/aggregate-to-{name}": "true"}
    extra = rule("get", "things-{word}", "example.com")
    stage.do("POST", CLUSTER_ROLES, cluster_role("extra-{word}", extra, labels=labels))
    stage.do("POST", BINDINGS, binding("one", f"ClusterRole/{name}", user("ada")))
    stage.until_may("ada", "get", stage.fill("things-{word}"), group="example.com")
    stage.do("DELETE", f"{CLUSTER_ROLES}/extra-{{word}}")
    until(
        lambda: not stage.may("ada", "get", stage.fill("things-{word}"), group="example.com"),
        "it leaves again",
    )


def test_roles_of_the_system_say_what_they_gather(stage: Stage, answers: SnapshotAssertion) -> None:
    for name in ("admin", "edit", "view", "cluster-admin"):
        stage.ask("GET", f"{CLUSTER_ROLES}/{name}", show=_gathered)
    stage.ask("GET", f"{CLUSTER_BINDINGS}/cluster-admin", show=lambda body: body["subjects"])
    assert stage.told == answers


@pytest.mark.parametrize(
    ("name", "may", "may_not"),
    [
        ("view", ["list pods", "get configmaps", "get pods/log"], ["get secrets", "create pods"]),
        ("edit", ["create pods", "get secrets", "create pods/exec"], ["create rolebindings"]),
        ("admin", ["create rolebindings", "delete roles", "get secrets"], ["get nodes"]),
        ("cluster-admin", ["juggle anything", "get nodes"], []),
    ],
)
def test_roles_of_the_system_give_what_they_are_known_for(
    stage: Stage, name: str, may: list[str], may_not: list[str]
) -> None:
    def allowed(asked: str) -> bool:
        verb, _, resource = asked.partition(" ")
        resource, _, subresource = resource.partition("/")
        more = {"group": RBAC_GROUP} if resource.startswith("role") else {}
        more |= {"subresource": subresource} if subresource else {}
        return stage.may("ada", verb, resource, **more)

    stage.do("POST", BINDINGS, binding("one", f"ClusterRole/{name}", user("ada")))
    until(lambda: allowed(may[0]), f"{name} counts")
    assert [one for one in may if not allowed(one)] == []
    assert [one for one in may_not if allowed(one)] == []


def _gathered(body: Any) -> Any:
    meta = body["metadata"]
    kept = {"labels": meta["labels"], "annotations": meta["annotations"]}
    return {"metadata": kept, "aggregationRule": body.get("aggregationRule")}
