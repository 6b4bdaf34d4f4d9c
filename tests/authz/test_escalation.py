"""What Kubernetes lets somebody write into roles and bindings."""

from dataclasses import replace

from grants.authz.escalation import EVERYTHING, RBAC_GROUP, may_bind, may_write_role
from grants.authz.model import RoleRef, Rule
from grants.authz.objects import MASTERS, Caller, Role
from grants.authz.rbac import Rbac
from tests.support.rbac_objects import bind, gathering, label, role, rule, user

ADA = Caller("ada")
ROOT = Caller("root", frozenset({MASTERS}))
PODS = role("pods", rule("get", "pods"))
INSIDE = role("pods", rule("get", "pods"), namespace="team")


def holding(*rules: Rule, namespace: str = "") -> Rbac:
    own = role("own", *rules)
    return Rbac([own, PODS, INSIDE], [bind("b", own, user("ada"), namespace=namespace)])


def test_a_role_may_hold_what_its_writer_holds_there() -> None:
    assert may_write_role(holding(rule("get", "*")), ADA, PODS)
    near = holding(rule("get", "*"), namespace="team")
    assert may_write_role(near, ADA, INSIDE)
    assert not may_write_role(near, ADA, PODS)
    assert not may_write_role(near, ADA, replace(INSIDE, meta=replace(INSIDE.meta, namespace="x")))
    assert not may_write_role(holding(rule("get", "pods", names="a")), ADA, PODS)


def test_masters_may_write_anything() -> None:
    assert may_write_role(Rbac([], []), ROOT, Role("ClusterRole", PODS.meta, EVERYTHING))
    assert may_bind(Rbac([], []), ROOT, bind("b", RoleRef("ClusterRole", "gone")))


def test_escalate_lets_a_role_hold_more_but_by_name_only_once_it_is_there() -> None:
    named = holding(rule("escalate", "clusterroles", RBAC_GROUP, "pods"))
    assert may_write_role(named, ADA, PODS)
    assert not may_write_role(named, ADA, PODS, new=True)
    assert may_write_role(holding(rule("escalate", "roles", RBAC_GROUP)), ADA, INSIDE, new=True)


def test_a_role_that_gathers_needs_all_there_is() -> None:
    role_ = gathering("all", label(a="b"))
    assert not may_write_role(holding(rule("create update", "*", "*")), ADA, role_)
    assert may_write_role(holding(*EVERYTHING), ADA, role_)


def test_a_role_may_be_bound_by_who_holds_it_there_or_may_bind_it() -> None:
    wide, near = bind("x", PODS), bind("x", PODS, namespace="team")
    assert may_bind(holding(rule("get", "pods")), ADA, wide)
    held_near = holding(rule("get", "pods"), namespace="team")
    assert may_bind(held_near, ADA, near)
    assert not may_bind(held_near, ADA, wide)
    binds = rule("bind", "clusterroles", RBAC_GROUP, "pods gone")
    assert may_bind(holding(binds, namespace="team"), ADA, near)
    assert not may_bind(holding(binds, namespace="team"), ADA, wide)
    assert not may_bind(holding(binds), ADA, bind("x", INSIDE, namespace="team"))


def test_a_role_that_is_not_there_is_bound_by_the_verb_alone() -> None:
    gone = bind("x", RoleRef("ClusterRole", "gone"))
    assert not may_bind(holding(*EVERYTHING[1:]), ADA, gone)
    assert may_bind(holding(rule("bind", "clusterroles", RBAC_GROUP, "gone")), ADA, gone)
