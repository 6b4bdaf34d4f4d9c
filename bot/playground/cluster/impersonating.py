"""Acting as somebody else: what the headers ask for, and whether it may be.

Constrained impersonation (`impersonate:user-info` with `impersonate-on:user-info:<verb>`, and the
same for service accounts) is tried first, as an API server does, then the older `impersonate`.
Nodes are not modelled: nobody plays one here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from bot.playground.cluster.authorizing import Authorizer, User, refusal
from bot.playground.cluster.faults import Fault, bad_request
from bot.playground.cluster.kinds import AUTHENTICATION
from grants.authz.model import Question
from grants.authz.objects import (
    ACCOUNT_PREFIX,
    ACCOUNTS_GROUP,
    ANONYMOUS,
    AUTHENTICATED,
    UNAUTHENTICATED,
)

_EXTRA: Final = "impersonate-extra-"
_EXTRAS: Final = "userextras"
_LEGACY: Final = "impersonate"


@dataclass(frozen=True, slots=True)
class Acting:
    """Whom somebody acts as, and by which constrained verb; "": by the older one."""

    user: User
    constraint: str = ""


def wanted_user(headers: Sequence[tuple[str, str]]) -> User | None:
    """Read whom the headers ask to act as; None: nobody. Fault (400) without a name."""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}
    name = uid = ""
    for key, value in headers:
        if key == "impersonate-user":
            name = name or value
        elif key == "impersonate-uid":
            uid = uid or value
        elif key == "impersonate-group":
            groups.append(value)
        elif key.startswith(_EXTRA):
            extra.setdefault(unquote(key.removeprefix(_EXTRA)).lower(), []).append(value)
    if name:
        return User(name, tuple(groups), uid, extra)
    if groups or extra or uid:
        raise bad_request(_without_name(uid, groups, extra))
    return None


def _without_name(uid: str, groups: list[str], extra: dict[str, list[str]]) -> str:
    # Go's own form of the value, of which the groups are what people get wrong.
    shown = "[]string(nil)" if not groups else "[]string{" + ", ".join(map(_go, groups)) + "}"
    pairs = ", ".join(f"{_go(k)}:[]string{{{', '.join(map(_go, v))}}}" for k, v in extra.items())
    more = f"map[string][]string{{{pairs}}}" if extra else "map[string][]string(nil)"
    return (
        f'requested &user.DefaultInfo{{Name:"", UID:{_go(uid)}, Groups:{shown}, Extra:{more}}}'
        " without impersonating a user name"
    )


def _go(text: str) -> str:
    return f'"{text}"'


class Impersonation:
    """Judges who may act as whom; by what mode somebody did so last is tried first."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._last: dict[str, str] = {}

    def act_as(self, asker: User, wanted: User, question: Question) -> Acting:
        """Give whom somebody acts as; Fault (403) as the first mode that was tried says it."""
        first: Fault | None = None
        last = self._last.get(asker.name)
        for mode in sorted(_modes(wanted), key=lambda mode: mode != last):
            verb = f"{_LEGACY}:{mode}" if mode else _LEGACY
            try:
                if mode:
                    on = replace(question, verb=f"impersonate-on:{mode}:{question.verb}")
                    _demand(self._authorizer, asker, on)
                for part in _questions(wanted, verb):
                    if mode and part.resource == _EXTRAS:
                        _require_prefixed(asker, part)
                    _demand(self._authorizer, asker, part)
            except Fault as fault:
                first = first or fault
                continue
            self._last[asker.name] = mode
            return Acting(_completed(wanted), verb if mode else "")
        raise first or bad_request("all impersonation modes failed")


def _modes(wanted: User) -> tuple[str, ...]:
    if _account(wanted.name) is None:
        return ("user-info", "")
    bare = not (wanted.groups or wanted.uid or wanted.extra)
    return ("serviceaccount", "") if bare else ("",)


def _account(name: str) -> tuple[str, str] | None:
    """Split the name of a service account."""
    namespace, colon, account = name.removeprefix(ACCOUNT_PREFIX).partition(":")
    if name.startswith(ACCOUNT_PREFIX) and colon and namespace and account:
        return namespace, account
    return None


def _questions(wanted: User, verb: str) -> Iterator[Question]:
    # The constrained verbs ask for users in a group of their own.
    group = "" if verb == _LEGACY else AUTHENTICATION
    account = _account(wanted.name)
    if account is None:
        yield Question(verb, group, "users", name=wanted.name)
    else:
        yield Question(verb, group, "serviceaccounts", name=account[1], namespace=account[0])
    if wanted.uid:
        yield Question(verb, AUTHENTICATION, "uids", name=wanted.uid)
    for name in wanted.groups:
        yield Question(verb, group, "groups", name=name)
    for key, values in sorted(wanted.extra.items()):
        for value in values:
            yield Question(verb, AUTHENTICATION, _EXTRAS, key, value)


def _require_prefixed(asker: User, question: Question) -> None:
    """Raise a Fault (403) for a key that the constrained way does not know: one of no domain."""
    domain, slash, rest = question.subresource.partition("/")
    if domain and slash and rest:
        return
    why = (
        "impersonating an invalid key in extra is not allowed: extra.key: Invalid value:"
        f' "{question.subresource}": must be a domain-prefixed path (such as "acme.io/foo")'
    )
    raise refusal(asker, replace(question, subresource="", name=""), why)


def _demand(authorizer: Authorizer, asker: User, question: Question) -> None:
    verdict = authorizer.judge(asker, question)
    if not verdict.allowed:
        raise refusal(asker, question, verdict.reason)


def _completed(wanted: User) -> User:
    """Add the groups that come by themselves."""
    groups = wanted.groups
    account = _account(wanted.name)
    if account is not None and not groups:
        groups = (ACCOUNTS_GROUP, f"{ACCOUNTS_GROUP}:{account[0]}")
    if wanted.name == ANONYMOUS:
        added = UNAUTHENTICATED
    elif UNAUTHENTICATED not in groups:
        added = AUTHENTICATED
    else:
        return replace(wanted, groups=groups)
    return replace(wanted, groups=groups if added in groups else (*groups, added))
