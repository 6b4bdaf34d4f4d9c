"""History as JSON: the fields are a contract, see CHANGELOG."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from grants.access.model import ROLE_GONE, Grant, Item, Proof, Seen
from grants.authz.difference import Difference, difference
from grants.authz.model import RoleSnapshot, Rule
from grants.authz.words import in_words
from grants.history.model import (
    DecisionLine,
    DecisionView,
    GrantView,
    HistoryRow,
    PersonLabel,
    ProofLine,
    RequestView,
)
from grants.record.canonical import utc_text
from grants.record.model import StoredEvent


def row_json(row: HistoryRow) -> dict[str, Any]:
    """Give the fields of one row; times are RFC 3339 in UTC, durations whole seconds."""
    return {
        "request": row.request,
        "grant": row.grant,
        "state": row.state,
        "request_state": row.request_state,
        "requester": _person(row.requester),
        "recipient": _person(row.recipient),
        "cluster": row.cluster,
        "namespace": row.namespace,
        "role": row.role,
        "entitlement": row.entitlement,
        "duration_seconds": int(row.duration.total_seconds()),
        "reason": row.reason,
        "asked_at": time_text(row.asked_at),
        "closed_at": time_text(row.closed_at),
        "active_at": time_text(row.active_at),
        "expires_at": time_text(row.expires_at),
        "ended_at": time_text(row.ended_at),
        "cause": row.cause,
        "cause_detail": row.cause_detail,
        "ended_by": None if row.ended_by is None else _person(row.ended_by),
        "stuck": row.stuck,
        "policy_digest": row.policy_digest,
        "role_digest": row.role_digest,
        "decisions": [_decision(decision) for decision in row.decisions],
        "proofs": [_proof(proof) for proof in row.proofs],
    }


def view_json(view: RequestView, events: Sequence[StoredEvent]) -> dict[str, Any]:
    """Give everything about one request; events stand as they are in the record."""
    request = view.request
    return {
        "request": request.id,
        "state": str(request.state),
        "requester": _person(view.requester.label),
        "recipient": _person(view.recipient.label),
        "asked_at": time_text(request.created_at),
        "closed_at": time_text(request.closed_at),
        "policy_digest": request.policy_digest,
        "terms_hash": request.terms_hash,
        "items": [_item(item) for item in request.items],
        "decisions": [_decision_view(each) for each in view.decisions],
        "grants": [_grant(each, view.roles) for each in view.grants],
        "events": [json.loads(event.canonical) for event in events],
    }


def _item(item: Item) -> dict[str, Any]:
    terms = item.terms
    return {
        "cluster": terms.cluster,
        "namespace": terms.namespace,
        "role": str(terms.role),
        "role_digest": terms.role_digest,
        "entitlement": terms.entitlement,
        "subject": terms.subject,
        "duration_seconds": int(terms.duration.total_seconds()),
        "reason": terms.reason,
    }


def _decision_view(view: DecisionView) -> dict[str, Any]:
    return {
        "approver": _person(view.approver.label),
        "stage": view.decision.stage,
        "verdict": str(view.decision.verdict),
        "at": time_text(view.decision.at),
        "reason": view.decision.reason,
        "signed_in_at": time_text(view.sign_in.auth_time if view.sign_in else None),
    }


def _grant(view: GrantView, roles: Sequence[RoleSnapshot]) -> dict[str, Any]:
    grant = view.grant
    return {
        "grant": grant.id,
        "state": str(grant.state),
        "binding": grant.binding_name,
        "binding_uid": grant.binding_uid,
        "active_at": time_text(grant.active_at),
        "expires_at": time_text(grant.expires_at),
        "ended_at": time_text(grant.ended_at),
        "cause": None if grant.cause is None else str(grant.cause),
        "cause_detail": grant.cause_detail,
        "ended_by": None if view.ended_by is None else _person(view.ended_by.label),
        "stuck": grant.stuck,
        "problem": grant.problem,
        "role_digest": grant.role_digest,
        "role_change": _role_change(grant, {role.digest: role.rules for role in roles}),
        "proofs": [_whole_proof(proof) for proof in view.proofs],
    }


def _role_change(grant: Grant, rules: Mapping[str, tuple[Rule, ...]]) -> dict[str, Any] | None:
    """Say how the role differs, as last seen, from what was agreed on; None: it is the same."""
    if not grant.role_now:
        return None
    now = () if grant.role_now == ROLE_GONE else rules.get(grant.role_now)
    agreed = rules.get(grant.role_digest)
    if agreed is None or now is None:
        change = Difference(known=False)
    else:
        change = difference(agreed, now, grant.namespace)
    return {
        "digest": None if grant.role_now == ROLE_GONE else grant.role_now,
        "gone": grant.role_now == ROLE_GONE,
        "compared": change.known,
        "gained": list(in_words(change.gained)),
        "lost": list(in_words(change.lost)),
    }


def _whole_proof(proof: Proof) -> dict[str, Any]:
    return {
        "kind": str(proof.kind),
        "at": time_text(proof.at),
        "binding_uid": proof.binding_uid,
        "unsampled": proof.unsampled,
        "notes": list(proof.notes),
        "endpoints": [_seen(seen) for seen in proof.seen],
    }


def _seen(seen: Seen) -> dict[str, Any]:
    return {
        "endpoint": seen.endpoint,
        "binding_uid": seen.binding_uid,
        "problem": seen.problem,
        "answers": [
            {
                "verb": answer.question.verb,
                "api_group": answer.question.api_group,
                "resource": answer.question.resource,
                "subresource": answer.question.subresource,
                "name": answer.question.name,
                "namespace": answer.question.namespace,
                "path": answer.question.path,
                "allowed": answer.allowed,
                "reason": answer.reason,
            }
            for answer in seen.answers
        ],
    }


def _decision(decision: DecisionLine) -> dict[str, Any]:
    return {
        "approver": _person(decision.approver),
        "stage": decision.stage,
        "verdict": decision.verdict,
        "at": time_text(decision.at),
        "reason": decision.reason,
    }


def _proof(proof: ProofLine) -> dict[str, Any]:
    return {
        "kind": proof.kind,
        "at": time_text(proof.at),
        "binding_uid": proof.binding_uid,
        "endpoints": proof.endpoints,
        "asked": proof.asked,
        "allowed": proof.allowed,
        "notes": list(proof.notes),
    }


def _person(label: PersonLabel) -> dict[str, Any]:
    return {
        "id": label.id,
        "name": label.name,
        "email": label.email,
        "issuer": label.issuer,
        "subject": label.subject,
    }


def time_text(at: datetime | None) -> str | None:
    """Give a time as RFC 3339 in UTC."""
    return None if at is None else utc_text(at)
