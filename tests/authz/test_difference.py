"""What a role gives more and less than it did."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.authz.difference import Difference, difference
from grants.authz.matching import allows
from grants.authz.model import Rule


def r(verbs: str, resources: str, group: str = "", names: str = "") -> Rule:
    return Rule(tuple(verbs.split()), (group,), tuple(resources.split()), tuple(names.split()))


READ_PODS = r("get list watch", "pods")


@pytest.mark.parametrize(
    ("old", "new", "gained", "lost"),
    [
        ([READ_PODS], [READ_PODS], (), ()),
        ([READ_PODS], [r("get list watch delete", "pods")], (r("delete", "pods"),), ()),
        ([READ_PODS], [r("get", "pods")], (), (r("list watch", "pods"),)),
        ([READ_PODS], [r("get list watch", "pods secrets")],
         (r("get list watch", "secrets"),), ()),
        ([READ_PODS], [], (), (READ_PODS,)),
        ([], [READ_PODS], (READ_PODS,), ()),
        ([r("get", "pods")], [r("get", "secrets")], (r("get", "secrets"),), (r("get", "pods"),)),
        ([r("get", "pods", names="a")], [r("get", "pods")], (r("get", "pods"),), ()),
        ([r("get", "pods")], [r("get", "pods", names="a b")], (), (r("get", "pods"),)),
        ([r("get", "pods")], [r("*", "pods")], (r("*", "pods"),), ()),
        ([r("get", "pods")], [r("get", "*")], (r("get", "*"),), ()),
        ([r("get", "*")], [r("get", "pods/log")], (), (r("get", "*"),)),
        ([r("patch", "*/scale")], [r("patch", "deployments/scale")], (), (r("patch", "*/scale"),)),
        ([r("get", "pods")], [r("get", "pods/exec")],
         (r("get", "pods/exec"),), (r("get", "pods"),)),
        ([r("get", "pods")], [Rule(("get",), ("", "x"), ("pods",))],
         (r("get", "pods", "x"),), ()),
    ],
)  # fmt: skip
def test_what_was_gained_and_lost_is_told(
    old: list[Rule], new: list[Rule], gained: tuple[Rule, ...], lost: tuple[Rule, ...]
) -> None:
    assert difference(old, new) == Difference(gained, lost)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([r("get", "pods"), r("list", "pods")], [r("list get", "pods")]),
        ([r("get", "pods secrets")], [r("get", "secrets"), r("get", "pods")]),
        ([r("get", "*")], [r("get", "*"), r("get", "pods")]),
        ([r("get", "pods")], [r("get", "pods"), r("get", "pods", names="a")]),
    ],
)
def test_the_same_in_other_words_is_no_difference(old: list[Rule], new: list[Rule]) -> None:
    assert difference(old, new).is_none
    assert not difference(old, new).is_wider


def test_what_a_role_binding_never_reaches_counts_only_for_the_whole_cluster() -> None:
    more = [READ_PODS, r("get", "nodes"), Rule(("get",), non_resource_urls=("/metrics",))]
    assert difference([READ_PODS], more, "shop").is_none
    assert difference([READ_PODS], more).is_wider


def test_paths_are_compared_as_kubernetes_matches_them() -> None:
    all_of_it = Rule(("get",), non_resource_urls=("/healthz/*",))
    part = Rule(("get",), non_resource_urls=("/healthz/etcd",))
    assert difference([all_of_it], [part]) == Difference(lost=(all_of_it,))
    assert difference([part], [all_of_it]) == Difference(gained=(all_of_it,))


def test_a_role_too_large_to_compare_counts_as_wider_and_takes_no_time() -> None:
    many = tuple(f"n{n}" for n in range(400))
    huge = Rule(many, many, many, many)
    begun = time.process_time()
    found = difference([READ_PODS], [huge])
    assert not found.known
    assert found.is_wider
    assert not found.is_none
    assert time.process_time() - begun < 20


VERBS = ("get", "delete", "*")
GROUPS = ("", "apps", "*")
RESOURCES = ("pods", "pods/exec", "*/exec", "*", "nodes")
NAMES = ("a", "b")


def some(of: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(of), min_size=1, max_size=3, unique=True).map(tuple)


RULES = st.lists(
    st.builds(
        Rule,
        verbs=some(VERBS),
        api_groups=some(GROUPS),
        resources=some(RESOURCES),
        resource_names=st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple),
    ),
    max_size=4,
)
# What may be asked of a server: nobody sends a `*`, and there are kinds that no rule names.
ASKED = tuple(
    itertools.product(
        ("get", "delete", "patch"),
        ("", "apps", "other"),
        ("pods", "pods/exec", "jobs/exec", "jobs", "nodes"),
        ("", "a", "b", "c"),
    )
)


def given_by(rules: tuple[Rule, ...] | list[Rule]) -> set[tuple[str, str, str, str]]:
    return {asked for asked in ASKED if any(allows(rule, *asked) for rule in rules)}


@given(RULES, RULES)
def test_all_that_is_new_is_gained_and_all_that_is_missing_is_lost(
    old: list[Rule], new: list[Rule]
) -> None:
    found = difference(old, new)
    before, after = given_by(old), given_by(new)
    assert after - before <= given_by(found.gained) <= after
    assert before - after <= given_by(found.lost) <= before
