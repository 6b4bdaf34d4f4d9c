"""A role whose rules change under a live grant: seen, kept, judged by policy, told in words.

What counts is what was agreed on: each look compares the rules of now with those of the terms,
not with those of the look before, so that a role can't be widened step by step unseen.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from grants.access.ending import start_revoking
from grants.access.model import ROLE_GONE, Cause, Grant
from grants.access.ports import AccessPorts, AccessTx
from grants.access.steps import Work, save
from grants.access.telling import ping, scope_facts, tell_admins
from grants.authz.difference import Difference, difference
from grants.authz.model import Rule
from grants.authz.risks import risks_of
from grants.authz.words import in_few_words
from grants.errors import ClusterForbidden
from grants.policy.model import OnRoleChange, Policy
from grants.policy.risk import accepted_risks, own_namespaces
from grants.record.model import Event, EventType

UNREAD: Final = "role-forbidden"
"""The problem of a grant whose role the bot may not read: the look is done, but for this."""


@dataclass(frozen=True)
class _Seen:
    """What a look found: the role's digest (or `gone`), its rules, and both against the terms."""

    digest: str
    rules: tuple[Rule, ...]
    agreed: tuple[Rule, ...]
    change: Difference


def read_role(work: Work, _: AccessPorts) -> Work:
    """Read the role's rules. What the bot may not read is a problem of the look, not its end:
    trying again soon would mend nothing, and the binding was seen to be right.
    """
    try:
        snapshot = work.cluster.role(work.grant.role, work.grant.namespace)
    except ClusterForbidden:
        return replace(work, notes=(*work.notes, UNREAD))
    return replace(work, role=snapshot, role_digest=snapshot.digest if snapshot else ROLE_GONE)


def role_differs(work: Work) -> bool:
    """Tell whether the role was read, and is or was another one than that of the terms."""
    return work.role_digest is not None and (
        work.role_digest != work.grant.role_digest or bool(work.grant.role_now)
    )


def judge_role(work: Work, ports: AccessPorts) -> Work:
    """Hold the role of now against the terms: tell what is new, and revoke where policy says so."""
    policy, grant = ports.policy.current(), work.grant
    with ports.store.write() as tx:
        seen = _compare(tx, work)
        detail = _reason_to_revoke(seen, grant, policy, ports.own_namespace)
        marked = _mark(tx, seen, work, revoked=bool(detail), policy=policy)
        if detail:
            cause = Cause.ROLE_CHANGED
            ended = start_revoking(tx, marked, work.now, cause=cause, detail=detail)
            return replace(work, grant=ended, turned=True)
        return work if marked == grant else save(tx, work, marked)


def _compare(tx: AccessTx, work: Work) -> _Seen:
    grant = work.grant
    if work.role is not None:
        tx.add_role(work.role)
    kept = tx.role(grant.role_digest)
    agreed = kept.rules if kept else ()
    rules = work.role.rules if work.role else ()
    change = difference(agreed, rules, grant.namespace) if kept else Difference(known=False)
    return _Seen(work.role_digest or ROLE_GONE, rules, agreed, change)


def _reason_to_revoke(seen: _Seen, grant: Grant, policy: Policy, own_namespace: str | None) -> str:
    """Give the code of why the grant must end, or nothing.

    An entitlement that policy no longer has accepts no risk, and nobody agreed to more by it.
    """
    if seen.change.is_none:
        return ""
    entitlement = policy.entitlement(grant.entitlement)
    on_change = entitlement.on_role_change if entitlement else OnRoleChange.REVOKE_IF_WIDER
    if on_change is not OnRoleChange.TELL and seen.change.is_wider:
        return "role-wider"
    if on_change is OnRoleChange.REVOKE:
        return "role-gone" if seen.digest == ROLE_GONE else "role-narrower"
    own = own_namespaces(policy, grant.cluster, own_namespace)
    new_risks = risks_of(seen.rules, grant.namespace, own)
    new_risks -= risks_of(seen.agreed, grant.namespace, own)
    new_risks -= accepted_risks(policy, grant.entitlement)
    return "role-risky" if new_risks else ""


def _mark(tx: AccessTx, seen: _Seen, work: Work, *, revoked: bool, policy: Policy) -> Grant:
    """Record and tell what this look saw first; gives the grant that knows of it."""
    grant = work.grant
    if seen.digest == grant.role_seen:
        return grant
    tx.append(_event(seen, grant, work.now, revoked=revoked))
    if not seen.change.is_none or _was_told(tx, grant):
        _tell(tx, seen, work, revoked=revoked, policy=policy)
    tx.retell(grant.request)
    return replace(grant, role_now="" if seen.digest == grant.role_digest else seen.digest)


def _was_told(tx: AccessTx, grant: Grant) -> bool:
    """Tell whether people have heard that this role gives something else than was agreed on."""
    if grant.role_now in {"", ROLE_GONE}:
        return grant.role_now == ROLE_GONE
    agreed, before = tx.role(grant.role_digest), tx.role(grant.role_now)
    if agreed is None or before is None:
        return True
    return not difference(agreed.rules, before.rules, grant.namespace).is_none


def _event(seen: _Seen, grant: Grant, now: datetime, *, revoked: bool) -> Event:
    return Event(
        EventType.GRANT_ROLE_CHANGED,
        now,
        actor="system",
        recipient=grant.recipient,
        request=grant.request,
        grant=grant.id,
        facts={
            "role": str(grant.role),
            "old_digest": grant.role_seen,
            "new_digest": seen.digest,
            "gained": _count(seen.change.gained),
            "lost": _count(seen.change.lost),
            "compared": seen.change.known,
            "revoked": revoked,
        },
    )


def _count(rules: tuple[Rule, ...]) -> int:
    return sum(len(rule.verbs) for rule in rules)


def _tell(tx: AccessTx, seen: _Seen, work: Work, *, revoked: bool, policy: Policy) -> None:
    """Tell the recipient and the admins, each of one and the same change at most once an hour.

    Two tools that fight over a role must not fill anybody's evening; the record has every change.
    """
    grant, hour = work.grant, f"{work.now:%Y%m%d%H}"
    code = "role-restored" if seen.change.is_none else "role-changed"
    facts = {
        "role": str(grant.role),
        "gained": in_few_words(seen.change.gained),
        "lost": in_few_words(seen.change.lost),
        "compared": "yes" if seen.change.known else "",
        "gone": "yes" if seen.digest == ROLE_GONE else "",
    }
    change = f"{grant.role_seen}:{seen.digest}:{hour}"
    if tx.first_time(f"role-told:{grant.id}:{change}", work.now):
        own = scope_facts(grant) | {"revoked": "yes" if revoked else ""}
        ping(tx, grant.recipient, code, grant.request, facts | own)
    reach = "" if grant.namespace is None else "/*"
    home = grant.namespace if grant.role.kind == "Role" else reach
    if tx.first_time(f"role-told:{grant.cluster_uid}:{grant.role}:{home}:{change}", work.now):
        where = {"cluster": grant.cluster, "namespace": _home_of(grant)}
        count = str(len(_same_role(tx, grant)))
        about = f"{grant.cluster_uid}:{grant.role}"
        tell_admins(tx, policy, f"{code}-seen", about, facts | where | {"grants": count})


def _home_of(grant: Grant) -> str:
    return (grant.namespace or "") if grant.role.kind == "Role" else ""


def _same_role(tx: AccessTx, grant: Grant) -> list[Grant]:
    live = tx.live_grants(cluster=grant.cluster)
    return [g for g in live if (g.role, _home_of(g)) == (grant.role, _home_of(grant))]
