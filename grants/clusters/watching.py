"""Watches: changes of our bindings and of roles, heard within milliseconds, believed never.

A stream is asked for a bounded time. One that ended as agreed is gone on from where it ended;
after anything else the next one begins anew, at the cluster's state of that moment. So a version
that the server no longer knows (410), or does not know yet (etcd was restored), is never held on
to: a watch from a version of the future says nothing for ever.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

import msgspec
import urllib3

from grants.access.cluster_port import BindingPlace
from grants.access.watch_port import BindingChange, BindingKind, Change, RoleChange, Watched
from grants.authz.model import RoleRef
from grants.clusters import labels
from grants.clusters.bindings import RBAC_GROUP
from grants.clusters.config import ClusterTimes
from grants.clusters.connection import Call, Connections, path_of
from grants.clusters.failures import refusal, unreachable
from grants.clusters.reply import Reply
from grants.clusters.wire import BindingIn, Meta, RoleIn, to_binding, to_rules
from grants.decoding import decoder
from grants.errors import ClusterError, ClusterUnavailable

C = TypeVar("C")

_CHUNK_BYTES: Final = 64 * 1024
_EVENT_MOST_BYTES: Final = 4 * 1024 * 1024
# Streams in a row that go on from each other, before one begins anew in any case.
_GOES_ON_MOST: Final = 30


class _AnyIn(msgspec.Struct):
    """An object of any kind, as far as a bookmark or an error tells."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    code: int = 0


class _EventIn(msgspec.Struct):
    """One event, its object not yet decoded."""

    type: str
    object: msgspec.Raw


_EVENTS: Final = decoder(_EventIn)
_ANYS: Final = decoder(_AnyIn)
_BINDINGS: Final = decoder(BindingIn)
_ROLES: Final = decoder(RoleIn)


def _anywhere() -> str:
    """Begin at the state of now, told as if all of it had just come."""
    return ""


@dataclass(frozen=True)
class Way(Generic[C]):
    """What is watched: where, asked how, and what an event says.

    `read` decodes an event's object (and whether it is gone) to a change, None where it is none
    of ours to tell, and its version; ValueError when it is not what was asked for. `newest` gives
    the version to begin anew from.
    """

    path: str
    query: tuple[tuple[str, str], ...]
    read: Callable[[msgspec.Raw, bool], tuple[C | None, str]]
    newest: Callable[[], str] = _anywhere
    accept: str = "application/json"


class KubernetesWatcher(Generic[C]):
    """The `Watcher` port: streams on one thing, each going on from the last where it may."""

    def __init__(
        self, alias: str, connections: Connections, way: Way[C], times: ClusterTimes
    ) -> None:
        self._alias = alias
        self._connections = connections
        self._times = times
        self._way = way
        self._action = f"watch {way.path.rpartition('/')[2]}"
        self._version = ""
        self._gone_on = 0

    def open(self) -> "KubernetesStream[C]":
        """Open the next stream; ClusterError when there is none to be had."""
        version, self._version = self._version, ""
        self._gone_on = self._gone_on + 1 if version else 0
        if self._gone_on >= _GOES_ON_MOST:
            version, self._gone_on = "", 0
        call = self._call(version or self._way.newest())
        response = self._connections.stream(call, self._times.watch + self._times.watch_grace)
        if isinstance(response, Reply):
            raise refusal(self._alias, self._action, response)
        return KubernetesStream(self, response, self._times.watch, goes_on=bool(version))

    def ended_as_agreed(self, version: str) -> None:
        """Hear where a stream ended; the next one goes on from there."""
        self._version = version

    def lost(self, why: str) -> ClusterUnavailable:
        """Make the error of a stream that did not end as agreed."""
        return ClusterUnavailable(self._alias, self._action, why)

    def broke(self, error: Exception) -> ClusterUnavailable:
        """Make the error of a stream that the network, or a nonsense, ended."""
        return unreachable(self._alias, self._action, error)

    def change(self, raw: msgspec.Raw, *, gone: bool) -> tuple[C | None, str]:
        """Decode what an event tells of, and its version; ValueError when it is not ours."""
        return self._way.read(raw, gone)

    def _call(self, version: str) -> Call:
        seconds = str(int(self._times.watch.total_seconds()))
        query = (*self._way.query, ("watch", "1"), ("timeoutSeconds", seconds))
        query = (*query, ("allowWatchBookmarks", "true"))
        if version:
            query = (*query, ("resourceVersion", version))
        return Call(self._action, "GET", self._way.path, query, accept=self._way.accept)


