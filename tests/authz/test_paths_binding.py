"""Who can come to hold more than was given: each step with the nearest rights that do not do."""

import pytest

from grants.authz.model import Rule
from grants.authz.objects import Binding, Role
from grants.authz.paths.find import find_paths
from grants.authz.paths.model import PartyKind
from grants.authz.rbac import Rbac
from tests.support.escalations import ADMIN as CLUSTER_ADMIN_ROLE
from tests.support.escalations import APP, AROUND, alone, needs, way, with_strong_boss
from tests.support.rbac_objects import account as named
from tests.support.rbac_objects import bind, gathering, group, label, role, rule

ADMIN, SECRETS, NODE = PartyKind.CLUSTER_ADMIN, PartyKind.EVERY_SECRET, PartyKind.NODE
RBAC = "rbac.authorization.k8s.io"
POWER = role("power", rule("impersonate", "serviceaccounts"))


def w(verbs: str, resources: str, names: str = "") -> Rule:
    """A rule on RBAC's own kinds."""
    return rule(verbs, resources, RBAC, names)


def there(name: str, of: Role, namespace: str = "") -> Binding:
    """A binding of somebody else's."""
    return bind(name, of, group("ops"), namespace=namespace)


@pytest.mark.parametrize(
    "rules",
    [
        (w("create", "clusterrolebindings"), w("bind", "clusterroles")),
        (w("create", "clusterrolebindings"), w("bind", "clusterroles", "cluster-admin")),
        (w("create bind", "*"),),
        (w("create patch", "clusterrolebindings", "mine"), w("bind", "clusterroles")),
        (w("update", "clusterrolebindings"), w("bind", "clusterroles")),
        (w("patch", "clusterrolebindings", "admins"), w("bind", "clusterroles", "cluster-admin")),
    ],
)
def test_whoever_binds_cluster_admin_is_cluster_admin(rules: tuple[Rule, ...]) -> None:
    admins = there("admins", CLUSTER_ADMIN_ROLE)
    assert way(alone(*rules, bindings=(admins,)), ADMIN) == ["bind"]


@pytest.mark.parametrize(
    "rules",
    [
        (w("create update patch", "clusterrolebindings rolebindings clusterroles roles"),),
        (w("bind", "clusterroles roles"),),
        (w("create", "clusterrolebindings"), w("bind", "clusterroles", "power")),
        (w("create", "clusterrolebindings"), w("bind", "roles")),
        (w("create", "clusterrolebindings", "mine"), w("bind", "clusterroles")),
        (w("delete", "clusterrolebindings"), w("bind", "clusterroles")),
        (w("update", "clusterrolebindings", "viewers"), w("bind", "clusterroles")),
        (w("update", "clusterrolebindings"), w("bind", "clusterroles", "another")),
    ],
)
def test_what_is_near_binds_no_cluster_admin(rules: tuple[Rule, ...]) -> None:
    bindings = (there("admins", CLUSTER_ADMIN_ROLE), there("viewers", role("view")))
    paths = alone(*rules, bindings=bindings, roles=(role("view"), POWER))
    assert way(paths, ADMIN) == []


def test_within_a_namespace_it_is_everything_of_that_namespace() -> None:
    rules = (w("create", "rolebindings"), w("bind", "clusterroles"))
    assert way(with_strong_boss(*rules), ADMIN)[0] == "bind"
    assert len(way(with_strong_boss(*rules), ADMIN)) == 3
    assert way(alone(*rules, namespace="team"), SECRETS) == []


def test_even_of_another_namespace_it_lifts_pod_security_and_takes_the_node() -> None:
    """A RoleBinding reaches the Namespace that it is in, and so the labels that guard it."""
    rules = (w("create", "rolebindings"), w("bind", "clusterroles"))
    paths = with_strong_boss(*rules, namespace="other")
    assert way(paths, ADMIN) == ["bind", "namespace-mutate", "node", "wildcard-all"]
    assert way(alone(*rules, namespace="other"), ADMIN) == []


