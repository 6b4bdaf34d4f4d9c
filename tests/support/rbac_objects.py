"""RBAC's objects in few words, for tests that need many of them."""

from collections.abc import Iterable

from grants.authz.model import RoleRef, Rule
from grants.authz.objects import (
    ACCOUNT_PREFIX,
    GROUP,
    SERVICE_ACCOUNT,
    USER,
    Binding,
    Meta,
    Requirement,
    Role,
    Selector,
    Subject,
)


def rule(verbs: str, resources: str, groups: str = "", names: str = "") -> Rule:
    """Make a rule of words; the group `core` is the empty one."""
    api_groups = tuple("" if group == "core" else group for group in groups.split()) or ("",)
    return Rule(tuple(verbs.split()), api_groups, tuple(resources.split()), tuple(names.split()))


def paths(verbs: str, urls: str) -> Rule:
    """Make a rule on paths outside of resources."""
    return Rule(tuple(verbs.split()), non_resource_urls=tuple(urls.split()))


def role(name: str, *rules: Rule, namespace: str = "") -> Role:
    """Make a Role where a namespace is given, else a ClusterRole."""
    return Role("Role" if namespace else "ClusterRole", Meta(name, namespace), rules)


def labelled(name: str, *rules: Rule, **labels: str) -> Role:
    """Make a ClusterRole with labels, for others to gather from."""
    return Role("ClusterRole", Meta(name, labels=labels), rules)


def gathering(
    name: str,
    *selectors: Selector,
    rules: Iterable[Rule] = (),
    uid: str = "",
    labels: dict[str, str] | None = None,
) -> Role:
    """Make a ClusterRole that gathers what these selectors take."""
    meta = Meta(name, uid=uid, labels=labels or {})
    return Role("ClusterRole", meta, tuple(rules), selectors)


def label(**labels: str) -> Selector:
    """Select by labels."""
    return Selector(tuple(labels.items()))


def expression(key: str, operator: str, *values: str) -> Selector:
    """Select by one expression."""
    return Selector(requirements=(Requirement(key, operator, values),))


def bind(name: str, of: Role | RoleRef, *subjects: Subject, namespace: str = "") -> Binding:
    """Make a RoleBinding where a namespace is given, else a ClusterRoleBinding."""
    ref = of.ref if isinstance(of, Role) else of
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    return Binding(kind, Meta(name, namespace), ref, subjects)


def user(name: str) -> Subject:
    """Name a user."""
    return Subject(USER, name)


def group(name: str) -> Subject:
    """Name a group."""
    return Subject(GROUP, name)


def account(name: str, namespace: str = "") -> Subject:
    """Name a service account."""
    return Subject(SERVICE_ACCOUNT, name, namespace)


def account_user(name: str, namespace: str) -> Subject:
    """Name a service account by the user that it signs in as."""
    return user(f"{ACCOUNT_PREFIX}{namespace}:{name}")
