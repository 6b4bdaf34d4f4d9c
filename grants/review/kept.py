"""An inventory's objects as they are kept: each by its name, in one text that says all of it.

Where an object was read is not kept, so that the same object is the same text at every look.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias

import msgspec

from grants.authz.objects import Account, Binding, Meta, Role
from grants.decoding import decoder
from grants.review.inventory import Inventory, TokenSecret, Workload

Made: TypeAlias = Account | Role | Binding | Workload | TokenSecret | Meta

_TYPES: Final[dict[str, type[Made]]] = {
    "Namespace": Meta,
    "ServiceAccount": Account,
    "Role": Role,
    "ClusterRole": Role,
    "RoleBinding": Binding,
    "ClusterRoleBinding": Binding,
    "Secret": TokenSecret,
}
_IDENTITY: Final = "kube-system"


@dataclass(frozen=True, slots=True)
class KeptObject:
    """One object: its kind, its namespace and name in one text, and all that is known of it."""

    kind: str
    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Version:
    """What an object was from one look on, until another (None: it is so still)."""

    value: Made
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What keeping an inventory changed."""

    new: int = 0
    changed: int = 0
    gone: int = 0


def kept_objects(inventory: Inventory) -> Iterator[KeptObject]:
    """Give every object of an inventory in the form in which it is kept."""
    for meta in inventory.namespaces:
        yield _kept("Namespace", meta)
    for account in inventory.accounts:
        yield _kept("ServiceAccount", account)
    for role in inventory.roles:
        yield _kept(role.kind, role)
    for binding in inventory.bindings:
        yield _kept(binding.kind, binding)
    for workload in (*inventory.workloads, *inventory.pods):
        yield _kept(workload.kind, workload)
    for secret in inventory.token_secrets:
        yield _kept("Secret", secret)


def key_of(namespace: str, name: str) -> str:
    """Give a namespace and name as one text that any database can hold."""
    return json.dumps([namespace, name])


def value_of(kind: str, body: str) -> Made:
    """Make the object of a body; msgspec.MsgspecError when this version can't."""
    return decoder(_TYPES.get(kind, Workload)).decode(body)


def cluster_uid(inventory: Inventory) -> str:
    """Tell clusters apart, whatever their alias: by kube-system's uid; "" where it was not seen."""
    return next((meta.uid for meta in inventory.namespaces if meta.name == _IDENTITY), "")


def _kept(kind: str, made: Made) -> KeptObject:
    if isinstance(made, Meta):
        plain: Made = replace(made, origin=None)
        meta = made
    else:
        meta = made.meta
        plain = replace(made, meta=replace(meta, origin=None))
    body = msgspec.json.encode(plain, order="sorted").decode()
    return KeptObject(kind, key_of(meta.namespace, meta.name), body)
