"""Who may do what: RBAC over what is stored, judged by `grants.authz`."""

from dataclasses import dataclass, field
from typing import Final

from bot.playground.cluster.faults import Fault, forbidden, joined
from bot.playground.cluster.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    RBAC_GROUP,
    ROLE,
    ROLE_BINDING,
    Json,
    Kind,
)
from bot.playground.cluster.rbac_objects import as_binding, as_role
from bot.playground.cluster.store import Change, Store
from grants.authz.model import Question
from grants.authz.objects import (
    ACCOUNT_PREFIX,
    GROUP,
    MASTERS,
    SERVICE_ACCOUNT,
    USER,
    Binding,
    Caller,
    Role,
)
from grants.authz.rbac import Rbac
from grants.authz.reason import quoted, reason_of

_ROLES: Final = (ROLE, CLUSTER_ROLE)
_BINDINGS: Final = (ROLE_BINDING, CLUSTER_ROLE_BINDING)


@dataclass(frozen=True, slots=True)
class User:
    """Who asks: as tokens and impersonation say it; `groups` in their order."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, list[str]] = field(default_factory=dict)

    @property
    def caller(self) -> Caller:
        """The same as RBAC sees it."""
        return Caller(self.name, frozenset(self.groups))

    def as_info(self) -> Json:
        """Give the same as reviews and audit events write it."""
        info = {
            "username": self.name,
            "uid": self.uid,
            "groups": list(self.groups),
            "extra": self.extra,
        }
        return {key: value for key, value in info.items() if value}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something is allowed, and why, in the API server's words."""

    allowed: bool
    reason: str = ""


class Authorizer:
    """Judges by what stands in the store now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rbac: Rbac | None = None
        self._dangling: tuple[Binding, ...] = ()
        self._read: dict[tuple[Kind, str, str], tuple[Json, Role | Binding]] = {}
        store.listen(self._heard)

    def _heard(self, change: Change) -> None:
        if change.kind in _ROLES or change.kind in _BINDINGS:
            self._rbac = None

    @property
    def rbac(self) -> Rbac:
        """All roles and bindings of now."""
        if self._rbac is None:
            roles = [self._value(kind, one) for kind in _ROLES for one in self._store.list(kind)]
            bindings = [
                self._value(kind, one) for kind in _BINDINGS for one in self._store.list(kind)
            ]
            # What aggregates has been filled already, by the controller.
            self._rbac = Rbac(
                [one for one in roles if isinstance(one, Role)],
                [one for one in bindings if isinstance(one, Binding)],
                aggregate=False,
            )
            self._dangling = tuple(
                one for one in self._rbac.bindings if self._rbac.role_of(one) is None
            )
        return self._rbac

    def _value(self, kind: Kind, found: Json) -> Role | Binding:
        """Read an object once: most stay as they are when one changes."""
        meta = found["metadata"]
        key = (kind, meta.get("namespace", ""), meta["name"])
        known = self._read.get(key)
        if known is not None and known[0] is found:
            return known[1]
        value = as_role(found) if kind in _ROLES else as_binding(found)
        self._read[key] = (found, value)
        return value

    def judge(self, user: User, question: Question) -> Verdict:
        """Tell whether a user may do this, and by which binding."""
        if MASTERS in user.groups:
            return Verdict(allowed=True)
        allowance = next(self.rbac.allowances(user.caller, question), None)
        if allowance is not None:
            return Verdict(allowed=True, reason=reason_of(allowance))
        missing = self.missing_roles(user, None if question.path else question.namespace)
        return Verdict(allowed=False, reason=f"rbac: RBAC: {joined(missing)}" if missing else "")

    def missing_roles(self, user: User, namespace: str | None) -> list[str]:
        """Name the roles that bindings of this user lead to there and that don't exist."""
        self.rbac  # noqa: B018 - reads what dangles now
        return [
            missing_role(binding.role.kind, binding.role.name)
            for place in dict.fromkeys((None, namespace or None))
            for binding in self._dangling
            if binding.namespace == place and _names(binding, user)
        ]


def _names(binding: Binding, user: User) -> bool:
    for subject in binding.subjects:
        home = subject.namespace or binding.namespace
        if (
            (subject.kind == USER and subject.name == user.name)
            or (subject.kind == GROUP and subject.name in user.groups)
            or (
                subject.kind == SERVICE_ACCOUNT
                and user.name == f"{ACCOUNT_PREFIX}{home}:{subject.name}"
            )
        ):
            return True
    return False


def missing_role(kind: str, name: str) -> str:
    """Say that a role isn't there, as RBAC's own lister does."""
    return f"{kind.lower()}.{RBAC_GROUP} {quoted(name)} not found"


def refusal(user: User, question: Question, reason: str) -> Fault:
    """Say no to a request as the API server does."""
    if question.path is not None:
        said = f"User {quoted(user.name)} cannot {question.verb} path {quoted(question.path)}"
        return forbidden("", "", "", _because(said, reason))
    resource = question.resource
    if question.subresource:
        resource = f"{resource}/{question.subresource}"
    said = (
        f"User {quoted(user.name)} cannot {question.verb} resource {quoted(resource)}"
        f" in API group {quoted(question.api_group)} "
    )
    if question.namespace:
        said += f"in the namespace {quoted(question.namespace)}"
    else:
        said += "at the cluster scope"
    return forbidden(question.api_group, question.resource, question.name, _because(said, reason))


def _because(said: str, reason: str) -> str:
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        said = said.replace(sign, written)
    return f"{said}: {reason}" if reason else said
