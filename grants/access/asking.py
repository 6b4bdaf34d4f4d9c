"""What is asked, judged against policy and the cluster, and written down as terms."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from grants.access.model import AccessRequest, Item, Terms
from grants.access.ports import AccessPorts, AccessTx
from grants.access.scope import Looked
from grants.authz.model import RoleSnapshot
from grants.errors import BadInput, ClusterForbidden, Problem, Reason
from grants.ids import Prefix, new_id
from grants.people.model import Known
from grants.people.said import wrong_with_reason
from grants.policy.judge import (
    REASON_MAX_CHARS,
    Ask,
    RoleGap,
    judge_request,
    render_groups,
    render_subject,
)
from grants.policy.model import Entitlement, Policy

DURATION_ABSURD: Final = timedelta(days=366)
NAME_MOST: Final = 253  # characters; the longest name Kubernetes takes
_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)

ACCESS_REASONS: Final[dict[str, str]] = {
    "cluster-not-seen": "the cluster was never reached since it was configured (cluster)",
    "name-taken": "another person has this name in the cluster (name)",
}
"""The codes of reasons that rows alone can tell, beside those of policy."""


@dataclass(frozen=True)
class Asked:
    """What somebody asks for, as they said it; `namespace` None asks cluster-wide."""

    cluster: str
    namespace: str | None
    entitlement: str
    duration: timedelta
    reason: str


@dataclass(frozen=True)
class Settled:
    """What an ask comes to: every reason judged, and the final terms when all of them hold."""

    reasons: tuple[Reason, ...]
    terms: Terms | None = None
    groups: tuple[str, ...] = ()


def check_form(asked: Asked) -> None:
    """Refuse what no policy could allow, all at once: BadInput with the fields by name."""
    problems: list[Problem] = []
    for field, value in (
        ("cluster", asked.cluster),
        ("namespace", asked.namespace),
        ("entitlement", asked.entitlement),
    ):
        if value is not None and not 0 < len(value) <= NAME_MOST:
            problems.append(Problem(field, "name-length"))
        elif field == "namespace" and value is not None and not _NAMESPACE.fullmatch(value):
            # `team-x/../kube-system` matches `team-*`, and what stands between us and the API
            # server may make another path of it.
            problems.append(Problem(field, "invalid"))
    if asked.duration <= timedelta(0):
        problems.append(Problem("duration", "duration-not-positive"))
    elif asked.duration > DURATION_ABSURD:
        problems.append(Problem("duration", "duration-absurd"))
    problems += wrong_with_reason(asked.reason, REASON_MAX_CHARS)
    if problems:
        raise BadInput(tuple(problems))


def find_entitlement(policy: Policy, name: str) -> Entitlement:
    """Find what is asked for; BadInput when policy has no such entitlement."""
    entitlement = policy.entitlement(name)
    if entitlement is None:
        raise BadInput((Problem("entitlement", "entitlement-unknown", (("entitlement", name),)),))
    return entitlement


def asked_of(terms: Terms) -> Asked:
    """Give back what was asked, from a draft's or a request's terms."""
    return Asked(terms.cluster, terms.namespace, terms.entitlement, terms.duration, terms.reason)


def to_ask(asked: Asked, known: Known, looked: Looked, *, ports: AccessPorts) -> Ask:
    """Put an ask beside what the cluster said, in the form that policy judges."""
    return Ask(
        asker=known,
        entitlement=asked.entitlement,
        cluster=asked.cluster,
        namespace=asked.namespace,
        duration=asked.duration,
        reason=asked.reason,
        role=_role_of(looked),
        namespace_exists=None if looked.problem else looked.namespace_there,
        own_namespace=ports.own_namespace,
    )


def _role_of(looked: Looked) -> RoleSnapshot | RoleGap:
    if isinstance(looked.problem, ClusterForbidden):
        return RoleGap.FORBIDDEN  # waiting mends nothing: an admin has to
    if looked.problem is not None:
        return RoleGap.UNREAD
    return looked.role or RoleGap.MISSING


def settle(
    tx: AccessTx,
    asked: Asked,
    known: Known,
    looked: Looked,
    now: datetime,
    *,
    ports: AccessPorts,
    own_draft: bool = False,
) -> Settled:
    """Judge an ask and write its terms; holds the rendered name for this person.

    `own_draft`: it is kept as a draft already, which is no other open request.
    """
    policy, max_age = ports.policy.current(), ports.times.signin_max_age
    others = tx.open_requests(known.person.id) - int(own_draft)
    ask = replace(to_ask(asked, known, looked, ports=ports), open_requests=others)
    reasons = judge_request(policy, ask, now, signin_max_age=max_age).reasons
    cluster, entitlement = policy.cluster(asked.cluster), policy.entitlement(asked.entitlement)
    uid = tx.cluster_uid(asked.cluster)
    if uid is None:
        reasons = (
            *reasons,
            Reason("cluster-not-seen", holds=False, facts=(("cluster", asked.cluster),)),
        )
    if not all(r.holds for r in reasons):
        return Settled(reasons)
    if cluster is None or entitlement is None or looked.role is None or uid is None:
        return Settled((*reasons, Reason("rule-failed", holds=False)))
    subject = render_subject(cluster.username, known)
    groups = render_groups(cluster.groups, known)
    if isinstance(subject, Reason) or isinstance(groups, Reason):
        return Settled((*reasons, Reason("rule-failed", holds=False)))
    if not tx.claim_name(uid, subject, known.person.id):
        return Settled((*reasons, Reason("name-taken", holds=False, facts=(("name", subject),))))
    tx.add_role(looked.role)
    terms = Terms(
        cluster_uid=uid,
        cluster=asked.cluster,
        namespace=asked.namespace,
        role=entitlement.role,
        role_digest=looked.role.digest,
        subject=subject,
        duration=asked.duration,
        reason=asked.reason,
        entitlement=asked.entitlement,
    )
    return Settled(reasons, terms, groups)


def draft_terms(asked: Asked, entitlement: Entitlement) -> Terms:
    """Write down what was asked before anybody could judge it: no digest, no subject yet."""
    return Terms(
        cluster_uid="",
        cluster=asked.cluster,
        namespace=asked.namespace,
        role=entitlement.role,
        role_digest="",
        subject="",
        duration=asked.duration,
        reason=asked.reason,
        entitlement=asked.entitlement,
    )


def with_terms(request: AccessRequest, terms: Terms) -> tuple[Item, ...]:
    """Give a request's one item with other terms, keeping the item's id if there is one."""
    kept = request.items[0].id if request.items else new_id(Prefix.ITEM)
    return (Item(kept, terms),)
