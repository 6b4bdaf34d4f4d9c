"""Escalation paths as findings, from what a look has seen."""

from dataclasses import replace

import pytest

from grants.authz.model import RoleRef
from grants.authz.objects import Binding, Meta, Origin, Role
from grants.authz.paths.model import PartyKind, account
from grants.review.finding import Aside, Severity
from grants.review.findings.escalations import ENFORCE, path_findings, paths_of, surroundings_of
from grants.review.findings.look import Look
from grants.review.inventory import Seen, TokenSecret
from tests.support.rbac_objects import account as named
from tests.support.rbac_objects import bind, role, rule
from tests.support.reviews import look_at, runs, sa

ADMIN = role("cluster-admin", rule("*", "*", "*"))
EXEC = role("exec", rule("create", "pods/exec"), namespace="shop")
GUARDED = Meta("shop", labels={ENFORCE: "restricted"})


def things(*more: object) -> tuple:
    return (
        *(sa("app"), sa("boss"), ADMIN, EXEC, GUARDED),
        bind("strong", ADMIN, named("boss", "shop")),
        bind("weak", EXEC, named("app", "shop"), namespace="shop"),
        *more,
    )


def found(look: Look) -> list[tuple[str, Severity, str]]:
    return [
        (str(one.subject), one.severity, one.aspect) for one in path_findings(look, paths_of(look))
    ]


def test_an_account_that_gets_to_cluster_admin_by_another_is_told() -> None:
    look = look_at(*things(runs("boss", "boss")))
    (one,) = path_findings(look, paths_of(look))
    assert (str(one.subject), one.severity) == ("ServiceAccount shop/app", Severity.CRITICAL)
    assert one.title == "can get to cluster-admin in 2 steps"
    assert one.aspect == "cluster-admin"
    assert one.fix == "Take ClusterRoleBinding strong away: that alone cuts 9 such paths."
    assert [line[:2] for line in one.evidence] == ["1.", "2."]
    assert one.controls


def test_what_is_only_supposed_weighs_less() -> None:
    assert found(look_at(*things(), seen={})) == [
        ("ServiceAccount shop/app", Severity.HIGH, "cluster-admin")
    ]
    assert found(look_at(*things())) == []


def test_what_one_step_does_is_told_by_its_own_rule() -> None:
    direct = bind("direct", ADMIN, named("app", "shop"))
    assert found(look_at(*things(runs("boss", "boss"), direct))) == []


def test_an_account_without_a_mounted_token_is_no_way_on() -> None:
    closed = replace(sa("boss"), automount=False)
    look = look_at(*[one for one in things(runs("boss", "boss")) if one != sa("boss")], closed)
    assert found(look) == []


def test_where_another_way_stays_no_binding_is_said_to_cut_it() -> None:
    twice = bind("weak-too", EXEC, named("app", "shop"), namespace="shop")
    strong_too = bind("strong-too", ADMIN, named("boss", "shop"))
    look = look_at(*things(runs("boss", "boss"), twice, strong_too))
    (one,) = path_findings(look, paths_of(look))
    assert one.fix.startswith("No single binding cuts it off")


def test_it_stands_at_the_line_of_the_first_binding() -> None:
    here = Origin("rbac.yaml", 7)
    made = [
        replace(one, meta=replace(one.meta, origin=here)) if isinstance(one, Binding) else one
        for one in things(runs("boss", "boss"))
    ]
    (one,) = path_findings(look_at(*made), paths_of(look_at(*made)))
    assert one.origin == here


def test_parts_of_the_system_are_set_apart() -> None:
    look = look_at(
        sa("deployment-controller", "kube-system"),
        ADMIN,
        Role("ClusterRole", Meta("mint"), (rule("create", "serviceaccounts/token"),)),
        bind(
            "mints", RoleRef("ClusterRole", "mint"), named("deployment-controller", "kube-system")
        ),
        sa("boss"),
        bind("strong", ADMIN, named("boss", "shop")),
    )
    (one,) = path_findings(look, paths_of(look))
    assert one.aside is Aside.SYSTEM


@pytest.mark.parametrize("seen", [Seen.FORBIDDEN, Seen.NOT_ASKED])
def test_what_was_not_looked_at_is_not_none(seen: Seen) -> None:
    kinds = {"Pod": seen, "Secret": seen, "Namespace": seen, "ServiceAccount": Seen.SEEN}
    around = surroundings_of(look_at(sa("app"), seen=kinds))
    assert around.workloads is None
    assert around.token_secrets is None
    assert around.pod_security is None
    assert around.accounts == (("shop", "app"),)


def test_files_imply_accounts() -> None:
    look = look_at(
        Meta("other"),
        runs("web", "runner"),
        bind("b", ADMIN, named("bound", "shop")),
        bind("c", ADMIN, named("loose")),
        cluster="",
        seen={},
    )
    assert surroundings_of(look).accounts == (
        ("shop", "bound"),
        ("shop", "runner"),
        ("other", "default"),
    )


def test_token_secrets_and_labels_are_taken_over() -> None:
    look = look_at(*things())
    secret = TokenSecret(Meta("old", "shop"), "boss")
    with_secret = Look(replace(look.inventory, token_secrets=(secret,)))
    around = surroundings_of(with_secret)
    assert [one.account for one in around.token_secrets or ()] == ["boss"]
    assert around.pod_security == {"shop": "restricted"}
    assert paths_of(with_secret).path(account("shop", "app"), PartyKind.NODE) is None
