"""What a review says: one risk of one subject through one binding, with what shows it.

The same finding keeps its `key` from scan to scan, and its `fingerprint` from cluster to cluster:
one operator in thirty clusters is one finding in thirty places.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple

from grants.authz.model import RoleRef
from grants.authz.objects import SERVICE_ACCOUNT, Binding, Origin, Subject


class Severity(IntEnum):
    """How bad it is, from what may be done and where; higher is worse."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """How people, policy and JSON say it."""
        return self.name.lower()


class Verdict(StrEnum):
    """Whether the finding stands, or what was seen allows no conclusion."""

    FOUND = "found"
    INSUFFICIENT = "insufficient-evidence"


class Aside(StrEnum):
    """Why a finding is set apart from those that somebody here can act on."""

    NO = ""
    SYSTEM = "system"
    MANAGED = "managed"


class Control(NamedTuple):
    """A point of a published benchmark or matrix that a finding is about, such as CIS 5.1.2."""

    framework: str
    id: str

    def __str__(self) -> str:
        return f"{self.framework} {self.id}"


class BindingRef(NamedTuple):
    """Which binding; a namespace of "" is a ClusterRoleBinding's."""

    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else " ".join(self[:2])


def binding_ref(binding: Binding) -> BindingRef:
    """Name a binding."""
    return BindingRef(binding.kind, binding.meta.name, binding.namespace or "")


@dataclass(frozen=True, slots=True)
class Excepted:
    """An exception for this finding, of policy or kept by a reviewer: why, whose, until when.

    `answer` is the id of what the reviewer said, whose person id is `owner`. `fails` says why it
    does not count at this scan (past its end, or its premise no longer holds or can't be checked);
    empty: it counts.
    """

    reason: str
    owner: str
    until: date
    fails: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding. What does not apply is empty or None.

    `subject` is whom the rights are given to, `reached` the service accounts that hold them by
    that (a group's members too). `namespace` is where the rights hold (None: everywhere), or
    where the account lives. `permission` are the exact lines of the role at fault. `aspect` tells
    findings of one rule and one binding apart, such as the goal of an escalation path. `implies`
    are ids of rules that are found by the same lines and not told again. `missing` says, where
    the verdict is "insufficient", what was not seen and how to get it.
    """

    rule: str
    severity: Severity
    cluster: str
    title: str
    fix: str
    subject: Subject | None = None
    namespace: str | None = None
    role: RoleRef | None = None
    role_namespace: str = ""
    binding: BindingRef | None = None
    permission: tuple[str, ...] = ()
    origin: Origin | None = None
    evidence: tuple[str, ...] = ()
    reached: tuple[Subject, ...] = ()
    owner: str = ""
    aspect: str = ""
    implies: tuple[str, ...] = ()
    controls: tuple[Control, ...] = ()
    verdict: Verdict = Verdict.FOUND
    missing: tuple[str, ...] = ()
    aside: Aside = Aside.NO
    aside_why: str = ""
    exception: Excepted | None = None
    first_seen: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """Name what is found, whatever cluster it is in and whatever it is worth today."""
        role = f"{self.role_namespace}/{self.role}" if self.role else ""
        parts = (
            self.rule,
            str(self.subject or ""),
            str(self.binding or ""),
            role,
            self.aspect,
        )
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()

    @property
    def key(self) -> str:
        """Name this finding in this cluster, the same at every scan."""
        return f"{self.fingerprint}@{self.cluster}" if self.cluster else self.fingerprint

    @property
    def who(self) -> str:
        """Say whose right it is as people do: an account by namespace and name alone."""
        if self.subject is not None and self.subject.kind == SERVICE_ACCOUNT:
            return f"{self.subject.namespace}/{self.subject.name}"
        return str(self.subject or self.role or "")

    @property
    def is_excepted(self) -> bool:
        """Tell whether an exception counts for it."""
        return self.exception is not None and not self.exception.fails

    @property
    def is_open(self) -> bool:
        """Tell whether somebody here has to act: it stands, is not set apart and not excepted."""
        return self.verdict is Verdict.FOUND and not self.aside and not self.is_excepted


def worst_first(finding: Finding) -> tuple[object, ...]:
    """Sort key: what has to be acted on, then what is worse, then by name."""
    subject, role = finding.subject, finding.role
    return (
        0 if finding.is_open else 1,
        -finding.severity,
        finding.rule,
        (subject.namespace, subject.name, subject.kind) if subject else ("", "", ""),
        (role.name, finding.role_namespace) if role else ("", ""),
        finding.binding or ("", "", ""),
        finding.aspect,
    )
