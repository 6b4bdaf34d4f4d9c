"""The roles that manifests bind without holding them."""

from grants.authz.aggregation import gathered
from grants.authz.builtin import BUILTIN, with_builtin
from grants.authz.covers import covers
from grants.authz.objects import Meta, Role
from grants.authz.risks import granted
from tests.support.rbac_objects import role, rule


def test_each_of_the_roles_for_people_holds_all_of_the_lesser_one() -> None:
    assert covers(BUILTIN["cluster-admin"], BUILTIN["admin"])
    assert covers(BUILTIN["admin"], BUILTIN["edit"])
    assert covers(BUILTIN["edit"], BUILTIN["view"])
    assert not covers(BUILTIN["view"], BUILTIN["edit"])


def test_they_have_the_risks_that_they_are_known_for() -> None:
    assert granted(BUILTIN["view"], "team") == {}
    assert {"secrets-read", "token-create", "impersonate"} <= granted(
        BUILTIN["edit"], "team"
    ).keys()
    assert "rbac-write" not in granted(BUILTIN["edit"], "team")
    assert "rbac-write" in granted(BUILTIN["admin"], "team")


def test_a_role_that_is_there_counts_before_the_built_in_one() -> None:
    mine = role("view", rule("get", "pods"))
    same_name = role("edit", namespace="team")
    found = with_builtin([mine, same_name])
    assert found[:2] == (mine, same_name)
    assert sorted(r.meta.name for r in found[2:]) == [
        "admin", "cluster-admin", "edit", "system:auth-delegator",
    ]  # fmt: skip


def test_they_gather_what_others_are_labelled_for() -> None:
    """An operator's chart that labels a role gives its rules to whoever holds `edit`."""
    more = Role(
        "ClusterRole",
        Meta("more", labels={"rbac.authorization.k8s.io/aggregate-to-edit": "true"}),
        (rule("get", "widgets", "example.test"),),
    )
    held = {one.meta.name: one.rules for one in gathered(with_builtin([more]))}
    assert set(held["edit"]) == {*BUILTIN["edit"], *more.rules, *BUILTIN["view"]}
    assert covers(held["admin"], more.rules)
    assert not covers(held["view"], more.rules)
