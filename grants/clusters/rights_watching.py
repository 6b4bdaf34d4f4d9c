"""Watches of all that rights hang on: accounts, roles and bindings, by their metadata alone.

What stands is not told again when a stream begins: a large cluster has tens of thousands of it,
and a scan reads all of that anyway. So a stream begins at the version of now.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from grants.clusters import labels
from grants.clusters.api import Api
from grants.clusters.connection import Call, path_of
from grants.clusters.inventory import RESOURCES
from grants.clusters.watching import Way
from grants.clusters.wire import ListMeta, Meta
from grants.decoding import decoder
from grants.review.rights_change import RightsChange

KINDS: Final = ("ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
"""What is watched. Who runs as an account changes all the time, and is seen by the next scan."""

_OBJECT: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class _ObjectIn(msgspec.Struct):
    metadata: Meta


class _ListIn(msgspec.Struct):
    metadata: ListMeta


_OBJECTS: Final = decoder(_ObjectIn)


def rights_ways(api: Api, installation: str) -> Iterator[Way[RightsChange]]:
    """Say how each kind is watched."""
    for kind in KINDS:
        path = path_of(*RESOURCES[kind])
        yield Way(path, (), _reader(kind, installation), _newest(api, path), _OBJECT)


def _newest(api: Api, path: str) -> Callable[[], str]:
    call = Call(f"list {path.rpartition('/')[2]}", "GET", path, (("limit", "1"),), accept=_LIST)

    def newest() -> str:
        reply = api.expect(call, api.reply(call))
        return api.decode(call, reply, _ListIn, lambda read: read.metadata.resource_version)

    return newest


def _reader(
    kind: str, installation: str
) -> Callable[[msgspec.Raw, bool], tuple[RightsChange | None, str]]:
    def read(raw: msgspec.Raw, _: bool) -> tuple[RightsChange | None, str]:  # noqa: FBT001 - the stream's signature
        meta = _OBJECTS.decode(raw).metadata
        if not meta.name:
            raise ValueError
        change = RightsChange(kind, meta.name, meta.namespace or "")
        return (None if _is_ours(meta, installation) else change), meta.resource_version

    return read


def _is_ours(meta: Meta, installation: str) -> bool:
    """Tell whether it bears our labels: with each grant a binding comes and goes.

    Whoever fakes them gains little: a sweep alarms what the record does not know, and the next
    scan sees it as any other.
    """
    said = meta.labels or {}
    ours = said.get(labels.MANAGED_BY_LABEL) == labels.MANAGED_BY
    return ours and said.get(labels.INSTALLATION_LABEL) == installation
