"""Every rule of the catalogue: a case that is it, the nearest that is not, and one by a group.

A rule without all of its cases fails, and so does a case of a rule that is not there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from grants.authz.model import RoleRef, Rule
from grants.authz.objects import Binding, Meta, Role, Subject
from grants.authz.rule_ids import ACCOUNTS, BOUND, GRANTED, PATHS, PLACES, RULE_IDS, USED
from grants.policy.review_model import Annotations, ReviewPolicy
from grants.review.finding import Finding, Verdict
from grants.review.findings.catalogue import CATALOGUE
from grants.review.findings.look import Look
from tests.support.rbac_objects import account, bind, group, paths, role, rule, user
from tests.support.reviews import findings_of, look_at, runs, sa

RBAC = "rbac.authorization.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
CERTS = "certificates.k8s.io"
AUTHN = "authentication.k8s.io"
NETWORK = "networking.k8s.io"

# What a role's rules show: (rules that are it, the nearest rules that are not)
OF_RULES: dict[str, tuple[tuple[Rule, ...], tuple[Rule, ...]]] = {
    "wildcard-all": ((rule("*", "*", "*"),), (rule("*", "*", "core apps batch"),)),
    "wildcard-resources": ((rule("create", "*", "apps"),), (rule("get list watch", "*", "apps"),)),
    "wildcard-sensitive": (
        (rule("*", "secrets"),),
        (rule("get list watch create update patch delete deletecollection", "secrets"),),
    ),
    "secrets-read": ((rule("list", "secrets"),), (rule("list", "secrets/status configmaps"),)),
    "secrets-write": ((rule("patch", "secrets"),), (rule("delete get", "secrets"),)),
    "token-create": (
        (rule("create", "serviceaccounts/token"),),
        (rule("create", "serviceaccounts"),),
    ),
    "workload-create": ((rule("update", "deployments", "apps"),), (rule("update", "pods"),)),
    "pods-mutate": ((rule("patch", "pods"),), (rule("patch", "pods/status"),)),
    "pods-exec": ((rule("create", "pods/exec"),), (rule("create", "pods/eviction"),)),
    "ephemeral-containers": (
        (rule("patch", "pods/ephemeralcontainers"),),
        (rule("get", "pods/ephemeralcontainers"),),
    ),
    "port-forward": ((rule("create", "pods/portforward"),), (rule("create", "pods/proxy"),)),
    "nodes-proxy": ((rule("get", "nodes/proxy"),), (rule("get", "nodes/metrics nodes/stats"),)),
    "bind": ((rule("bind", "clusterroles", RBAC),), (rule("bind", "clusterrolebindings", RBAC),)),
    "escalate": ((rule("escalate", "roles", RBAC),), (rule("escalate", "roles", "apps"),)),
    "rbac-write": (
        (rule("create", "rolebindings", RBAC),),
        (rule("get list watch delete", "rolebindings roles", RBAC),),
    ),
    "impersonate": ((rule("impersonate", "serviceaccounts"),), (rule("impersonate", "pods"),)),
    "constrained-impersonate": (
        (rule("impersonate:serviceaccount", "serviceaccounts", AUTHN),),
        (rule("impersonate", "serviceaccounts"),),
    ),
    "csr-approve": (
        (
            rule("update", "certificatesigningrequests/approval", CERTS),
            rule("approve", "signers", CERTS, names="kubernetes.io/kube-apiserver-client"),
        ),
        (
            rule("update", "certificatesigningrequests/approval", CERTS),
            rule("approve", "signers", CERTS, names="kubernetes.io/kubelet-serving"),
        ),
    ),
    "webhook-config": (
        (rule("patch", "mutatingwebhookconfigurations", ADMISSION),),
        (rule("get list watch", "mutatingwebhookconfigurations", ADMISSION),),
    ),
    "admission-policy": (
        (rule("delete", "validatingadmissionpolicybindings", ADMISSION),),
        (rule("list", "validatingadmissionpolicybindings", ADMISSION),),
    ),
    "pv-create": (
        (rule("create", "persistentvolumes"),),
        (rule("create", "persistentvolumeclaims"), rule("patch delete", "persistentvolumes")),
    ),
    "namespace-mutate": ((rule("patch", "namespaces"),), (rule("create get", "namespaces"),)),
    "network-mutate": (
        (rule("delete", "networkpolicies", NETWORK),),
        (rule("get", "networkpolicies", NETWORK), rule("update", "services")),
    ),
    "status-mutate": ((rule("patch", "nodes/status"),), (rule("patch", "services/status"),)),
    "system-config-mutate": (
        (rule("update", "configmaps", names="aws-auth"),),
        (rule("update", "configmaps", names="app"), rule("get", "configmaps")),
    ),
    "destructive-delete": ((rule("delete", "pods"),), (rule("delete", "configmaps"),)),
}


@dataclass(frozen=True)
class Case:
    """A look that shows the rule, the nearest that does not, and one where a group gives it.

    `by_group` None: no right is the matter, so no group can give it; `why_not` says so.
    """

    shows: Callable[[], Look]
    near: Callable[[], Look]
    by_group: Callable[[], Look] | None = None
    why_not: str = ""


APP = account("app", "shop")
GROUPS = (group("system:serviceaccounts:shop"), group("system:serviceaccounts"))


def bound(rules: tuple[Rule, ...], subject: Subject, namespace: str = "") -> Look:
    found = role("role", *rules, namespace=namespace)
    return look_at(sa("app"), found, bind("binding", found, subject, namespace=namespace))


def of_rules(id_: str) -> Case:
    positive, near = OF_RULES[id_]
    return Case(
        lambda: bound(positive, APP),
        lambda: bound(near, APP),
        lambda: bound(positive, GROUPS[0]),
    )


READS = (rule("get", "pods"),)
WRITES = (rule("patch", "services"),)
LOCKS = (rule("create get update", "leases", "coordination.k8s.io"), rule("create", "events"))


def own(rules: tuple[Rule, ...], namespace: str, subject: Subject) -> Look:
    found = role("role", *rules, namespace=namespace)
    binding = bind("binding", found, subject, namespace=namespace)
    return look_at(sa("app"), found, binding, own={"valetkey"})


def to(subject: Subject, rules: tuple[Rule, ...] = READS) -> Look:
    return bound(rules, subject, "shop")


def dangling(subject: Subject, *made: object, of: str = "role") -> Look:
    found = role("role", *READS)
    binding = bind("binding", RoleRef("ClusterRole", of), subject)
    return look_at(found, binding, *made)  # type: ignore[arg-type]


def labelled(value: str, target: str = "view") -> Look:
    meta = Meta("more", labels={f"{RBAC}/aggregate-to-{target}": value})
    return look_at(Role("ClusterRole", meta, (rule("get", "secrets"),)))


def said(**annotations: str) -> Look:
    named = {f"team/{name}": value for name, value in annotations.items()}
    asks = ReviewPolicy(annotations=Annotations("team/owner", "", "team/day"))
    return look_at(sa("app", said=named), policy=asks)


def mounted(by: Binding | None = None, **more: object) -> Look:
    things = [role("role", *READS)] + ([by] if by else [])
    return look_at(sa("app"), runs("web", "app", **more), *things)


ITSELF = "it is a matter of the account itself"

CASES: dict[str, Case] = {
    **{id_: of_rules(id_) for id_ in OF_RULES},
    "system-namespace": Case(
        lambda: own(WRITES, "kube-system", APP),
        lambda: own((*READS, *LOCKS), "kube-system", APP),
        lambda: own(WRITES, "kube-system", GROUPS[0]),
    ),
    "own-namespace": Case(
        lambda: own(READS, "valetkey", APP),
        lambda: own(WRITES, "valetkey-2", APP),
        lambda: own(READS, "valetkey", GROUPS[0]),
    ),
    "anonymous-bound": Case(
        lambda: to(user("system:anonymous")),
        lambda: to(group("system:anonymous")),
        lambda: to(group("system:unauthenticated")),
    ),
    "authenticated-bound": Case(
        lambda: to(group("system:authenticated")),
        lambda: to(user("system:authenticated")),
        lambda: to(group("system:authenticated")),
    ),
    "masters-bound": Case(
        lambda: to(group("system:masters")),
        lambda: to(user("system:masters")),
        lambda: to(group("system:masters")),
    ),
    "default-sa-bound": Case(
        lambda: to(account("default")),
        lambda: to(account("default-2")),
        lambda: to(GROUPS[1]),
    ),
    "dangling-binding": Case(
        lambda: dangling(APP),
        lambda: dangling(APP, sa("app")),
        lambda: dangling(GROUPS[0], sa("app"), of="no-role"),
    ),
    "aggregate-label": Case(
        lambda: labelled("true"),
        lambda: labelled("false"),
        why_not="a label binds nobody",
    ),
    "cloud-identity": Case(
        lambda: look_at(sa("app", said={"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"})),
        lambda: look_at(sa("app", said={"eks.amazonaws.com/sts-regional-endpoints": "true"})),
        why_not=ITSELF,
    ),
    "token-automount": Case(
        mounted,
        lambda: mounted(bind("binding", RoleRef("ClusterRole", "role"), APP, namespace="shop")),
        lambda: mounted(bind("binding", RoleRef("ClusterRole", "role"), GROUPS[1])),
    ),
    "owner-missing": Case(
        lambda: said(day="2031-01-01"),
        lambda: said(owner="ann", day="2031-01-01"),
        why_not=ITSELF,
    ),
    "review-overdue": Case(
        lambda: said(owner="ann", day="2026-11-28"),
        lambda: said(owner="ann", day="2026-11-29"),
        why_not=ITSELF,
    ),
}


def found(make: Callable[[], Look], id_: str) -> list[Finding]:
    return [one for one in findings_of(make(), id_) if one.verdict is Verdict.FOUND]


TRIED = [id_ for id_ in RULE_IDS if id_ not in {*USED, *PATHS}]


def test_every_rule_has_its_cases_and_every_case_its_rule() -> None:
    """Use and paths have suites of their own."""
    assert set(CASES) == set(TRIED)
    for id_, case in CASES.items():
        assert (case.by_group is None) == bool(case.why_not), id_
    assert {*GRANTED, *PLACES, *BOUND, *ACCOUNTS} == set(TRIED)


@pytest.mark.parametrize("id_", TRIED)
def test_what_is_it_is_found_with_all_that_a_reader_needs(id_: str) -> None:
    (one, *_) = found(CASES[id_].shows, id_)
    assert one.title
    assert one.fix
    assert "{" not in one.fix
    assert one.controls
    assert one.subject or one.role
    assert one.permission or one.evidence
    assert one.is_open


@pytest.mark.parametrize("id_", TRIED)
def test_the_nearest_is_not_found(id_: str) -> None:
    assert found(CASES[id_].near, id_) == []


@pytest.mark.parametrize("id_", [id_ for id_ in TRIED if CASES[id_].by_group])
def test_what_comes_by_a_group_is_found_too(id_: str) -> None:
    make = CASES[id_].by_group
    assert make is not None
    (one, *_) = found(make, id_)
    groups_of_accounts = one.subject is not None and one.subject.name.startswith(
        ("system:serviceaccounts", "system:authenticated")
    )
    if groups_of_accounts:
        assert APP in one.reached


@pytest.mark.parametrize("id_", RULE_IDS)
def test_every_rule_says_what_it_is_and_whose_controls(id_: str) -> None:
    entry = CATALOGUE[id_]
    assert entry.title[0].islower()
    assert entry.fix.endswith(".")
    frameworks = {control.framework for control in entry.controls}
    assert "NSA" in frameworks
    assert frameworks <= {"CIS", "NSA", "ATT&CK"}


def test_paths_of_a_role_give_nothing_that_is_risky() -> None:
    assert findings_of(bound((paths("*", "*"),), APP)) == []


def test_every_rule_is_told_in_the_docs() -> None:
    page = Path(__file__).parents[2] / "docs" / "review.md"
    text = page.read_text(encoding="utf-8").partition("## Rules")[2]
    assert [id_ for id_ in TRIED if f"`{id_}`" not in text] == []
