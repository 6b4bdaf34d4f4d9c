"""Approve or deny: judged at the click, by who clicked, for exactly the terms that were shown."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from grants.access.asking import asked_of, to_ask
from grants.access.before import Before, Whom, ask_first
from grants.access.closing import close
from grants.access.cluster_port import Started
from grants.access.fresh import Fresh, Holder
from grants.access.granting import activating_event, make_grant
from grants.access.model import (
    AccessRequest,
    Decision,
    Grant,
    RequestState,
    Verdict,
)
from grants.access.ports import AccessPorts, AccessTx
from grants.access.scope import Looked, find_way, look_by
from grants.errors import (
    AlreadyDone,
    NotFound,
    Refused,
    TermsChanged,
    ValetkeyError,
    WrongState,
)
from grants.ids import Prefix, new_id
from grants.people.actors import actor_of, lacking, refuse
from grants.people.model import Account, Known
from grants.people.said import check_reason
from grants.policy.judge import Agreed, Click, judge_decision
from grants.policy.judge import Verdict as Judged
from grants.policy.model import Stage
from grants.record.model import Event, EventType, salted_digest


@dataclass(frozen=True)
class Decide:
    """Who clicked (signed), what they saw (the terms' hash), and what they say to it."""

    key: str
    account: Account
    request: str
    terms_hash: str
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Decided:
    """The request after the decision, and the grants that it made (none while more is needed).

    `held` are those of them that were born claimed: whoever claimed them begins them at once.
    """

    request: AccessRequest
    grants: tuple[str, ...] = ()
    held: tuple[Fresh, ...] = ()


def decide(command: Decide, *, ports: AccessPorts, holder: Holder | None = None) -> Decided:
    """Decide on a pending request; `holder` is asked who begins what it makes.

    BadInput (the reason), NotFound, WrongState (closed), TermsChanged ("changed, ask again": the
    request is closed), SignInNeeded, Refused (not eligible), AlreadyDone (decided before, or the
    same click).
    """
    check_reason(command.reason)
    # A no needs no cluster.
    looked, begun = Looked(), _Begun(holder)
    if command.verdict is Verdict.APPROVE:
        looked, begun = _look(command, ports, begun)
    outcome: Decided | ValetkeyError | None = None
    try:
        now = ports.clock.now()
        with ports.store.write() as tx:
            if not tx.first_time(command.key, now):
                raise AlreadyDone(command.key)
            outcome = _judge_and_decide(tx, command, looked, now, ports, begun)
    finally:
        if begun.asking is not None and not (isinstance(outcome, Decided) and outcome.held):
            begun.asking.leave()
    if isinstance(outcome, ValetkeyError):
        raise outcome
    return outcome


@dataclass(frozen=True)
class _Begun:
    """Who begins what a decision makes, if anybody does, and what is asked for it meanwhile; the
    request as it was when that was found out.
    """

    holder: Holder | None = None
    asking: Started[Before | None] | None = None
    request: AccessRequest | None = None


def _look(command: Decide, ports: AccessPorts, begun: _Begun) -> tuple[Looked, _Begun]:
    """See what the judgement needs; where this may be the last yes, what is allowed before is asked
    from then on.
    """
    with ports.store.read() as tx:
        request = tx.request(command.request)
        if request is None:
            return Looked(), begun
        begun = replace(begun, request=request)
        terms = request.items[0].terms
        way = find_way(tx, terms.cluster, ports)
        agreed = command.terms_hash == request.terms_hash
        may_begin = agreed and _may_begin(tx, request, begun.holder, ports)
    looked = look_by(way, terms.role, terms.namespace, ports=ports)
    if may_begin and way.cluster is not None and looked.has(terms.role_digest, terms.cluster_uid):
        whom = Whom(terms.subject, request.groups, terms.namespace)
        ask = partial(ask_first, way.cluster, whom, looked.rules, ports.clock)
        begun = replace(begun, asking=ports.lookups.start(terms.cluster, ask))
    return looked, begun


def _may_begin(
    tx: AccessTx, request: AccessRequest, holder: Holder | None, ports: AccessPorts
) -> bool:
    """Tell whether one yes more may be the last, and access begins here at once."""
    stage = _open_stage(request, ports)
    if holder is None or stage is None or request.state is not RequestState.PENDING:
        return False
    if holder(request.items[0].terms.cluster) is None:
        return False
    if request.stage + 1 < _stages(request, ports):
        return False
    return stage.quorum <= 1 or len(_yes(request, tx.decisions(request.id))) + 1 >= stage.quorum


def _yes(request: AccessRequest, decisions: tuple[Decision, ...]) -> list[Decision]:
    """Give those that said yes at the stage that is open."""
    return [d for d in decisions if d.stage == request.stage and d.verdict is Verdict.APPROVE]


def _judge_and_decide(
    tx: AccessTx,
    command: Decide,
    looked: Looked,
    now: datetime,
    ports: AccessPorts,
    begun: _Begun,
) -> Decided | ValetkeyError:
    request = tx.request(command.request, begun.request)
    if request is None:
        actor, code = actor_of(tx.known(command.account), command.account), NotFound.code
        refuse(tx, EventType.DECISION_REFUSED, now, actor, code, request=command.request)
        return NotFound("request", command.request)
    known, asker = tx.known_both(command.account, request.requester)
    # Read once: whoever decides on a request holds its row, so none is added meanwhile.
    before = tx.decisions(request.id)
    error = _refusal(request, known, asker, command, looked, now, ports, before)
    if error is not None or known is None:
        error = error or NotFound("request", request.id)
        _record_refusal(tx, request, known, command, error, now)
        return error
    decision = _decision(request, known, command, now)
    if not tx.add_decision(decision):
        return AlreadyDone(f"{request.id}:{request.stage}")
    _record_decision(tx, request, decision)
    if command.verdict is Verdict.DENY:
        return _deny(tx, request, decision)
    return _approve(tx, request, (*before, decision), looked, now, ports, begun)


def _refusal(
    request: AccessRequest,
    known: Known | None,
    asker: Known | None,
    command: Decide,
    looked: Looked,
    now: datetime,
    ports: AccessPorts,
    before: tuple[Decision, ...],
) -> ValetkeyError | None:
    """Judge the click: who, then whether it is open, then eligibility, then the terms."""
    needed = lacking(known, now, ports.times.signin_max_age)
    if needed is not None or asker is None:
        return needed or NotFound("person", request.requester)
    if request.state is not RequestState.PENDING or now >= request.pending_until:
        return WrongState("request", request.id, str(request.state))
    items = (_agreed(request, asker, looked, ports),)
    click = _click(request, known, command, items, before)
    policy, max_age = ports.policy.current(), ports.times.signin_max_age
    verdict = judge_decision(policy, click, now, signin_max_age=max_age)
    return None if verdict.allowed else _error_of(request, verdict, looked)


def _click(
    request: AccessRequest,
    known: Known | None,
    command: Decide,
    items: tuple[Agreed, ...],
    before: tuple[Decision, ...],
) -> Click:
    return Click(
        approver=known,
        approves=command.verdict is Verdict.APPROVE,
        requester=request.requester,
        recipient=request.recipient,
        pending=request.state is RequestState.PENDING,
        pending_until=request.pending_until,
        stage=request.stage,
        shown_hash=command.terms_hash,
        terms_hash=request.terms_hash,
        items=items,
        # Over all stages: two stages are there so that two people look.
        decided=frozenset(d.approver for d in before),
    )


def _agreed(request: AccessRequest, asker: Known, looked: Looked, ports: AccessPorts) -> Agreed:
    terms = request.items[0].terms
    ask = to_ask(asked_of(terms), asker, looked, ports=ports)
    return Agreed(ask, terms.role, terms.role_digest, terms.subject)


def _error_of(request: AccessRequest, verdict: Judged, looked: Looked) -> ValetkeyError:
    """Say the verdict as what the clicking person can do about it."""
    failed = {reason.code for reason in verdict.failed}
    if "not-twice" in failed:
        return AlreadyDone(f"{request.id}:{request.stage}")
    of_approver = {"not-own", "approver-eligible", "approver-linked", "approver-sign-in-fresh"}
    lacks_groups = any(
        r.code == "groups-unknown" and ("of", "approver") in r.facts for r in verdict.failed
    )
    if failed & of_approver or lacks_groups:
        return Refused(verdict.failed)
    if "terms-same" in failed:
        return TermsChanged(request.id, "terms")
    if looked.problem is not None:
        return looked.problem
    if failed <= {"sign-in-fresh", "rule-failed", "role-stale", "stage-open"}:
        return Refused(verdict.failed)
    return TermsChanged(request.id, "role" if "role-same" in failed else "policy")


def _record_refusal(
    tx: AccessTx,
    request: AccessRequest,
    known: Known | None,
    command: Decide,
    error: ValetkeyError,
    now: datetime,
) -> None:
    failed: tuple[str, ...] = ()
    if isinstance(error, Refused):
        failed = tuple(r.code for r in error.reasons if not r.holds)
    if isinstance(error, TermsChanged):
        failed = (error.what,)
    actor = actor_of(known, command.account)
    kind = EventType.DECISION_REFUSED
    refuse(tx, kind, now, actor, error.code, request=request.id, failed=failed)
    if isinstance(error, TermsChanged) and error.what != "terms":
        moved = request.moved(RequestState.CANCELLED, now, "terms-changed")
        close(tx, moved, EventType.REQUEST_CANCELLED, actor="system")


def _decision(request: AccessRequest, known: Known, command: Decide, now: datetime) -> Decision:
    return Decision(
        id=new_id(Prefix.DECISION),
        request=request.id,
        stage=request.stage,
        approver=known.person.id,
        verdict=command.verdict,
        at=now,
        terms_hash=request.terms_hash,
        sign_in=known.sign_in.id,
        reason=command.reason.strip(),
    )


def _record_decision(tx: AccessTx, request: AccessRequest, decision: Decision) -> None:
    tx.append(
        Event(
            EventType.DECISION_MADE,
            decision.at,
            actor=decision.approver,
            recipient=request.recipient,
            request=request.id,
            why_digest=salted_digest(decision.reason, request.salt),
            terms_hash=decision.terms_hash,
            facts={
                "verdict": str(decision.verdict),
                "stage": decision.stage,
                "sign_in": decision.sign_in,
            },
        )
    )


def _deny(tx: AccessTx, request: AccessRequest, decision: Decision) -> Decided:
    moved = request.moved(RequestState.DENIED, decision.at)
    closed = close(tx, moved, EventType.REQUEST_DENIED, actor=decision.approver)
    return Decided(closed)


def _approve(
    tx: AccessTx,
    request: AccessRequest,
    decisions: tuple[Decision, ...],
    looked: Looked,
    now: datetime,
    ports: AccessPorts,
    begun: _Begun,
) -> Decided | ValetkeyError:
    stage = _open_stage(request, ports)
    if stage is None:
        return TermsChanged(request.id, "policy")
    yes = _yes(request, decisions)
    if len(yes) < stage.quorum:
        return Decided(_wait_on(tx, request))
    stages = _stages(request, ports)
    if request.stage + 1 < stages:
        return Decided(_wait_on(tx, replace(request, stage=request.stage + 1, stages=stages)))
    approvers = tuple(dict.fromkeys(d.approver for d in decisions))
    moved = request.moved(RequestState.APPROVED, now)
    closed = close(tx, moved, EventType.REQUEST_APPROVED, actor=yes[-1].approver)
    grants = tuple(make_grant(closed, item, approvers, now, ports) for item in closed.items)
    held = {grant.id: _held(grant, looked, begun) for grant in grants}
    for grant in grants:
        fresh = held[grant.id]
        tx.add_grant(grant, fresh.hold if fresh else None)
        tx.append(activating_event(grant, closed, now))
    return Decided(closed, tuple(held), tuple(fresh for fresh in held.values() if fresh))


def _held(grant: Grant, looked: Looked, begun: _Begun) -> Fresh | None:
    """Give what is handed over to whoever begins this grant at once, if anybody does."""
    holder = begun.holder
    if holder is None or not looked.has(grant.role_digest, grant.cluster_uid):
        return None
    hold = holder(grant.cluster)
    return None if hold is None else Fresh(grant, looked.rules, hold, begun.asking)


def _wait_on(tx: AccessTx, request: AccessRequest) -> AccessRequest:
    tx.retell(request.id)
    return tx.save_request(request)


def _stages(request: AccessRequest, ports: AccessPorts) -> int:
    """Count the stages to pass: one that policy has added since the submit counts too."""
    entitlement = ports.policy.current().entitlement(request.items[0].terms.entitlement)
    return max(request.stages, len(entitlement.stages) if entitlement else 0)


def _open_stage(request: AccessRequest, ports: AccessPorts) -> Stage | None:
    entitlement = ports.policy.current().entitlement(request.items[0].terms.entitlement)
    if entitlement is None or request.stage >= len(entitlement.stages):
        return None
    return entitlement.stages[request.stage]
