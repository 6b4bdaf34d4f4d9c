"""Findings from escalation paths: what an account gets to by steps that are each allowed.

What one step does is told by that step's own rule already, so paths begin at two steps. Of the
goals the highest is told: whoever is cluster-admin reads every Secret too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from grants.authz.objects import GROUP, Account, Meta
from grants.authz.paths.find import Paths, find_paths
from grants.authz.paths.model import GOALS, Party, PartyKind, Path
from grants.authz.paths.surroundings import Surroundings, TokenSecret
from grants.authz.paths.surroundings import Workload as Runs
from grants.authz.paths.words import GOAL_WORDS, path_lines
from grants.review.finding import Finding, Severity, binding_ref
from grants.review.findings.accounts import about
from grants.review.findings.look import RUNNING_KINDS, Look, subjects_of
from grants.review.inventory import DEFAULT_ACCOUNT, Workload

PATH: Final = "escalation-path"
LEAST_STEPS: Final = 2
ENFORCE: Final = "pod-security.kubernetes.io/enforce"

# As seen to be so, and where something is only supposed.
_SEVERITY: Final = {
    PartyKind.CLUSTER_ADMIN: (Severity.CRITICAL, Severity.HIGH),
    PartyKind.EVERY_SECRET: (Severity.HIGH, Severity.MEDIUM),
    PartyKind.NODE: (Severity.HIGH, Severity.MEDIUM),
}


def surroundings_of(look: Look) -> Surroundings:
    """Give what was seen around the roles and bindings. What was not looked at stays unknown."""
    found = look.inventory
    workloads = tuple(_runs(look, one) for one in (*found.workloads, *found.pods))
    pods_seen = bool(workloads) or all(look.is_whole(kind) for kind in RUNNING_KINDS)
    tokens = tuple(
        TokenSecret(one.meta.namespace, one.meta.name, one.account) for one in found.token_secrets
    )
    return Surroundings(
        accounts=tuple(_accounts(look)),
        workloads=workloads if pods_seen else None,
        token_secrets=tokens if tokens or look.is_whole("Secret") else None,
        pod_security=_levels(found.namespaces) if found.namespaces else None,
    )


def _runs(look: Look, one: Workload) -> Runs:
    mounts = one.mounts_token
    account = look.accounts.get((one.meta.namespace, one.account))
    if mounts is None and account is not None:
        mounts = account.automount
    return Runs(one.kind, one.meta.namespace, one.meta.name, one.account, mounts, not one.idle)


def _accounts(look: Look) -> Iterable[tuple[str, str]]:
    """Give the accounts that are there: all that were read, and what files imply besides."""
    if look.is_whole("ServiceAccount"):
        return look.accounts
    found = look.inventory
    bound = (
        (one.namespace, one.name)
        for binding in found.bindings
        for subject in subjects_of(binding)
        if subject.kind != GROUP
        for one in look.reached_by(subject)
        if one.namespace
    )
    runs = ((one.meta.namespace, one.account) for one in (*found.workloads, *found.pods))
    # Every namespace has a default account, whether or not a file says so.
    defaults = ((meta.name, DEFAULT_ACCOUNT) for meta in found.namespaces)
    return dict.fromkeys((*look.accounts, *bound, *runs, *defaults))


def _levels(namespaces: Iterable[Meta]) -> Mapping[str, str]:
    return {meta.name: meta.labels.get(ENFORCE, "") for meta in namespaces}


def paths_of(look: Look) -> Paths:
    """Find the escalation paths of one look."""
    return find_paths(look.rbac, surroundings_of(look))


def path_findings(look: Look, paths: Paths) -> Iterator[Finding]:
    """Give a finding for each account that gets to a goal in two steps or more."""
    cuts = {id(cut.binding): cut.paths for cut in paths.cuts}
    for start in paths.accounts:
        path = highest(paths, start)
        if path is not None and len(path.steps) >= LEAST_STEPS:
            yield _finding(look, path, cuts)


def highest(paths: Paths, start: Party) -> Path | None:
    """Give the path to the highest goal that a start has one to."""
    return next((path for goal in GOALS if (path := paths.path(start, goal)) is not None), None)


def _finding(look: Look, path: Path, cuts: Mapping[int, int]) -> Finding:
    known = look.accounts.get((path.start.namespace, path.start.name))
    account = known or Account(Meta(path.start.name, path.start.namespace))
    certain, supposed = _SEVERITY[path.goal.kind]
    severity = certain if path.is_certain else supposed
    found = about(look, PATH, severity, account, path_lines(path), path.goal.kind.value)
    goal = GOAL_WORDS[path.goal.kind]
    title = f"can get to {goal} in {len(path.steps)} steps"
    bindings = {
        id(one.binding): one.binding
        for step in path.steps
        for one in step.because
        if one.binding.meta.name
    }
    first = next(iter(bindings.values()), None)
    if first is None:
        return replace(found, title=title)
    best = max(bindings.values(), key=lambda binding: cuts.get(id(binding), 0))
    fix = _fix(str(binding_ref(best)), cuts.get(id(best), 0))
    return replace(found, title=title, fix=fix, origin=first.meta.origin or found.origin)


def _fix(binding: str, cut: int) -> str:
    if not cut:
        return "No single binding cuts it off: there are other ways. Take away what it holds."
    paths = "this path" if cut == 1 else f"{cut} such paths"
    return f"Take {binding} away: that alone cuts {paths}."
