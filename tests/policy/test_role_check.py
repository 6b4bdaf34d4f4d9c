"""Roles as clusters give them, held against what entitlements accept."""

import pytest

from grants.authz.model import RoleRef, RoleSnapshot, Rule
from grants.errors import ClusterUnavailable
from grants.policy.role_check import RoleFindings, check_roles
from tests.support.policies import NOW, VALID, brief, changed, load

READ = Rule(("get",), ("",), ("pods",))
SECRETS = Rule(("get",), ("",), ("secrets",))
CHANGE = Rule(("delete",), ("",), ("pods",))
ACCEPT = '    notify: {channels: ["#access"]}\n    accept_risk: {rules: [%s], reason: x}\n'


class Roles:
    """Roles by (alias, namespace), all others missing; keeps what was asked."""

    def __init__(self, *rules: Rule, places: dict[tuple[str, str | None], Rule] | None = None):
        self.places = {("prod", None): rules} if places is None else {
            place: (rule,) for place, rule in places.items()
        }  # fmt: skip
        self.asked: list[tuple[str, str, str | None]] = []

    def __call__(self, alias: str, ref: RoleRef, namespace: str | None) -> RoleSnapshot | None:
        self.asked.append((alias, str(ref), namespace))
        if alias == "down":
            raise ClusterUnavailable(alias, "get role")
        rules = self.places.get((alias, namespace))
        return None if rules is None else RoleSnapshot(ref, tuple(rules), NOW)


def check(roles: Roles, *swaps: tuple[str, str]) -> RoleFindings:
    return check_roles(load(changed(*swaps)), roles)


def accepting(*rules: str) -> tuple[str, str]:
    return '    notify: {channels: ["#access"]}\n', ACCEPT % ", ".join(rules)


def test_a_role_without_risks_needs_nothing() -> None:
    assert check(Roles(READ)) == RoleFindings((), (), 1)


@pytest.mark.security("G5")
def test_a_risk_that_is_not_accepted_is_a_problem_at_the_role() -> None:
    found = check(Roles(READ, SECRETS))
    assert [brief(problem) for problem in found.problems] == ["17:11 risk-not-accepted"]
    assert found.problems[0].message == (
        "ClusterRole/view needs `accept_risk` with:"
        " secrets-read (may read Secrets, tokens in them included)"
    )
    assert check(Roles(SECRETS), accepting("secrets-read")).problems == ()


def test_an_accepted_risk_that_the_role_does_not_have_is_a_warning() -> None:
    found = check(Roles(SECRETS), accepting("secrets-read", "bind", "system-namespace"))
    assert found.problems == ()
    assert [brief(warning) for warning in found.warnings] == ["22:26 idle-accept-risk"]
    assert "not have: bind" in found.warnings[0].message


def test_cluster_wide_rights_are_judged_as_such() -> None:
    wide = ('    namespaces: [shop, "shop-*"]\n', "    cluster_wide: true\n")
    assert check(Roles(READ), wide).problems == ()
    found = check(Roles(CHANGE), wide)
    assert "own-namespace" in found.problems[0].message
    assert "system-namespace" in found.problems[0].message
    assert check(Roles(CHANGE), wide, accepting("own-namespace", "system-namespace")).problems == ()


def test_roles_that_are_not_there_or_not_read_are_named() -> None:
    two = (
        ("entitlements:", '  - name: down\n    username: "{sub}"\nentitlements:'),
        ("clusters: [prod]", "clusters: [prod, down]"),
        accepting("bind"),
    )
    found = check(Roles(places={}), *two)
    assert [brief(warning) for warning in found.warnings] == [
        "19:11 role-missing",
        "19:11 role-unread",
    ]
    assert "ClusterRole/view of cluster prod" in found.warnings[0].message
    assert "ClusterRole/view of cluster down" in found.warnings[1].message
    assert found.read == 0


def test_a_role_is_read_in_each_namespace_that_has_a_name() -> None:
    roles = Roles(places={("prod", "shop"): SECRETS})
    found = check(roles, ("kind: ClusterRole", "kind: Role"))
    assert roles.asked == [("prod", "Role/view", "shop")]
    assert [brief(problem) for problem in found.problems] == ["17:11 risk-not-accepted"]
    assert [brief(warning) for warning in found.warnings] == ["17:11 role-unread"]
    assert "`shop-*`" in found.warnings[0].message


def test_each_role_is_read_once_from_clusters_that_are_meant() -> None:
    again = VALID[VALID.index("  - name: view-shop") :].replace("view-shop", "view-again")
    lab = '  - name: lab\n    username: "{sub}"\nentitlements:'
    roles = Roles(READ)
    check_roles(load(changed(("entitlements:", lab)) + again), roles)
    assert roles.asked == [("prod", "ClusterRole/view", None)]
