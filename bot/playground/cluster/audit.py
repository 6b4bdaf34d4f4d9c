"""The audit log: a line of JSON for each answer, at the level Metadata, as the real one writes."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from bot.playground.cluster.asking import Asked
from bot.playground.cluster.authorizing import User, Verdict
from bot.playground.cluster.impersonating import Acting
from bot.playground.cluster.kinds import Json
from grants.authz.model import Question

# The same are left out by the real control plane's policy.
_UNLOGGED_PATHS: Final = ("/livez", "/readyz", "/healthz")
_UNLOGGED_GROUPS: Final = frozenset({"coordination.k8s.io"})


@dataclass
class Account:
    """What becomes known of one request on its way; it is written when the answer is."""

    asked: Asked
    audit_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    user: User = field(default_factory=lambda: User(""))
    acting: Acting | None = None
    question: Question | None = None
    version: str = ""
    verdict: Verdict | None = None
    notes: dict[str, str] = field(default_factory=dict)
    name: str = ""
    uid: str = ""


class AuditLog:
    """A file of audit events; kept open, and written line by line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def write(self, account: Account, stage: str, code: int, fault: Json | None = None) -> None:
        """Write one event."""
        question = account.question
        if account.asked.path.startswith(_UNLOGGED_PATHS):
            return
        if question is not None and question.api_group in _UNLOGGED_GROUPS:
            return
        self._file.write(msgspec.json.encode(_event(account, stage, code, fault)) + b"\n")


def _event(account: Account, stage: str, code: int, fault: Json | None) -> Json:
    asked, question = account.asked, account.question
    event: Json = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": account.audit_id,
        "stage": stage,
        "requestURI": asked.uri,
        "verb": question.verb if question is not None else asked.method.lower(),
        "user": account.user.as_info(),
        "sourceIPs": _sources(asked),
        "userAgent": asked.header("user-agent"),
        "requestReceivedTimestamp": _micro(asked.received),
        "stageTimestamp": _micro(datetime.now(UTC)),
    }
    if account.acting is not None:
        event["impersonatedUser"] = account.acting.user.as_info()
        if account.acting.constraint:
            constraint = {"impersonationConstraint": account.acting.constraint}
            event["authenticationMetadata"] = constraint
    if question is not None and question.path is None:
        event["objectRef"] = _object(account, question)
    status: Json = {"metadata": {}, "code": code}
    if fault is not None:
        status |= {
            key: fault[key] for key in ("status", "message", "reason", "details") if key in fault
        }
    event["responseStatus"] = status
    event["annotations"] = {**_decision(account.verdict), **account.notes}
    return event


def _decision(verdict: Verdict | None) -> dict[str, str]:
    if verdict is None:
        return {}
    return {
        "authorization.k8s.io/decision": "allow" if verdict.allowed else "forbid",
        "authorization.k8s.io/reason": verdict.reason,
    }


def _object(account: Account, question: Question) -> Json:
    about = {
        "resource": question.resource,
        "namespace": question.namespace,
        "name": question.name or account.name,
        "uid": account.uid,
        "apiGroup": question.api_group,
        "apiVersion": account.version,
        "subresource": question.subresource,
    }
    return {key: value for key, value in about.items() if value}


def _sources(asked: Asked) -> Sequence[str]:
    said = [one.strip() for one in asked.header("x-forwarded-for").split(",") if one.strip()]
    return [*said, asked.address] if asked.address else said


def _micro(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
