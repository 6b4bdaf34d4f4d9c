"""Rows of access <-> values, in both directions."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Row

from grants.access.model import (
    AccessRequest,
    Cause,
    Decision,
    Grant,
    GrantState,
    Item,
    Proof,
    ProofKind,
    RequestState,
    Seen,
    Terms,
    Verdict,
)
from grants.authz.model import Answer, Question, RoleKind, RoleRef, RoleSnapshot, Rule


def request_values(request: AccessRequest) -> dict[str, Any]:
    """Give a request's own columns (its items stand in their table)."""
    return {
        "id": request.id,
        "version": request.version,
        "state": str(request.state),
        "requester": request.requester,
        "recipient": request.recipient,
        "salt": request.salt,
        "groups": list(request.groups),
        "policy_digest": request.policy_digest,
        "created_at": request.created_at,
        "pending_until": request.pending_until,
        "stage": request.stage,
        "stages": request.stages,
        "closed_at": request.closed_at,
        "closed_detail": request.closed_detail,
    }


def request_of(row: Row[Any], items: Sequence[Item]) -> AccessRequest:
    """Give the request of a row."""
    return AccessRequest(
        id=row.id,
        version=row.version,
        state=RequestState(row.state),
        requester=row.requester,
        recipient=row.recipient,
        items=tuple(items),
        salt=bytes(row.salt),
        groups=tuple(row.groups),
        policy_digest=row.policy_digest,
        created_at=row.created_at,
        pending_until=row.pending_until,
        stage=row.stage,
        stages=row.stages,
        closed_at=row.closed_at,
        closed_detail=row.closed_detail,
    )


def item_values(request: str, ordinal: int, item: Item) -> dict[str, Any]:
    """Give an item's columns: its place in the request and its terms."""
    terms = item.terms
    return {
        "id": item.id,
        "request": request,
        "ordinal": ordinal,
        "cluster_uid": terms.cluster_uid,
        "cluster": terms.cluster,
        "namespace": terms.namespace,
        "role_kind": terms.role.kind,
        "role_name": terms.role.name,
        "role_digest": terms.role_digest,
        "subject": terms.subject,
        "duration": terms.duration,
        "reason": terms.reason,
        "entitlement": terms.entitlement,
    }


def item_of(row: Row[Any]) -> Item:
    """Give the item of a row; its id is called `item` there."""
    terms = Terms(
        cluster_uid=row.cluster_uid,
        cluster=row.cluster,
        namespace=row.namespace,
        role=role_ref(row),
        role_digest=row.role_digest,
        subject=row.subject,
        duration=row.duration,
        reason=row.reason,
        entitlement=row.entitlement,
    )
    return Item(row.item, terms)


def role_ref(row: Row[Any]) -> RoleRef:
    """Give the role that a row names."""
    return RoleRef(cast("RoleKind", row.role_kind), row.role_name)


def decision_values(decision: Decision) -> dict[str, Any]:
    """Give a decision's columns."""
    return {
        "id": decision.id,
        "request": decision.request,
        "stage": decision.stage,
        "approver": decision.approver,
        "verdict": str(decision.verdict),
        "at": decision.at,
        "terms_hash": decision.terms_hash,
        "sign_in": decision.sign_in,
        "reason": decision.reason,
    }


def decision_of(row: Row[Any]) -> Decision:
    """Give the decision of a row."""
    return Decision(
        id=row.id,
        request=row.request,
        stage=row.stage,
        approver=row.approver,
        verdict=Verdict(row.verdict),
        at=row.at,
        terms_hash=row.terms_hash,
        sign_in=row.sign_in,
        reason=row.reason,
    )


_FIXED = (
    "id",
    "request",
    "item",
    "requester",
    "recipient",
    "cluster_uid",
    "namespace",
    "role_digest",
    "subject",
    "entitlement",
    "duration",
    "created_at",
    "activate_until",
    "binding_name",
)
_MOVES = (
    "version",
    "cluster",
    "due_at",
    "binding_uid",
    "expires_at",
    "active_at",
    "revoking_at",
    "ended_at",
    "cause_detail",
    "ended_by",
    "end_reason",
    "attempts",
    "problem",
    "failing_since",
    "stuck",
    "warned",
    "role_now",
)


