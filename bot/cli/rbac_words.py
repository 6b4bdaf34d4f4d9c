"""What people type about rights, read: subjects, kinds, paths."""

from collections.abc import Iterable
from typing import Final

import click

from grants.authz.kinds import group_of
from grants.authz.model import Question
from grants.authz.objects import (
    ACCOUNT_PREFIX,
    ANONYMOUS,
    AUTHENTICATED,
    UNAUTHENTICATED,
    Caller,
    Role,
    account_caller,
)
from grants.authz.requests import as_requested

_KINDS: Final = {
    "user": "user",
    "group": "group",
    "serviceaccount": "account",
    "sa": "account",
}


def read_subject(text: str, groups: Iterable[str] = ()) -> Caller:
    """Read whom somebody means: `sa:NAMESPACE/NAME`, `group:NAME`, `user:NAME` or a user's name.

    A user is in system:authenticated too; a group stands for what it gives alone.
    """
    kind, _, rest = text.partition(":")
    how = _KINDS.get(kind.lower())
    name = text if how is None else rest
    if not name:
        raise click.BadParameter("it names nobody", param_hint="SUBJECT")
    if how == "group":
        caller = Caller("", frozenset({name}))
    elif how == "account":
        namespace, _, account = name.partition("/")
        if not namespace or not account or "/" in account:
            raise click.BadParameter(f"not NAMESPACE/NAME: {name}", param_hint="SUBJECT")
        caller = account_caller(namespace, account)
    else:
        caller = _user(name)
    return Caller(caller.user, caller.groups | set(groups))


def _user(name: str) -> Caller:
    if name == ANONYMOUS:
        return Caller(name, frozenset({UNAUTHENTICATED}))
    namespace, _, account = name.removeprefix(ACCOUNT_PREFIX).partition(":")
    if name.startswith(ACCOUNT_PREFIX) and namespace and account:
        return account_caller(namespace, account)
    return Caller(name, frozenset({AUTHENTICATED}))


def read_question(
    verb: str, what: str, name: str, namespace: str | None, roles: Iterable[Role]
) -> Question:
    """Read what is asked: `KIND[.GROUP][/SUBRESOURCE]`, or a path that begins with `/`.

    It is put as a request would: what stands outside of namespaces, in none.
    """
    if what.startswith("/"):
        return Question(verb, path=what)
    whole, _, sub = what.partition("/")
    kind, dot, group = whole.partition(".")
    if not kind:
        raise click.BadParameter("it names no kind", param_hint="RESOURCE")
    if not dot:
        known = group_of(kind, roles)
        if known is None:
            raise click.BadParameter(
                f"which group is {kind} of? Say {kind}.GROUP (or `{kind}.` for the core group)",
                param_hint="RESOURCE",
            )
        group = known
    return as_requested(Question(verb, group, kind, sub, name, namespace))


def question_words(question: Question) -> str:
    """Say what was asked, as it was put."""
    if question.path is not None:
        return f"{question.verb} {question.path}"
    kind = f"{question.resource}/{question.subresource}".rstrip("/")
    group = f".{question.api_group}" if question.api_group else ""
    thing = f"{question.resource}{group}" + kind.removeprefix(question.resource)
    named = f" {question.name}" if question.name else ""
    where = f"in namespace {question.namespace}" if question.namespace else "cluster-wide"
    return f"{question.verb} {thing}{named} {where}"
