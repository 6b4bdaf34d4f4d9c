"""RBAC over whole sets of objects: who may do what, by which binding, and who else may."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

from grants.authz.aggregation import gathered
from grants.authz.matching import CLUSTER_SCOPED, answers, reaches, split_resource
from grants.authz.model import Question, Rule
from grants.authz.objects import (
    ACCOUNT_PREFIX,
    GROUP,
    SERVICE_ACCOUNT,
    USER,
    Binding,
    Caller,
    Role,
    Subject,
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What allows one question: a rule of a role that a binding gives to a subject."""

    binding: Binding
    role: Role
    rule: Rule
    subject: Subject


@dataclass(frozen=True, slots=True)
class Right:
    """What one binding gives a caller, through the first of its subjects that the caller is.

    `rules` are those of the role that can have an effect where the binding is.
    """

    binding: Binding
    role: Role
    subject: Subject
    rules: tuple[Rule, ...]

    @property
    def namespace(self) -> str | None:
        """Where it holds; None: everywhere."""
        return self.binding.namespace


@dataclass(frozen=True, slots=True)
class Holder:
    """A subject that may do what was asked, and what lets it."""

    subject: Subject
    binding: Binding
    role: Role
    rule: Rule


_OUTSIDE: Final = frozenset(resource for _, resource in CLUSTER_SCOPED)


class _Held(NamedTuple):
    """A binding and the place in it of a subject: both as numbers, in the order they came."""

    binding: int
    subject: int


_Named = dict[str, dict[str | None, list[_Held]]]


class Rbac:
    """The roles and bindings of one cluster, or of files, indexed by whom they name.

    It knows RBAC alone: members of `system:masters` need none of it, and other authorizers may
    allow more. Of roles with the same name in the same place the last one counts, as with apply.
    """

    def __init__(
        self, roles: Iterable[Role], bindings: Iterable[Binding], *, aggregate: bool = True
    ) -> None:
        """Index the objects; `aggregate` False believes aggregated roles as they stand."""
        given = tuple(roles)
        self.roles: Final = gathered(given) if aggregate else given
        self.bindings: Final = tuple(bindings)
        self._roles: Final = {
            (role.kind, role.meta.namespace if role.kind == "Role" else "", role.meta.name): role
            for role in self.roles
        }
        self._users: Final[_Named] = {}
        self._groups: Final[_Named] = {}
        self._places: Final[dict[str | None, list[int]]] = {}
        for number, binding in enumerate(self.bindings):
            self._add(number, binding)

    def _add(self, number: int, binding: Binding) -> None:
        place = binding.namespace
        self._places.setdefault(place, []).append(number)
        for index, subject in enumerate(binding.subjects):
            found = self._index_of(subject, place)
            if found is not None:
                by_name, name = found
                by_name.setdefault(name, {}).setdefault(place, []).append(_Held(number, index))

    def _index_of(self, subject: Subject, place: str | None) -> tuple[_Named, str] | None:
        """Say under what a subject is found; None: nobody is it, as with another spelling."""
        if subject.kind == USER:
            return self._users, subject.name
        if subject.kind == GROUP:
            return self._groups, subject.name
        # An account's namespace is that of the RoleBinding where none is written.
        namespace = subject.namespace or place
        if subject.kind == SERVICE_ACCOUNT and namespace:
            return self._users, f"{ACCOUNT_PREFIX}{namespace}:{subject.name}"
        return None

    def role_of(self, binding: Binding) -> Role | None:
        """Give the role that a binding leads to; None: it dangles, and gives nothing."""
        namespace = binding.namespace if binding.role.kind == "Role" else ""
        if namespace is None:  # a ClusterRoleBinding leads to no Role
            return None
        return self._roles.get((binding.role.kind, namespace, binding.role.name))

    def allowances(self, caller: Caller, question: Question) -> Iterator[Allowance]:
        """Give each binding that allows the caller this, ClusterRoleBindings first.

        One for each binding, with the first of its subjects that the caller is and the first rule
        that allows it: an API server names such a one as its reason.
        """
        for number, index in self._held_in(caller, _places_of(question)):
            binding = self.bindings[number]
            role = self.role_of(binding)
            rule = None if role is None else _first(role.rules, question)
            if role is not None and rule is not None:
                yield Allowance(binding, role, rule, _subject(binding, index))

    def allowed(self, caller: Caller, question: Question) -> bool:
        """Tell whether any binding allows the caller this."""
        return next(self.allowances(caller, question), None) is not None

    def rights(self, caller: Caller) -> tuple[Right, ...]:
        """Give all that a caller holds, by binding: everywhere first, then by namespace."""
        places = {
            place
            for by_name, name in self._names_of(caller)
            for place in by_name.get(name, ())
            if place is not None
        }
        in_effect: dict[tuple[int, bool], tuple[Rule, ...]] = {}
        found = []
        for number, index in self._held_in(caller, (None, *sorted(places))):
            binding = self.bindings[number]
            role = self.role_of(binding)
            if role is None:
                continue
            key = id(role), binding.namespace is None
            if key not in in_effect:
                in_effect[key] = effective(role.rules, binding.namespace)
            found.append(Right(binding, role, _subject(binding, index), in_effect[key]))
        return tuple(found)

    def rules_in(self, caller: Caller, namespace: str | None) -> tuple[Rule, ...]:
        """Give the rules that a caller holds in a namespace (None: everywhere), each once.

        With `covers` it tells what Kubernetes lets the caller write into roles and bindings there.
        """
        places = (None,) if namespace is None else (None, namespace)
        found: dict[Rule, None] = {}
        for number, _ in self._held_in(caller, places):
            role = self.role_of(self.bindings[number])
            if role is not None:
                found.update(dict.fromkeys(role.rules))
        return tuple(found)

    def who_can(self, question: Question) -> tuple[Holder, ...]:
        """Give every subject that may do this, in each binding that lets it.

        Groups and users are given as bindings name them; an account always has its namespace.
        """
        known: dict[int, Rule | None] = {}
        found = []
        for place in _places_of(question):
            for number in self._places.get(place, ()):
                binding = self.bindings[number]
                role = self.role_of(binding)
                if role is None:
                    continue
                if id(role) not in known:
                    known[id(role)] = _first(role.rules, question)
                rule = known[id(role)]
                if rule is not None:
                    found += [
                        Holder(_subject(binding, index), binding, role, rule)
                        for index, subject in enumerate(binding.subjects)
                        if self._index_of(subject, place) is not None
                    ]
        return tuple(found)

    def _names_of(self, caller: Caller) -> Iterator[tuple[_Named, str]]:
        yield self._users, caller.user
        for group in caller.groups:
            yield self._groups, group

    def _held_in(self, caller: Caller, places: Iterable[str | None]) -> Iterator[_Held]:
        """Give the bindings in these places that name the caller, each once, in their order."""
        named = [by_name[name] for by_name, name in self._names_of(caller) if name in by_name]
        for place in places:
            here = [by_place[place] for by_place in named if place in by_place]
            if len(here) == 1 and len(here[0]) == 1:  # nearly always, and there may be thousands
                yield here[0][0]
                continue
            first: dict[int, int] = {}
            for held in here:
                for number, index in held:
                    first[number] = min(index, first.get(number, index))
            yield from (_Held(number, first[number]) for number in sorted(first))


