"""Role-based access control as an API server judges it, small enough to read in one go.

Kept apart from `grants.authz` on purpose: a fake that reasons with the code under test would
agree with that code's mistakes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from grants.access.cluster_port import Binding, BindingPlace
from grants.authz.model import Answer, Question, RoleRef, Rule

ALL_AUTHENTICATED = "system:authenticated"

Roles = Mapping[tuple[RoleRef, str | None], tuple[Rule, ...]]


@dataclass(frozen=True)
class Asker:
    """Who a question is asked for, with every group that counts."""

    user: str
    groups: tuple[str, ...]


def judge(
    question: Question, asker: Asker, bindings: Mapping[BindingPlace, Binding], roles: Roles
) -> Answer:
    """Answer one question; ClusterRoleBindings are looked at first, as the real server does."""
    places = sorted(bindings, key=lambda place: (place.namespace is not None, place.name))
    for place in places:
        if place.namespace is not None and place.namespace != question.namespace:
            continue
        binding = bindings[place]
        subject = next(_matching_subjects(binding.subjects, asker), None)
        if subject is None:
            continue
        home = place.namespace if binding.role.kind == "Role" else None
        rules = roles.get((binding.role, home), ())
        if any(_allows(rule, question, place) for rule in rules):
            return Answer(question, allowed=True, reason=_reason(binding, subject))
    return Answer(question, allowed=False)


def _matching_subjects(subjects: tuple[str, ...], asker: Asker) -> Iterator[str]:
    for subject in subjects:
        kind, _, name = subject.partition(":")
        if (kind == "User" and name == asker.user) or (kind == "Group" and name in asker.groups):
            yield subject
        elif kind == "ServiceAccount":
            namespace, _, account = name.partition("/")
            if asker.user == f"system:serviceaccount:{namespace}:{account}":
                yield subject


def _reason(binding: Binding, subject: str) -> str:
    place = binding.place
    if place.namespace is None:
        where = f'ClusterRoleBinding "{place.name}"'
    else:
        where = f'RoleBinding "{place.name}/{place.namespace}"'
    kind, _, name = subject.partition(":")
    if kind == "ServiceAccount":
        namespace, _, account = name.partition("/")
        name = f"{account}/{namespace}"
    role = f'{binding.role.kind} "{binding.role.name}"'
    return f'RBAC: allowed by {where} of {role} to {kind} "{name}"'


def _allows(rule: Rule, question: Question, place: BindingPlace) -> bool:
    if not {"*", question.verb} & set(rule.verbs):
        return False
    if question.path is not None:
        # A path has no namespace, so only a ClusterRoleBinding can give it.
        return place.namespace is None and any(
            _path_matches(url, question.path) for url in rule.non_resource_urls
        )
    return (
        bool({"*", question.api_group} & set(rule.api_groups))
        and any(_resource_matches(resource, question) for resource in rule.resources)
        and (not rule.resource_names or question.name in rule.resource_names)
    )


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return path == pattern


def _resource_matches(resource: str, question: Question) -> bool:
    if resource == "*":
        return True
    if not question.subresource:
        return resource == question.resource
    wanted = {f"{question.resource}/{question.subresource}", f"*/{question.subresource}"}
    return resource in wanted
