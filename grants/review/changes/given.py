"""What one set of roles and bindings gives a caller that another does not."""

from collections.abc import Iterator
from dataclasses import dataclass

from grants.authz.covers import Permission, uncovered
from grants.authz.model import RoleRef, Rule
from grants.authz.objects import (
    ACCOUNT_PREFIX,
    AUTHENTICATED,
    GROUP,
    SERVICE_ACCOUNT,
    USER,
    Binding,
    Caller,
    Origin,
    Role,
    Subject,
    account_caller,
)
from grants.authz.rbac import Rbac, Right
from grants.review.finding import BindingRef, binding_ref
from grants.review.findings.look import subjects_of
from grants.review.rightsizing.least import rules_of


@dataclass(frozen=True, slots=True)
class Given:
    """Rights in one place (None: everywhere), and the binding, role and subject they come by.

    `origin` is where to look for why: the role where the same binding stood before, else the
    binding.
    """

    scope: str | None
    rules: tuple[Rule, ...]
    binding: Binding
    role: Role
    subject: Subject
    origin: Origin | None = None


def given_beyond(rbac: Rbac, other: Rbac, caller: Caller) -> tuple[Given, ...]:
    """Give what a caller may by `rbac` and may not by `other`, each right once.

    Roles that gather others and groups that the caller is in count, since both look at the caller.
    Too much to compare counts as new.
    """
    found: list[Given] = []
    stood = {_whole(right) for right in other.rights(caller)}
    for right in rbac.rights(caller):
        scope = right.namespace
        known = (
            *other.rules_in(caller, scope),
            *(rule for one in found if one.scope in {None, scope} for rule in one.rules),
        )
        fresh = uncovered(known, right.rules, scope)
        rules = right.rules if fresh is None else rules_of(_settled(fresh))
        if rules:
            origin = _origin(right, is_old=_whole(right) in stood)
            found.append(Given(scope, rules, right.binding, right.role, right.subject, origin))
    return tuple(found)


def _whole(right: Right) -> tuple[BindingRef, RoleRef, Subject]:
    return binding_ref(right.binding), right.binding.role, right.subject


def _origin(right: Right, *, is_old: bool) -> Origin | None:
    role, binding = right.role.meta.origin, right.binding.meta.origin
    return role or binding if is_old else binding or role


def _settled(permissions: tuple[Permission, ...]) -> Iterator[Permission]:
    """Leave out what another of these says, too, with a wider word."""
    every = frozenset(permissions)
    for one in every:
        wider = {one._replace(verb="*"), one._replace(name=None), one._replace(verb="*", name=None)}
        if not (wider - {one}) & every:
            yield one


def caller_of(subject: Subject) -> Caller:
    """Give whoever a subject is, as an API server sees it."""
    if subject.kind == SERVICE_ACCOUNT:
        return account_caller(subject.namespace, subject.name)
    if subject.kind == GROUP:
        return Caller("", frozenset({subject.name}))
    return Caller(subject.name, frozenset({AUTHENTICATED}))


def parties(rbac: Rbac) -> Iterator[Subject]:
    """Give everybody whom bindings name; an account by its own name, whatever it is called."""
    for binding in rbac.bindings:
        for subject in subjects_of(binding):
            yield as_account(subject)


def as_account(subject: Subject) -> Subject:
    """Give the account that a user name stands for; else the subject as it is."""
    namespace, _, name = subject.name.removeprefix(ACCOUNT_PREFIX).partition(":")
    if subject.kind == USER and subject.name.startswith(ACCOUNT_PREFIX) and name:
        return Subject(SERVICE_ACCOUNT, name, namespace)
    return subject
