"""The lists that people choose from."""

import time
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from grants.policy.asking import (
    Scope,
    askable,
    askable_clusters,
    askable_namespaces,
    may_ask,
    offer,
)
from grants.policy.model import ClusterPolicy, Entitlement, Policy, Who
from tests.support.policies import policy, someone

ERIN = someone("erin", "engineers")


def entitlement(name: str, group: str, clusters: str, namespaces: str) -> Entitlement:
    wide = namespaces == ""
    return replace(
        policy().entitlements[0],
        name=name,
        ask=Who(groups=frozenset({group})),
        clusters=tuple(clusters.split()),
        namespaces=tuple(namespaces.split()),
        cluster_wide=wide,
    )


def several() -> Policy:
    return replace(
        policy(),
        clusters=tuple(ClusterPolicy(alias, "{sub}") for alias in ("prod", "lab", "edge")),
        entitlements=(
            entitlement("shop", "engineers", "prod", "shop shop-*"),
            entitlement("lab", "engineers", "lab", "*"),
            entitlement("bank", "bankers", "prod", "bank-*"),
            entitlement("look", "engineers", "p*", ""),
        ),
    )


def names(found: tuple[Entitlement, ...]) -> list[str]:
    return [e.name for e in found]


def test_people_see_what_they_may_ask_for_and_nothing_else() -> None:
    assert names(may_ask(several(), ERIN)) == ["shop", "lab", "look"]
    assert names(may_ask(several(), someone("bo", "bankers"))) == ["bank"]
    assert may_ask(several(), someone("x")) == ()
    assert may_ask(several(), someone("x", unknown_groups=True)) == ()


def test_the_choice_narrows_with_cluster_and_namespace() -> None:
    found = several()
    assert names(askable(found, ERIN)) == ["shop", "lab", "look"]
    assert names(askable(found, ERIN, cluster="prod")) == ["shop", "look"]
    assert names(askable(found, ERIN, cluster="prod", namespace="shop-web")) == ["shop"]
    assert names(askable(found, ERIN, cluster="prod", namespace=Scope.CLUSTER)) == ["look"]
    assert names(askable(found, ERIN, namespace="anything")) == ["lab"]
    assert askable(found, ERIN, cluster="nope") == ()


def test_clusters_are_offered_where_anything_can_be_asked() -> None:
    assert askable_clusters(several(), ERIN) == ("prod", "lab")
    assert askable_clusters(several(), someone("bo", "bankers")) == ("prod",)


def test_namespaces_are_offered_best_match_first() -> None:
    there = ["kube-system", "my-shop-web", "shop", "shop-web", "shop-api", "bank-1"]
    found = several()
    assert askable_namespaces(found, ERIN, "prod", there) == ("shop", "shop-api", "shop-web")
    assert askable_namespaces(found, ERIN, "lab", there, "SHOP") == (
        "shop",
        "shop-api",
        "shop-web",
        "my-shop-web",
    )
    assert askable_namespaces(found, ERIN, "lab", there, limit=2) == ("bank-1", "kube-system")
    assert askable_namespaces(found, ERIN, "edge", there) == ()


def test_an_offer_holds_what_was_typed() -> None:
    assert offer(["b", "ab", "a"], "") == ("a", "ab", "b")
    assert offer(["b", "xab", "ab", "Abc"], " ab ") == ("Abc", "ab", "xab")
    assert offer(["a1", "a2", "a3"], "a", limit=2) == ("a1", "a2")
    assert offer([], "a") == ()


NAMES = st.text("ab-", min_size=1, max_size=4)


@given(st.lists(NAMES, max_size=8), st.sampled_from(["prod", "lab"]), st.text("ab", max_size=2))
def test_whatever_is_offered_can_be_asked_for(there: list[str], cluster: str, query: str) -> None:
    found = replace(
        several(),
        entitlements=(
            entitlement("one", "engineers", "prod", "a* *b"),
            entitlement("two", "engineers", "*", "ab a?b b"),
            entitlement("no", "others", "*", "*"),
        ),
    )
    offered = askable_namespaces(found, ERIN, cluster, there, query)
    assert set(offered) == {
        name
        for name in there
        if query in name and askable(found, ERIN, cluster=cluster, namespace=name)
    }


def test_thousands_of_entitlements_and_namespaces_answer_while_somebody_types() -> None:
    """A box that lags behind the typing is not used; processor time, so that load does not fail."""
    many = replace(
        several(),
        clusters=tuple(ClusterPolicy(f"c{i}", "{sub}") for i in range(20)),
        entitlements=tuple(
            entitlement(f"e{i}", ("engineers", "others")[i % 2], f"c{i % 20} c1*", f"t{i}-* *-x{i}")
            for i in range(3000)
        ),
    )
    there = [f"t{i}-{letter}" for i in range(500) for letter in "abcde"]
    there += [f"other-{i}" for i in range(2500)]
    took = []
    for _ in range(3):
        start = time.process_time()
        found = askable_namespaces(many, ERIN, "c2", there, "t4")
        assert found
        assert askable(many, ERIN, cluster="c2", namespace=found[0])
        took.append(time.process_time() - start)
    # About 0.02 s on the slowest machine seen; naive matching takes seconds.
    assert min(took) < 0.2
