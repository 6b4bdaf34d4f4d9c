"""Inventories of live clusters: lists of what rights hang on, page by page, and nothing written.

Each kind stands for itself: what may not be listed is said to be forbidden, what broke off in the
middle to be seen in part. Of Secrets only the metadata of those that hold an account's token is
asked for, and only when somebody wants it: RBAC knows no right to less than all that is in them.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec

from grants.clock import Clock
from grants.clusters.api import PAGE_ITEMS, Api
from grants.clusters.config import ClusterConfig
from grants.clusters.connection import Call, Connections, path_of
from grants.clusters.reply import Reply
from grants.clusters.wire import ListMeta
from grants.decoding import decoder
from grants.errors import ClusterError, ClusterForbidden, ClusterUnavailable
from grants.review.inventory import KINDS, Inventory, Seen
from grants.review.reading.gathering import Gathering
from grants.review.reading.mending import mended
from grants.review.reading.shapes import ObjectIn

ATTEMPTS: Final = 3
"""How often a list is begun anew that expired on the server: a slow reader of a busy cluster."""

_AT_ONCE: Final = 8
_PAGES_MOST: Final = 20_000
_SECRET: Final = "Secret"  # noqa: S105 - the name of a kind
_TOKENS_ONLY: Final = ("fieldSelector", "type=kubernetes.io/service-account-token")
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

_RBAC: Final = ("apis", "rbac.authorization.k8s.io", "v1")
_CORE: Final = ("api", "v1")
_APPS: Final = ("apis", "apps", "v1")
_BATCH: Final = ("apis", "batch", "v1")
RESOURCES: Final[dict[str, tuple[str, ...]]] = {
    "Namespace": (*_CORE, "namespaces"),
    "ServiceAccount": (*_CORE, "serviceaccounts"),
    "Role": (*_RBAC, "roles"),
    "ClusterRole": (*_RBAC, "clusterroles"),
    "RoleBinding": (*_RBAC, "rolebindings"),
    "ClusterRoleBinding": (*_RBAC, "clusterrolebindings"),
    "Pod": (*_CORE, "pods"),
    "Deployment": (*_APPS, "deployments"),
    "StatefulSet": (*_APPS, "statefulsets"),
    "DaemonSet": (*_APPS, "daemonsets"),
    "ReplicaSet": (*_APPS, "replicasets"),
    "ReplicationController": (*_CORE, "replicationcontrollers"),
    "Job": (*_BATCH, "jobs"),
    "CronJob": (*_BATCH, "cronjobs"),
    _SECRET: (*_CORE, "secrets"),
}
"""Where each kind is listed; the scan's ClusterRole allows exactly these."""

Heard = Callable[[str, str, int], None]
"""Is told cluster, kind and how many of it were read so far, from whichever thread reads."""


def _nothing(_cluster: str, _kind: str, _count: int) -> None:
    """Hear of nothing."""


class _Page(msgspec.Struct):
    items: list[ObjectIn] | None
    metadata: ListMeta


class _PlainPage(msgspec.Struct):
    """The same with items of any form, for when one of them is not as it should be."""

    items: list[Any] | None
    metadata: ListMeta


_PAGE: Final = decoder(_Page)


@dataclass
class _Listed:
    """One kind's objects, as far as they came."""

    how: Seen = Seen.SEEN
    items: list[ObjectIn] = field(default_factory=list)
    failure: ClusterError | None = None


def read_clusters(
    configs: Iterable[ClusterConfig],
    clock: Clock,
    *,
    token_secrets: bool = False,
    heard: Heard = _nothing,
) -> tuple[Inventory, ...]:
    """Read clusters side by side, in their order; one that can't be reached is an empty one."""
    wanted = tuple(configs)
    if not wanted:
        return ()
    with ThreadPoolExecutor(min(_AT_ONCE, len(wanted)), "inventory") as threads:
        return tuple(
            threads.map(
                lambda config: read_cluster(
                    config, clock, token_secrets=token_secrets, heard=heard
                ),
                wanted,
            )
        )


def read_cluster(
    config: ClusterConfig,
    clock: Clock,
    *,
    kinds: Sequence[str] = KINDS,
    token_secrets: bool = False,
    heard: Heard = _nothing,
) -> Inventory:
    """Read one cluster over connections of its own."""
    connections = Connections(config)
    try:
        api = Api(config, connections)
        return look(api, clock, kinds=kinds, token_secrets=token_secrets, heard=heard)
    finally:
        connections.forget()


