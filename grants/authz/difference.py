"""What a role gives more and less than it did: permissions compared, not the text of the rules."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from grants.authz.covers import Permission, uncovered
from grants.authz.model import Rule


@dataclass(frozen=True)
class Difference:
    """What was gained and lost, as rules that say just that. Both empty: it gives the same.

    `known` is False when there is too much to compare; then it must be taken for a gain.
    """

    gained: tuple[Rule, ...] = ()
    lost: tuple[Rule, ...] = ()
    known: bool = True

    @property
    def is_wider(self) -> bool:
        """Tell whether anything is given that was not given before, or may be."""
        return bool(self.gained) or not self.known

    @property
    def is_none(self) -> bool:
        """Tell whether the same is given as before, if in other words."""
        return self.known and not self.gained and not self.lost


def difference(
    old: Collection[Rule], new: Collection[Rule], namespace: str | None = None
) -> Difference:
    """Compare what two sets of rules give in a namespace (None: everywhere).

    A wildcard counts as what it says: `*` instead of all verbs there are is a gain, since it also
    holds those that come later. What a RoleBinding never reaches does not count in a namespace.
    """
    gained = uncovered(old, new, namespace)
    lost = uncovered(new, old, namespace)
    if gained is None or lost is None:
        return Difference(known=False)
    return Difference(as_rules(gained), as_rules(lost))


def as_rules(permissions: Iterable[Permission]) -> tuple[Rule, ...]:
    """Put permissions on the same thing together, in an order that depends on nothing else."""
    held: defaultdict[tuple[str | None, str, str | None], set[str]] = defaultdict(set)
    for verb, group, what, name in permissions:
        held[group, what, name].add(verb)
    ordered = sorted(held.items(), key=lambda one: tuple(part or "" for part in one[0]))
    return tuple(_rule(group, what, name, verbs) for (group, what, name), verbs in ordered)


def _rule(group: str | None, what: str, name: str | None, verbs: Collection[str]) -> Rule:
    ordered = tuple(sorted(verbs))
    if group is None:
        return Rule(ordered, non_resource_urls=(what,))
    return Rule(ordered, (group,), (what,), () if name is None else (name,))
