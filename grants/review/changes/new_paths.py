"""Ways to power that a change of manifests opens."""

from collections.abc import Iterator

from grants.authz.paths.find import Paths
from grants.authz.paths.model import GOALS, account
from grants.authz.paths.words import GOAL_WORDS
from grants.review.changes.model import NewPath
from grants.review.findings.escalations import highest, path_findings, paths_of
from grants.review.findings.exceptions import covers
from grants.review.findings.look import Look


def new_paths(base: Look, head: Look) -> Iterator[NewPath]:
    """Give each account's path to a goal higher than it got to before.

    What one step does is told with the rights that are gained.
    """
    before, after = paths_of(base), paths_of(head)
    for finding in path_findings(head, after):
        subject = finding.subject
        if subject is None or _reached(before, subject.namespace, subject.name) <= _reached(
            after, subject.namespace, subject.name
        ):
            continue
        goal = GOALS[_reached(after, subject.namespace, subject.name)]
        yield NewPath(
            f"{subject.namespace}/{subject.name}",
            GOAL_WORDS[goal],
            finding.evidence,
            finding.severity,
            finding.origin,
            next((a.reason for a in head.policy.allow if covers(a.scope, finding)), ""),
        )


def _reached(paths: Paths, namespace: str, name: str) -> int:
    """Rank the highest goal that an account gets to: the lower the higher, none is last."""
    path = highest(paths, account(namespace, name))
    return len(GOALS) if path is None else GOALS.index(path.goal.kind)
