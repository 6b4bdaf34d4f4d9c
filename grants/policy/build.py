"""From checked forms to the values that the rest of Valetkey works with."""

from grants.authz.model import RoleRef
from grants.people.model import email_key
from grants.policy.checks import Found, Merged
from grants.policy.fields import WhoShape
from grants.policy.model import (
    OPEN_REQUESTS,
    AcceptedRisk,
    ClusterPolicy,
    Entitlement,
    Notify,
    OnRoleChange,
    Policy,
    Stage,
    Who,
)
from grants.policy.review_build import build_review
from grants.policy.schema import ClusterShape, EntitlementShape, NotifyShape


def build(merged: Merged, digest: str) -> Policy:
    """Build a version from parts that passed every check."""
    return Policy(
        digest=digest,
        admins=_who(merged.admins),
        auditors=_who(merged.auditors),
        admin_notify=_notify(merged.admin_notify.shape if merged.admin_notify else None),
        clusters=tuple(_cluster(found.shape) for found in merged.clusters),
        entitlements=tuple(_entitlement(found.shape) for found in merged.entitlements),
        open_requests=merged.limits.shape.open_requests if merged.limits else OPEN_REQUESTS,
        review=build_review(merged.review.shape if merged.review else None),
    )


def _who(found: Found[WhoShape] | None) -> Who:
    return Who() if found is None else _people(found.shape)


def _people(shape: WhoShape, *, everyone: bool = False) -> Who:
    people = frozenset(email_key(email) for email in shape.people)
    return Who(frozenset(shape.groups), people, everyone)


def _notify(shape: NotifyShape | None) -> Notify:
    if shape is None:
        return Notify()
    people = tuple(email_key(email) for email in shape.people)
    return Notify(tuple(shape.channels), tuple(shape.user_groups), people)


def _cluster(shape: ClusterShape) -> ClusterPolicy:
    return ClusterPolicy(
        alias=shape.name,
        username=shape.username,
        groups=shape.groups or "",
        connect=shape.connect or "",
        own_namespace=shape.own_namespace,
    )


def _entitlement(shape: EntitlementShape) -> Entitlement:
    risk = shape.accept_risk
    return Entitlement(
        name=shape.name,
        description=shape.description,
        clusters=tuple(shape.clusters),
        namespaces=tuple(shape.namespaces or ()),
        cluster_wide=shape.cluster_wide,
        role=RoleRef(shape.role.kind, shape.role.name),
        ask=_people(shape.ask, everyone=shape.ask.everyone),
        stages=(Stage(_people(shape.decide), shape.decide.quorum),),
        notify=_notify(shape.notify),
        duration_default=shape.duration.default,
        duration_maximum=shape.duration.maximum,
        reason_required=shape.reason == "required",
        pending_limit=shape.pending_limit,
        accept_risk=AcceptedRisk(frozenset(risk.rules), risk.reason) if risk else AcceptedRisk(),
        on_role_change=OnRoleChange(shape.on_role_change),
    )
