"""Who reaches a node, all Secrets or everything: each with the nearest rights that do not."""

from dataclasses import replace

import pytest

from grants.authz.model import Rule
from grants.authz.paths.model import PartyKind
from grants.authz.paths.surroundings import Workload
from tests.support.escalations import APP, AROUND, STRICT, alone, needs, way, with_strong_boss
from tests.support.rbac_objects import account as named
from tests.support.rbac_objects import bind, group, role, rule

ADMIN, SECRETS, NODE = PartyKind.CLUSTER_ADMIN, PartyKind.EVERY_SECRET, PartyKind.NODE
ADMISSION = "admissionregistration.k8s.io"
PODS = rule("create", "pods")


def test_everything_is_cluster_admin_and_so_every_secret_and_a_node() -> None:
    paths = alone(rule("*", "*", "*"))
    assert way(paths, ADMIN) == ["wildcard-all"]
    assert way(paths, SECRETS) == ["secrets-read"]
    assert len(way(paths, NODE)) == 1


@pytest.mark.parametrize(
    ("rules", "namespace"),
    [
        ((rule("*", "*", "apps"),), ""),
        ((rule("*", "* nodes", "core", "one"),), ""),
        ((rule("get", "*", "*"),), ""),
        ((rule("*", "*", "*"),), "other"),
    ],
)
def test_nearly_everything_is_not(rules: tuple[Rule, ...], namespace: str) -> None:
    assert way(alone(*rules, namespace=namespace), ADMIN) == []


def test_masters_are_asked_nothing() -> None:
    paths = alone(rule("impersonate", "users groups", "core", "x system:masters"))
    assert way(paths, ADMIN) == ["impersonate"]
    bound = bind("m", role("view"), group("system:masters"))
    assert "system:masters" not in {party.name for party in alone(bindings=(bound,)).people}


@pytest.mark.parametrize("verb", ["get", "list", "watch"])
def test_secrets_everywhere(verb: str) -> None:
    assert way(alone(rule(verb, "secrets")), SECRETS) == ["secrets-read"]
    assert way(alone(rule(verb, "secrets"), namespace="team"), SECRETS) == []
    assert way(alone(rule(verb, "secrets", names="one")), SECRETS) == []
    assert way(alone(rule(verb, "secrets", "apps")), SECRETS) == []


def test_pods_everywhere_mount_secrets_everywhere() -> None:
    path = alone(PODS).path(APP, SECRETS)
    assert needs(path) == {"secret-names": False}
    assert way(alone(PODS, namespace="team"), SECRETS) == []


@pytest.mark.parametrize(
    ("level", "led"), [("", True), ("privileged", True), ("baseline", False), ("restricted", False)]
)
@pytest.mark.parametrize(
    ("kind", "held"),
    [
        ("workload-create", PODS),
        ("workload-create", rule("patch", "deployments", "apps")),
        ("ephemeral-containers", rule("patch", "pods/ephemeralcontainers")),
    ],
)
def test_a_pod_holds_its_node_where_pod_security_lets_it(
    kind: str, held: Rule, level: str, *, led: bool
) -> None:
    around = replace(AROUND, pod_security={**STRICT, "team": level})
    for namespace in ("team", ""):
        path = alone(held, namespace=namespace, around=around).path(APP, NODE)
        assert (path is not None) == led
        if path is not None:
            assert [step.kind for step in path.steps] == [kind]
            assert needs(path)["pod-security"]


def test_where_labels_were_not_seen_they_are_supposed() -> None:
    for levels in (None, {}):
        around = replace(AROUND, pod_security=levels)
        for namespace in ("team", ""):
            path = alone(PODS, namespace=namespace, around=around).path(APP, NODE)
            assert needs(path) == {"pod-security": False}


@pytest.mark.parametrize("held", [rule("update", "pods"), rule("create", "pods/exec")])
def test_what_can_not_say_how_a_pod_runs_holds_no_node(held: Rule) -> None:
    around = replace(AROUND, pod_security={"team": ""})
    assert way(alone(held, namespace="team", around=around), NODE) == []


