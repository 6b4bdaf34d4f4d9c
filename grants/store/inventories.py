"""Rows of inventories: written where something changed, read as of a moment."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby, islice
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Row, and_, bindparam, delete, exists, or_, select, update

from grants.authz.objects import Account, Binding, Meta, Role
from grants.review.inventory import (
    KINDS,
    WORKLOAD_KINDS,
    Inventory,
    ReadProblem,
    Seen,
    TokenSecret,
    Workload,
)
from grants.review.kept import (
    Kept,
    KeptObject,
    Made,
    Version,
    cluster_uid,
    kept_objects,
    key_of,
    value_of,
)
from grants.store import tables as t
from grants.store.base import TxBase, one_row

T = TypeVar("T")

_O: Final = t.inventory_objects.c
_L: Final = t.inventory_looks.c
_AT_ONCE: Final = 500
_PROBLEMS_MOST: Final = 100
_END: Final = (
    update(t.inventory_objects)
    .where(_O.seq.in_(bindparam("numbers", expanding=True)))
    .values(to_at=bindparam("ended"))
)

_Name = tuple[str, str]


class InventoryRows(TxBase):
    """What InventoryTx asks for."""

    def keep_inventory(
        self, inventory: Inventory, objects: Sequence[KeptObject] | None = None
    ) -> Kept | None:
        """Keep what is other than before; None when a later look is there."""
        self._must_write()
        last = self._locked(one_row(_last_look(inventory.cluster)))
        if last is not None and last.at >= inventory.taken_at:
            return None
        uid = cluster_uid(inventory)
        is_another = bool(last is not None and uid and last.cluster_uid not in {"", uid})
        before = self._of_now(inventory.cluster)
        written = kept_objects(inventory) if objects is None else objects
        there = {(one.kind, one.key): one for one in written}
        digests = {name: _digest(one.body) for name, one in there.items()}
        moved = [n for n in there if n in before and before[n].digest != digests[n]]
        new = [name for name in there if name not in before]
        gone = [n for n in before if n not in there and (is_another or _is_whole(inventory, n))]
        self._end([before[name].seq for name in (*moved, *gone)], inventory.taken_at)
        self._begin(inventory, [(there[name], digests[name]) for name in (*moved, *new)])
        self._run(
            t.inventory_looks.insert(),
            {
                "cluster": inventory.cluster,
                "at": inventory.taken_at,
                "cluster_uid": uid or (last.cluster_uid if last is not None else ""),
                "seen": {kind: str(how) for kind, how in inventory.seen.items()},
                "problems": msgspec.to_builtins(inventory.problems[:_PROBLEMS_MOST]),
            },
        )
        return Kept(len(new), len(moved), len(gone))

    def inventory_at(self, cluster: str, at: datetime) -> Inventory | None:
        """Give what the last look at or before a moment saw."""
        look = self._row(_last_look(cluster).where(_L.at <= at))
        if look is None:
            return None
        stood = and_(_O.from_at <= look.at, or_(_O.to_at.is_(None), _O.to_at > look.at))
        rows = self._rows(
            select(_O.kind, _O.key.label("id"), _O.body)
            .where(_O.cluster == cluster, stood)
            .order_by(_O.kind, _O.key)
        )
        found: dict[str, tuple[Made, ...]] = {}
        seen = {kind: Seen(how) for kind, how in look.seen.items()}
        for kind, group in groupby(rows, key=lambda row: str(row.kind)):
            of_kind = list(group)
            found[kind] = self._readable("inventory", of_kind, _value)
            if len(found[kind]) < len(of_kind) and seen.get(kind) is Seen.SEEN:
                seen[kind] = Seen.PARTLY
        return _inventory(cluster, look, found, seen)

    def versions_of(
        self, cluster: str, kind: str, namespace: str, name: str
    ) -> tuple[Version, ...]:
        """Give what one object was over time, the oldest first."""
        mine = (_O.cluster == cluster, _O.kind == kind, _O.key == key_of(namespace, name))
        columns = (_O.kind, _O.key.label("id"), _O.body, _O.from_at, _O.to_at)
        rows = self._rows(select(*columns).where(*mine).order_by(_O.from_at))
        return self._readable(
            "inventory", rows, lambda row: Version(_value(row), row.from_at, row.to_at)
        )

    def looks(self, cluster: str, limit: int) -> tuple[datetime, ...]:
        """Tell when a cluster was looked at, the latest first."""
        newest = select(_L.at).where(_L.cluster == cluster).order_by(_L.at.desc()).limit(limit)
        return tuple(row.at for row in self._rows(newest))

    def forget_inventories(self, before: datetime) -> int:
        """Drop what says nothing of any moment from then on."""
        self._must_write()
        later = t.inventory_looks.alias()
        is_last = ~exists().where(
            later.c.cluster == _L.cluster, later.c.at > _L.at, later.c.at <= before
        )
        self._run(delete(t.inventory_looks).where(_L.at < before, ~is_last))
        done = self._run(delete(t.inventory_objects).where(_O.to_at <= before))
        return done.rowcount

    def _of_now(self, cluster: str) -> dict[_Name, Row[Any]]:
        mine = (_O.cluster == cluster, _O.to_at.is_(None))
        rows = self._rows(select(_O.seq, _O.kind, _O.key, _O.digest).where(*mine))
        return {(row.kind, row.key): row for row in rows}

    def _end(self, numbers: Iterable[int], at: datetime) -> None:
        for some in _batches(numbers):
            self._run(_END, {"numbers": some, "ended": at})

    def _begin(self, inventory: Inventory, objects: Iterable[tuple[KeptObject, str]]) -> None:
        for some in _batches(objects):
            self._run(
                t.inventory_objects.insert(),
                [
                    {
                        "cluster": inventory.cluster,
                        "kind": one.kind,
                        "key": one.key,
                        "digest": digest,
                        "body": one.body,
                        "from_at": inventory.taken_at,
                        "to_at": None,
                    }
                    for one, digest in some
                ],
            )


def _last_look(cluster: str) -> Any:
    return select(t.inventory_looks).where(_L.cluster == cluster).order_by(_L.at.desc()).limit(1)


def _is_whole(inventory: Inventory, name: _Name) -> bool:
    return inventory.seen.get(name[0], Seen.SEEN) is Seen.SEEN


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _value(row: Row[Any]) -> Made:
    try:
        return value_of(row.kind, row.body)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None


def _inventory(
    cluster: str, look: Row[Any], found: Mapping[str, tuple[Made, ...]], seen: Mapping[str, Seen]
) -> Inventory:
    others = [kind for kind in found if kind not in KINDS]

    def of(made: type[T], *kinds: str) -> tuple[T, ...]:
        values = (one for kind in kinds for one in found.get(kind, ()))
        return tuple(one for one in values if isinstance(one, made))

    return Inventory(
        cluster=cluster,
        taken_at=look.at,
        accounts=of(Account, "ServiceAccount"),
        roles=of(Role, "ClusterRole", "Role"),
        bindings=of(Binding, "ClusterRoleBinding", "RoleBinding"),
        workloads=of(Workload, *WORKLOAD_KINDS, *others),
        pods=of(Workload, "Pod"),
        token_secrets=of(TokenSecret, "Secret"),
        namespaces=of(Meta, "Namespace"),
        seen=seen,
        problems=msgspec.convert(look.problems, tuple[ReadProblem, ...]),
    )


def _batches(things: Iterable[T]) -> Iterable[list[T]]:
    left = iter(things)
    while some := list(islice(left, _AT_ONCE)):
        yield some
