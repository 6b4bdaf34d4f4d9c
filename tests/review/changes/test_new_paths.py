"""Which ways to power a change of manifests opens."""

from grants.authz.objects import Binding, Role
from grants.review.changes.comparing import compare
from grants.review.finding import Severity
from grants.review.findings.look import Look
from tests.support.rbac_objects import account, bind, role, rule
from tests.support.reviews import look_at, runs, sa

ADMIN = role("cluster-admin", rule("*", "*", "*"))
EXEC = role("exec", rule("create", "pods/exec"), namespace="shop")
READS = role("reads", rule("get", "secrets"))
STRONG = bind("strong", ADMIN, account("boss", "shop"))
WEAK = bind("weak", EXEC, account("app", "shop"), namespace="shop")
READER = bind("reader", READS, account("boss", "shop"))


def shop(*more: Role | Binding) -> Look:
    return look_at(sa("app"), sa("boss"), runs("boss", "boss"), ADMIN, EXEC, READS, *more)


def test_a_binding_that_opens_a_way_is_told_with_each_step() -> None:
    (one,) = compare(shop(STRONG), shop(STRONG, WEAK)).paths
    assert (one.start, one.goal, one.severity) == ("shop/app", "cluster-admin", Severity.CRITICAL)
    assert "opens a shell in a pod of shop/boss" in one.steps[0]
    assert len(one.steps) == 2


def test_a_way_that_was_there_is_no_news_and_a_higher_one_is() -> None:
    before = shop(WEAK, READER)
    assert compare(before, before).paths == ()
    (one,) = compare(before, shop(WEAK, READER, STRONG)).paths
    assert one.goal == "cluster-admin"
    assert compare(shop(WEAK, STRONG), shop(WEAK, READER)).paths == ()


def test_one_step_is_told_with_what_is_gained() -> None:
    direct = bind("direct", ADMIN, account("app", "shop"))
    assert compare(shop(), shop(direct)).paths == ()
    assert compare(shop(direct), shop(direct, STRONG)).paths == ()