def test_role_bindings_in_every_namespace_read_every_secret() -> None:
    rules = (w("create", "rolebindings"), w("bind", "clusterroles"))
    paths = alone(*rules)
    assert way(paths, SECRETS) == ["bind", "secrets-read"]
    assert way(paths, ADMIN) == []


def test_a_role_that_may_be_bound_is_worth_what_it_says() -> None:
    rules = (w("create", "clusterrolebindings"), w("bind", "clusterroles", "power"))
    paths = with_strong_boss(*rules, namespace="", roles=(POWER,))
    assert way(paths, ADMIN) == ["bind", "impersonate", "wildcard-all"]
    nothing = with_strong_boss(*rules, namespace="", roles=(role("power", rule("get", "pods")),))
    assert way(nothing, ADMIN) == []
    missing = with_strong_boss(*rules, namespace="")
    assert way(missing, ADMIN) == []


@pytest.mark.parametrize(
    "rules",
    [
        (w("create", "rolebindings"), w("bind", "roles")),
        (w("create", "rolebindings"), w("bind", "roles", "power")),
        (w("update", "rolebindings"), w("bind", "roles", "power")),
        (w("patch", "rolebindings", "there"), w("bind", "roles")),
    ],
)
@pytest.mark.parametrize("namespace", ["team", ""])
def test_roles_of_a_namespace_may_be_bound_there(rules: tuple[Rule, ...], namespace: str) -> None:
    power = role("power", *POWER.rules, namespace="team")
    paths = with_strong_boss(
        *rules, namespace=namespace, roles=(power,), bindings=(there("there", power, "team"),)
    )
    assert way(paths, ADMIN) == ["bind", "impersonate", "wildcard-all"]


@pytest.mark.parametrize(
    ("rules", "namespace"),
    [
        ((w("create", "rolebindings"), w("bind", "roles")), "other"),
        ((w("create", "rolebindings"), w("bind", "roles", "another")), "team"),
        ((w("update", "rolebindings", "another"), w("bind", "roles")), "team"),
        ((w("create", "rolebindings"), w("bind", "clusterroles", "power")), "team"),
    ],
)
def test_roles_that_may_not_be_bound(rules: tuple[Rule, ...], namespace: str) -> None:
    power = role("power", *POWER.rules, namespace="team")
    paths = with_strong_boss(
        *rules, namespace=namespace, roles=(power,), bindings=(there("there", power, "team"),)
    )
    assert way(paths, ADMIN) == []


def test_a_cluster_role_that_is_bound_in_the_namespace_may_be_joined_there() -> None:
    rules = (w("update", "rolebindings"), w("bind", "clusterroles", "power"))
    roles, bindings = (POWER,), (there("there", POWER, "team"),)
    paths = with_strong_boss(*rules, roles=roles, bindings=bindings)
    path = paths.path(APP, ADMIN)
    assert needs(path) == {"binding-exists": True}
    elsewhere = with_strong_boss(*rules, roles=roles, bindings=(there("there", POWER, "other"),))
    assert way(elsewhere, ADMIN) == []


@pytest.mark.parametrize(
    "rules",
    [
        (w("escalate update", "clusterroles"),),
        (w("escalate", "clusterroles", "held"), w("patch", "clusterroles")),
        (w("escalate patch", "clusterroles", "held another"),),
    ],
)
def test_whoever_widens_the_role_that_they_hold_holds_everything(rules: tuple[Rule, ...]) -> None:
    paths = alone(*rules)
    assert way(paths, ADMIN) == ["escalate"]
    assert needs(paths.path(APP, ADMIN)) == {"holds-role": True}