def effective(rules: Iterable[Rule], namespace: str | None) -> tuple[Rule, ...]:
    """Leave out what rules can't give in a namespace: paths, and kinds that stand outside."""
    if namespace is None:
        return tuple(rules)
    narrowed = (_within(rule, namespace) for rule in rules)
    return tuple(rule for rule in narrowed if rule is not None)


def _within(rule: Rule, namespace: str) -> Rule | None:
    if not rule.non_resource_urls and _are_inside(rule.resources):
        return rule
    resources = tuple(
        resource
        for resource in rule.resources
        if any(reaches(group, resource, namespace) for group in rule.api_groups)
    )
    if not resources:
        return None
    return Rule(rule.verbs, rule.api_groups, resources, rule.resource_names)


@lru_cache(maxsize=4096)
def _are_inside(resources: tuple[str, ...]) -> bool:
    """Tell whether none of these kinds stands outside of namespaces in any group known."""
    return not any(split_resource(resource)[0] in _OUTSIDE for resource in resources)


def _places_of(question: Question) -> tuple[str | None, ...]:
    """Where a binding must be: no RoleBinding ever gives a path, or anything cluster-wide."""
    if question.path is None and question.namespace:
        return None, question.namespace
    return (None,)


def _first(rules: Iterable[Rule], question: Question) -> Rule | None:
    return next((rule for rule in rules if answers(rule, question)), None)


def _subject(binding: Binding, index: int) -> Subject:
    """Give a subject with its namespace, which a RoleBinding may leave out."""
    subject = binding.subjects[index]
    if subject.kind == SERVICE_ACCOUNT and not subject.namespace and binding.namespace:
        return replace(subject, namespace=binding.namespace)
    return subject
