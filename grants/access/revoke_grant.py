"""End somebody's grant before its time: for admins, with a reason."""

from dataclasses import dataclass

from grants.access.ending import start_revoking
from grants.access.model import Cause, Grant, GrantState
from grants.access.ports import AccessPorts
from grants.errors import (
    AlreadyDone,
    BadInput,
    NotAllowed,
    NotFound,
    Problem,
    ValetkeyError,
    WrongState,
)
from grants.people.actors import actor_of, lacking, refuse
from grants.people.model import Account, Known
from grants.people.said import check_reason
from grants.policy.judge import is_admin
from grants.record.model import EventType, salted_digest


@dataclass(frozen=True)
class RevokeGrant:
    """Who clicked (signed), under which inbound key, which grant, and why."""

    key: str
    account: Account
    grant: str
    reason: str


def revoke_grant(command: RevokeGrant, *, ports: AccessPorts) -> Grant:
    """Start ending a grant.

    BadInput (no reason, or one that can't be kept), SignInNeeded, NotAllowed, NotFound, WrongState
    (already ending).
    """
    reason = command.reason.strip()
    if not reason:
        raise BadInput((Problem("reason", "reason-empty"),))
    check_reason(reason)
    now = ports.clock.now()
    with ports.store.write() as tx:
        if not tx.first_time(command.key, now):
            raise AlreadyDone(command.key)
        known, grant = tx.known(command.account), tx.grant(command.grant)
        needed = lacking(known, now, ports.times.signin_max_age)
        error = needed or _refusal(known, grant, command, ports)
        if error is None and grant is not None and known is not None:
            request = tx.request(grant.request)
            digest = salted_digest(reason, request.salt) if request else None
            return start_revoking(
                tx,
                grant,
                now,
                cause=Cause.REVOKED,
                by=known.person.id,
                why_digest=digest,
                why=reason,
            )
        code = error.code if error else NotFound.code
        actor = actor_of(known, command.account)
        refuse(tx, EventType.GRANT_ACTION_REFUSED, now, actor, code, grant=command.grant)
    raise error or NotFound("grant", command.grant)


def _refusal(
    known: Known | None, grant: Grant | None, command: RevokeGrant, ports: AccessPorts
) -> ValetkeyError | None:
    if known is None or not is_admin(ports.policy.current(), known):
        return NotAllowed("revoke-grant")
    if grant is None:
        return NotFound("grant", command.grant)
    if grant.state not in {GrantState.ACTIVATING, GrantState.ACTIVE}:
        return WrongState("grant", grant.id, str(grant.state))
    return None
