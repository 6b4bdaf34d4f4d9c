"""Random rights of an account in a small universe, and use within them, for right-sizing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from typing import Any

from hypothesis import strategies as st

from grants.authz.model import Question, RoleRef, Rule
from grants.authz.objects import (
    AUTHENTICATED,
    GROUP,
    SERVICE_ACCOUNT,
    USER,
    Binding,
    Meta,
    Role,
    Subject,
)
from grants.authz.rbac import Rbac
from grants.review.rightsizing.model import Observed, Target, Window

UNTIL = datetime(2026, 7, 1, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=40)
WINDOW = Window(SINCE, UNTIL)
EARLY = SINCE + timedelta(days=1)
LATE = UNTIL - timedelta(days=1)
TARGET = Target("shop", "worker", "prod")

NAMESPACES = ("shop", "bank")
GROUPS = ("", "apps")
KINDS = ("pods", "pods/exec", "leases")
NAMES = ("", "a", "c-x7k2p")
VERBS = ("get", "watch", "list", "create", "update")
PATHS = ("/metrics", "/healthz", "/logs/kubelet")


def observed(question: Question, *, allowed: bool = True, since: datetime = EARLY) -> Observed:
    """What was seen of a request that an authorizer was asked about so."""
    return Observed(question, allowed, since, LATE, 3)


@cache
def universe() -> tuple[Question, ...]:
    """Every question of the small universe that a request can be."""
    found = []
    for verb, group, kind, name, namespace in product(
        VERBS, GROUPS, KINDS, NAMES, (None, *NAMESPACES)
    ):
        resource, _, sub = kind.partition("/")
        if name and verb == "create" and not sub:
            continue
        found.append(Question(verb, group, resource, sub, name, namespace))
    return (*found, *(Question("get", path=path) for path in PATHS))


def some(values: tuple[str, ...], most: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True).map(tuple)


RULES = st.one_of(
    st.builds(
        Rule,
        some((*VERBS, "*", "bind")),
        some((*GROUPS, "*")),
        some((*KINDS, "*", "*/exec")),
        st.one_of(st.just(()), some(("a", "c-x7k2p", "", "*"))),
    ),
    st.builds(Rule, some(("get", "*"), 1), non_resource_urls=some((*PATHS, "*", "/logs/*"), 2)),
)

SUBJECTS = st.sampled_from(
    (
        Subject(SERVICE_ACCOUNT, "worker", "shop"),
        Subject(SERVICE_ACCOUNT, "worker"),
        Subject(USER, "system:serviceaccount:shop:worker"),
        Subject(SERVICE_ACCOUNT, "other", "shop"),
        Subject(GROUP, AUTHENTICATED),
        Subject(GROUP, "system:serviceaccounts:bank"),
    )
)


@st.composite
def cluster_rbac(draw: st.DrawFn) -> Rbac:
    """Roles and bindings, most of which reach the account in one way or another."""
    roles, bindings = [], []
    for number in range(draw(st.integers(1, 4))):
        name, namespace = f"r{number}", draw(st.sampled_from(NAMESPACES))
        rules = tuple(draw(st.lists(RULES, min_size=1, max_size=3)))
        shape = draw(st.sampled_from(("role", "cluster-in-namespace", "cluster")))
        kind: Any = "Role" if shape == "role" else "ClusterRole"
        place = "" if shape == "cluster" else namespace
        roles.append(Role(kind, Meta(name, namespace if kind == "Role" else ""), rules))
        subjects = tuple(draw(st.lists(SUBJECTS, min_size=1, max_size=2, unique=True)))
        binding: Any = "ClusterRoleBinding" if shape == "cluster" else "RoleBinding"
        bindings.append(Binding(binding, Meta(name, place), RoleRef(kind, name), subjects))
    return Rbac(roles, bindings)


@st.composite
def used_within(draw: st.DrawFn, rbac: Rbac) -> tuple[Observed, ...]:
    """Use that the account's rights allow, and a little that was denied."""
    allowed = [q for q in universe() if rbac.allowed(TARGET.caller, q)]
    denied = [q for q in universe() if not rbac.allowed(TARGET.caller, q)]
    times = st.sampled_from((EARLY, LATE))
    done = draw(st.lists(st.sampled_from(allowed), max_size=12)) if allowed else []
    rows = [observed(question, since=draw(times)) for question in done]
    if denied:
        refused = draw(st.lists(st.sampled_from(denied), max_size=2))
        rows += [observed(question, allowed=False) for question in refused]
    return tuple(rows)


def smaller(rule: Rule) -> list[Rule | None]:
    """Every rule that is this one with one word taken out; None where nothing would be left."""
    found: list[Rule | None] = []
    for field in ("verbs", "api_groups", "resources", "resource_names", "non_resource_urls"):
        words: tuple[str, ...] = getattr(rule, field)
        for word in words:
            left = tuple(other for other in words if other != word)
            # Without any name a rule would hold for all of them: the last takes the rule with it.
            found.append(replace(rule, **{field: left}) if left else None)
    return found
