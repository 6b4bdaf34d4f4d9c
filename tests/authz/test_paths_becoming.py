"""Who can act as whom: each step with the nearest rights that do not allow it."""

from dataclasses import replace

import pytest

from grants.authz.model import Rule
from grants.authz.paths.model import (
    PartyKind,
    account,
    pods_of,
)
from grants.authz.paths.surroundings import TokenSecret, Workload
from tests.support.escalations import APP, AROUND, BOSS, alone, needs, way, with_strong_boss
from tests.support.rbac_objects import account as named
from tests.support.rbac_objects import bind, group, role, rule, user

ADMIN, NODE = PartyKind.CLUSTER_ADMIN, PartyKind.NODE
AUTHN = "certificates.k8s.io"

TO_BOSS = [
    ("token-create", (rule("create", "serviceaccounts/token"),)),
    ("token-create", (rule("create", "serviceaccounts/token", names="boss"),)),
    ("token-create", (rule("create", "*/token"),)),
    ("workload-create", (rule("create", "pods"),)),
    ("workload-create", (rule("create patch", "pods", names="mine"),)),
    ("workload-create", (rule("create", "jobs", "batch"),)),
    ("workload-create", (rule("create", "daemonsets", "apps"),)),
    ("workload-create", (rule("patch", "deployments", "apps"),)),
    ("workload-create", (rule("update", "deployments", "apps", "boss"),)),
    ("workload-create", (rule("create", "workflows", "argoproj.io"),)),
    ("pods-exec", (rule("create", "pods/exec"),)),
    ("pods-exec", (rule("create", "pods/exec", names="boss-0"),)),
    ("pods-exec", (rule("get", "pods/exec"),)),
    ("pods-exec", (rule("create", "pods/attach"),)),
    ("pods-exec", (rule("get", "pods/attach"),)),
    ("ephemeral-containers", (rule("patch", "pods/ephemeralcontainers"),)),
    ("ephemeral-containers", (rule("update", "pods/ephemeralcontainers", names="boss-0"),)),
    ("pods-mutate", (rule("update", "pods"),)),
    ("pods-mutate", (rule("patch", "pods", names="boss-0"),)),
    ("secrets-read", (rule("get", "secrets"),)),
    ("secrets-read", (rule("list", "secrets", names="boss-token"),)),
    ("secrets-write", (rule("create", "secrets"), rule("get", "secrets", names="mine"))),
    ("secrets-write", (rule("create patch", "secrets"),)),
    ("secrets-write", (rule("create patch", "secrets", names="mine"),)),
    ("impersonate", (rule("impersonate", "serviceaccounts"),)),
    ("impersonate", (rule("impersonate", "serviceaccounts", names="boss"),)),
    ("impersonate", (rule("*", "*", "core", names="boss"),)),
]


@pytest.mark.parametrize("namespace", ["team", ""])
@pytest.mark.parametrize(("kind", "rules"), TO_BOSS)
def test_these_rights_lead_to_another_account_where_they_hold(
    kind: str, rules: tuple[Rule, ...], namespace: str
) -> None:
    path = with_strong_boss(*rules, namespace=namespace).path(APP, ADMIN)
    assert path is not None
    first, last = path.steps
    assert (first.kind, first.actor, first.gains) == (kind, APP, BOSS)
    assert {one.rule for one in first.because} <= set(rules)
    assert first.because[0].binding.meta.name == "weak"
    assert (last.kind, last.gains.kind) == ("wildcard-all", ADMIN)


@pytest.mark.parametrize(("kind", "rules"), TO_BOSS)
def test_they_lead_nowhere_in_another_namespace(kind: str, rules: tuple[Rule, ...]) -> None:
    assert way(with_strong_boss(*rules, namespace="other"), ADMIN) == [], kind


