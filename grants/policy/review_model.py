"""What policy says of the review of service accounts, as values."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from grants.policy.patterns import matches
from grants.policy.who import Notify, Who

WINDOW: Final = timedelta(days=90)
"""How long nothing must have been seen before it counts as unused: a quarter, since much work is
done once a month, and what is done once a quarter is seen at least once."""


KEEP_AT_MOST: Final = timedelta(days=180)
"""How long a reviewer may keep a finding: half a year, so that it is thought over twice a year."""


@dataclass(frozen=True)
class Scope:
    """Which findings something is about. An empty field says nothing; all that speak must match.

    `accounts` are patterns of `namespace/name`, `subjects` of `User NAME` and `Group NAME`,
    `roles` of `Role NAME` and `ClusterRole NAME`, `namespaces` of where rights hold.
    """

    rules: frozenset[str] = frozenset()
    clusters: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def covers(
        self,
        rule: str,
        cluster: str,
        *,
        namespace: str | None = None,
        account: str = "",
        subject: str = "",
        role: str = "",
    ) -> bool:
        """Tell whether it is about this: what is not known ("" or None) matches no pattern."""
        return (
            (not self.rules or rule in self.rules)
            and _any(self.clusters, cluster)
            and _any(self.namespaces, namespace or "")
            and self._is_whose(account, subject)
            and _any(self.roles, role)
        )

    def _is_whose(self, account: str, subject: str) -> bool:
        if not (self.accounts or self.subjects):
            return True
        named = bool(self.accounts) and _any(self.accounts, account)
        return named or (bool(self.subjects) and _any(self.subjects, subject))


def _any(patterns: tuple[str, ...], name: str) -> bool:
    return not patterns or (bool(name) and any(matches(pattern, name) for pattern in patterns))


@dataclass(frozen=True)
class Window:
    """How long for a scope, such as 400 days for what runs once a year."""

    scope: Scope
    length: timedelta


@dataclass(frozen=True)
class Premise:
    """What must hold for an exception to count, checked again at each scan. Empty: nothing.

    `used_only_by` are patterns of `Kind/name` in the account's namespace; `same_rules` is the
    digest of the role's rules that was looked at; `named_only`: the right is on named objects
    only; `namespace_labels` are labels that the namespace must have.
    """

    used_only_by: tuple[str, ...] = ()
    same_rules: str = ""
    named_only: bool = False
    namespace_labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ReviewException:
    """Findings that somebody answers for, until a day (which still counts)."""

    scope: Scope
    reason: str
    owner: str
    until: date
    premise: Premise = field(default_factory=Premise)


@dataclass(frozen=True)
class Allowance:
    """What manifests may give without failing a pipeline; a scan still shows it."""

    scope: Scope
    reason: str


@dataclass(frozen=True)
class Annotations:
    """Which annotations of a service account say whose it is; an empty one is not asked for."""

    owner: str = ""
    purpose: str = ""
    review_by: str = ""

    @property
    def asked(self) -> tuple[str, ...]:
        """The annotations that every service account must have."""
        return tuple(name for name in (self.owner, self.purpose, self.review_by) if name)


@dataclass(frozen=True)
class Digest:
    """Who is told of findings: channels and people, or the owner that an annotation names."""

    notify: Notify
    scope: Scope = field(default_factory=Scope)
    owners: bool = False
    at_least: str = "medium"


@dataclass(frozen=True)
class ReviewPolicy:
    """The section `review:` of a policy. Severities are words, as the file has them."""

    annotations: Annotations = field(default_factory=Annotations)
    window: timedelta = WINDOW
    windows: tuple[Window, ...] = ()
    exceptions: tuple[ReviewException, ...] = ()
    allow: tuple[Allowance, ...] = ()
    reviewers: Who = field(default_factory=Who)
    keep_at_most: timedelta = KEEP_AT_MOST
    digests: tuple[Digest, ...] = ()
    fail_on: str = "high"
    fail_on_gain: str = "medium"

    def window_for(
        self, rule: str, cluster: str, *, namespace: str | None = None, account: str = ""
    ) -> timedelta:
        """Give the window of the first entry that is about this, or else the usual one."""
        for window in self.windows:
            if window.scope.covers(rule, cluster, namespace=namespace, account=account):
                return window.length
        return self.window