@pytest.mark.parametrize(
    ("change", "namespace", "led"),
    [
        (rule("update", "namespaces"), "team", True),
        (rule("patch", "namespaces"), "", True),
        (rule("patch", "namespaces", names="team"), "", True),
        (rule("patch", "namespaces", names="other"), "team", False),
        (rule("get", "namespaces"), "", False),
        (rule("update", "namespaces/status namespaces/finalize"), "", False),
    ],
)
def test_who_sets_a_namespaces_labels_lifts_pod_security(
    change: Rule, namespace: str, *, led: bool
) -> None:
    lifts = role("lifts", change)
    bound = bind("lifts", lifts, named("app", "team"), namespace=namespace)
    paths = alone(PODS, namespace="team", roles=(lifts,), bindings=(bound,))
    assert way(paths, NODE) == (["namespace-mutate"] if led else [])
    if led:
        assert needs(paths.path(APP, NODE)) == {"labels-lifted": True}
    assert way(alone(change, namespace=namespace), NODE) == []


def test_pods_everywhere_need_one_namespace_whose_labels_can_be_set() -> None:
    assert way(alone(PODS, rule("patch", "namespaces")), NODE) == ["namespace-mutate"]
    assert way(alone(PODS, rule("patch", "namespaces", names="other")), NODE) != []
    assert way(alone(PODS, rule("patch", "namespaces", names="gone")), NODE) == []


def test_a_volume_of_the_nodes_files_needs_a_pod_to_mount_it() -> None:
    volumes = role("volumes", rule("create", "persistentvolumes"))
    everywhere = bind("volumes", volumes, named("app", "team"))
    paths = alone(PODS, namespace="team", roles=(volumes,), bindings=(everywhere,))
    assert way(paths, NODE) == ["pv-create"]
    assert way(alone(roles=(volumes,), bindings=(everywhere,)), NODE) == []
    assert way(alone(PODS, rule("create", "persistentvolumes"), namespace="team"), NODE) == []
    claims = role("volumes", rule("create", "persistentvolumeclaims"))
    assert way(alone(PODS, namespace="team", roles=(claims,), bindings=(everywhere,)), NODE) == []
    whole = alone(PODS, rule("create", "persistentvolumes"))
    assert way(whole, NODE) == ["pv-create"]


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("webhook-config", (rule("create", "mutatingwebhookconfigurations", ADMISSION),)),
        ("webhook-config", (rule("patch", "mutatingwebhookconfigurations", ADMISSION, "one"),)),
        (
            "admission-policy",
            (
                rule("create", "mutatingadmissionpolicies", ADMISSION),
                rule("create", "mutatingadmissionpolicybindings", ADMISSION),
            ),
        ),
        ("admission-policy", (rule("create", "clusterpolicies", "kyverno.io"),)),
    ],
)
def test_whoever_changes_what_others_write_waits_for_them(
    kind: str, rules: tuple[Rule, ...]
) -> None:
    paths = alone(*rules)
    assert way(paths, ADMIN) == [kind]
    assert needs(paths.path(APP, ADMIN))["later-write"] is False
    assert way(alone(*rules, namespace="team"), ADMIN) == []


@pytest.mark.parametrize(
    "rules",
    [
        (rule("create update", "validatingwebhookconfigurations", ADMISSION),),
        (rule("create update", "validatingadmissionpolicies", ADMISSION),),
        (rule("delete", "mutatingwebhookconfigurations", ADMISSION),),
        (rule("create", "mutatingwebhookconfigurations", ADMISSION, "one"),),
        (rule("create", "mutatingadmissionpolicies", ADMISSION),),
        (rule("create", "mutatingadmissionpolicybindings", ADMISSION),),
        (rule("create", "policies", "kyverno.io"),),
        (rule("create", "clusterpolicies", "*"),),
    ],
)
def test_what_only_refuses_or_is_half_done_changes_nothing(rules: tuple[Rule, ...]) -> None:
    assert way(alone(*rules), ADMIN) == []


def test_a_node_leads_to_all_that_runs_on_nodes_even_without_a_mounted_token() -> None:
    around = replace(
        AROUND,
        workloads=(Workload("DaemonSet", "team", "agent", "boss", mounts_token=False),),
        pod_security={"other": ""},
    )
    paths = with_strong_boss(PODS, namespace="other", around=around)
    path = paths.path(APP, ADMIN)
    assert path is not None
    assert [step.kind for step in path.steps] == ["workload-create", "node", "wildcard-all"]
    assert needs(path) == {"pod-security": True, "pod-on-node": False, "pod-runs": True}
    blind = replace(around, workloads=None)
    assert way(with_strong_boss(PODS, namespace="other", around=blind), ADMIN) != []
    empty = replace(around, workloads=())
    assert way(with_strong_boss(PODS, namespace="other", around=empty), ADMIN) == []