def grant_values(grant: Grant) -> dict[str, Any]:
    """Give a grant's columns, but for those of claims."""
    return {
        **{name: getattr(grant, name) for name in _FIXED},
        "approvers": list(grant.approvers),
        "role_kind": grant.role.kind,
        "role_name": grant.role.name,
        "groups": list(grant.groups),
        **moved_grant_values(grant),
    }


def moved_grant_values(grant: Grant) -> dict[str, Any]:
    """Give those of a grant's columns that its moves change.

    What was agreed to, for whom, where and until when stays as it was given. To write it anew
    costs a database more than the rest: each index and each reference is looked at again.
    """
    return {
        **{name: getattr(grant, name) for name in _MOVES},
        "state": str(grant.state),
        "cause": None if grant.cause is None else str(grant.cause),
    }


def grant_of(row: Row[Any]) -> Grant:
    """Give the grant of a row."""
    return Grant(
        **{name: getattr(row, name) for name in (*_FIXED, *_MOVES)},
        state=GrantState(row.state),
        approvers=tuple(row.approvers),
        role=role_ref(row),
        groups=tuple(row.groups),
        cause=None if row.cause is None else Cause(row.cause),
    )


def proof_values(proof: Proof) -> dict[str, Any]:
    """Give a proof's columns."""
    return {
        "id": proof.id,
        "grant_id": proof.grant,
        "kind": str(proof.kind),
        "at": proof.at,
        "binding_uid": proof.binding_uid,
        "seen": [_seen_json(seen) for seen in proof.seen],
        "unsampled": proof.unsampled,
        "notes": list(proof.notes),
    }


def proof_of(row: Row[Any]) -> Proof:
    """Give the proof of a row."""
    return Proof(
        id=row.id,
        grant=row.grant_id,
        kind=ProofKind(row.kind),
        at=row.at,
        binding_uid=row.binding_uid,
        seen=tuple(_seen_of(seen) for seen in row.seen),
        unsampled=row.unsampled,
        notes=tuple(row.notes),
    )


def _seen_json(seen: Seen) -> dict[str, Any]:
    return {
        "endpoint": seen.endpoint,
        "ready": seen.ready,
        "binding_uid": seen.binding_uid,
        "problem": seen.problem,
        "answers": [
            {"question": _question_json(a.question), "allowed": a.allowed, "reason": a.reason}
            for a in seen.answers
        ],
    }


def _question_json(question: Question) -> dict[str, Any]:
    return {
        "verb": question.verb,
        "api_group": question.api_group,
        "resource": question.resource,
        "subresource": question.subresource,
        "name": question.name,
        "namespace": question.namespace,
        "path": question.path,
    }


def _seen_of(body: dict[str, Any]) -> Seen:
    answers = tuple(
        Answer(Question(**a["question"]), a["allowed"], a["reason"]) for a in body["answers"]
    )
    return Seen(body["endpoint"], body["ready"], body["binding_uid"], answers, body["problem"])


def role_values(snapshot: RoleSnapshot) -> dict[str, Any]:
    """Give a kept role's columns; the rules stay in the order in which the cluster gave them."""
    return {
        "digest": snapshot.digest,
        "kind": snapshot.ref.kind,
        "name": snapshot.ref.name,
        "rules": [
            {
                "verbs": list(rule.verbs),
                "api_groups": list(rule.api_groups),
                "resources": list(rule.resources),
                "resource_names": list(rule.resource_names),
                "non_resource_urls": list(rule.non_resource_urls),
            }
            for rule in snapshot.rules
        ],
        "read_at": snapshot.read_at,
    }


def role_of(row: Row[Any]) -> RoleSnapshot:
    """Give the kept role of a row."""
    rules = tuple(Rule(**{key: tuple(value) for key, value in body.items()}) for body in row.rules)
    return RoleSnapshot(RoleRef(cast("RoleKind", row.kind), row.name), rules, row.read_at)
