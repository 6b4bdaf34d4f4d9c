"""Aggregated ClusterRoles: what they gather, and what becomes of what they held."""

import time
from dataclasses import replace

import pytest

from grants.authz.aggregation import gathered, matches_labels
from grants.authz.model import Rule
from grants.authz.objects import Requirement, Role, Selector
from tests.support.rbac_objects import expression, gathering, label, labelled, role, rule

PODS = rule("get", "pods")
SECRETS = rule("get", "secrets")
NODES = rule("get", "nodes")


def rules_of(roles: tuple[Role, ...], name: str) -> tuple[Rule, ...]:
    return next(one.rules for one in roles if one.meta.name == name)


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        (Selector(), {}, True),
        (Selector(), {"a": "b"}, True),
        (label(a="b"), {"a": "b", "c": "d"}, True),
        (label(a="b"), {"a": "c"}, False),
        (label(a="b"), {}, False),
        (label(a="b", c="d"), {"a": "b"}, False),
        (expression("a", "In", "b", "c"), {"a": "c"}, True),
        (expression("a", "In", "b"), {"a": "B"}, False),
        (expression("a", "In", "b"), {}, False),
        (expression("a", "NotIn", "b"), {"a": "b"}, False),
        (expression("a", "NotIn", "b"), {"a": "c"}, True),
        (expression("a", "NotIn", "b"), {}, True),
        (expression("a", "Exists"), {"a": ""}, True),
        (expression("a", "Exists"), {"b": "a"}, False),
        (expression("a", "DoesNotExist"), {"b": "a"}, True),
        (expression("a", "DoesNotExist"), {"a": "a"}, False),
        (expression("a", "Near", "b"), {"a": "b"}, False),
        (Selector((("a", "b"),), (Requirement("c", "Exists"),)), {"a": "b"}, False),
        (Selector((("a", "b"),), (Requirement("c", "Exists"),)), {"a": "b", "c": ""}, True),
    ],
)
def test_selectors_are_read_as_kubernetes_reads_them(
    selector: Selector, labels: dict[str, str], *, matches: bool
) -> None:
    assert matches_labels(selector, labels) is matches


def test_what_is_gathered_takes_the_place_of_own_rules() -> None:
    roles = (gathering("all", label(a="b"), rules=[NODES]), labelled("one", PODS, a="b"))
    assert rules_of(gathered(roles), "all") == (PODS,)


def test_a_selector_that_matches_nothing_keeps_own_rules() -> None:
    roles = (gathering("all", label(a="b"), rules=[NODES]), labelled("one", PODS, a="c"))
    assert rules_of(gathered(roles), "all") == (NODES,)


def test_a_match_without_rules_keeps_own_rules_too() -> None:
    roles = (gathering("all", label(a="b"), rules=[NODES]), labelled("one", a="b"))
    assert rules_of(gathered(roles), "all") == (NODES,)


def test_a_role_read_from_a_cluster_keeps_what_it_holds_and_gains_what_would_be_added() -> None:
    roles = (
        gathering("all", label(a="b"), rules=[NODES], uid="1-2-3"),
        labelled("new", PODS, a="b"),
    )
    assert rules_of(gathered(roles), "all") == (NODES, PODS)


def test_rules_are_gathered_by_selector_then_by_name_and_each_once() -> None:
    roles = (
        labelled("z", PODS, a="1"),
        labelled("b", SECRETS, a="2"),
        labelled("a", PODS, NODES, a="2"),
        gathering("all", label(a="2"), label(a="1"), Selector()),
    )
    assert rules_of(gathered(roles), "all") == (PODS, NODES, SECRETS)


def test_a_role_never_gathers_from_itself_nor_from_roles_of_a_namespace() -> None:
    inside = role("inside", PODS, namespace="team")
    roles = (gathering("all", Selector(), rules=[NODES]), inside)
    assert gathered(roles) == roles


def test_no_selector_at_all_gathers_nothing() -> None:
    roles = (replace(gathering("all", rules=[NODES]), aggregates=()), labelled("one", PODS))
    assert gathered(roles) == roles


def test_what_is_gathered_is_gathered_on() -> None:
    """As `admin` gathers from `edit`, which gathers from `view`."""
    roles = (
        gathering("admin", label(to="admin")),
        gathering("edit", label(to="edit"), labels={"to": "admin"}),
        gathering("view", label(to="view"), rules=[NODES], labels={"to": "edit"}),
        labelled("pods", PODS, to="view"),
        labelled("secrets", SECRETS, to="edit"),
    )
    filled = gathered(roles)
    assert rules_of(filled, "view") == (PODS,)
    assert set(rules_of(filled, "edit")) == {PODS, SECRETS}
    assert set(rules_of(filled, "admin")) == {PODS, SECRETS}


def test_members_of_a_cycle_hold_what_any_of_them_held_and_gathered() -> None:
    roles = (
        gathering("a", label(to="a"), rules=[NODES], labels={"to": "b"}),
        gathering("b", label(to="b"), labels={"to": "c"}),
        gathering("c", label(to="c"), rules=[SECRETS], labels={"to": "a", "of": "cycle"}),
        labelled("pods", PODS, to="b"),
        gathering("outside", label(of="cycle")),
    )
    filled = gathered(roles)
    for name in ("a", "b", "c", "outside"):
        assert set(rules_of(filled, name)) == {NODES, SECRETS, PODS}, name


def test_two_cycles_and_a_way_between_them() -> None:
    roles = (
        gathering("a", label(to="a"), rules=[NODES], labels={"to": "b"}),
        gathering("b", label(to="b"), labels={"to": "a"}),
        gathering("c", label(to="c"), expression("to", "In", "a"), labels={"to": "d"}),
        gathering("d", label(to="d"), rules=[PODS], labels={"to": "c"}),
    )
    filled = gathered(roles)
    assert set(rules_of(filled, "a")) == set(rules_of(filled, "b")) == {NODES}
    assert set(rules_of(filled, "c")) == set(rules_of(filled, "d")) == {NODES, PODS}


def test_a_chain_of_ten_thousand_roles_is_walked_in_a_moment() -> None:
    chain = [gathering(f"r{i}", label(to=str(i)), labels={"to": str(i - 1)}) for i in range(10_000)]
    chain.append(labelled("last", PODS, to="9999"))
    started = time.process_time()
    assert rules_of(gathered(chain), "r0") == (PODS,)
    assert time.process_time() - started < 2