@pytest.mark.parametrize(
    "rules",
    [
        (),
        (rule("get", "serviceaccounts/token"),),
        (rule("create", "serviceaccounts"),),
        (rule("create", "serviceaccounts/token", names="other"),),
        (rule("create", "pods", names="mine"),),
        (rule("create", "pods/binding"),),
        (rule("create", "pods", "apps"),),
        (rule("patch", "jobs", "batch"),),
        (rule("patch", "statefulsets", "apps"),),
        (rule("update", "deployments", "apps", "another"),),
        (rule("patch", "deployments/scale", "apps"),),
        (rule("create", "pods/portforward pods/eviction"),),
        (rule("create", "pods/exec", names="another-0"),),
        (rule("update", "pods/status"),),
        (rule("get", "pods/log"),),
        (rule("patch", "pods", names="another-0"),),
        (rule("get list watch", "configmaps"),),
        (rule("get", "secrets", names="another"),),
        (rule("delete", "secrets"),),
        (rule("create", "secrets"),),
        (rule("patch", "secrets"),),
        (rule("create patch", "secrets/status"),),
        (rule("create", "secrets", names="mine"), rule("get", "secrets", names="mine")),
        (rule("impersonate", "serviceaccounts", names="another"),),
        (rule("impersonate", "serviceaccounts", "authentication.k8s.io"),),
    ],
)
def test_what_is_near_leads_nowhere(rules: tuple[Rule, ...]) -> None:
    assert way(with_strong_boss(*rules), ADMIN) == []


def test_rights_in_two_bindings_of_a_namespace_go_together_and_apart_they_do_not() -> None:
    writes, reads = role("writes", rule("create", "secrets")), role("reads", rule("get", "secrets"))
    quiet = replace(AROUND, token_secrets=())

    def path(there: str) -> list[str]:
        both = (
            bind("writes", writes, named("app", "team"), namespace="team"),
            bind("reads", reads, named("app", "team"), namespace=there),
        )
        made = with_strong_boss(roles=(writes, reads), bindings=both, around=quiet)
        return way(made, ADMIN)

    assert path("team") == ["secrets-write", "wildcard-all"]
    assert path("other") == []
    assert path("") == ["secrets-write", "wildcard-all"]


def test_rights_that_come_by_a_group_count_and_the_step_says_so() -> None:
    mints = role("mints", rule("create", "serviceaccounts/token"))
    to_all = bind("to-all", mints, group("system:serviceaccounts:team"), namespace="team")
    paths = with_strong_boss(roles=(mints,), bindings=(to_all,))
    path = paths.path(APP, ADMIN)
    assert path is not None
    assert path.steps[0].because[0].subject == group("system:serviceaccounts:team")
    assert way(paths, ADMIN, account("other", "idle")) == []


def test_an_account_named_as_a_user_is_the_account() -> None:
    mints = role("mints", rule("create", "serviceaccounts/token"))
    as_user = bind("as-user", mints, user("system:serviceaccount:team:app"), namespace="team")
    assert way(with_strong_boss(roles=(mints,), bindings=(as_user,)), ADMIN) == [
        "token-create",
        "wildcard-all",
    ]


@pytest.mark.parametrize(
    ("workload", "led"),
    [
        (Workload("Deployment", "team", "boss", "boss"), True),
        (Workload("Deployment", "team", "boss", "boss", mounts_token=True), True),
        (Workload("Deployment", "team", "boss", "boss", mounts_token=False), False),
        (Workload("CronJob", "team", "boss", "boss", runs=False), False),
        (Workload("Deployment", "other", "boss", "boss"), False),
        (Workload("Deployment", "team", "boss", "gone"), False),
    ],
)
def test_a_shell_is_worth_what_runs_there_and_mounts_a_token(
    workload: Workload, *, led: bool
) -> None:
    around = replace(AROUND, workloads=(workload,))
    path = with_strong_boss(rule("create", "pods/exec"), around=around).path(APP, ADMIN)
    assert (path is not None) == led
    if path is not None:
        assert path.is_certain
        assert [need.name for need in path.steps[0].needs] == ["Deployment boss"]


