"""RoleBindings and ClusterRoleBindings: read, create, change and delete, each write fenced.

A PUT carries the uid and the resourceVersion that were read: without the uid, a PUT of a name
that is gone would create the binding again. A DELETE carries the uid alone, so that it never
loses to somebody's edit.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from grants.access.cluster_port import Binding, BindingPlace, BindingWish
from grants.clusters import labels
from grants.clusters.api import Api
from grants.clusters.connection import Call, path_of
from grants.clusters.failures import is_absent, status_of
from grants.clusters.reply import Reply
from grants.clusters.wire import (
    CLUSTER_ROLE_BINDING,
    ROLE_BINDING,
    BindingIn,
    BindingListIn,
    format_time,
    to_binding,
)
from grants.errors import ClusterConflict, ClusterUnavailable

RBAC_GROUP: Final = "rbac.authorization.k8s.io"
RBAC_API: Final = f"{RBAC_GROUP}/v1"

# Those between create and fill: as many as there are threads, but for walks that broke off.
_MADE_MOST: Final = 256

Edit = Callable[[dict[str, Any]], None]


class Bindings:
    """The bindings of one cluster."""

    def __init__(self, api: Api, installation: str) -> None:
        self._api = api
        self._installation = installation
        self._made: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def get(self, place: BindingPlace, server: str | None) -> Binding | None:
        """Read one; without a resourceVersion the server must ask etcd's majority."""
        call = _call("get", "GET", place)
        reply = self._api.found(call, place.name, server)
        if reply is None:
            return None
        return self._api.decode(call, reply, BindingIn, lambda read: to_binding(read, place))

    def managed(self) -> tuple[Binding, ...]:
        """List those that bear our managed-by label, of every installation."""
        return (*self._managed("rolebindings"), *self._managed("clusterrolebindings"))

    def create_empty(self, wish: BindingWish) -> Binding | None:
        """Create without subjects; None when the name is taken."""
        call = _call("create", "POST", wish.place, self._manifest(wish))
        reply = self._api.reply(call)
        status = status_of(reply)
        if reply.status == HTTPStatus.CONFLICT and status and status.reason == "AlreadyExists":
            return None
        self._api.expect(call, reply, HTTPStatus.CREATED)
        made = self._api.decode(call, reply, BindingIn, lambda read: to_binding(read, wish.place))
        self._remember(made.uid, self._api.raw(call, reply))
        return made

    def fill(self, binding: Binding, wish: BindingWish, expires_at: datetime) -> Binding:
        """Put the one subject and the expiry into an empty binding that nobody has touched."""
        if binding.deleting or binding.subjects or binding.role != wish.role:
            raise ClusterConflict(self._api.alias, "update bindings", "not an empty one for this")

        def edit(manifest: dict[str, Any]) -> None:
            user = {"kind": "User", "apiGroup": RBAC_GROUP, "name": wish.subject}
            manifest["subjects"] = [user]
            annotations = manifest["metadata"].get("annotations") or {}
            annotations[labels.EXPIRES_ANNOTATION] = format_time(expires_at)
            manifest["metadata"]["annotations"] = annotations

        return self._put(binding, edit)

    def empty(self, binding: Binding) -> Binding:
        """Take every subject away; the API server demands `bind` on the role even for this."""
        return self._put(binding, lambda manifest: manifest.update(subjects=[]))

    def drop_finalizers(self, binding: Binding) -> None:
        """Take every finalizer away and nothing else: only so the server asks for no `bind`."""
        self._put(binding, lambda manifest: manifest["metadata"].pop("finalizers", None))

    def delete(self, place: BindingPlace, uid: str) -> Binding | None:
        """Delete by uid. The answer's kind tells: a Status is gone, an object is held."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            # Foreground and Orphan add a finalizer of their own, and with it a binding that counts.
            "propagationPolicy": "Background",
        }
        call = _call("delete", "DELETE", place, options)
        reply = self._api.reply(call)
        if is_absent(reply, place.name):
            return None
        self._api.expect(call, reply)
        status = status_of(reply)
        if status is None:
            return self._api.decode(call, reply, BindingIn, lambda read: to_binding(read, place))
        if status.status != "Success":
            raise ClusterUnavailable(self._api.alias, call.action, "an answer that says nothing")
        return None

    def _managed(self, resource: str) -> list[Binding]:
        found: list[Binding] = []
        ours = f"{labels.MANAGED_BY_LABEL}={labels.MANAGED_BY}"
        path = path_of("apis", RBAC_GROUP, "v1", resource)
        call = Call(f"list {resource}", "GET", path, (("labelSelector", ours),))

        def take(reply: Reply) -> str:
            return self._api.decode(
                call, reply, BindingListIn, lambda page: _take_page(page, found)
            )

        self._api.pages(call, take)
        return found

    def _put(self, binding: Binding, edit: Edit) -> Binding:
        place = binding.place
        manifest = self._as_it_stands(binding)
        edit(manifest)
        call = _call("update", "PUT", place, manifest)
        reply = self._api.reply(call)
        if is_absent(reply, place.name):
            raise ClusterConflict(self._api.alias, call.action, "gone")
        self._api.expect(call, reply)
        return self._api.decode(call, reply, BindingIn, lambda read: to_binding(read, place))

    def _as_it_stands(self, binding: Binding) -> dict[str, Any]:
        """Give the whole object, with what others put into it; ClusterConflict if it moved on.

        One that was made a moment ago is remembered, and not read again: should somebody have
        touched it since, the PUT is refused by the version that it carries.
        """
        manifest = self._made.pop(binding.uid, None)
        if manifest is None or not _is_of(manifest, binding):
            get = _call("get", "GET", binding.place)
            reply = self._api.found(get, binding.place.name)
            manifest = {} if reply is None else self._api.raw(get, reply)
        if not _is_of(manifest, binding):
            raise ClusterConflict(self._api.alias, "update bindings", "gone, or moved on")
        return manifest

    def _remember(self, uid: str, manifest: dict[str, Any]) -> None:
        self._made[uid] = manifest
        while len(self._made) > _MADE_MOST:
            self._made.popitem(last=False)

    def _manifest(self, wish: BindingWish) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "name": wish.place.name,
            "labels": {
                labels.MANAGED_BY_LABEL: labels.MANAGED_BY,
                labels.INSTALLATION_LABEL: self._installation,
                labels.GRANT_LABEL: wish.grant,
            },
            "annotations": {
                labels.GRANT_ANNOTATION: wish.grant,
                labels.REQUESTER_ANNOTATION: wish.requester,
                labels.APPROVERS_ANNOTATION: ",".join(wish.approvers),
            },
        }
        if wish.place.namespace is not None:
            metadata["namespace"] = wish.place.namespace
        return {
            "apiVersion": RBAC_API,
            "kind": ROLE_BINDING if wish.place.namespace is not None else CLUSTER_ROLE_BINDING,
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC_GROUP, "kind": wish.role.kind, "name": wish.role.name},
            "subjects": [],
        }


def _is_of(manifest: dict[str, Any], binding: Binding) -> bool:
    meta = manifest.get("metadata") or {}
    found = (meta.get("uid"), meta.get("resourceVersion"))
    return found == (binding.uid, binding.resource_version)


def _take_page(page: BindingListIn, found: list[Binding]) -> str:
    for read in page.items:
        place = BindingPlace(read.metadata.name, read.metadata.namespace)
        found.append(to_binding(read, place))
    return page.metadata.continue_


def _call(verb: str, method: str, place: BindingPlace, body: dict[str, Any] | None = None) -> Call:
    resource = "clusterrolebindings" if place.namespace is None else "rolebindings"
    home = () if place.namespace is None else ("namespaces", place.namespace)
    own_name = () if method == "POST" else (place.name,)
    path = path_of("apis", RBAC_GROUP, "v1", *home, resource, *own_name)
    return Call(f"{verb} {resource}", method, path, body=body)
