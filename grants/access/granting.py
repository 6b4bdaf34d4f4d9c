"""The grant that follows an approved item."""

from datetime import datetime

from grants.access.model import AccessRequest, Grant, GrantState, Item
from grants.access.naming import binding_name
from grants.access.ports import AccessPorts
from grants.ids import Prefix, new_id
from grants.record.model import Event, EventType


def make_grant(
    request: AccessRequest,
    item: Item,
    approvers: tuple[str, ...],
    now: datetime,
    ports: AccessPorts,
) -> Grant:
    """Make the grant of an approved item, to be activated at once."""
    terms, grant = item.terms, new_id(Prefix.GRANT)
    return Grant(
        id=grant,
        version=1,
        state=GrantState.ACTIVATING,
        request=request.id,
        item=item.id,
        requester=request.requester,
        recipient=request.recipient,
        approvers=approvers,
        cluster_uid=terms.cluster_uid,
        cluster=terms.cluster,
        namespace=terms.namespace,
        role=terms.role,
        role_digest=terms.role_digest,
        subject=terms.subject,
        groups=request.groups,
        entitlement=terms.entitlement,
        duration=terms.duration,
        created_at=now,
        activate_until=now + ports.times.activate_within,
        due_at=now,
        binding_name=binding_name(ports.installation, grant),
    )


def activating_event(grant: Grant, request: AccessRequest, now: datetime) -> Event:
    """Make the event of a new grant."""
    return Event(
        EventType.GRANT_ACTIVATING,
        now,
        actor="system",
        recipient=grant.recipient,
        request=request.id,
        grant=grant.id,
        terms_hash=request.terms_hash,
        policy_digest=request.policy_digest,
        facts={"approvers": list(grant.approvers), "binding": grant.binding_name},
    )