def test_where_pods_were_not_looked_at_a_shell_supposes_them() -> None:
    around = replace(AROUND, workloads=None)
    path = with_strong_boss(rule("create", "pods/exec"), around=around).path(APP, ADMIN)
    assert needs(path) == {"pod-runs": False}
    changed = with_strong_boss(rule("patch", "deployments", "apps"), around=around)
    assert needs(changed.path(APP, ADMIN)) == {"workload-exists": False}
    everywhere = with_strong_boss(rule("create", "pods/exec"), namespace="", around=around)
    assert needs(everywhere.path(APP, ADMIN)) == {"pod-runs": False}


def test_what_supposes_less_goes_before_what_supposes_more() -> None:
    path = with_strong_boss(rule("get create", "pods/exec"), rule("create", "pods/attach")).path(
        APP, ADMIN
    )
    assert path is not None
    assert path.is_certain
    assert path.steps[0].because[0].rule.verbs == ("get", "create")
    only_get = with_strong_boss(rule("get", "pods/attach")).path(APP, ADMIN)
    assert needs(only_get) == {"old-api-server": False, "takes-input": False, "pod-runs": True}


def test_tokens_that_were_not_looked_for_lead_nowhere() -> None:
    around = replace(AROUND, token_secrets=None)
    assert way(with_strong_boss(rule("get", "secrets"), around=around), ADMIN) == []
    elsewhere = replace(AROUND, token_secrets=(TokenSecret("team", "old", "gone"),))
    assert way(with_strong_boss(rule("get", "secrets"), around=elsewhere), ADMIN) == []
    named_one = rule("get", "secrets", names="old")
    assert way(with_strong_boss(named_one, around=elsewhere), ADMIN) == []


def test_any_pod_of_a_namespace_is_each_account_that_runs_there() -> None:
    paths = with_strong_boss()
    assert way(paths, ADMIN, pods_of("team")) == ["pod", "wildcard-all"]
    assert pods_of("other") not in paths.starts
    unmounted = replace(AROUND, workloads=(Workload("Pod", "team", "b", "boss", False),))
    assert way(with_strong_boss(around=unmounted), ADMIN, pods_of("team")) == []


STRONG_PEOPLE = (
    bind("people", role("cluster-admin"), user("root@example.com")),
    bind("ops", role("cluster-admin"), group("ops")),
)


@pytest.mark.parametrize(
    ("rules", "gains"),
    [
        ((rule("impersonate", "users"),), "user root@example.com"),
        ((rule("impersonate", "users", names="root@example.com"),), "user root@example.com"),
        ((rule("impersonate", "users groups", names="x ops"),), "group ops"),
        ((rule("impersonate", "users", names="x"), rule("impersonate", "groups")), "cluster-admin"),
        ((rule("impersonate", "serviceaccounts groups", names="system:masters"),), "cluster-admin"),
    ],
)
def test_impersonation_leads_to_users_and_groups(rules: tuple[Rule, ...], gains: str) -> None:
    path = alone(*rules, bindings=STRONG_PEOPLE).path(APP, ADMIN)
    assert path is not None
    assert path.steps[0].kind == "impersonate"
    assert str(path.steps[0].gains) == gains


@pytest.mark.parametrize(
    "rules",
    [
        (rule("impersonate", "groups"),),  # a group is named only along with a user
        (rule("impersonate", "users", names="nobody"),),
        (rule("impersonate", "users groups", names="x y"),),
        (rule("impersonate", "uids userextras/scopes", "authentication.k8s.io"),),
    ],
)
def test_impersonation_that_leads_to_nobody_strong(rules: tuple[Rule, ...]) -> None:
    assert way(alone(*rules, bindings=STRONG_PEOPLE), ADMIN) == []


def test_an_accounts_user_is_impersonated_as_a_service_account_only() -> None:
    boss = "system:serviceaccount:team:boss"
    assert (
        way(with_strong_boss(rule("impersonate", "users", names=boss), namespace=""), ADMIN) == []
    )
    assert way(with_strong_boss(rule("impersonate", "users"), namespace=""), ADMIN) == []


