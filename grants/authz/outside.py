"""Rights that RBAC does not know: what else may say yes in a cluster, as far as somebody told.

EKS access entries, GKE and Azure IAM and webhook authorizers are asked beside RBAC. None of them
can be read from the cluster, so an answer that rests on RBAC alone must say what was not seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from grants.authz.matching import answers
from grants.authz.model import Question, Rule
from grants.authz.objects import ACCOUNT_PREFIX, GROUP, SERVICE_ACCOUNT, Caller, Subject


class Sight(StrEnum):
    """How much of what an authorizer gives is known."""

    ALL = "all"
    SOME = "some"
    NOT_SEEN = "not-seen"


class OutsideKind(StrEnum):
    """What may say yes beside RBAC."""

    EKS_ACCESS_ENTRIES = "eks-access-entries"
    GKE_IAM = "gke-iam"
    AZURE_RBAC = "azure-rbac"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class OutsideRight:
    """What one subject is given; `namespaces` None: everywhere. `name` is what gives it there."""

    subject: Subject
    rules: tuple[Rule, ...]
    namespaces: tuple[str, ...] | None = None
    name: str = ""

    def gives(self, question: Question) -> bool:
        """Tell whether it allows what is asked, to whomever it is given."""
        return (self.namespaces is None or question.namespace in self.namespaces) and any(
            answers(rule, question) for rule in self.rules
        )

    def is_of(self, caller: Caller) -> bool:
        """Tell whether a caller is who it is given to."""
        subject = self.subject
        if subject.kind == GROUP:
            return subject.name in caller.groups
        if subject.kind == SERVICE_ACCOUNT:
            return caller.user == f"{ACCOUNT_PREFIX}{subject.namespace}:{subject.name}"
        return subject.name == caller.user


OutsideWay = tuple[OutsideKind, OutsideRight]
"""A right, and by what authorizer."""


@dataclass(frozen=True, slots=True)
class Authorizer:
    """One that was told of: what it gives, whether that is all of it, and as of when."""

    kind: OutsideKind
    sight: Sight
    read_at: datetime
    rights: tuple[OutsideRight, ...] = ()


@dataclass(frozen=True, slots=True)
class Outside:
    """All that was told of a cluster. Without any of it, whatever else says yes is not seen."""

    cluster: str
    authorizers: tuple[Authorizer, ...] = ()

    @property
    def sight(self) -> Sight:
        """Tell how much is known: all only where each that was told of is known whole.

        A cluster of which it was told that nothing is asked beside RBAC is known whole as well:
        then a webhook stands there that gives nothing.
        """
        if not self.authorizers:
            return Sight.NOT_SEEN
        whole = all(each.sight is Sight.ALL for each in self.authorizers)
        return Sight.ALL if whole else Sight.SOME

    def __iter__(self) -> Iterator[OutsideWay]:
        return ((each.kind, right) for each in self.authorizers for right in each.rights)

    def who_can(self, question: Question) -> tuple[OutsideWay, ...]:
        """Give every right that allows what is asked."""
        return tuple(way for way in self if way[1].gives(question))

    def rights(self, caller: Caller) -> tuple[OutsideWay, ...]:
        """Give every right of a caller."""
        return tuple(way for way in self if way[1].is_of(caller))

    def allowances(self, caller: Caller, question: Question) -> tuple[OutsideWay, ...]:
        """Give what allows a caller what is asked, by what authorizer; that is not RBAC's yes."""
        return tuple(way for way in self.rights(caller) if way[1].gives(question))


def not_seen(cluster: str) -> Outside:
    """Give what is known where nobody told anything."""
    return Outside(cluster)
