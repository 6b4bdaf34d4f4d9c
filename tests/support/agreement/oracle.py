"""What ours says, in the words of an API server."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

from grants.authz.model import Question
from grants.authz.objects import Binding, Caller, Role
from grants.authz.rbac import Rbac
from tests.support.agreement.semantics import Request


@dataclass(frozen=True)
class Verdict:
    """Whether it is allowed, and each reason that an API server could give for that."""

    allowed: bool
    reasons: frozenset[str] = frozenset()


class Oracle(Protocol):
    """Whoever can be held to an API server's answers."""

    def review(self, caller: Caller, question: Question) -> Verdict:
        """Answer a review."""

    def request(self, request: Request) -> Verdict:
        """Tell whether a request would get past authorization."""


class Ours:
    """The code of `grants.authz`, or a variant of it that was loaded apart."""

    def __init__(self, rbac: Rbac, variant: Mapping[str, ModuleType] | None = None) -> None:
        self._rbac = rbac
        self._variant = variant or {}

    def review(self, caller: Caller, question: Question) -> Verdict:
        reason_of = self._part("reason").reason_of
        reasons = frozenset(reason_of(one) for one in self._rbac.allowances(caller, question))
        return Verdict(bool(reasons), reasons)

    def request(self, request: Request) -> Verdict:
        question_of = self._part("requests").question_of
        question = question_of(request.method, request.path, request.query)
        allowed = question is not None and self._rbac.allowed(request.caller, question)
        return Verdict(allowed and self._may_write(request.caller, request.writes))

    def _may_write(self, caller: Caller, writes: Role | Binding | None) -> bool:
        escalation = self._part("escalation")
        if isinstance(writes, Role):
            return bool(escalation.may_write_role(self._rbac, caller, writes, new=True))
        return writes is None or bool(escalation.may_bind(self._rbac, caller, writes))

    def _part(self, name: str) -> ModuleType:
        full = f"grants.authz.{name}"
        return self._variant.get(full) or importlib.import_module(full)
