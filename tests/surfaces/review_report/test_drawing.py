"""The layered drawing of escalation paths."""

from itertools import combinations

from bot.review_report.drawing import HEIGHT, NODES_MOST, WIDTH, Box, Drawing, draw
from grants.authz.paths.find import Paths, find_paths
from grants.authz.paths.model import PartyKind
from grants.authz.paths.surroundings import Surroundings, Workload
from grants.authz.rbac import Rbac
from grants.review.findings.escalations import paths_of
from tests.support.rbac_objects import account, bind, role, rule
from tests.support.review_scans import estate

ADMIN = role("cluster-admin", rule("*", "*", "*"))


def drawn(paths: Paths) -> Drawing:
    made = draw(paths)
    assert made is not None
    return made


def overlaps(one: Box, other: Box) -> bool:
    return abs(one.x - other.x) < WIDTH and abs(one.y - other.y) < HEIGHT


def chain_of(teams: int) -> Paths:
    """In each namespace one account mints tokens of the next, and of another who is admin."""
    accounts, bindings = [], [bind("strong", ADMIN, account("boss", "n0"))]
    roles = [ADMIN]
    for number in range(teams):
        place = f"n{number}"
        mint = role("mint", rule("create", "serviceaccounts/token"), namespace=place)
        roles.append(mint)
        accounts += [(place, "boss"), (place, "a"), (place, "b")]
        bindings.append(bind("own", mint, account("a", place), namespace=place))
        if number:
            before = role("mint", namespace=f"n{number - 1}")
            subject = account("boss", place)
            bindings.append(bind(f"up-{number}", before, subject, namespace=f"n{number - 1}"))
    around = Surroundings(tuple(accounts), (), (), dict.fromkeys(("n0",), "baseline"))
    return find_paths(Rbac(roles, bindings), around)


def test_boxes_lie_apart_and_inside_and_goals_are_on_the_right() -> None:
    for paths in (paths_of(estate()), chain_of(6), chain_of(60)):
        made = drawn(paths)
        assert not [pair for pair in combinations(made.boxes, 2) if overlaps(*pair)]
        assert all(0 <= box.x <= made.width - WIDTH for box in made.boxes)
        assert all(0 <= box.y <= made.height - HEIGHT for box in made.boxes)
        assert {box.x for box in made.boxes if box.kind == "goal"} == {
            max(box.x for box in made.boxes)
        }


def test_each_box_but_a_goal_leads_one_column_on() -> None:
    made = drawn(paths_of(estate()))
    by_number = {box.number: box for box in made.boxes}
    assert len(made.lines) == sum(box.kind != "goal" for box in made.boxes)
    for box in made.boxes:
        if box.leads_to is not None:
            assert by_number[box.leads_to].x > box.x


def test_accounts_that_do_the_same_are_one_box_and_are_named() -> None:
    made = drawn(paths_of(estate()))
    (together,) = [box for box in made.boxes if box.name == "2 accounts"]
    assert together.whole == "ci/builder, ci/cache"
    assert together.link == "path-ci-builder"


def test_only_so_many_are_drawn_one_by_one_and_every_account_is_in_some_box() -> None:
    paths = chain_of(60)
    made = drawn(paths)
    assert len(made.boxes) <= 2 * NODES_MOST
    assert made.together > 0
    more = [box for box in made.boxes if " more account" in box.name]
    assert sum(int(box.name.split()[0]) for box in more) == made.together
    goal = next(box for box in made.boxes if box.kind == "goal")
    assert goal.below == f"{paths.count(PartyKind.CLUSTER_ADMIN)} accounts get there"
    assert drawn(chain_of(3)).together == 0


def test_accounts_of_many_namespaces_that_do_the_same_stand_together() -> None:
    strong = [bind("b", ADMIN, *(account("app", f"n{number}") for number in range(9)))]
    around = Surroundings(tuple((f"n{number}", "app") for number in range(9)))
    made = drawn(find_paths(Rbac((ADMIN,), strong), around))
    assert [(box.name, box.below) for box in made.boxes if box.kind == "account"] == [
        ("9 accounts", "of 9 namespaces")
    ]


def test_a_node_may_lie_on_the_way_to_another_goal() -> None:
    """A report of ten thousand accounts fell over this: the box was taken for a goal."""
    pods = role("pods", rule("create", "pods"), namespace="n")
    around = Surroundings(
        (("n", "a"), ("m", "boss")), (Workload("Pod", "m", "boss", "boss"),), (), {"n": ""}
    )
    bindings = (
        bind("weak", pods, account("a", "n"), namespace="n"),
        bind("strong", ADMIN, account("boss", "m")),
    )
    made = drawn(find_paths(Rbac((ADMIN, pods), bindings), around))
    assert [box.kind for box in sorted(made.boxes, key=lambda box: box.x)] == [
        *("account", "node", "account", "goal"),
    ]


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw(find_paths(Rbac((), ()), Surroundings())) is None


def test_long_names_are_cut_and_said_whole() -> None:
    name = "a-very-long-name-for-a-service-account"
    paths = find_paths(
        Rbac((ADMIN,), (bind("b", ADMIN, account(name, "n")),)), Surroundings((("n", name),))
    )
    (box,) = [box for box in drawn(paths).boxes if box.kind == "account"]
    assert len(box.name) < len(name)
    assert box.whole == f"n/{name}"
