"""The look at the roles of the policy in force: who could ask for nothing should know before."""

import logging
import time
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final

from grants.access.cluster_port import Clusters
from grants.authz.model import RoleRef, RoleSnapshot
from grants.errors import ClusterUnavailable, PolicyProblem
from grants.policy.load import LoadedPolicy
from grants.policy.role_check import check_roles

log = logging.getLogger("valetkey.worker.roles")

AGAIN_AFTER: Final = timedelta(minutes=10)
"""How long what was found is believed: aggregated roles grow with every operator."""

UNREAD_AFTER: Final = timedelta(minutes=1)
"""When what could not be read is tried again."""

_UNREAD: Final = "role-unread"


class RoleRisks:
    """Judges, for each new policy and now and then, which entitlements nobody can be granted.

    It only tells: the same is judged at each request, click and activation. `ticks` is a monotonic
    clock in seconds; `shut` names the clusters that are left alone.
    """

    def __init__(
        self,
        in_force: Callable[[], LoadedPolicy | None],
        clusters: Clusters,
        shut: Callable[[], Collection[str]] = frozenset,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._in_force = in_force
        self._clusters = clusters
        self._shut = shut
        self._ticks = ticks
        self._digest = ""
        self._good_until = 0.0
        self._problems: frozenset[PolicyProblem] = frozenset()

    @property
    def problem(self) -> str | None:
        """Give the code of what is wrong, if anything is."""
        return "risk-not-accepted" if self._problems else None

    def look(self) -> None:
        """Read the roles where that is due: of a new policy, after a while, and what was unread."""
        loaded = self._in_force()
        if loaded is None:
            return
        digest = loaded.policy.digest
        if digest == self._digest and self._ticks() < self._good_until:
            return
        found = check_roles(loaded, self._read)
        unread = any(warning.code == _UNREAD for warning in found.warnings)
        self._digest = digest
        wait = UNREAD_AFTER if unread else AGAIN_AFTER
        self._good_until = self._ticks() + wait.total_seconds()
        self._note(frozenset(found.problems))

    def _note(self, problems: frozenset[PolicyProblem]) -> None:
        for one in sorted(problems - self._problems, key=lambda p: (p.file, p.line)):
            facts = {"code": one.code, "file": one.file, "line": one.line}
            log.warning("an entitlement's role has risks that it does not accept", extra=facts)
        if self._problems and not problems:
            log.info("every role's risks are accepted")
        self._problems = problems

    def _read(self, alias: str, role: RoleRef, namespace: str | None) -> RoleSnapshot | None:
        cluster = None if alias in self._shut() else self._clusters.get(alias)
        if cluster is None:
            raise ClusterUnavailable(alias, "get role", "left alone")
        return cluster.role(role, namespace)