def look(
    api: Api,
    clock: Clock,
    *,
    kinds: Sequence[str] = KINDS,
    token_secrets: bool = False,
    heard: Heard = _nothing,
) -> Inventory:
    """Read what there is now of these kinds.

    Dated before the first list, so that it is at least as fresh.
    """
    taken_at = clock.now()
    gathering = Gathering(elsewhere=api.alias)
    is_there = True
    for kind in kinds:
        if kind == _SECRET and not token_secrets:
            continue
        if not is_there:
            gathering.mark(kind, Seen.FAILED)
            continue
        listed = _listed(api, kind, gathering, heard)
        _take(listed, kind, gathering)
        if kind == kinds[0]:
            # The first answer tells whether there is a cluster: fifteen time-outs tell no more.
            is_there = not isinstance(listed.failure, ClusterUnavailable)
    return gathering.inventory(api.alias, taken_at)


def _take(listed: _Listed, kind: str, gathering: Gathering) -> None:
    for item in listed.items:
        gathering.take(item, None)
    gathering.mark(kind, listed.how)
    if listed.failure is not None and not isinstance(listed.failure, ClusterForbidden):
        words = str(listed.failure.facts().get("detail", ""))
        gathering.tell("no-answer", None, kind=kind, words=words)


def _listed(api: Api, kind: str, gathering: Gathering, heard: Heard) -> _Listed:
    """List one kind, anew when the list expires under it, for as long as that makes sense."""
    listed = _Listed()
    for _ in range(ATTEMPTS):
        listed = _Listed()
        try:
            if _read_pages(api, kind, listed, gathering, heard):
                return listed
        except ClusterError as error:
            listed.failure = error
            nothing = Seen.FORBIDDEN if isinstance(error, ClusterForbidden) else Seen.FAILED
            listed.how = Seen.PARTLY if listed.items else nothing
            return listed
    listed.how = Seen.PARTLY
    return listed


def _read_pages(api: Api, kind: str, listed: _Listed, gathering: Gathering, heard: Heard) -> bool:
    """Read a list page by page; False when it expired on the server."""
    after = ""
    for _ in range(_PAGES_MOST):
        call = _call(kind, after)
        reply = api.reply(call)
        if reply.status == HTTPStatus.GONE:
            return False
        page = _page(api, call, api.expect(call, reply), kind, gathering)
        listed.items.extend(page.items or ())
        heard(api.alias, kind, len(listed.items))
        after = page.metadata.continue_
        if not after:
            return True
    raise ClusterUnavailable(api.alias, call.action, "the list has no end")


def _call(kind: str, after: str) -> Call:
    resource = RESOURCES[kind]
    query = (("limit", str(PAGE_ITEMS)), *((("continue", after),) if after else ()))
    if kind == _SECRET:
        query = (_TOKENS_ONLY, *query)
        return _list_call(resource, query, _METADATA_ONLY)
    return _list_call(resource, query)


def _list_call(
    resource: tuple[str, ...], query: tuple[tuple[str, str], ...], accept: str = "application/json"
) -> Call:
    return Call(f"list {resource[-1]}", "GET", path_of(*resource), query, accept=accept)


def _page(api: Api, call: Call, reply: Reply, kind: str, gathering: Gathering) -> _Page:
    """Decode a page; what is wrong in one object costs no other."""
    try:
        page = _PAGE.decode(reply.body)
    except msgspec.ValidationError:
        plain = api.decode(call, reply, _PlainPage, lambda read: read)
        page = _Page(_mended(plain.items or [], kind, gathering), plain.metadata)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        # A proxy's page, or a server's that is no API server.
        return api.decode(call, reply, _Page, lambda read: read)
    for item in page.items or ():
        item.kind, item.api_version = kind, "/".join(RESOURCES[kind][1:-1])
    return page


def _mended(items: list[Any], kind: str, gathering: Gathering) -> list[ObjectIn]:
    def tell(at: str, wanted: str) -> None:
        gathering.tell("wrong-type", None, at=f"{kind} {at}", wanted=wanted)

    return [mended(item, tell) for item in items if isinstance(item, dict)]
