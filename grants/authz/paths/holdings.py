"""What one party holds, boiled down to the rights that steps need."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final, NamedTuple

from grants.authz.matching import ANY, matches_group, reaches, split_resource
from grants.authz.model import Rule
from grants.authz.objects import Binding, Role, Subject
from grants.authz.paths.asks import Ask
from grants.authz.paths.model import CLUSTER, EACH
from grants.authz.rbac import Allowance


class Grip(NamedTuple):
    """One right as one rule of one binding gives it. Without names: on every object."""

    scope: str
    names: tuple[str, ...]
    why: Allowance

    def takes(self, name: str) -> bool:
        """Tell whether it reaches an object of this name."""
        return not self.names or name in self.names


class Given(NamedTuple):
    """A role that a binding gives to a subject, in a scope."""

    scope: str
    binding: Binding
    role: Role
    subject: Subject


class Holdings:
    """All that one party holds."""

    __slots__ = ("_grips", "given", "is_everything")

    def __init__(self, given: Iterable[Given]) -> None:
        """Boil down the rules of the roles."""
        self.given: Final = tuple(given)
        self.is_everything: Final[list[Grip]] = []
        self._grips: Final[dict[Ask, list[Grip]]] = defaultdict(list)
        for one in self.given:
            for rule in one.role.rules:
                self._add(one, rule)

    def __bool__(self) -> bool:
        """Tell whether it holds anything that a step could need."""
        return bool(self._grips or self.is_everything)

    def _add(self, one: Given, rule: Rule) -> None:
        asks, is_everything = asks_of(rule, one.scope == CLUSTER)
        if not asks and not is_everything:
            return
        why = Allowance(one.binding, one.role, rule, one.subject)
        if is_everything:
            self.is_everything.append(Grip(one.scope, (), why))
        for ask in asks:
            self._grips[ask].append(Grip(one.scope, rule.resource_names, why))

    @property
    def asks(self) -> AbstractSet[Ask]:
        """Every right that it holds somewhere."""
        return self._grips.keys()

    def of(self, *asks: Ask) -> Sequence[Grip]:
        """Give each way in which it holds any of these rights."""
        if len(asks) == 1:
            return self._grips.get(asks[0], ())
        return [grip for ask in asks for grip in self._grips.get(ask, ())]


class Pair(NamedTuple):
    """Two rights that meet in a scope."""

    scope: str
    first: Grip
    second: Grip

    @property
    def because(self) -> tuple[Allowance, ...]:
        """What allows both; once where it is the same."""
        same = self.first.why == self.second.why
        return (self.first.why,) if same else (self.first.why, self.second.why)


def pairs(first: Iterable[Grip], second: Sequence[Grip]) -> Iterator[Pair]:
    """Give every two rights that hold in the same place."""
    for one in first:
        for other in second:
            scope = narrower(one.scope, other.scope)
            if scope is not None:
                yield Pair(scope, one, other)


def narrower(one: str, other: str) -> str | None:
    """Give where both scopes hold; None: nowhere."""
    for wide in (CLUSTER, EACH):
        if one == wide:
            return other
        if other == wide:
            return one
    return one if one == other else None


_BY_RESOURCE: Final[dict[str, tuple[Ask, ...]]] = {}
for _ask in Ask:
    _resource = _ask.value.resource
    _BY_RESOURCE[_resource] = (*_BY_RESOURCE.get(_resource, ()), _ask)
    _sub = split_resource(_resource)[1]
    if _sub:
        _BY_RESOURCE[f"*/{_sub}"] = (*_BY_RESOURCE.get(f"*/{_sub}", ()), _ask)
_BY_RESOURCE[ANY] = tuple(Ask)


@lru_cache(maxsize=4_096)
def asks_of(rule: Rule, everywhere: bool) -> tuple[tuple[Ask, ...], bool]:  # noqa: FBT001 - a key
    """Give what a rule answers of all that steps need, and whether it is everything."""
    candidates = {ask: None for name in rule.resources for ask in _BY_RESOURCE.get(name, ())}
    found = tuple(ask for ask in candidates if _answers(rule, ask, everywhere=everywhere))
    whole = ANY in rule.verbs and ANY in rule.resources and ANY in rule.api_groups
    return found, whole and not rule.resource_names


def _answers(rule: Rule, ask: Ask, *, everywhere: bool) -> bool:
    wanted = ask.value
    if not matches_group(rule, wanted.group):
        return False
    if ANY not in rule.verbs and not any(verb in rule.verbs for verb in wanted.verbs):
        return False
    if not everywhere and not _reaches_from_a_namespace(ask):
        return False
    if rule.resource_names and wanted.makes_objects:
        # Apply creates under a given name, by patch and create together.
        return ANY in rule.verbs or "patch" in rule.verbs
    return True


def _reaches_from_a_namespace(ask: Ask) -> bool:
    # `bind` on a ClusterRole is asked for in the namespace of the RoleBinding that is to name it.
    return ask is Ask.BIND_CLUSTER_ROLES or reaches(ask.value.group, ask.value.resource, "any")
