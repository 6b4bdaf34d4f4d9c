"""Whether one set of rights is within another, as Kubernetes' own escalation check has it."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from grants.authz.matching import (
    matches_group,
    matches_path,
    matches_resource,
    matches_verb,
    reaches,
)
from grants.authz.model import Rule, rule_as_json

# A role that names thousands of things by thousands of names must not hold a worker for minutes.
COMPARISONS_MOST: Final = 2_000_000


class Permission(NamedTuple):
    """One verb on one resource of one group (None: on a path), of one name (None: of any).

    No two rules can cover one together: each holds one verb, group, resource and name of it.
    """

    verb: str
    group: str | None
    what: str
    name: str | None


def covers(held: Collection[Rule], wanted: Collection[Rule], namespace: str | None = None) -> bool:
    """Tell whether whoever holds these rules holds all that is wanted.

    It is what Kubernetes asks of who writes a role or a binding. A namespace leaves out what a
    RoleBinding in it never reaches. Too much to compare counts as not covered.
    """
    return uncovered(held, wanted, namespace) == ()


def uncovered(
    held: Collection[Rule], wanted: Collection[Rule], namespace: str | None = None
) -> tuple[Permission, ...] | None:
    """Give the permissions that no single rule of `held` covers; None: too much to tell."""
    known = {_form(rule) for rule in held}
    fresh = [rule for rule in wanted if _form(rule) not in known]
    every = (permission for rule in fresh for permission in permissions_of(rule, namespace))
    most = COMPARISONS_MOST // (len(held) + 1)
    bounded = list(islice(every, most + 1))
    if len(bounded) > most:
        return None
    return tuple(p for p in bounded if not any(covers_one(rule, p) for rule in held))


def permissions_of(rule: Rule, namespace: str | None = None) -> Iterator[Permission]:
    """Give each permission that a rule says; in a namespace only what a RoleBinding reaches."""
    names: Iterable[str | None] = rule.resource_names or (None,)
    for group in rule.api_groups:
        for resource in rule.resources:
            if not reaches(group, resource, namespace):
                continue
            for name in names:
                for verb in rule.verbs:
                    yield Permission(verb, group, resource, name)
    if namespace is None:
        for path in rule.non_resource_urls:
            for verb in rule.verbs:
                yield Permission(verb, None, path, None)


def covers_one(rule: Rule, permission: Permission) -> bool:
    """Tell whether a rule covers a permission; a wildcard is covered by the same or a wider one."""
    verb, group, what, name = permission
    if not matches_verb(rule, verb):
        return False
    if group is None:
        return matches_path(rule, what)
    return (
        matches_group(rule, group)
        and matches_resource(rule, what)
        and (not rule.resource_names or name in rule.resource_names)
    )


def _form(rule: Rule) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((field, tuple(held)) for field, held in rule_as_json(rule).items())
