"""One event as acts: what was done, and that somebody acted as somebody else."""

from collections.abc import Iterator
from typing import Final

from grants.authz.objects import ACCOUNT_PREFIX, ACCOUNTS_GROUP, AUTHENTICATED
from grants.usage.events import Annotations, Event, Impersonated, Ref
from grants.usage.model import NODE_PREFIX, Act

_AUTHENTICATION: Final = "authentication.k8s.io"
_NODES_GROUP: Final = "system:nodes"
_NODE: Final = "-node"  # the modes arbitrary-node and associated-node
_PUTS: Final = frozenset({"patch", "update"})
_CREATED: Final = 201
_NOT_ALLOWED: Final = frozenset({401, 403})
_BARE: Final = Ref()
_UNDECIDED: Final = Annotations()
# Where a name would stand that nobody asked for: authorization saw none.
_NAMELESS: Final = frozenset({"create", "deletecollection"})


def acts_of(event: Event) -> tuple[Act, ...]:
    """Give what an event shows; nothing when nobody was known who did it.

    Done by somebody as somebody else, it is an act of each: of the one acted as, and of the other
    that they impersonated, which is what they have to be allowed.
    """
    user = event.user.username if event.user else ""
    if not user or not event.verb:
        return ()
    acted_as = event.impersonatedUser
    if acted_as is None:
        act = _act(event, user, "")
        return (act, _made(act)) if makes(event) else (act,)
    act = _act(event, acted_as.username, user)
    constraint = event.authenticationMetadata
    mode = constraint.impersonation.rpartition(":")[2] if constraint else ""
    made = (_made(act),) if makes(event) else ()
    return (act, *made, *_impersonations(user, acted_as, mode, act))


def makes(event: Event) -> bool:
    """Tell whether an apply or a PUT made what was not there; `create` was asked for within it."""
    status, ref = event.responseStatus, event.objectRef
    return (
        event.verb in _PUTS
        and status is not None
        and status.code == _CREATED
        and (ref is None or not ref.subresource)
    )


def _made(act: Act) -> Act:
    # By which binding, nothing says: the reason is that of the request itself.
    return act._replace(verb="create", name="", reason="")


def _act(event: Event, user: str, via: str) -> Act:
    said = event.annotations or _UNDECIDED
    if said.decision:
        allowed = said.decision == "allow"
    else:
        allowed = event.responseStatus is None or event.responseStatus.code not in _NOT_ALLOWED
    ref = event.objectRef or ref_of(event.requestURI)
    if ref is None:
        path = event.requestURI.partition("?")[0] or "/"
        return Act(user, via, event.verb, "", "", "", "", "", path, allowed, said.reason)
    nameless = event.verb in _NAMELESS and not ref.subresource
    return Act(
        user,
        via,
        event.verb,
        ref.api_group,
        ref.resource,
        ref.subresource,
        ref.namespace,
        "" if nameless else ref.name,
        "",
        allowed,
        said.reason,
    )


def ref_of(uri: str) -> Ref | None:
    """Read from its address what a request was about, where the event does not say so."""
    parts = uri.partition("?")[0].strip("/").split("/")
    if len(parts) > 2 and parts[0] == "api":  # noqa: PLR2004 - /api/v1/pods
        return _below("", parts[2:])
    if len(parts) > 3 and parts[0] == "apis":  # noqa: PLR2004 - /apis/apps/v1/deployments
        return _below(parts[1], parts[3:])
    return None


def _below(group: str, parts: list[str]) -> Ref:
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        if len(parts) > 2 and parts[2] not in {"status", "finalize"}:  # noqa: PLR2004 - a place in it
            parts = parts[2:]
    resource, name, *rest = (*parts, "")
    return Ref(resource, namespace, name, group, rest[0] if rest else "")


def _impersonations(user: str, acted_as: Impersonated, mode: str, act: Act) -> Iterator[Act]:
    """Give what somebody had to be allowed so as to act as another.

    It has been allowed, or the event would not name whom they acted as. In a constrained `mode`
    they also need a right for what they do.
    """
    verb, group = (f"impersonate:{mode}", _AUTHENTICATION) if mode else ("impersonate", "")

    def to(resource: str, name: str, namespace: str = "", api_group: str = group) -> Act:
        subresource = resource.partition("/")[2]
        resource = resource.partition("/")[0]
        return Act(user, "", verb, api_group, resource, subresource, namespace, name, "", True, "")

    implied = {AUTHENTICATED}
    if mode.endswith(_NODE):
        implied.add(_NODES_GROUP)
        yield to("nodes", acted_as.username.removeprefix(NODE_PREFIX))
    elif acted_as.username.startswith(ACCOUNT_PREFIX):
        namespace, _, name = acted_as.username.removeprefix(ACCOUNT_PREFIX).partition(":")
        implied |= {ACCOUNTS_GROUP, f"{ACCOUNTS_GROUP}:{namespace}"}
        yield to("serviceaccounts", name, namespace)
    else:
        yield to("users", acted_as.username)
    yield from (to("groups", each) for each in acted_as.groups if each not in implied)
    if acted_as.uid:
        yield to("uids", acted_as.uid, api_group=_AUTHENTICATION)
    for key in acted_as.extra or ():
        yield to(f"userextras/{key}", "", api_group=_AUTHENTICATION)
    if mode:
        on = f"impersonate-on:{mode}:{act.verb}"
        yield act._replace(user=user, via="", verb=on, allowed=True, reason="")