def test_users_and_groups_are_out_of_reach_of_a_role_binding() -> None:
    paths = alone(rule("impersonate", "users groups"), namespace="team", bindings=STRONG_PEOPLE)
    assert way(paths, ADMIN) == []


ASKS = rule("create", "certificatesigningrequests", AUTHN)
APPROVES = rule("update", "certificatesigningrequests/approval", AUTHN)


def signer(*names: str) -> Rule:
    return rule("approve", "signers", AUTHN, " ".join(names))


@pytest.mark.parametrize(
    "names",
    [(), ("kubernetes.io/kube-apiserver-client",), ("kubernetes.io/*",)],
)
def test_whoever_approves_client_certificates_is_anybody(names: tuple[str, ...]) -> None:
    rules = (ASKS, APPROVES, signer(*names))
    path = alone(*rules, bindings=STRONG_PEOPLE).path(APP, ADMIN)
    assert path is not None
    assert [step.kind for step in path.steps] == ["csr-approve", "wildcard-all"]
    assert len(path.steps[0].because) == 3
    boss = with_strong_boss(*rules, namespace="").path(APP, ADMIN)
    assert boss is not None
    assert boss.steps[0].gains == BOSS


def test_no_certificate_makes_a_member_of_masters() -> None:
    masters = bind("masters", role("cluster-admin"), group("system:masters"))
    assert way(alone(ASKS, APPROVES, signer(), bindings=(masters,)), ADMIN) == []


@pytest.mark.parametrize(
    "rules",
    [
        (APPROVES, signer()),
        (ASKS, signer()),
        (ASKS, APPROVES),
        (ASKS, APPROVES, signer("kubernetes.io/kubelet-serving")),
        (ASKS, APPROVES, signer("example.com/*")),
    ],
)
def test_certificates_that_lead_nowhere(rules: tuple[Rule, ...]) -> None:
    paths = alone(*rules, bindings=STRONG_PEOPLE)
    assert (way(paths, ADMIN), way(paths, NODE)) == ([], [])


def test_the_kubelets_signer_makes_a_node_and_no_admin() -> None:
    rules = (ASKS, APPROVES, signer("kubernetes.io/kube-apiserver-client-kubelet"))
    paths = alone(*rules, bindings=STRONG_PEOPLE)
    assert way(paths, NODE) == ["csr-approve"]
    assert way(paths, ADMIN) == []


def test_nodes_certificates_may_be_approved_by_the_controller_manager() -> None:
    by_itself = rule("create", "certificatesigningrequests/nodeclient", AUTHN)
    path = alone(ASKS, by_itself).path(APP, NODE)
    assert needs(path) == {"auto-approval": False}
    assert way(alone(by_itself), NODE) == []


@pytest.mark.parametrize("verb", ["get", "create"])
def test_a_kubelets_api_leads_into_all_pods_and_is_the_node(verb: str) -> None:
    paths = with_strong_boss(rule(verb, "nodes/proxy"), namespace="")
    assert way(paths, NODE) == ["nodes-proxy"]
    path = paths.path(APP, ADMIN)
    assert path is not None
    assert [step.kind for step in path.steps] == ["nodes-proxy", "wildcard-all"]
    assert path.steps[0].gains == BOSS


@pytest.mark.parametrize(
    ("rules", "namespace"),
    [
        ((rule("get", "nodes nodes/metrics nodes/stats nodes/log"),), ""),
        ((rule("update", "nodes/proxy"),), ""),
        ((rule("get", "nodes/proxy"),), "team"),
    ],
)
def test_what_is_near_a_kubelets_api_is_no_node(rules: tuple[Rule, ...], namespace: str) -> None:
    assert way(with_strong_boss(*rules, namespace=namespace), NODE) == []


def test_one_kubelet_leads_to_its_node_and_on_to_what_may_run_there() -> None:
    path = with_strong_boss(rule("get", "nodes/proxy", names="n1"), namespace="").path(APP, ADMIN)
    assert path is not None
    assert [step.kind for step in path.steps] == ["nodes-proxy", "node", "wildcard-all"]
    assert needs(path) == {"pod-on-node": False, "pod-runs": True}
