"""Random small clusters: the paths against an authorizer asked pair by pair, cuts against counting.

The run's seed is printed, and so is the smallest cluster that breaks something.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from grants.authz.model import Rule
from grants.authz.objects import Binding
from grants.authz.paths.find import Paths, find_paths
from grants.authz.paths.model import GOALS, PartyKind
from grants.authz.paths.surroundings import Surroundings, TokenSecret, Workload
from grants.authz.rbac import Rbac
from tests.support.path_oracle import Oracle
from tests.support.rbac_objects import account, bind, group, role, rule, user

RBAC = "rbac.authorization.k8s.io"
PLACES = ("n0", "n1", "n2")
NAMES = ("a", "b", "c")

# Rules whose worth the oracle knows, each near others that are worth nothing.
KNOWN = (
    rule("create", "serviceaccounts/token"),
    rule("create", "serviceaccounts/token", names="a"),
    rule("create", "serviceaccounts/token", names="b c"),
    rule("get", "serviceaccounts"),
    rule("impersonate", "serviceaccounts"),
    rule("impersonate", "serviceaccounts", names="b"),
    rule("impersonate", "users"),
    rule("impersonate", "users", names="u0"),
    rule("impersonate", "groups", names="g0"),
    rule("create", "secrets"),
    rule("get", "secrets"),
    rule("list", "secrets", names="a-token"),
    rule("create", "pods/exec"),
    rule("get", "pods/log"),
    rule("get", "nodes/proxy"),
    rule("create", "clusterrolebindings", RBAC),
    rule("bind", "clusterroles", RBAC),
    rule("bind", "clusterroles", RBAC, "cluster-admin"),
)
# And those for which counting again is the only judge.
OTHERS = (
    rule("create", "pods"),
    rule("patch", "deployments", "apps"),
    rule("create update", "rolebindings", RBAC),
    rule("update", "clusterrolebindings", RBAC),
    rule("bind", "roles clusterroles", RBAC, "r0 r1"),
    rule("escalate update", "clusterroles roles", RBAC),
    rule("escalate create", "clusterroles", RBAC),
    rule("patch", "namespaces"),
    rule("create", "persistentvolumes"),
    rule("patch", "pods/ephemeralcontainers"),
    rule("create", "mutatingwebhookconfigurations", "admissionregistration.k8s.io"),
    rule("create update approve", "*", "certificates.k8s.io"),
    rule("*", "*", "*", "a"),
    rule("*", "*", "*"),
)
ADMIN = role("cluster-admin", rule("*", "*", "*"))

SUBJECTS = (
    *(account(name, place) for place in PLACES for name in NAMES),
    *(user(f"u{number}") for number in range(2)),
    *(group(f"g{number}") for number in range(2)),
    group("system:serviceaccounts:n0"),
    group("system:authenticated"),
)


@st.composite
def clusters(
    draw: st.DrawFn, pool: tuple[Rule, ...]
) -> tuple[tuple, tuple[Binding, ...], Surroundings]:
    rules = st.lists(st.sampled_from(pool), min_size=1, max_size=2, unique=True)
    roles = [role(f"r{number}", *draw(rules)) for number in range(draw(st.integers(2, 5)))]
    roles += [role("r0", *draw(rules), namespace=place) for place in PLACES[:2]]
    bindings = []
    for number in range(draw(st.integers(2, 9))):
        of = draw(st.sampled_from(roles))
        place = of.meta.namespace or draw(st.sampled_from(("", *PLACES, *PLACES)))
        who = draw(st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=2, unique=True))
        bindings.append(bind(f"b{number}", of, *who, namespace=place))
    strong = draw(st.lists(st.sampled_from(SUBJECTS), max_size=1))
    bindings += [bind("strong", ADMIN, *strong)] if strong else []
    return (ADMIN, *roles), tuple(bindings), draw(surroundings())


@st.composite
def surroundings(draw: st.DrawFn) -> Surroundings:
    here = [(place, name) for place in PLACES for name in NAMES]
    accounts = draw(st.lists(st.sampled_from(here), min_size=3, unique=True))
    running = draw(st.lists(st.sampled_from(accounts), max_size=4))
    mounts = st.sampled_from((None, True, False))
    return Surroundings(
        accounts=tuple(accounts),
        workloads=tuple(
            Workload(draw(st.sampled_from(("Pod", "Deployment"))), place, "w", name, draw(mounts))
            for place, name in running
        ),
        token_secrets=tuple(
            TokenSecret(place, f"{name}-token", name)
            for place, name in draw(st.lists(st.sampled_from(accounts), max_size=2))
        ),
        pod_security={
            place: draw(st.sampled_from(("", "baseline")))
            for place in PLACES
            if draw(st.booleans())
        },
    )


def pairs(paths: Paths) -> set[tuple[str, PartyKind]]:
    return {
        (str(start), goal) for start in paths.starts for goal in GOALS if paths.path(start, goal)
    }


@settings(max_examples=150, deadline=None)
@given(clusters(KNOWN))
def test_an_authorizer_asked_pair_by_pair_finds_the_same_goals(cluster: tuple) -> None:
    roles, bindings, around = cluster
    rbac = Rbac(roles, bindings)
    paths, oracle = find_paths(rbac, around), Oracle(rbac, around)
    for start in paths.accounts:
        found = {goal for goal in GOALS if paths.path(start, goal) is not None}
        assert found == oracle.reached(start), start


@settings(max_examples=60, deadline=None)
@given(clusters((*KNOWN, *OTHERS)))
def test_what_a_removal_cuts_is_what_is_lost_when_all_is_counted_again(cluster: tuple) -> None:
    roles, bindings, around = cluster
    paths = find_paths(Rbac(roles, bindings), around)
    before = pairs(paths)
    cut = {one.binding.meta.name: one.paths for one in paths.cuts}
    for removed in bindings:
        left = tuple(one for one in bindings if one is not removed)
        after = pairs(find_paths(Rbac(roles, left), around))
        assert after <= before, removed
        assert cut.get(removed.meta.name, 0) == len(before - after), removed
    assert [one.paths for one in paths.cuts] == sorted(cut.values(), reverse=True)


@settings(max_examples=50, deadline=None)
@given(clusters((*KNOWN, *OTHERS)))
def test_every_step_names_what_really_gives_its_actor_the_right(cluster: tuple) -> None:
    roles, bindings, around = cluster
    rbac = Rbac(roles, bindings)
    for path in find_paths(rbac, around).all():
        assert path.steps[0].actor == path.start
        assert path.steps[-1].gains == path.goal
        for step in path.steps:
            for one in step.because:
                made_on_the_way = not one.binding.meta.name
                assert made_on_the_way or rbac.role_of(one.binding) is one.role
                assert one.rule in one.role.rules
