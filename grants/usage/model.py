"""What was seen, as values: one act of one user, and since when until when it was seen."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from grants.authz.model import Question
from grants.authz.objects import ACCOUNT_PREFIX
from grants.usage.reason import Through, parse_reason

MANY: Final = "/*"
"""Stands for names, or for whatever else were too many to be kept; no name holds a slash."""
NAMES_KEPT: Final = 50
"""Names of objects that are kept of one act before they become `MANY`."""
PATHS_KEPT: Final = 500
"""Paths that are kept of one user and verb before they become `MANY`."""
DENIALS_KEPT: Final = 1_000
"""Acts that a user was denied and that are kept apart; then they become one row."""
PATHS: Final = "/"
"""Stands where a resource would for what has only a path."""
NODE_PREFIX: Final = "system:node:"
NODES: Final = "system:node:*"
"""All nodes are one user here: RBAC is not what gives them their rights."""


class VerbClass(StrEnum):
    """Verbs that an audit policy most often keeps or drops together.

    `impersonate` is seen on whatever is done as somebody else. `unseen` are verbs that Kubernetes
    asks about inside other requests (bind, escalate, approve, sign, use): no event ever bears one.
    """

    READ = "read"
    WRITE = "write"
    CONNECT = "connect"
    IMPERSONATE = "impersonate"
    UNSEEN = "unseen"


class Whose(StrEnum):
    """Whose events show that something is logged: policies leave out groups of users, too."""

    ACCOUNT = "account"
    OTHER = "other"


_READS: Final = frozenset({"get", "list", "watch", "head", "options"})
_WRITES: Final = frozenset(
    {"create", "update", "patch", "delete", "deletecollection", "post", "put"}
)
_STREAMS: Final = frozenset({"attach", "exec", "portforward", "proxy"})


def verb_class(verb: str, subresource: str = "") -> VerbClass:
    """Tell the class of a verb; what opens a stream into a pod or node is `connect`."""
    if verb.startswith("impersonate"):
        return VerbClass.IMPERSONATE
    if subresource in _STREAMS:
        return VerbClass.CONNECT
    if verb in _READS:
        return VerbClass.READ
    return VerbClass.WRITE if verb in _WRITES else VerbClass.UNSEEN


class Act(NamedTuple):
    """Who did what where; the key of a row, beside its cluster.

    `via` is who acted as `user`, if somebody did. `reason` is what the API server said of why it
    was allowed. A request has either a resource or a path.
    """

    user: str
    via: str
    verb: str
    api_group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    path: str
    allowed: bool
    reason: str

    @property
    def kind(self) -> "Kind":
        """What kind of act it is."""
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return Kind(
            verb_class(self.verb, self.subresource),
            self.api_group,
            PATHS if self.path else resource,
        )


class Kind(NamedTuple):
    """What an audit policy's rule tells apart: a class of verbs on a resource.

    A subresource is another resource, such as `pods/log`.
    """

    verb_class: VerbClass
    api_group: str
    resource: str

    def __str__(self) -> str:
        group = f".{self.api_group}" if self.api_group else ""
        return f"{self.verb_class} {'paths' if self.resource == PATHS else self.resource}{group}"


@dataclass(frozen=True, slots=True)
class Use:
    """One row: an act in a cluster, when it was first and last seen, and how often.

    `count` is of requests that ended: one that is still open has been seen and not counted.
    """

    cluster: str
    act: Act
    first_seen: datetime
    last_seen: datetime
    count: int

    @property
    def through(self) -> Through | None:
        """The binding that allowed it, where RBAC named one."""
        return parse_reason(self.act.reason)

    @property
    def question(self) -> Question:
        """The access review that asks for the same."""
        act = self.act
        if act.path:
            return Question(act.verb, path=act.path)
        return Question(
            act.verb,
            act.api_group,
            act.resource,
            act.subresource,
            act.name,
            act.namespace or None,
        )


def whose(user: str) -> Whose:
    """Tell whether a user name is a service account's."""
    return Whose.ACCOUNT if user.startswith(ACCOUNT_PREFIX) else Whose.OTHER
