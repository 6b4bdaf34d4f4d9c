"""The shortest path among several, and the binding whose removal cuts most."""

from collections.abc import Iterable

from grants.authz.objects import Binding, Subject
from grants.authz.paths.find import Paths, find_paths
from grants.authz.paths.model import NeedKind, PartyKind, account
from grants.authz.paths.surroundings import Surroundings, Workload
from grants.authz.rbac import Rbac
from tests.support.escalations import ADMIN as ADMIN_ROLE
from tests.support.escalations import alone, way
from tests.support.rbac_objects import account as named
from tests.support.rbac_objects import bind, group, role, rule, user

ADMIN, SECRETS, NODE = PartyKind.CLUSTER_ADMIN, PartyKind.EVERY_SECRET, PartyKind.NODE
MINT = role("mint", rule("create", "serviceaccounts/token"))
VIEW = role("view", rule("get", "pods"))
MINT_B = role("mint-b", rule("create", "serviceaccounts/token", names="b"))
ROLES = (
    MINT,
    MINT_B,
    VIEW,
    role("change", rule("patch", "deployments", "apps")),
    role("make", rule("create", "pods")),
)
BINDS = (
    rule("create", "clusterrolebindings", "rbac.authorization.k8s.io"),
    rule("bind", "clusterroles", "rbac.authorization.k8s.io"),
)
AROUND = Surroundings(
    accounts=tuple(("n", name) for name in "abcd"), workloads=(), token_secrets=(), pod_security={}
)


def found(*bindings: Binding, around: Surroundings = AROUND) -> Paths:
    return find_paths(Rbac((ADMIN_ROLE, *ROLES), bindings), around)


def in_n(name: str, of: str, *who: str) -> Binding:
    return bind(name, role(of), *(named(one, "n") for one in who), namespace="n")


STRONG = bind("strong", ADMIN_ROLE, named("d", "n"))


def names(bindings: Iterable[Binding]) -> list[str]:
    return [one.meta.name for one in bindings]


def test_the_shortest_path_is_given() -> None:
    chain = (in_n("a-to-b", "mint-b", "a"), in_n("b-to-all", "mint", "b"))
    assert way(found(*chain, STRONG), ADMIN, account("n", "a")) == [
        "token-create",
        "token-create",
        "wildcard-all",
    ]
    direct = in_n("a-to-all", "mint", "a")
    paths = found(*chain, direct, STRONG)
    assert len(way(paths, ADMIN, account("n", "a"))) == 2
    assert paths.count(ADMIN) == 3


def test_each_step_begins_where_the_last_one_ended() -> None:
    paths = found(in_n("a-to-b", "mint-b", "a"), in_n("b-to-all", "mint", "b"), STRONG)
    every = list(paths.all())
    assert len(every) == 3 * 3
    for path in every:
        actors = [path.start, *(step.gains for step in path.steps)]
        assert actors == [*(step.actor for step in path.steps), path.goal]


def test_the_binding_that_all_paths_rest_on_cuts_them_all() -> None:
    paths = found(in_n("a-to-all", "mint", "a"), in_n("b-to-all", "mint", "b"), STRONG)
    best = paths.cuts[0]
    assert (best.binding.meta.name, best.paths) == ("strong", 9)
    assert best.by_goal == {ADMIN: 3, SECRETS: 3, NODE: 3}
    assert [(cut.binding.meta.name, cut.paths) for cut in paths.cuts[1:]] == [
        ("a-to-all", 3),
        ("b-to-all", 3),
    ]


def test_a_binding_beside_which_there_is_another_way_cuts_nothing() -> None:
    twice = (in_n("one", "mint", "a"), in_n("two", "mint", "a"), STRONG)
    assert names(cut.binding for cut in found(*twice).cuts) == ["strong"]


def test_another_way_may_lead_through_a_part_of_what_was_reached() -> None:
    """Making pods leads to all accounts; what is left, to change a Deployment, to one namespace."""
    around = Surroundings(
        accounts=AROUND.accounts, workloads=(Workload("Deployment", "n", "web", "c"),)
    )
    makes = bind("makes", role("make"), named("a", "n"))
    changes = bind("changes", role("change"), named("a", "n"))
    binds = role("binds", *BINDS)
    strong = bind("strong", binds, named("d", "n"))

    def cut(*bindings: Binding) -> dict[str, int]:
        paths = find_paths(Rbac((ADMIN_ROLE, binds, *ROLES), bindings), around)
        return {one.binding.meta.name: one.by_goal.get(ADMIN, 0) for one in paths.cuts}

    assert cut(makes, changes, strong) == {"strong": 2}
    assert cut(makes, strong) == {"strong": 2, "makes": 1}


def test_what_is_leaned_on_is_cut_by_its_removal_too() -> None:
    """Whoever may join a binding loses that when it goes, although they never held it."""
    joins = role(
        "joins",
        rule("update", "clusterrolebindings", "rbac.authorization.k8s.io"),
        rule("bind", "clusterroles", "rbac.authorization.k8s.io", "cluster-admin"),
    )
    rbac = Rbac(
        (ADMIN_ROLE, joins),
        (bind("joins", joins, named("a", "n")), bind("ops", ADMIN_ROLE, group("ops"))),
    )
    paths = find_paths(rbac, AROUND)
    path = paths.path(account("n", "a"), ADMIN)
    assert path is not None
    assert [need.kind for need in path.steps[0].needs] == [NeedKind.BINDING_EXISTS]
    assert names(cut.binding for cut in paths.cuts) == ["joins", "ops"]


def test_people_have_paths_and_are_not_counted() -> None:
    people = (bind("root", ADMIN_ROLE, user("root"), group("ops")),)
    paths = alone(bindings=people)
    assert {str(party) for party in paths.people} == {"user root", "group ops"}
    assert all(way(paths, ADMIN, party) == ["wildcard-all"] for party in paths.people)
    assert paths.count(ADMIN) == 0
    assert paths.cuts == ()


def test_what_everybody_signed_in_holds_everybody_has() -> None:
    everyone = bind("everyone", ADMIN_ROLE, group("system:authenticated"))
    paths = found(everyone, bind("some", VIEW, user("u"), group("g"), user("system:anonymous")))
    assert paths.count(ADMIN) == 4
    others = {party.name for party in paths.people if way(paths, ADMIN, party)}
    assert others == {"system:authenticated", "u", "g"}
    assert paths.cuts[0].by_goal[ADMIN] == 4


def test_accounts_that_were_not_looked_for_are_those_that_bindings_name() -> None:
    paths = found(STRONG, around=Surroundings())
    assert [str(party) for party in paths.starts] == ["account n/d"]


def test_dangling_and_misspelt_bindings_give_nothing() -> None:
    nobody = bind("odd", ADMIN_ROLE, named("a"), user("b"))
    gone = bind("gone", role("not-there"), named("a", "n"))
    odd = bind("odd", ADMIN_ROLE, Subject("Robot", "a"))
    assert found(nobody, gone, odd).count(ADMIN) == 0


def test_without_any_way_nothing_is_found() -> None:
    paths = found()
    assert list(paths.all()) == []
    assert paths.path(account("n", "nobody"), ADMIN) is None
    assert paths.cuts == ()
