"""What of the rights of a binding was used, what was not, and of what nothing can be said."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from grants.authz.covers import Permission, permissions_of
from grants.authz.matching import ANY, answers, split_resource
from grants.authz.model import Rule
from grants.usage.coverage import Coverage, Judging, Missing, Span, could_have_seen
from grants.usage.model import MANY, PATHS, Kind, Use, VerbClass, verb_class

# An apply or a PUT that makes what is not there needs `create`, and the log shows it as itself.
_MAKING: Final = ("patch", "update")
_CLASSES: Final = (VerbClass.READ, VerbClass.WRITE)


@dataclass(slots=True)
class Split:
    """Permissions by what can be said of their use. `lacks` says what keeps the unsure so."""

    used: list[Permission] = field(default_factory=list)
    unused: list[Permission] = field(default_factory=list)
    unsure: list[Permission] = field(default_factory=list)
    lacks: dict[Missing | str, None] = field(default_factory=dict)


class Sight:
    """What could have been seen in a cluster in one window, each kind of act judged once."""

    def __init__(self, coverage: Coverage, window: Span, judging: Judging | None = None) -> None:
        """Take what was heard."""
        self._coverage = coverage
        self._window = window
        self._judging = judging
        self._known: dict[Kind, tuple[Missing, ...]] = {}
        seen = {(traced.kind.api_group, traced.kind.resource) for traced in coverage.days}
        self._resources = sorted(one for one in seen if _is_of_both_classes(one[1]))

    def of_cluster(self) -> tuple[Missing, ...]:
        """Say when the cluster or its accounts were not heard at all, whatever they did.

        Of an account without rights only refusals could show that somebody uses it.
        """
        # That somebody acts as another is seen on whatever is seen.
        return self._missing(Kind(VerbClass.IMPERSONATE, "", "users"))

    def lacks(self, permission: Permission) -> Iterator[Missing]:
        """Say what keeps "it was not used" from meaning that."""
        for kind in self._kinds(permission):
            yield from self._missing(kind)

    def _missing(self, kind: Kind) -> tuple[Missing, ...]:
        missing = self._known.get(kind)
        if missing is None:
            evidence = could_have_seen(self._coverage, kind, self._window, self._judging)
            missing = self._known[kind] = evidence.missing
        return missing

    def _kinds(self, permission: Permission) -> Iterator[Kind]:
        """Give what it lets be done; with a wildcard, each kind that was ever seen."""
        sub = split_resource(permission.what)[1] if permission.group is not None else ""
        classes = _CLASSES if permission.verb == ANY else (verb_class(permission.verb, sub),)
        for of in classes:
            if permission.group is None:
                yield Kind(of, "", PATHS)
            elif ANY not in (permission.group, permission.what):
                yield Kind(of, permission.group, permission.what)
            else:
                yield from (
                    Kind(of, group, resource)
                    for group, resource in self._resources
                    if _may_be(permission, group, resource)
                )


def _is_of_both_classes(resource: str) -> bool:
    """Tell whether a kind can be read and written; reviews and most subresources can't be."""
    return resource != PATHS and "/" not in resource and not resource.endswith("reviews")


def _may_be(permission: Permission, group: str, resource: str) -> bool:
    return permission.group in {ANY, group} and permission.what in {ANY, resource}


def split(
    rules: Iterable[Rule], namespace: str | None, uses: Collection[Use], sight: Sight
) -> Split:
    """Judge each permission of these rules, which hold in a namespace (None: everywhere)."""
    found = Split()
    here = Done(use for use in uses if namespace is None or use.act.namespace == namespace)
    for permission in dict.fromkeys(p for rule in rules for p in permissions_of(rule, namespace)):
        if here.by(permission):
            found.used.append(permission)
            continue
        lacks: Sequence[Missing | str] = tuple(sight.lacks(permission))
        if not lacks and permission.verb == "create" and here.makes(permission):
            lacks = ("an apply or a PUT that makes an object needs `create`, which no log shows",)
        if lacks:
            found.unsure.append(permission)
            found.lacks.update(dict.fromkeys(lacks))
        else:
            found.unused.append(permission)
    return found


class Done:
    """What was done, by kind of object, so that a right to one kind is not held against all."""

    def __init__(self, uses: Iterable[Use]) -> None:
        """Take what was done by whoever holds the right."""
        self._all = tuple(uses)
        self._by_kind: dict[tuple[str, str], list[Use]] = {}
        for use in self._all:
            kind = use.act.kind
            self._by_kind.setdefault((kind.api_group, kind.resource), []).append(use)

    def by(self, permission: Permission) -> bool:
        """Tell whether anything that was done is allowed by this permission.

        Of an act on so many objects that their names were not kept, any name may be among them.
        """
        rule = rule_of(permission)
        if permission.group is None:
            paths = self._by_kind.get(("", PATHS), ())
            return any(use.act.path == MANY or answers(rule, use.question) for use in paths)
        anything = rule_of(permission._replace(name=None))
        return any(
            answers(anything if use.act.name == MANY else rule, use.question)
            for use in self._of(permission.group, permission.what)
        )

    def makes(self, permission: Permission) -> bool:
        """Tell whether something was done that makes what is not there, as an apply does."""
        return any(self.by(permission._replace(verb=verb)) for verb in _MAKING)

    def _of(self, group: str, what: str) -> Iterable[Use]:
        if ANY in group or ANY in what:
            return self._all
        return self._by_kind.get((group, what), ())


def rule_of(permission: Permission) -> Rule:
    """Give a permission as a rule."""
    verb, group, what, name = permission
    if group is None:
        return Rule((verb,), non_resource_urls=(what,))
    return Rule((verb,), (group,), (what,), () if name is None else (name,))


def as_rules(permissions: Iterable[Permission]) -> tuple[Rule, ...]:
    """Put permissions on the same thing together, for people to read."""

    def thing(one: Permission) -> tuple[str, str, str]:
        return one.group or "", one.what, one.name or ""

    ordered = sorted(permissions, key=thing)
    found = []
    for _, those in groupby(ordered, key=thing):
        first, *more = those
        verbs = tuple(one.verb for one in (first, *more))
        found.append(
            Rule(verbs, (), (), (), (first.what,))
            if first.group is None
            else Rule(verbs, (first.group,), (first.what,), (first.name,) if first.name else ())
        )
    return tuple(found)
