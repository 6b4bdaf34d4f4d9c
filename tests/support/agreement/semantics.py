"""What of Kubernetes' authorization is asked about, one by one, and what an ask is."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from grants.authz.model import Question
from grants.authz.objects import Binding, Caller, Role


class Semantic(StrEnum):
    """One thing that an implementation could get wrong; its value is how the docs name it."""

    EXACT = "verb, group and kind to the letter"
    ANY_VERB = "`*` as verb, `get*` as none"
    ANY_GROUP = "`*` as group, `apps/v1` as none"
    ANY_KIND = "`*` as resource, `pod*` as none"
    SUBRESOURCE = "subresources apart from their kind, `pods/*` as none"
    ANY_KINDS_SUBRESOURCE = "`*/scale`, `*/*` as none"
    NAMES = "resourceNames, `*` as a name"
    NAMES_OF_LOOKS = "list and watch of one name"
    NAMES_OF_CREATE = "create and deletecollection of one name, as reviews believe"
    EMPTY_NAME = "the empty name in resourceNames"
    APART = "rules that don't add up to one"
    CASE = "upper and lower case"
    PATH = "a path to the letter"
    PATH_STAR = "a path with a `*` at its end, and elsewhere"
    PATHS_APART = "paths are no resources, resources no paths"
    EVERYWHERE = "ClusterRoleBinding"
    SCOPE = "RoleBinding to a ClusterRole"
    ROLE = "RoleBinding to a Role, and one of its name elsewhere"
    PATH_IN_NAMESPACE = "a path by a RoleBinding"
    CLUSTER_SCOPED = "kinds outside of namespaces by a RoleBinding"
    NAMESPACE_ITSELF = "a namespace by a RoleBinding in it"
    GROUPS = "groups of users"
    ACCOUNT = "a service account"
    ACCOUNT_OF_PLACE = "a service account named without namespace"
    ACCOUNT_GROUPS = "groups of service accounts"
    ACCOUNT_AS_USER = "a service account named as a user"
    STAR_SUBJECT = "`*` as user and group"
    ANONYMOUS = "whoever does not sign in"
    DANGLING = "a role that is missing, and comes"
    GATHERED = "an aggregated role without rules"
    GATHERED_OVER_OWN = "an aggregated role with rules of its own"
    GATHERED_NOTHING = "an aggregated role that gathers nothing"
    GATHERED_ON = "aggregated roles that gather from each other"
    EXPRESSIONS = "aggregation by matchExpressions"
    MIXED = "all of it at once"
    REQUEST_LOOKS = "requests: list and watch by field selector"
    REQUEST_CREATE = "requests: create without a name, apply with one"
    REQUEST_DELETE_ALL = "requests: deletecollection"
    REQUEST_CLUSTER_SCOPED = "requests: kinds outside of namespaces, with one and without"
    REQUEST_NAMESPACE = "requests: a namespace itself"
    REQUEST_TOKEN = "requests: a service account's own token"
    WRITE_ROLE = "requests: writing a role within what one holds, or may escalate"
    WRITE_BINDING = "requests: binding a role within what one holds, or may bind"


NEVER_ALLOWED: Final = frozenset({Semantic.PATHS_APART, Semantic.PATH_IN_NAMESPACE})
"""Where nothing could be allowed, so that there is but one answer."""


@dataclass(frozen=True)
class Ask:
    """One access review."""

    semantic: Semantic
    caller: Caller
    question: Question


@dataclass(frozen=True)
class Request:
    """One real request, made as the caller; `token` with the account's own credential.

    `writes` is a role or binding that it would write: then more is asked than whether it may.
    """

    semantic: Semantic
    caller: Caller
    method: str
    path: str
    query: str = ""
    writes: Role | Binding | None = None
    token: bool = False


@dataclass
class Case:
    """Objects of its own and what is asked about them; `late` come after the first asking."""

    roles: list[Role] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    late: list[Role] = field(default_factory=list)
    late_asks: list[Ask] = field(default_factory=list)
