"""Writes: create, replace, delete, with everything that Kubernetes asks of them on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.playground.cluster.admission import admitted, require_living_namespace
from bot.playground.cluster.authorizing import Authorizer, User
from bot.playground.cluster.defaults import (
    TERMINATING,
    as_stored,
    defaulted,
    prepared_changed,
    prepared_new,
)
from bot.playground.cluster.escalating import require_held
from bot.playground.cluster.faults import (
    already_exists,
    bad_request,
    conflict,
    internal,
    modified,
    not_found,
    success,
    wrong_uid,
)
from bot.playground.cluster.kinds import NAMESPACE, POD, RBAC_GROUP, Json, Kind
from bot.playground.cluster.meta import carried_over, in_namespace, newborn, rfc3339
from bot.playground.cluster.store import Store
from bot.playground.cluster.validation import check_changed, check_new

# Kinds whose PUT makes what isn't there.
_CREATED_BY_PUT: Final = frozenset({RBAC_GROUP, "coordination.k8s.io"})
_RETURNED_WHEN_DELETED: Final = frozenset(
    {
        "Namespace",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "PodTemplate",
        "ResourceQuota",
        "Service",
        "ServiceAccount",
    }
)
_FOREGROUND, _ORPHAN = "foregroundDeletion", "orphan"
_PROPAGATING: Final = {"Foreground": _FOREGROUND, "Orphan": _ORPHAN}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is, or shall be."""

    kind: Kind
    namespace: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How something is to be deleted."""

    uid: str | None = None
    resource_version: str | None = None
    propagation: str = ""
    dry_run: bool = False


Edit = Callable[[Json], Json]
"""Makes of what stands there what shall stand there; it may raise a Fault."""


class Writer:
    """Writes to the store for a user; `settle` is called after each write that was one."""

    def __init__(self, store: Store, authorizer: Authorizer, settle: Callable[[], None]) -> None:
        self._store = store
        self._authorizer = authorizer
        self._settle = settle

    def create(self, place: Place, wanted: Json, user: User, *, dry_run: bool = False) -> Json:
        """Make an object."""
        kind = place.kind
        if (wanted["metadata"].get("resourceVersion") or "") not in {"", "0"}:
            raise internal("resourceVersion should not be set on objects to be created")
        made = {**wanted, "metadata": in_namespace(kind, wanted["metadata"], place.namespace)}
        made = {**made, "kind": kind.kind, "apiVersion": kind.api_version}
        made = defaulted(kind, made)
        require_living_namespace(self._store, kind, place.namespace, made)
        made = admitted(self._store, kind, made)
        require_held(self._authorizer, user, kind, made, None)
        made = {**made, "metadata": newborn(made["metadata"])}
        made = prepared_new(kind, defaulted(kind, made))
        check_new(kind, made)
        name = made["metadata"]["name"]
        self._require_free(Place(kind, place.namespace, name), made)
        return self._put(kind, made, dry_run=dry_run)

    def _require_free(self, place: Place, made: Json) -> None:
        stands = self._store.get(place.kind, place.namespace, place.name)
        if stands is None:
            return
        raise already_exists(
            place.kind,
            place.name,
            is_ending="deletionTimestamp" in stands["metadata"],
            has_base=bool(made["metadata"].get("generateName")),
        )

    def change(
        self, place: Place, edit: Edit, user: User, *, uid: str = "", dry_run: bool = False
    ) -> Json:
        """Replace an object by what `edit` makes of it; Fault (404) when it isn't there.

        `uid` is that of the object which is meant, where the writer says so.
        """
        kind = place.kind
        old = self._store.get(kind, place.namespace, place.name)
        if old is None:
            if uid and kind.group in _CREATED_BY_PUT:
                raise wrong_uid(kind, place.namespace, place.name, uid, "", dry_run=dry_run)
            raise not_found(kind, place.name)
        if uid and uid != old["metadata"]["uid"]:
            found = old["metadata"]["uid"]
            raise wrong_uid(kind, place.namespace, place.name, uid, found, dry_run=dry_run)
        wanted = {**edit(old), "kind": kind.kind, "apiVersion": kind.api_version}
        meta = in_namespace(kind, wanted["metadata"], place.namespace)
        version = meta.get("resourceVersion") or ""
        wanted = defaulted(kind, {**wanted, "metadata": meta})
        require_held(self._authorizer, user, kind, wanted, old)
        if version not in {"", "0", old["metadata"]["resourceVersion"]}:
            raise modified(kind, place.name)
        meta = {**wanted["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}
        wanted = {**wanted, "metadata": carried_over(meta, old["metadata"])}
        wanted = prepared_changed(kind, wanted, old)
        check_changed(kind, wanted, old)
        return self._replace(place, wanted, old, dry_run=dry_run)

    def replace(self, place: Place, wanted: Json, user: User, *, dry_run: bool = False) -> Json:
        """PUT: an object in place of another; of some kinds, one that isn't there is made."""
        kind, meta = place.kind, wanted["metadata"]
        _require_name(meta, place.name)
        named = {**wanted, "metadata": {**meta, "name": place.name}}
        stands = self._store.get(kind, place.namespace, place.name) is not None
        if not stands and not meta.get("uid") and kind.group in _CREATED_BY_PUT:
            bare = {k: v for k, v in named["metadata"].items() if k != "resourceVersion"}
            made = self.create(place, {**named, "metadata": bare}, user, dry_run=dry_run)
            # What is not stored keeps the version that it came with.
            said = {"resourceVersion": meta["resourceVersion"]} if "resourceVersion" in meta else {}
            return {**made, "metadata": {**said, **made["metadata"]}}
        return self.change(
            place, lambda _old: named, user, uid=meta.get("uid") or "", dry_run=dry_run
        )

    def change_part(self, place: Place, edit: Edit, *, dry_run: bool = False) -> Json:
        """Change what hangs on an object: its status, its finalizers; no right is asked for."""
        old = self._store.get(place.kind, place.namespace, place.name)
        if old is None:
            raise not_found(place.kind, place.name)
        return self._replace(place, edit(old), old, dry_run=dry_run)

    def delete(self, place: Place, options: DeleteOptions) -> tuple[Json, bool]:
        """Delete an object; gives what is answered, and whether it is gone."""
        kind = place.kind
        old = self._store.get(kind, place.namespace, place.name)
        if old is None:
            raise not_found(kind, place.name)
        _require_meant(kind, old, options)
        finalizers = _finalizers_after(old, options.propagation)
        if finalizers or kind is NAMESPACE:
            held = _held(old, finalizers)
            return self._replace(place, held, old, dry_run=options.dry_run), False
        if options.dry_run:
            gone = old
        else:
            gone = self._store.drop(kind, place.namespace, place.name)
            self._settle()
        if kind.kind in _RETURNED_WHEN_DELETED:
            return _as_deleted(kind, gone), True
        details = {"name": place.name, "group": kind.group, "kind": kind.plural}
        details["uid"] = old["metadata"]["uid"]
        return success({key: value for key, value in details.items() if value}), True

    def _replace(self, place: Place, wanted: Json, old: Json, *, dry_run: bool) -> Json:
        meta = wanted["metadata"]
        if meta.get("deletionTimestamp") and not meta.get("finalizers") and place.kind is not POD:
            done = self._end_held(place, wanted, dry_run=dry_run)
            if done is not None:
                return done
        wanted = as_stored(place.kind, wanted)
        # A write that changes nothing is none.
        return old if wanted == old else self._put(place.kind, wanted, dry_run=dry_run)

    def _end_held(self, place: Place, wanted: Json, *, dry_run: bool) -> Json | None:
        """Let an object go whose last finalizer was taken away; None: something else holds it."""
        if place.kind is NAMESPACE and (wanted.get("spec") or {}).get("finalizers"):
            return None
        if not dry_run:
            self._store.drop(place.kind, place.namespace, place.name)
            self._settle()
        # With the version that it had last: its end is none of its own.
        return wanted

    def _put(self, kind: Kind, wanted: Json, *, dry_run: bool) -> Json:
        wanted = as_stored(kind, wanted)
        if dry_run:
            return wanted
        stored = self._store.put(kind, wanted)
        self._settle()
        return stored


