"""What access adds to what its recipient holds already by other access of ours.

What they hold otherwise only the cluster knows; the proof before a grant asks for that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grants.access.model import Grant, GrantState, Terms
from grants.authz.covers import uncovered
from grants.authz.difference import as_rules
from grants.authz.model import RoleSnapshot, Rule


@dataclass(frozen=True)
class Added:
    """What is new (None: too much to compare), and the grants that give the rest already."""

    rules: tuple[Rule, ...] | None
    by: tuple[Grant, ...]

    @property
    def is_nothing(self) -> bool:
        """Tell whether all of it is held already."""
        return self.rules == ()


def what_it_adds(
    terms: Terms, others: Iterable[Grant], roles: Mapping[str, RoleSnapshot]
) -> Added | None:
    """Compare terms with the grants that act there now; None when no role of them is known.

    Of each grant the role counts as it was last seen. A grant counts that acts for the same subject
    in the same cluster, everywhere or in the same namespace.
    """
    asked = roles.get(terms.role_digest)
    there = [grant for grant in others if _acts(grant, terms) and grant.role_seen in roles]
    if asked is None or not there:
        return None
    held = [rule for grant in there for rule in roles[grant.role_seen].rules]
    new = uncovered(held, asked.rules, terms.namespace)
    return Added(None if new is None else as_rules(new), tuple(there))


def _acts(grant: Grant, terms: Terms) -> bool:
    return (
        grant.state is GrantState.ACTIVE
        and (grant.cluster_uid, grant.subject) == (terms.cluster_uid, terms.subject)
        and grant.namespace in {None, terms.namespace}
    )
