"""How findings are weighed, put together and set apart."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from grants.authz.model import RoleRef, Rule, rules_digest
from grants.authz.objects import Binding, Meta, Role, Subject
from grants.authz.outside import Authorizer, Outside, OutsideKind, OutsideRight, Sight, not_seen
from grants.policy.review_model import Premise, ReviewException, ReviewPolicy, Scope
from grants.review.finding import Aside, Finding, Severity, Verdict
from grants.review.findings.look import Look
from grants.review.findings.scanning import review
from grants.review.inventory import Owner, Seen, Workload
from tests.support.rbac_objects import account, account_user, bind, group, role, rule, user
from tests.support.reviews import ALL_SEEN, findings_of, look_at, runs, sa

RBAC = "rbac.authorization.k8s.io"
APP = account("app", "shop")
BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}
NOW = datetime(2026, 5, 1, tzinfo=UTC)
I, L, M, H, C = Severity  # noqa: E741 - as in the table of the code


def bound(
    *rules: Rule, to: Subject = APP, namespace: str = "", name: str = "binding", **labels: str
) -> Look:
    found = role("role", *rules, namespace=namespace)
    binding = bind(name, found, to, namespace=namespace)
    if labels:
        binding = replace(binding, meta=replace(binding.meta, labels=BOOTSTRAP))
    return look_at(sa("app"), sa("default"), found, binding)


def only(look: Look, rule_id: str) -> Finding:
    (found,) = findings_of(look, rule_id)
    return found


@pytest.mark.parametrize(
    ("what", "everywhere", "system", "some"),
    [
        (rule("*", "*", "*"), C, C, H),
        (rule("get", "secrets"), H, H, M),
        (rule("get", "secrets", names="one"), M, M, L),
        (rule("create", "serviceaccounts/token"), C, C, H),
        (rule("create", "pods"), H, H, M),
        (rule("create", "pods/exec"), H, H, M),
        (rule("get", "pods/exec"), M, M, L),
        (rule("bind", "clusterroles", RBAC), C, C, H),
        (rule("bind", "clusterroles", RBAC, names="mine"), M, M, L),
        (rule("bind", "clusterroles", RBAC, names="mine cluster-admin"), H, H, H),
        (rule("create", "rolebindings", RBAC), M, M, L),
        (rule("create", "*", "example.com"), L, L, L),
        (rule("create", "*", "apps"), C, C, H),
    ],
)
def test_a_right_weighs_by_what_it_is_and_where_it_holds(
    what: Rule, everywhere: Severity, system: Severity, some: Severity
) -> None:
    weights = []
    for namespace in ("", "kube-system", "team"):
        found = findings_of(bound(what, namespace=namespace))
        weights.append(found[0].severity)
    assert weights == [everywhere, system, some]


def test_to_act_as_the_masters_is_the_worst_there_is() -> None:
    found = only(bound(rule("impersonate", "groups", names="system:masters")), "impersonate")
    assert found.severity is C


def test_rights_of_everybody_weigh_more_than_those_of_one() -> None:
    what = rule("list", "secrets")
    weights = [
        only(bound(what, to=to), "secrets-read").severity
        for to in (APP, group("system:serviceaccounts:shop"), group("system:authenticated"))
    ]
    assert weights == [H, H, C]
    everybody = bound(what, to=group("system:authenticated"))
    assert only(everybody, "authenticated-bound").severity is C


def test_discovery_for_everybody_is_little() -> None:
    look = bound(rule("create", "selfsubjectaccessreviews", "authorization.k8s.io"),
                 to=group("system:authenticated"))  # fmt: skip
    assert only(look, "authenticated-bound").severity is L


def test_what_the_same_lines_show_is_told_once() -> None:
    (found,) = findings_of(bound(rule("*", "*", "*")))
    assert found.rule == "wildcard-all"
    assert {"secrets-read", "bind", "pods-exec", "wildcard-resources"} <= set(found.implies)


def test_what_other_lines_show_is_told_apart() -> None:
    look = bound(rule("*", "secrets"), rule("get", "secrets"), rule("create", "pods/exec"))
    told = {one.rule: set(one.implies) for one in findings_of(look)}
    assert told == {
        "wildcard-sensitive": {"secrets-write"},
        "secrets-read": set(),
        "pods-exec": set(),
    }


def test_whoever_starts_workloads_is_not_told_of_for_changing_them() -> None:
    assert [one.rule for one in findings_of(bound(rule("create patch delete", "pods")))] == [
        "workload-create"
    ]


def test_each_subject_and_each_binding_is_a_finding_of_its_own() -> None:
    reads = role("reads", rule("get", "secrets"))
    one = bind("one", reads, APP, user("ann"), APP)
    two = bind("two", reads, account("app"), namespace="shop")
    found = findings_of(look_at(sa("app"), reads, one, two), "secrets-read")
    assert [(str(f.subject), str(f.binding)) for f in found] == [
        ("User ann", "ClusterRoleBinding one"),
        ("ServiceAccount shop/app", "ClusterRoleBinding one"),
        ("ServiceAccount shop/app", "RoleBinding shop/two"),
    ]
    assert len({f.key for f in found}) == len(found)


def test_an_account_under_its_user_name_is_reached_too() -> None:
    found = only(bound(rule("get", "secrets"), to=account_user("app", "shop")), "secrets-read")
    assert found.reached == (APP,)


def test_roles_that_every_cluster_has_need_not_be_in_files() -> None:
    binding = bind("all", RoleRef("ClusterRole", "cluster-admin"), APP)
    files = look_at(sa("app"), binding, cluster="")
    assert only(files, "wildcard-all").severity is C
    whole = look_at(sa("app"), binding)
    assert findings_of(whole, "wildcard-all") == []
    assert only(whole, "dangling-binding").verdict is Verdict.FOUND


def test_what_files_do_not_hold_is_a_question_told_once() -> None:
    reads = role("reads", rule("get", "secrets"))
    bindings = [bind(name, reads, account("gone", "shop")) for name in ("one", "two")]
    found = only(look_at(reads, *bindings, cluster=""), "dangling-binding")
    assert found.verdict is Verdict.INSUFFICIENT
    assert not found.is_open
    assert "ClusterRoleBinding one, ClusterRoleBinding two" in found.evidence[0]
    assert found.missing


def test_an_account_that_files_leave_without_a_namespace_is_no_alarm() -> None:
    """As operators ship it: the namespace stands in bindings alone, `apply -n` says it."""
    reads = role("reads", rule("get", "secrets"))
    binding = bind("one", reads, account("app", "kafka"))
    look = look_at(sa("app", "default"), runs("web", "app", "default"), reads, binding, cluster="")
    found = only(look, "dangling-binding")
    assert "say --namespace kafka" in found.missing[1]
    assert findings_of(look, "token-automount") == []


def test_whoever_makes_a_missing_account_gets_its_rights() -> None:
    missing = only(bound(rule("create", "serviceaccounts/token"), to=account("gone", "shop")),
                   "dangling-binding")  # fmt: skip
    assert missing.severity is H


def test_parts_of_kubernetes_are_set_apart_with_the_reason() -> None:
    look = bound(
        rule("*", "*", "*"), to=group("system:masters"), name="cluster-admin", bootstrap="y"
    )
    found = only(look, "wildcard-all")
    assert found.aside is Aside.SYSTEM
    assert "Kubernetes' own" in found.aside_why
    assert not found.is_open


@pytest.mark.parametrize("to", [user("eve"), APP, group("devs")])
def test_somebody_added_to_a_binding_of_kubernetes_is_not_set_apart(to: Subject) -> None:
    look = bound(rule("*", "*", "*"), to=to, name="cluster-admin", bootstrap="y")
    assert only(look, "wildcard-all").is_open


@pytest.mark.parametrize("name", ["mine", "cluster-admins", "cluster-admin-2"])
def test_a_label_alone_sets_nothing_apart(name: str) -> None:
    look = bound(rule("*", "*", "*"), to=group("system:authenticated"), name=name, bootstrap="y")
    assert only(look, "wildcard-all").is_open


@pytest.mark.parametrize(
    ("to", "name", "aside"),
    [
        (account("coredns", "kube-system"), "system:coredns", Aside.SYSTEM),
        (account("coredns", "kube-system"), "mine", Aside.NO),
        (account("coredns", "shop"), "system:coredns", Aside.NO),
        (account("aws-node", "kube-system"), "aws-node", Aside.MANAGED),
        (account("collector", "gmp-system"), "gmp-system:collector", Aside.MANAGED),
        (user("eks:cluster-event-watcher"), "eks:cluster-event-watcher", Aside.MANAGED),
        (user("system:kube-scheduler"), "system:kube-scheduler", Aside.SYSTEM),
        (account_user("coredns", "kube-system"), "system:coredns", Aside.SYSTEM),
    ],
)
def test_components_are_known_by_subject_and_binding(to: Subject, name: str, aside: Aside) -> None:
    if to.kind == "User" and ":" in to.name and aside is Aside.SYSTEM and "coredns" in to.name:
        name = "system:coredns"
    assert only(bound(rule("list", "secrets"), to=to, name=name), "secrets-read").aside is aside


def test_a_bootstrap_role_that_adds_itself_is_set_apart() -> None:
    labels = {**BOOTSTRAP, f"{RBAC}/aggregate-to-edit": "true"}
    own = Role("ClusterRole", Meta("system:aggregate-to-edit", labels=labels), ())
    mine = Role("ClusterRole", Meta("mine", labels=labels), (rule("get", "widgets", "ex.com"),))
    apart = {one.role.name: one.aside for one in findings_of(look_at(own, mine)) if one.role}
    assert apart == {"system:aggregate-to-edit": Aside.SYSTEM, "mine": Aside.NO}


def test_what_a_role_adds_weighs_by_what_people_had_not_before() -> None:
    secrets = (rule("get", "secrets"),)
    weights = {}
    for target in ("view", "edit"):
        meta = Meta("more", labels={f"{RBAC}/aggregate-to-{target}": "true"})
        found = only(look_at(Role("ClusterRole", meta, secrets)), "aggregate-label")
        weights[target] = found.severity
    assert weights == {"view": H, "edit": I}


LOCK = rule("get update", "configmaps", names="my-leader-election")


@pytest.mark.parametrize(
    ("what", "namespace", "severity"),
    [
        (rule("patch", "services"), "kube-system", M),
        (rule("patch", "services"), "kube-public", M),
        (rule("patch", "services"), "", L),
        (LOCK, "kube-system", None),
        (rule("update", "configmaps", names="app"), "kube-system", M),
        (rule("use", "podsecuritypolicies", "policy"), "", None),
        (rule("update", "deployments/finalizers", "apps"), "", None),
        (rule("create patch", "widgets", "example.com"), "", None),
        (rule("create", "pods"), "", None),
    ],
)
def test_where_the_system_lives_counts_what_may_be_changed_there(
    what: Rule, namespace: str, severity: Severity | None
) -> None:
    """Everywhere it is told only where nothing else tells of the same lines."""
    found = findings_of(bound(what, namespace=namespace), "system-namespace")
    assert [one.severity for one in found] == ([severity] if severity is not None else [])


def test_the_bots_own_namespace_is_told_of_by_what_may_be_done_there() -> None:
    weights = []
    for what in (rule("get", "pods"), rule("get", "secrets"), rule("patch", "pods")):
        found = role("role", what, namespace="valetkey")
        look = look_at(
            sa("app"), found, bind("b", found, APP, namespace="valetkey"), own=["valetkey"]
        )
        weights.append(only(look, "own-namespace").severity)
    assert weights == [M, H, H]


@pytest.mark.parametrize(
    ("workload", "automount", "found"),
    [
        (runs("web", "app"), None, True),
        (runs("web", "app", mounts_token=False), None, False),
        (runs("web", "app"), False, False),
        (runs("web", "app", mounts_token=True), False, True),
        (runs("web", "other"), None, False),
        (runs("night", "app", kind="CronJob", suspended=True), None, True),
        (runs("p", "app", kind="Pod", owner=Owner("ReplicaSet", "web-1")), None, True),
    ],
)
def test_a_token_is_mounted_where_pod_or_account_lets_it(
    workload: Workload, *, automount: bool | None, found: bool
) -> None:
    look = look_at(replace(sa("app"), automount=automount), workload)
    assert bool(findings_of(look, "token-automount")) is found


def test_a_token_is_no_waste_where_bindings_were_not_seen_or_a_cloud_asks_for_it() -> None:
    half = {**ALL_SEEN, "RoleBinding": Seen.FORBIDDEN}
    assert findings_of(look_at(sa("app"), runs("web", "app"), seen=half), "token-automount") == []
    cloud = sa("app", said={"iam.gke.io/gcp-service-account": "x@y"})
    assert findings_of(look_at(cloud, runs("web", "app")), "token-automount") == []


def excepted(premise: Premise, *more: object, what: Rule | None = None, **changed: object) -> str:
    """Give why the exception for reading Secrets does not count; "" when it counts."""
    exception = ReviewException(
        Scope(frozenset({"secrets-read"}), accounts=("shop/*",)),
        "it must",
        "ann@example.com",
        date(2026, 11, 29),
        premise,
    )
    exception = replace(exception, **changed)  # type: ignore[arg-type]
    reads = role("reads", what or rule("get", "secrets"), namespace="shop")
    look = look_at(
        sa("app"),
        reads,
        bind("reads", reads, APP, namespace="shop"),
        *more,  # type: ignore[arg-type]
        policy=ReviewPolicy(exceptions=(exception,)),
    )
    found = only(look, "secrets-read")
    assert found.exception is not None
    assert found.is_excepted is not bool(found.exception.fails)
    return found.exception.fails


def test_an_exception_counts_until_its_last_day() -> None:
    assert excepted(Premise()) == ""
    assert excepted(Premise(), until=date(2026, 11, 28)) == "it ended with 2026-11-28"


def test_what_runs_as_the_account_is_checked_again() -> None:
    alone = Premise(used_only_by=("Deployment/web*",))
    assert excepted(alone, runs("web-1", "app")) == ""
    assert excepted(alone, runs("web-1", "app"), runs("x", "app", kind="Job")) == (
        "it is used by Job/x as well"
    )


def test_the_roles_rules_are_checked_again() -> None:
    same = rules_digest((rule("get", "secrets"),))
    assert excepted(Premise(same_rules=same)) == ""
    assert "something else" in excepted(Premise(same_rules=same), what=rule("list", "secrets"))


def test_names_are_checked_again() -> None:
    assert excepted(Premise(named_only=True), what=rule("get", "secrets", names="a")) == ""
    assert excepted(Premise(named_only=True)) == "it is on more than named objects"


def test_labels_of_the_namespace_are_checked_again() -> None:
    asks = Premise(namespace_labels=(("guard", "on"),))
    assert excepted(asks, Meta("shop", labels={"guard": "on"})) == ""
    assert excepted(asks, Meta("shop", labels={"guard": "off"})) == (
        "namespace shop has another guard"
    )
    assert "can't be checked" in excepted(asks)


def test_what_was_not_seen_makes_no_exception() -> None:
    exception = ReviewException(
        Scope(frozenset({"secrets-read"})), "r", "o", date(2030, 1, 1),
        Premise(used_only_by=("Deployment/*",)),
    )  # fmt: skip
    reads = role("reads", rule("get", "secrets"), namespace="shop")
    look = look_at(
        sa("app"),
        reads,
        bind("reads", reads, APP, group("devs"), namespace="shop"),
        policy=ReviewPolicy(exceptions=(exception,)),
        seen={**ALL_SEEN, "CronJob": Seen.FORBIDDEN},
    )
    fails = [one.exception.fails for one in findings_of(look, "secrets-read") if one.exception]
    assert fails == [
        "what runs as it can't be checked: it is no service account",
        "what runs as it can't be checked: CronJob not seen",
    ]


def test_of_several_exceptions_one_that_counts_is_taken() -> None:
    old = ReviewException(Scope(frozenset({"secrets-read"})), "old", "o", date(2020, 1, 1))
    new = replace(old, reason="new", until=date(2030, 1, 1))
    other = replace(new, scope=Scope(frozenset({"secrets-read"}), namespaces=("else",)))
    reads = role("reads", rule("get", "secrets"), namespace="shop")
    binding = bind("reads", reads, account_user("app", "shop"), namespace="shop")
    policy = ReviewPolicy(exceptions=(other, old, new))
    found = only(look_at(sa("app"), reads, binding, policy=policy), "secrets-read")
    assert found.exception is not None
    assert found.exception.reason == "new"


def test_what_was_not_seen_is_said() -> None:
    half = {**ALL_SEEN, "Pod": Seen.FORBIDDEN, "CronJob": Seen.NOT_ASKED, "Job": Seen.NOT_ASKED}
    codes = {gap.code: dict(gap.facts) for gap in review(look_at(sa("app"), seen=half)).gaps}
    assert codes == {
        "kinds-forbidden": {"kinds": "Pod"},
        "kinds-not-asked": {"kinds": "Job, CronJob"},
        "outside-rbac": {},
        "no-use": {},
        "no-annotations": {},
    }
    files = review(look_at(sa("app"), cluster="")).gaps
    assert [gap.code for gap in files] == ["files-only", "no-annotations"]


def told(sight: Sight, *rights: OutsideRight) -> Outside:
    return Outside("prod", (Authorizer(OutsideKind.GKE_IAM, sight, NOW, rights),))


def test_what_was_told_of_other_authorizers_is_no_gap() -> None:
    def gaps(outside: Outside) -> dict[str, dict[str, str]]:
        found = review(replace(look_at(sa("app")), outside=outside)).gaps
        return {gap.code: dict(gap.facts) for gap in found if gap.code.startswith("outside")}

    assert gaps(not_seen("prod")) == {"outside-rbac": {}}
    assert gaps(told(Sight.SOME)) == {"outside-some": {"kinds": "gke-iam"}}
    assert gaps(told(Sight.ALL)) == {}


def test_rights_beside_rbac_are_judged_by_the_same_catalogue() -> None:
    reads = (rule("get", "secrets"),)
    app = OutsideRight(account_user("app", "shop"), reads, ("shop", "kube-system"), "editor")
    every = OutsideRight(Subject("Group", "admins"), (rule("*", "*", "*"),), None, "admin")
    found = review(replace(look_at(sa("app")), outside=told(Sight.ALL, app, every))).findings
    those = {(one.rule, str(one.subject), one.namespace) for one in found if not one.binding}
    assert ("wildcard-all", "Group admins", None) in those
    places = {place for rule_, _, place in those if rule_ == "secrets-read"}
    assert places == {"shop", "kube-system"}
    assert len({one.fingerprint for one in found}) == len(found)
    (one,) = (one for one in found if (one.rule, one.namespace) == ("secrets-read", "shop"))
    assert one.evidence == (f"not by RBAC: by gke-iam editor, as read {NOW:%F}",)
    assert "gke-iam editor" in one.fix


def test_a_role_that_many_bind_is_judged_once() -> None:
    reads = role("reads", rule("get", "secrets"))
    bindings: list[Binding] = [bind(f"b{n}", reads, APP) for n in range(50)]
    found = findings_of(look_at(sa("app"), reads, *bindings), "secrets-read")
    assert len(found) == 50
    assert len({id(one.permission) for one in found}) == 1
