"""RBAC's objects say in a line who and what they are."""

from grants.authz.model import RoleRef
from grants.authz.objects import Account, Meta, account_caller
from tests.support.rbac_objects import account, bind, group, user


def test_objects_are_named_as_people_name_them() -> None:
    ref = RoleRef("ClusterRole", "view")
    assert str(bind("b", ref)) == "ClusterRoleBinding b"
    assert str(bind("b", ref, namespace="team")) == "RoleBinding team/b"
    assert str(account("robot", "team")) == "ServiceAccount team/robot"
    assert [str(user("ada")), str(group("devs"))] == ["User ada", "Group devs"]


def test_an_account_signs_in_as_the_user_that_asks_for_it() -> None:
    assert Account(Meta("robot", "team")).user == account_caller("team", "robot").user