class KubernetesStream(Generic[C]):
    """The `Stream` port over one answer that goes on."""

    def __init__(
        self,
        watcher: KubernetesWatcher[C],
        response: urllib3.BaseHTTPResponse,
        lasts: timedelta,
        *,
        goes_on: bool,
    ) -> None:
        self._watcher = watcher
        self._response = response
        self._goes_on = goes_on
        # A server ends a stream on time; one that ends early is being stopped, or lies.
        self._agreed_end = time.monotonic() + lasts.total_seconds() - 1
        self._version = ""
        self._is_read = False

    @property
    def goes_on(self) -> bool:
        """Tell whether nothing can have been missed since the stream before this one."""
        return self._goes_on

    def batches(self) -> Iterator[tuple[C, ...]]:
        """Give what comes, as it comes; ends when the server ends it as agreed."""
        self._is_read = True
        try:
            yield from self._batches()
        except ClusterError:
            raise
        except Exception as error:  # noqa: BLE001 - urllib3's, ssl's, msgspec's and http.client's errors have no common root
            raise self._watcher.broke(error) from None
        finally:
            self._response.close()
        if time.monotonic() < self._agreed_end:
            raise self._watcher.lost("the stream ended early")
        if self._version:
            self._watcher.ended_as_agreed(self._version)

    def close(self) -> None:
        """End it now, also while another thread waits for what comes next."""
        # It may be closed already, or never have had a socket of its own.
        with suppress(Exception):
            self._response.shutdown()
        if not self._is_read:
            # Else whoever reads it closes it: two threads must not.
            self._response.close()

    def _batches(self) -> Iterator[tuple[C, ...]]:
        rest = b""
        while part := self._response.read1(_CHUNK_BYTES):
            *lines, rest = (rest + part).split(b"\n")
            if len(rest) > _EVENT_MOST_BYTES:
                raise self._watcher.lost("an event without an end")
            taken = [self._take(line) for line in lines if line]
            found = [change for change in taken if change is not None]
            if found:
                yield tuple(found)

    def _take(self, line: bytes) -> C | None:
        """Take one event in; None when it tells only how far the server is."""
        event = _EVENTS.decode(line)
        if event.type == "BOOKMARK":
            self._version = _ANYS.decode(event.object).metadata.resource_version
            return None
        if event.type not in {"ADDED", "MODIFIED", "DELETED"}:
            raise self._watcher.lost(f"{event.type} {_ANYS.decode(event.object).code}")
        change, self._version = self._watcher.change(event.object, gone=event.type == "DELETED")
        return change


def way_of(watched: Watched, installation: str) -> Way[Change]:
    """Say how a thing is watched: a role by its name alone, for which RBAC has a right."""
    if isinstance(watched, RoleRef):
        path = path_of("apis", RBAC_GROUP, "v1", f"{watched.kind.lower()}s")
        selector = (("fieldSelector", f"metadata.name={_escaped(watched.name)}"),)
        return Way(path, selector, lambda raw, gone: _role_change(raw, watched, gone=gone))
    resource = {
        BindingKind.NAMESPACED: "rolebindings",
        BindingKind.CLUSTER_WIDE: "clusterrolebindings",
    }[watched]
    ours = f"{labels.MANAGED_BY_LABEL}={labels.MANAGED_BY},{labels.INSTALLATION_LABEL}"
    selector = (("labelSelector", f"{ours}={installation}"),)
    path = path_of("apis", RBAC_GROUP, "v1", resource)
    return Way(path, selector, lambda raw, gone: _binding_change(raw, gone=gone))


def _escaped(name: str) -> str:
    """Escape what a field selector would read as its own signs: names may hold nearly all."""
    return name.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _binding_change(raw: msgspec.Raw, *, gone: bool) -> tuple[Change, str]:
    read = _BINDINGS.decode(raw)
    place = BindingPlace(read.metadata.name, read.metadata.namespace)
    binding = to_binding(read, place)
    return BindingChange(binding, gone), binding.resource_version


def _role_change(raw: msgspec.Raw, ref: RoleRef, *, gone: bool) -> tuple[Change, str]:
    read = _ROLES.decode(raw)
    meta: Any = read.metadata
    if meta.name != ref.name or (meta.namespace is None) != (ref.kind == "ClusterRole"):
        raise ValueError
    rules = None if gone else to_rules(read)
    return RoleChange(ref, meta.namespace, rules), meta.resource_version
