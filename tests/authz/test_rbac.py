"""RBAC over whole sets of objects: each of its corners once, by hand."""

import time
from typing import Final

import pytest

from grants.authz.model import Question, RoleRef, Rule
from grants.authz.objects import (
    ACCOUNTS_GROUP,
    AUTHENTICATED,
    Binding,
    Caller,
    Role,
    Subject,
    account_caller,
)
from grants.authz.rbac import Holder, Rbac
from tests.support.rbac_objects import (
    account,
    account_user,
    bind,
    gathering,
    group,
    label,
    labelled,
    paths,
    role,
    rule,
    user,
)

PODS: Final = role("pods", rule("get", "pods"))
ADA: Final = Caller("ada", frozenset({"devs", AUTHENTICATED}))
ROBOT: Final = account_caller("team", "robot")


def get(resource: str = "pods", namespace: str | None = "team", **more: str) -> Question:
    return Question("get", resource=resource, namespace=namespace, **more)


def given(caller: Caller, bound: Role, question: Question, *, namespace: str = "") -> bool:
    """Whether a role that is bound to a caller, everywhere or in a namespace, allows this."""
    rbac = Rbac([bound], [bind("b", bound, user(caller.user), namespace=namespace)])
    return rbac.allowed(caller, question)


@pytest.mark.parametrize("subject", [
    user("ada"), group("devs"), group(AUTHENTICATED),
])  # fmt: skip
def test_a_binding_gives_to_users_and_groups_by_name(subject: Subject) -> None:
    assert Rbac([PODS], [bind("b", PODS, subject)]).allowed(ADA, get())


@pytest.mark.parametrize("subject", [
    user("Ada"), user("*"), user(""), group("*"), group("Devs"), group("ada"), user("devs"),
    account("ada", "team"), Subject("user", "ada"), Subject("", "ada"), account("ada"),
])  # fmt: skip
def test_subjects_are_taken_literally(subject: Subject) -> None:
    rbac = Rbac([PODS], [bind("b", PODS, subject), bind("b", PODS, subject, namespace="team")])
    assert not rbac.allowed(ADA, get())


@pytest.mark.parametrize("subject", [
    account("robot", "team"), account_user("robot", "team"), group(ACCOUNTS_GROUP),
    group(f"{ACCOUNTS_GROUP}:team"), group(AUTHENTICATED),
])  # fmt: skip
def test_an_account_is_a_user_in_groups(subject: Subject) -> None:
    assert Rbac([PODS], [bind("b", PODS, subject)]).allowed(ROBOT, get())


def test_an_account_is_in_no_other_namespaces_group() -> None:
    subjects = account("robot", "other"), group(f"{ACCOUNTS_GROUP}:other"), account("Robot", "team")
    assert not Rbac([PODS], [bind("b", PODS, *subjects)]).allowed(ROBOT, get())


def test_an_account_without_a_namespace_is_one_of_the_role_bindings_own() -> None:
    assert Rbac([PODS], [bind("b", PODS, account("robot"), namespace="team")]).allowed(ROBOT, get())
    assert not Rbac([PODS], [bind("b", PODS, account("robot"))]).allowed(ROBOT, get())
    other = Rbac([PODS], [bind("b", PODS, account("robot"), namespace="other")])
    assert not other.allowed(ROBOT, get(namespace="other"))


def test_a_role_binding_gives_in_its_own_namespace_alone() -> None:
    rbac = Rbac([PODS], [bind("b", PODS, user("ada"), namespace="team")])
    assert rbac.allowed(ADA, get())
    assert not rbac.allowed(ADA, get(namespace="other"))
    assert not rbac.allowed(ADA, get(namespace=None))
    assert not rbac.allowed(ADA, get(namespace=""))


def test_a_cluster_role_binding_gives_everywhere() -> None:
    rbac = Rbac([PODS], [bind("b", PODS, user("ada"))])
    assert all(rbac.allowed(ADA, get(namespace=place)) for place in ("team", "other", "", None))


def test_a_role_is_looked_for_where_its_binding_is() -> None:
    inside = role("pods", rule("get", "pods"), namespace="team")
    ref = RoleRef("Role", "pods")
    assert Rbac([inside], [bind("b", ref, user("ada"), namespace="team")]).allowed(ADA, get())
    elsewhere = Rbac([inside], [bind("b", ref, user("ada"), namespace="other")])
    assert not elsewhere.allowed(ADA, get(namespace="other"))
    assert not Rbac([inside], [bind("b", ref, user("ada"))]).allowed(ADA, get())
    cluster = bind("b", RoleRef("ClusterRole", "pods"), user("ada"), namespace="team")
    assert not Rbac([inside], [cluster]).allowed(ADA, get())