@pytest.mark.parametrize(
    "rules",
    [
        (w("escalate", "clusterroles"),),
        (w("update patch", "clusterroles"),),
        (w("escalate create", "clusterroles"),),
        (w("escalate", "clusterroles", "another"), w("update", "clusterroles")),
        (w("escalate", "clusterroles"), w("update", "clusterroles", "another")),
        (w("escalate update", "roles"),),
    ],
)
def test_what_is_near_widens_nothing(rules: tuple[Rule, ...]) -> None:
    assert way(alone(*rules), ADMIN) == []


def test_a_cluster_role_that_is_bound_in_a_namespace_widens_there_only() -> None:
    """The right to change it must come from elsewhere: no RoleBinding reaches a ClusterRole."""
    own = role("own", rule("get", "pods"))
    bound = bind("own", own, named("app", "team"), namespace="team")
    rules = (w("escalate update", "clusterroles", "own"),)
    paths = with_strong_boss(*rules, namespace="", roles=(own,), bindings=(bound,))
    path = paths.path(APP, ADMIN)
    assert path is not None
    assert path.steps[0].kind == "escalate"
    assert path.steps[0].gains.scope == "team"
    assert way(alone(*rules, roles=(own,), bindings=(bound,)), ADMIN) == []


def test_a_role_of_the_namespace_widens_there() -> None:
    own = role("own", w("escalate update", "roles"), namespace="team")
    bound = bind("own", own, named("app", "team"), namespace="team")
    path = with_strong_boss(roles=(own,), bindings=(bound,)).path(APP, ADMIN)
    assert path is not None
    assert path.steps[0].kind == "escalate"
    assert path.steps[0].gains.scope == "team"
    assert len(path.steps) == 3
    narrow = role("own", w("escalate update", "roles", "another"), namespace="team")
    assert way(with_strong_boss(roles=(narrow,), bindings=(bound,)), ADMIN) == []


AGGREGATED = gathering("mine", label(gather="yes"))
TO_APP = bind("mine", AGGREGATED, named("app", "team"))


@pytest.mark.parametrize(
    "rules",
    [
        (w("escalate create", "clusterroles"),),
        (w("escalate patch", "clusterroles", "another"),),
        (w("escalate", "clusterroles", "another"), w("patch", "clusterroles")),
    ],
)
def test_a_role_that_gathers_others_takes_what_is_written_there(rules: tuple[Rule, ...]) -> None:
    roles = (AGGREGATED, role("another"))
    paths = alone(*rules, roles=roles, bindings=(TO_APP,))
    assert way(paths, ADMIN) == ["aggregate-label"]


@pytest.mark.parametrize(
    "rules",
    [
        (w("create update patch", "clusterroles"),),
        (w("escalate", "clusterroles"),),
        (w("escalate", "clusterroles", "another"), w("create", "clusterroles")),
        (w("escalate patch", "clusterroles", "not-there"),),
    ],
)
def test_what_is_near_puts_nothing_into_it(rules: tuple[Rule, ...]) -> None:
    roles = (AGGREGATED, role("another"))
    assert way(alone(*rules, roles=roles, bindings=(TO_APP,)), ADMIN) == []


def test_who_does_not_hold_it_gains_nothing_by_what_it_gathers() -> None:
    roles = (AGGREGATED, role("another"))
    rules = (w("escalate create", "clusterroles"),)
    assert way(alone(*rules, roles=roles, bindings=(there("mine", AGGREGATED),)), ADMIN) == []


def test_where_the_role_itself_was_not_read_it_is_cluster_admin_all_the_same() -> None:
    held = role("held", w("create", "rolebindings"), w("bind", "clusterroles"))
    rbac = Rbac((held,), (bind("b", held, named("app", "team")),))
    paths = find_paths(rbac, AROUND)
    assert way(paths, SECRETS) == ["bind", "secrets-read"]


def test_a_role_that_is_not_there_can_not_be_held() -> None:
    rules = (w("create", "rolebindings"), w("bind", "roles", "gone"))
    assert way(alone(*rules, namespace="team"), ADMIN) == []
