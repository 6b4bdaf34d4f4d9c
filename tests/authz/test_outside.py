"""Rights that RBAC does not know: whose they are, what they give, and how much of them is known."""

from datetime import UTC, datetime

import pytest

from grants.authz.model import Question, Rule
from grants.authz.objects import Caller, Subject, account_caller
from grants.authz.outside import Authorizer, Outside, OutsideKind, OutsideRight, Sight, not_seen

AT = datetime(2026, 5, 1, tzinfo=UTC)
READS = (Rule(("get",), ("",), ("secrets",)),)
SECRETS = Question("get", resource="secrets", namespace="shop")
EVE = Caller("eve", frozenset({"devs"}))


def outside(*rights: OutsideRight, sight: Sight = Sight.ALL) -> Outside:
    return Outside("prod", (Authorizer(OutsideKind.WEBHOOK, sight, AT, rights),))


@pytest.mark.parametrize(
    ("subject", "caller", "is_of"),
    [
        (Subject("User", "eve"), EVE, True),
        (Subject("User", "ada"), EVE, False),
        (Subject("Group", "devs"), EVE, True),
        (Subject("Group", "eve"), EVE, False),
        (Subject("ServiceAccount", "web", "shop"), account_caller("shop", "web"), True),
        (Subject("ServiceAccount", "web", "other"), account_caller("shop", "web"), False),
    ],
)
def test_a_right_is_of_whom_it_is_given_to(
    subject: Subject, caller: Caller, *, is_of: bool
) -> None:
    right = OutsideRight(subject, READS)
    assert right.is_of(caller) is is_of
    found = outside(right)
    way = ((OutsideKind.WEBHOOK, right),) if is_of else ()
    assert found.rights(caller) == found.allowances(caller, SECRETS) == way


def test_a_right_holds_where_it_says_and_gives_what_its_rules_say() -> None:
    near = OutsideRight(Subject("User", "eve"), READS, namespaces=("shop",))
    far = OutsideRight(Subject("User", "ada"), READS)
    found = outside(near, far)
    assert [right for _, right in found.who_can(SECRETS)] == [near, far]
    elsewhere = Question("get", resource="secrets", namespace="other")
    assert [right for _, right in found.who_can(elsewhere)] == [far]
    assert [right for _, right in found.who_can(Question("get", resource="secrets"))] == [far]
    assert found.who_can(Question("delete", resource="secrets", namespace="shop")) == ()
    assert found.allowances(EVE, elsewhere) == ()


def test_all_is_known_only_where_every_authorizer_that_was_told_of_is_known_whole() -> None:
    assert not_seen("prod").sight is Sight.NOT_SEEN
    assert outside().sight is Sight.ALL
    some = outside(sight=Sight.SOME)
    assert some.sight is Sight.SOME
    assert Outside("prod", outside().authorizers + some.authorizers).sight is Sight.SOME