def test_a_binding_that_dangles_gives_nothing_until_its_role_is_there() -> None:
    dangling = bind("b", RoleRef("ClusterRole", "gone"), user("ada"))
    empty = Rbac([], [dangling])
    assert empty.role_of(dangling) is None
    assert not empty.allowed(ADA, get())
    assert empty.rights(ADA) == ()
    assert empty.who_can(get()) == ()
    assert empty.rules_in(ADA, None) == ()
    assert Rbac([role("gone", rule("get", "pods"))], [dangling]).allowed(ADA, get())


@pytest.mark.parametrize(
    ("held", "question", "allowed"),
    [
        (rule("get", "pods"), get(), True),
        (rule("GET", "pods"), get(), False),
        (rule("get*", "pods"), get(), False),
        (rule("*", "pods"), get(), True),
        (rule("get", "pods", "*"), get(), True),
        (rule("get", "pods", "apps/v1"), get(api_group="apps"), False),
        (rule("get", "*"), get(subresource="exec"), True),
        (rule("get", "pods"), get(subresource="exec"), False),
        (rule("get", "pods/exec"), get(), False),
        (rule("get", "pods/exec"), get(subresource="exec"), True),
        (rule("get", "pods/exec"), get(resource="pods/exec"), True),
        (rule("get", "*/exec"), get(resource="pods/exec"), False),
        (rule("get", "*/exec"), get(subresource="exec"), True),
        (rule("get", "*/exec"), get(), False),
        (rule("get", "pods/*"), get(subresource="exec"), False),
        (rule("get", "*/*"), get(subresource="exec"), False),
        (rule("get", "pods", names="a b"), get(name="b"), True),
        (rule("get", "pods", names="a"), get(name="c"), False),
        (rule("get", "pods", names="a"), get(), False),
        (rule("get", "pods", names="*"), get(name="a"), False),
        (Rule(("get",), ("",), ("pods",), ("",)), get(), True),
        (Rule(("get",), ("",), ("pods",), ("",)), get(name="a"), False),
        (rule("list", "pods", names="a"), Question("list", "", "pods", "", "a", "team"), True),
        (rule("get", "namespaces"), get(resource="namespaces", name="team"), True),
        (paths("get", "/healthz"), Question("get", path="/healthz"), True),
        (paths("get", "/healthz"), Question("get", path="/healthz/etcd"), False),
        (paths("get", "/healthz/*"), Question("get", path="/healthz"), False),
        (paths("get", "/healthz*"), Question("get", path="/healthz/etcd"), True),
        (paths("get", "*"), Question("get", path="/metrics"), True),
        (paths("get", "/a*c"), Question("get", path="/abc"), False),
        (paths("post", "/metrics"), Question("get", path="/metrics"), False),
        (paths("*", "/metrics"), Question("get", path="/metrics"), True),
        (rule("*", "*", "*"), Question("get", path="/metrics"), False),
        (paths("*", "*"), get(), False),
    ],
)
def test_each_rule_is_read_literally(held: Rule, question: Question, *, allowed: bool) -> None:
    assert given(ADA, role("r", held), question) is allowed


def test_paths_are_given_through_cluster_role_bindings_alone() -> None:
    held = role("r", paths("get", "/metrics"))
    assert not given(ADA, held, Question("get", path="/metrics"), namespace="team")
    assert not given(
        ADA, held, Question("get", path="/metrics", namespace="team"), namespace="team"
    )
    assert given(ADA, held, Question("get", path="/metrics", namespace="team"))


def test_a_role_binding_reaches_its_own_namespace_object() -> None:
    held = role("r", rule("get delete", "namespaces"))
    own = Question("delete", "", "namespaces", "", "team", "team")
    assert given(ADA, held, own, namespace="team")
    assert not given(ADA, held, own, namespace="other")


def test_what_allows_is_named_everywhere_first_and_each_binding_once() -> None:
    first = bind("first", PODS, user("bob"), group("devs"), user("ada"), namespace="team")
    second = bind("second", PODS, user("ada"))
    other = bind("other", role("secrets", rule("get", "secrets")), user("ada"))
    found = list(Rbac([PODS], [first, other, second]).allowances(ADA, get()))
    assert [(one.binding, one.subject, one.role, one.rule) for one in found] == [
        (second, user("ada"), PODS, PODS.rules[0]),
        (first, group("devs"), PODS, PODS.rules[0]),
    ]


