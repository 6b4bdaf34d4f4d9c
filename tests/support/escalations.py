"""Small clusters for tests of escalation paths: who tries, who is strong, and what is around."""

from collections.abc import Iterable, Mapping

from grants.authz.model import RoleRef, Rule
from grants.authz.objects import Binding, Role
from grants.authz.paths.find import Paths, find_paths
from grants.authz.paths.model import Party, PartyKind, Path, account
from grants.authz.paths.surroundings import Surroundings, TokenSecret, Workload
from grants.authz.rbac import Rbac
from tests.support.rbac_objects import account as named
from tests.support.rbac_objects import bind, role, rule

ADMIN = role("cluster-admin", rule("*", "*", "*"))
APP = account("team", "app")
BOSS = account("team", "boss")
# Pod Security keeps pods off the nodes in each of them, and there are no tokens but boss's.
STRICT = {"team": "restricted", "other": "baseline"}
AROUND = Surroundings(
    accounts=(("team", "app"), ("team", "boss"), ("other", "idle")),
    workloads=(
        Workload("Pod", "team", "boss-0", "boss"),
        Workload("Deployment", "team", "boss", "boss"),
    ),
    token_secrets=(TokenSecret("team", "boss-token", "boss"),),
    pod_security=STRICT,
)


def with_strong_boss(
    *rules: Rule,
    namespace: str = "team",
    around: Surroundings = AROUND,
    roles: Iterable[Role] = (),
    bindings: Iterable[Binding] = (),
) -> Paths:
    """Give `app` rules (in a namespace, or "" for everywhere) where `boss` is cluster-admin."""
    held = role("held", *rules)
    return find_paths(
        Rbac(
            (ADMIN, held, *roles),
            (
                bind("strong", ADMIN, named("boss", "team")),
                bind("weak", held, named("app", "team"), namespace=namespace),
                *bindings,
            ),
        ),
        around,
    )


def alone(
    *rules: Rule,
    namespace: str = "",
    around: Surroundings = AROUND,
    roles: Iterable[Role] = (),
    bindings: Iterable[Binding] = (),
) -> Paths:
    """Give `app` rules where nobody else holds anything."""
    held = role("held", *rules)
    weak = bind("weak", held, named("app", "team"), namespace=namespace)
    return find_paths(Rbac((ADMIN, held, *roles), (weak, *bindings)), around)


def way(paths: Paths, goal: PartyKind, start: Party = APP) -> list[str]:
    """Give the kinds of the steps of a path; empty where there is none."""
    path = paths.path(start, goal)
    return [] if path is None else [step.kind for step in path.steps]


def needs(path: Path | None) -> Mapping[str, bool]:
    """Give what a path needs, and whether it was seen."""
    assert path is not None
    return {need.kind.value: need.seen for step in path.steps for need in step.needs}


def ref(name: str) -> RoleRef:
    """Name a ClusterRole."""
    return RoleRef("ClusterRole", name)
