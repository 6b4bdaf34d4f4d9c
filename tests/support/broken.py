"""Three builds that are broken on purpose: the checker must catch each of them."""

from datetime import datetime

from grants.access import activate, reconcile
from grants.access.cluster_port import Binding, BindingWish
from grants.access.ending import END
from grants.access.model import GrantState
from grants.access.steps import Step, Work, wish_of
from grants.clusters import bindings
from grants.clusters.bindings import Bindings
from tests.support.fault_worker import Build


def breaking(build: Build) -> None:
    """Break this process; only ever called in a child that ends soon."""
    {"no-fence": _no_fence, "no-uid": _no_uid, "ended-after-delete": _ended_after_delete}[build]()


def _swap(state: GrantState, road: tuple[Step, ...]) -> None:
    reconcile.ROADS[state] = road


def _no_fence() -> None:
    """Create the binding filled at once, as a naive bot would."""

    def put(work: Work, created: list[Binding] | None = None) -> Binding | None:
        made = work.cluster.create_empty(wish_of(work.grant))
        if made is not None and created is not None:
            created.append(made)
        if made is None:
            return work.cluster.binding(work.place)
        return work.cluster.fill(made, wish_of(work.grant), work.now + work.grant.duration)

    activate._put = put


def _no_uid() -> None:
    """Fill by a PUT without uid and resourceVersion: on a name that is gone it creates."""

    def fill(self: Bindings, binding: Binding, wish: BindingWish, expires_at: datetime) -> Binding:
        manifest = self._manifest(wish)
        user = {"kind": "User", "apiGroup": bindings.RBAC_GROUP, "name": wish.subject}
        manifest["subjects"] = [user]
        expires = bindings.format_time(expires_at)
        manifest["metadata"]["annotations"][bindings.labels.EXPIRES_ANNOTATION] = expires
        call = bindings._call("update", "PUT", binding.place, manifest)
        reply = self._api.reply(call)
        return self._api.decode(
            call, reply, bindings.BindingIn, lambda read: bindings.to_binding(read, binding.place)
        )

    Bindings.fill = fill  # type: ignore[method-assign]


def _ended_after_delete() -> None:
    """Say "ended" when DELETE answered 200, as most scripts do."""
    keep = {"end.delete-known", "end.find", "end.store-found", "end.delete", "end.store-ended"}
    _swap(GrantState.REVOKING, tuple(step for step in END if step.name in keep))
