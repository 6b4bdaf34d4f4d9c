"""Ask for access: judged at once, told at once; what can't be judged yet is kept as a draft."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from grants.access.asking import (
    Asked,
    Settled,
    asked_of,
    check_form,
    draft_terms,
    find_entitlement,
    settle,
    with_terms,
)
from grants.access.closing import close
from grants.access.model import AccessRequest, Item, RequestState
from grants.access.ports import AccessPorts, AccessTx
from grants.access.scope import look
from grants.access.telling import tell_submitted
from grants.errors import (
    AlreadyDone,
    NotAllowed,
    NotFound,
    Refused,
    SignInNeeded,
    ValetkeyError,
    WrongState,
)
from grants.ids import Prefix, new_id
from grants.people.actors import actor_of, lacking, refuse
from grants.people.model import Account, Known
from grants.policy.judge import judge_open
from grants.policy.model import Entitlement
from grants.record.model import Event, EventType, salted_digest


@dataclass(frozen=True)
class RequestAccess:
    """Who asks (signed), under which inbound key, for what, for how long and why."""

    key: str
    account: Account
    cluster: str
    namespace: str | None
    entitlement: str
    duration: timedelta
    reason: str


@dataclass(frozen=True)
class SubmitDraft:
    """Go on with a kept draft, after its owner signed in; `person` is who just proved it."""

    person: str
    draft: str


def request_access(command: RequestAccess, *, ports: AccessPorts) -> AccessRequest:
    """Submit a request; gives it pending.

    BadInput names every wrong field. SignInNeeded: nobody is linked, or (with a draft's id) the
    sign-in is too old. Refused holds every reason. AlreadyDone: the same submit came before.
    """
    asked = Asked(
        command.cluster,
        command.namespace,
        command.entitlement,
        command.duration,
        command.reason.strip(),
    )
    check_form(asked)
    entitlement = find_entitlement(ports.policy.current(), asked.entitlement)
    looked = look(asked.cluster, entitlement.role, asked.namespace, ports=ports)
    now = ports.clock.now()
    with ports.store.write() as tx:
        if not tx.first_time(command.key, now):
            raise AlreadyDone(command.key)
        known = tx.known(command.account)
        needed = lacking(known, now, ports.times.signin_max_age)
        if known is None or needed is not None:
            outcome: AccessRequest | ValetkeyError = _keep_draft(
                tx, asked, entitlement, known, command.account, needed, now, ports
            )
        else:
            fresh = _blank(known, entitlement, asked, now, ports)
            settled = settle(tx, asked, known, looked, now, ports=ports)
            outcome = _submit(tx, fresh, settled, entitlement, now, is_new=True)
    if isinstance(outcome, ValetkeyError):
        raise outcome
    return outcome


def submit_draft(command: SubmitDraft, *, ports: AccessPorts) -> AccessRequest:
    """Submit a kept draft as it was shown, judged anew; NotFound, WrongState or Refused."""
    with ports.store.read() as tx:
        draft = tx.request(command.draft)
    if draft is None:
        raise NotFound("request", command.draft)
    asked = asked_of(draft.items[0].terms)
    entitlement = find_entitlement(ports.policy.current(), asked.entitlement)
    looked = look(asked.cluster, entitlement.role, asked.namespace, ports=ports)
    now = ports.clock.now()
    with ports.store.write() as tx:
        draft = tx.request(command.draft) or draft
        known = tx.known_person(command.person)
        error = _draft_refusal(draft, command.person, known, now, ports)
        if error is None and known is not None:
            settled = settle(tx, asked, known, looked, now, ports=ports, own_draft=True)
            # What is submitted was judged by the policy of now, not by that of the draft.
            draft = replace(draft, policy_digest=ports.policy.current().digest)
            outcome = _submit(tx, draft, settled, entitlement, now, is_new=False)
        else:
            outcome = error or NotFound("request", command.draft)
            kind, code = EventType.REQUEST_REFUSED, outcome.code
            refuse(tx, kind, now, command.person, code, request=draft.id)
    if isinstance(outcome, ValetkeyError):
        raise outcome
    return outcome


def _draft_refusal(
    draft: AccessRequest, person: str, known: Known | None, now: datetime, ports: AccessPorts
) -> ValetkeyError | None:
    if draft.requester != person:
        return NotAllowed("submit-draft")
    if draft.state is not RequestState.DRAFT or now >= draft.pending_until:
        return WrongState("request", draft.id, str(draft.state))
    return lacking(known, now, ports.times.signin_max_age)


def _blank(
    known: Known, entitlement: Entitlement, asked: Asked, now: datetime, ports: AccessPorts
) -> AccessRequest:
    return AccessRequest(
        id=new_id(Prefix.REQUEST),
        version=1,
        state=RequestState.DRAFT,
        requester=known.person.id,
        recipient=known.person.id,
        items=(Item(new_id(Prefix.ITEM), draft_terms(asked, entitlement)),),
        salt=secrets.token_bytes(16),
        groups=(),
        policy_digest=ports.policy.current().digest,
        created_at=now,
        pending_until=now + entitlement.pending_limit,
        stages=len(entitlement.stages),
    )


def _keep_draft(
    tx: AccessTx,
    asked: Asked,
    entitlement: Entitlement,
    known: Known | None,
    account: Account,
    needed: SignInNeeded | None,
    now: datetime,
    ports: AccessPorts,
) -> ValetkeyError:
    """Keep what a known person asked until they sign in again; a stranger's ask is not kept."""
    needed = needed or SignInNeeded("not-linked")
    if known is None:
        actor = actor_of(None, account)
        refuse(tx, EventType.REQUEST_REFUSED, now, actor, needed.code, failed=(needed.why,))
        return needed
    within = judge_open(ports.policy.current(), tx.open_requests(known.person.id))
    if not within.holds:
        kind, failed = EventType.REQUEST_REFUSED, (within.code,)
        refuse(tx, kind, now, known.person.id, Refused.code, failed=failed)
        return Refused((within,))
    draft = _blank(known, entitlement, asked, now, ports)
    tx.add_request(draft)
    tx.append(
        Event(
            EventType.REQUEST_DRAFTED,
            now,
            actor=draft.requester,
            recipient=draft.recipient,
            request=draft.id,
            facts={"why": needed.why},
        )
    )
    needed.draft = draft.id
    return needed


def _submit(
    tx: AccessTx,
    request: AccessRequest,
    settled: Settled,
    entitlement: Entitlement,
    now: datetime,
    *,
    is_new: bool,
) -> AccessRequest | ValetkeyError:
    if settled.terms is None:
        return _refused(tx, request, settled, now, is_new=is_new)
    final = replace(
        request.moved(RequestState.PENDING, now),
        items=with_terms(request, settled.terms),
        groups=settled.groups,
        pending_until=now + entitlement.pending_limit,
        stages=len(entitlement.stages),
    )
    if is_new:
        tx.add_request(final)
    else:
        final = tx.save_request(final)
    terms = settled.terms
    tx.append(
        Event(
            EventType.REQUEST_SUBMITTED,
            now,
            actor=final.requester,
            recipient=final.recipient,
            request=final.id,
            why_digest=salted_digest(terms.reason, final.salt),
            terms_hash=final.terms_hash,
            policy_digest=final.policy_digest,
            facts={
                "cluster": terms.cluster_uid,
                "namespace": terms.namespace or "",
                "role": str(terms.role),
                "role_digest": terms.role_digest,
                "entitlement": terms.entitlement,
                "duration_seconds": int(terms.duration.total_seconds()),
            },
        )
    )
    tell_submitted(tx, final, entitlement.notify)
    return final


def _refused(
    tx: AccessTx, request: AccessRequest, settled: Settled, now: datetime, *, is_new: bool
) -> Refused:
    failed = tuple(reason.code for reason in settled.reasons if not reason.holds)
    kept = None if is_new else request.id
    code = Refused.code
    refuse(tx, EventType.REQUEST_REFUSED, now, request.requester, code, request=kept, failed=failed)
    if not is_new:
        moved = request.moved(RequestState.CANCELLED, now, "refused")
        close(tx, moved, EventType.REQUEST_CANCELLED, actor="system")
    return Refused(settled.reasons)