def test_aggregated_roles_are_filled_unless_the_cluster_did_that() -> None:
    roles = [gathering("all", label(a="b")), labelled("one", rule("get", "pods"), a="b")]
    binding = bind("b", roles[0], user("ada"))
    assert Rbac(roles, [binding]).allowed(ADA, get())
    assert not Rbac(roles, [binding], aggregate=False).allowed(ADA, get())


def test_of_two_roles_with_one_name_the_last_counts() -> None:
    roles = [role("r", rule("get", "pods")), role("r", rule("get", "secrets"))]
    rbac = Rbac(roles, [bind("b", roles[0], user("ada"))])
    assert not rbac.allowed(ADA, get())
    assert rbac.allowed(ADA, get("secrets"))


def test_rights_say_by_which_binding_and_where() -> None:
    wide = bind("wide", PODS, group(ACCOUNTS_GROUP))
    near = bind("near", PODS, account("robot"), namespace="team")
    far = bind("far", PODS, account("robot", "team"), namespace="apart")
    others = bind("others", PODS, user("ada"))
    rights = Rbac([PODS], [near, far, others, wide]).rights(ROBOT)
    assert [(one.binding, one.namespace, one.subject) for one in rights] == [
        (wide, None, group(ACCOUNTS_GROUP)),
        (far, "apart", account("robot", "team")),
        (near, "team", account("robot", "team")),
    ]
    assert {one.rules for one in rights} == {PODS.rules}
    assert all(one.role is PODS for one in rights)


def test_rights_in_a_namespace_leave_out_what_never_has_an_effect_there() -> None:
    held = role(
        "r",
        rule("get", "nodes pods"),
        rule("get", "clusterroles", "rbac.authorization.k8s.io"),
        paths("get", "/metrics"),
        rule("get", "nodes", "*"),
    )
    (right,) = Rbac([held], [bind("b", held, user("ada"), namespace="team")]).rights(ADA)
    assert right.rules == (rule("get", "pods"), rule("get", "nodes", "*"))
    (right,) = Rbac([held], [bind("b", held, user("ada"))]).rights(ADA)
    assert right.rules == held.rules


def test_rules_of_a_caller_in_a_namespace_are_each_given_once() -> None:
    secrets = role("secrets", rule("get", "secrets"), rule("get", "pods"))
    rbac = Rbac(
        [PODS, secrets],
        [bind("b", PODS, user("ada")), bind("b", secrets, group("devs"), namespace="team")],
    )
    assert rbac.rules_in(ADA, None) == PODS.rules
    assert rbac.rules_in(ADA, "other") == PODS.rules
    assert rbac.rules_in(ADA, "team") == (rule("get", "pods"), rule("get", "secrets"))


def test_who_can_names_each_subject_of_each_binding_that_allows_it() -> None:
    wide = bind("wide", PODS, group("devs"), account("nowhere"), Subject("Robot", "x"))
    near = bind("near", PODS, account("robot"), namespace="team")
    far = bind("far", PODS, user("eve"), namespace="other")
    other = bind("other", role("secrets", rule("get", "secrets")), user("bob"))
    rbac = Rbac([PODS], [near, far, other, wide])
    allowing = PODS.rules[0]
    assert rbac.who_can(get()) == (
        Holder(group("devs"), wide, PODS, allowing),
        Holder(account("robot", "team"), near, PODS, allowing),
    )
    assert rbac.who_can(get(namespace=None)) == (Holder(group("devs"), wide, PODS, allowing),)
    assert rbac.who_can(get("secrets")) == ()


def test_ten_thousand_of_each_are_indexed_and_asked_in_a_moment() -> None:
    """The bounds are three times what the bench holds: a shared machine is slow at times."""
    roles = [role(f"r{i}", rule("get list", "pods"), rule("get", "secrets")) for i in range(10_000)]
    bindings: list[Binding] = [
        bind(f"b{i}", roles[i], account(f"a{i}", "team"), namespace=f"n{i % 100}")
        for i in range(10_000)
    ]
    bindings += [bind(f"all{i}", roles[i], group(AUTHENTICATED)) for i in range(100)]
    started = time.process_time()
    rbac = Rbac(roles, bindings)
    indexed = time.process_time()
    assert len(rbac.rights(account_caller("team", "a5000"))) == 101
    assert len(rbac.who_can(get(namespace="n7"))) == 200
    asked = time.process_time()
    assert indexed - started < 1.5
    assert asked - indexed < 0.15