def _require_name(meta: Json, name: str) -> None:
    said = meta.get("name") or ""
    if not said:
        raise bad_request(
            f"the name of the object ({name} based on URL) was undeterminable:"
            " name must be provided"
        )
    if said != name:
        raise bad_request(
            f"the name of the object ({said}) does not match the name on the URL ({name})"
        )


def _require_meant(kind: Kind, old: Json, options: DeleteOptions) -> None:
    """Raise a Fault (409) when the object is not the one, or not the version, that was meant."""
    meta = old["metadata"]
    if kind is NAMESPACE:
        _require_meant_namespace(kind, meta, options)
    if options.uid is not None and options.uid != meta["uid"]:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record"
            f" ({meta['uid']}). The object might have been deleted and then recreated"
        )
        raise conflict(kind.group, kind.kind, meta["name"], why)
    wanted = options.resource_version
    if wanted is not None and wanted != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({wanted}) does not match the"
            f" ResourceVersion in record ({meta['resourceVersion']})."
            " The object might have been modified"
        )
        raise conflict(kind.group, kind.kind, meta["name"], why)


def _require_meant_namespace(kind: Kind, meta: Json, options: DeleteOptions) -> None:
    """Do the same for a namespace, whose storage says it in words of its own."""
    for name, wanted, found in (
        ("UID", options.uid, meta["uid"]),
        ("ResourceVersion", options.resource_version, meta["resourceVersion"]),
    ):
        if wanted is not None and wanted != found:
            why = (
                f"Precondition failed: {name} in precondition: {wanted},"
                f" {name} in object meta: {found}"
            )
            raise conflict(kind.group, kind.plural, meta["name"], why)


def _finalizers_after(old: Json, propagation: str) -> list[str]:
    held = list(old["metadata"].get("finalizers") or ())
    if not propagation:
        return held
    kept = [one for one in held if one not in {_FOREGROUND, _ORPHAN}]
    added = _PROPAGATING.get(propagation)
    return [*kept, added] if added else kept


def _held(old: Json, finalizers: list[str]) -> Json:
    """Mark an object as being deleted."""
    meta = {**old["metadata"]}
    meta.setdefault("deletionTimestamp", rfc3339())
    if "spec" not in old or "finalizers" not in old["spec"]:
        meta.setdefault("deletionGracePeriodSeconds", 0)
    if finalizers:
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)
    held = {**old, "metadata": meta}
    if old["kind"] == "Namespace":
        held["status"] = {**old["status"], "phase": TERMINATING}
    return held


def _as_deleted(kind: Kind, gone: Json) -> Json:
    if kind is not POD:
        return gone
    meta = {**gone["metadata"], "deletionTimestamp": rfc3339(), "deletionGracePeriodSeconds": 0}
    return {**gone, "metadata": meta}
