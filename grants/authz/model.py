"""Rules, roles and questions as values."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from grants.plain_json import plain_bytes

RoleKind = Literal["Role", "ClusterRole"]


@dataclass(frozen=True)
class Rule:
    """One PolicyRule, as Kubernetes has it; order inside a list does not matter to RBAC."""

    verbs: tuple[str, ...]
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = ()


@dataclass(frozen=True, order=True)
class RoleRef:
    """Which role: a Role lives in the grant's namespace."""

    kind: RoleKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class RoleSnapshot:
    """A role's rules as a cluster gave them at `read_at`; `digest` names these rules for ever."""

    ref: RoleRef
    rules: tuple[Rule, ...]
    read_at: datetime

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the rules, whatever the order of rules and of the lists in them."""
        return rules_digest(self.rules)


@dataclass(frozen=True)
class Question:
    """One access review: may the subject do this? A namespace of None asks cluster-wide."""

    verb: str
    api_group: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    namespace: str | None = None
    path: str | None = None


@dataclass(frozen=True)
class Answer:
    """What an API server said to a question, verbatim."""

    question: Question
    allowed: bool
    reason: str = ""


def rule_as_json(rule: Rule) -> dict[str, list[str]]:
    """Give a rule in Kubernetes' own field names, lists sorted."""
    return {
        "apiGroups": sorted(rule.api_groups),
        "nonResourceURLs": sorted(rule.non_resource_urls),
        "resourceNames": sorted(rule.resource_names),
        "resources": sorted(rule.resources),
        "verbs": sorted(rule.verbs),
    }


def rules_digest(rules: tuple[Rule, ...]) -> str:
    """Give the SHA-256 (hex) of the RFC 8785 form of the rules, sorted."""
    forms = sorted(plain_bytes(rule_as_json(rule)) for rule in rules)
    return hashlib.sha256(b"\n".join(forms)).hexdigest()
