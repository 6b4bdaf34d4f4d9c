"""One Kubernetes cluster behind the core's port."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Final

from grants.access.cluster_port import Binding, BindingPlace, BindingWish
from grants.access.watch_port import Change, Watched
from grants.authz.model import Answer, Question, RoleRef, RoleSnapshot
from grants.clock import Clock, Offset, offset_from, ticks_ns
from grants.clusters.api import Api
from grants.clusters.bindings import RBAC_GROUP, Bindings
from grants.clusters.config import ClusterConfig
from grants.clusters.connection import Call, Connections, path_of
from grants.clusters.reply import Deadline, Reply, date_of
from grants.clusters.reviews import Reviews
from grants.clusters.rights_watching import rights_ways
from grants.clusters.sharing import SharedRead
from grants.clusters.watching import KubernetesWatcher, way_of
from grants.clusters.wire import NamespaceIn, ObjectListIn, RoleIn, to_role
from grants.errors import ClusterError, ClusterUnavailable
from grants.review.rights_change import RightsChange

NAMESPACES_AGE_MOST: Final = timedelta(seconds=5)

# A list of names has no use for specs, statuses and managed fields: a tenth of the bytes.
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_IDENTITY_NAMESPACE: Final = "kube-system"
# Servers write the time of an answer in whole seconds.
_DATE_GRAIN: Final = timedelta(seconds=1)


class KubernetesCluster:
    """The `ClusterPort` over the official client; thread-safe.

    Nothing is sent before the first call, so a cluster that is down delays no start. No call is
    repeated here: the caller knows what may be, and when.
    """

    def __init__(self, config: ClusterConfig, clock: Clock) -> None:
        self.alias = config.alias
        self._config = config
        self._clock = clock
        self._connections = Connections(config)
        self._api = Api(config, self._connections)
        self._bindings = Bindings(self._api, config.installation)
        self._reviews = Reviews(self._api, config.pool_size)
        self._lock = threading.Lock()
        self._namespaces: tuple[str, ...] = ()
        self._namespaces_read_at: datetime | None = None
        self._uid = SharedRead(partial(self._uid_at, None))
        self._ready: dict[str, SharedRead[bool]] = {}

    def close(self) -> None:
        """Close connections and threads; a call made later opens them anew."""
        self._reviews.close()
        self._connections.forget()

    def uid(self) -> str:
        """Give the uid of the kube-system namespace, asked anew."""
        return self._uid()

    def clock_offset(self, endpoint: str) -> Offset:
        """Tell how far our clock is ahead of one API server's, by the date of an answer.

        ClusterUnavailable when it says none. Behind a proxy that answers itself it is the proxy's.
        """
        call = Call(
            "get namespaces", "GET", path_of("api", "v1", "namespaces", _IDENTITY_NAMESPACE)
        )
        asked_at, began_ns = self._clock.now(), ticks_ns()
        reply = self._api.expect(call, self._api.reply(call, endpoint))
        took = timedelta(microseconds=(ticks_ns() - began_ns) // 1000)
        theirs = date_of(reply.date)
        if theirs is None:
            raise ClusterUnavailable(self.alias, call.action, "an answer without a date")
        return offset_from(asked_at, took, theirs, _DATE_GRAIN)

    def endpoints(self) -> tuple[str, ...]:
        """Name every API server to ask: those configured, else the kubeconfig's address."""
        return self._config.endpoints or (self._connections.main_server(),)

    def knows_all_endpoints(self) -> bool:
        """Tell whether `endpoints` was configured."""
        return bool(self._config.endpoints)

    def role(self, ref: RoleRef, namespace: str | None) -> RoleSnapshot | None:
        """Read a role's rules, dated; None when there is no such role."""
        if ref.kind == "ClusterRole":
            path = path_of("apis", RBAC_GROUP, "v1", "clusterroles", ref.name)
        elif namespace is None:
            return None
        else:
            path = path_of("apis", RBAC_GROUP, "v1", "namespaces", namespace, "roles", ref.name)
        call = Call(f"get {ref.kind.lower()}s", "GET", path)
        # Dated before the read: what is read is at least as fresh as it says.
        read_at = self._clock.now()
        reply = self._api.found(call, ref.name)
        if reply is None:
            return None
        return self._api.decode(call, reply, RoleIn, lambda read: to_role(read, ref, read_at))

    def has_namespace(self, name: str) -> bool:
        """Tell whether a namespace exists and is not terminating."""
        read = self._namespace(name, None)
        return (
            read is not None
            and read.metadata.deletion_timestamp is None
            and read.status.phase == "Active"
        )

    def namespaces(self) -> tuple[str, ...]:
        """List the names of the namespaces that are not terminating, at most 5 s old."""
        now = self._clock.now()
        with self._lock:
            read_at = self._namespaces_read_at
            # A clock set back must not keep an old list alive.
            if read_at is not None and timedelta(0) <= now - read_at < NAMESPACES_AGE_MOST:
                return self._namespaces
        names = self._list_namespaces()
        with self._lock:
            self._namespaces, self._namespaces_read_at = names, now
        return names

    def binding(self, place: BindingPlace, endpoint: str | None = None) -> Binding | None:
        """Read a binding by a consistent GET; None when there is none."""
        self._prove(endpoint)
        return self._bindings.get(place, endpoint)

    def managed_bindings(self) -> tuple[Binding, ...]:
        """List every binding and cluster binding that bears our managed-by label."""
        return self._bindings.managed()

    def create_empty(self, wish: BindingWish) -> Binding | None:
        """Create the binding without subjects; None when the name is taken."""
        return self._bindings.create_empty(wish)

    def fill(self, binding: Binding, wish: BindingWish, expires_at: datetime) -> Binding:
        """Add the subject and the expiry annotation; ClusterConflict when it changed or went."""
        return self._bindings.fill(binding, wish, expires_at)

    def empty(self, binding: Binding) -> Binding:
        """Take all subjects away; ClusterForbidden when the bot may no longer bind the role."""
        return self._bindings.empty(binding)

    def drop_finalizers(self, binding: Binding) -> None:
        """Take all finalizers away."""
        self._bindings.drop_finalizers(binding)

    def delete(self, place: BindingPlace, uid: str) -> Binding | None:
        """Delete by uid. None: gone. A binding: it is held by finalizers and still counts."""
        return self._bindings.delete(place, uid)

    def ready(self, endpoint: str) -> bool:
        """Tell whether one API server says that it is ready; no answer in time is no."""
        shared = self._ready.get(endpoint)
        if shared is None:
            shared = SharedRead(partial(self._is_ready, endpoint))
            shared = self._ready.setdefault(endpoint, shared)
        return shared()

    def ask(
        self, subject: str, groups: Sequence[str], questions: Sequence[Question], endpoint: str
    ) -> tuple[Answer, ...]:
        """Ask one API server by SubjectAccessReview, in order; `system:authenticated` is added."""
        self._prove(endpoint)
        return self._reviews.ask(subject, groups, questions, endpoint)

    def watcher(self, watched: Watched) -> KubernetesWatcher[Change]:
        """Give what watches one thing; nothing is sent yet."""
        config = self._config
        way = way_of(watched, config.installation)
        return KubernetesWatcher(self.alias, self._connections, way, config.times)

    def rights_watchers(self) -> tuple[KubernetesWatcher[RightsChange], ...]:
        """Give what watches all that a review's rights hang on; nothing is sent yet."""
        config = self._config
        return tuple(
            KubernetesWatcher(self.alias, self._connections, way, config.times)
            for way in rights_ways(self._api, config.installation)
        )

    def _is_ready(self, endpoint: str) -> bool:
        call = Call("get readyz", "GET", path_of("readyz"))
        try:
            reply = self._connections.send(call, endpoint, Deadline(self._config.times.ready))
        except ClusterError:
            return False
        return reply.status == HTTPStatus.OK

    def _prove(self, endpoint: str | None) -> None:
        if endpoint is not None:
            self._api.prove(endpoint, self._uid_at)

    def _uid_at(self, server: str | None) -> str:
        read = self._namespace(_IDENTITY_NAMESPACE, server)
        if read is None:
            # Every cluster has it: without it, nothing tells that this is a cluster at all.
            raise ClusterUnavailable(self.alias, "get namespaces", f"no {_IDENTITY_NAMESPACE}")
        return read.metadata.uid

    def _namespace(self, name: str, server: str | None) -> NamespaceIn | None:
        call = Call("get namespaces", "GET", path_of("api", "v1", "namespaces", name))
        reply = self._api.found(call, name, server)
        if reply is None:
            return None
        return self._api.decode(call, reply, NamespaceIn, lambda read: _the_one(read, name))

    def _list_namespaces(self) -> tuple[str, ...]:
        names: list[str] = []
        path = path_of("api", "v1", "namespaces")
        call = Call("list namespaces", "GET", path, accept=_METADATA_ONLY)

        def take(reply: Reply) -> str:
            return self._api.decode(call, reply, ObjectListIn, lambda page: _names(page, names))

        self._api.pages(call, take)
        return tuple(names)


def _the_one(read: NamespaceIn, name: str) -> NamespaceIn:
    if read.metadata.name != name or not read.metadata.uid:
        raise ValueError
    return read


def _names(page: ObjectListIn, names: list[str]) -> str:
    metas = (item.metadata for item in page.items)
    names.extend(meta.name for meta in metas if meta.deletion_timestamp is None)
    return page.metadata.continue_
