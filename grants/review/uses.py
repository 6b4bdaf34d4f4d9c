"""Which pods and templates use which service account, from an inventory alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from grants.review.inventory import Inventory, Workload

AccountName = tuple[str, str]
"""Namespace and name."""


class Way(StrEnum):
    """How a pod comes to act as an account: it runs as it, or mounts a Secret with its token."""

    RUNS_AS = "runs-as"
    TOKEN_SECRET = "token-secret"  # noqa: S105 - a word for a way


@dataclass(frozen=True, slots=True)
class AccountUse:
    """One pod or template that uses an account, and whether its pods hold a token of it."""

    workload: Workload
    way: Way
    holds_token: bool


def account_uses(inventory: Inventory) -> Mapping[AccountName, tuple[AccountUse, ...]]:
    """Give the uses of each account that has any, whether or not the account itself was read.

    A pod is shown by what made it, where that was read too and uses the same account. Templates
    that are suspended or scaled to zero count: they may start at any time.
    """
    makers = {
        (one.meta.namespace, one.kind, one.meta.name, one.account) for one in inventory.workloads
    }
    found: dict[AccountName, list[AccountUse]] = {}
    for name, use in _uses(inventory):
        one, owner = use.workload, use.workload.owner
        if owner and (one.meta.namespace, owner.kind, owner.name, one.account) in makers:
            continue
        found.setdefault(name, []).append(use)
    return {name: tuple(uses) for name, uses in found.items()}


def _uses(inventory: Inventory) -> Iterator[tuple[AccountName, AccountUse]]:
    automounts = {
        (account.meta.namespace, account.meta.name): account.automount
        for account in inventory.accounts
    }
    tokens = {
        (secret.meta.namespace, secret.meta.name): secret.account
        for secret in inventory.token_secrets
    }
    for one in (*inventory.workloads, *inventory.pods):
        namespace = one.meta.namespace
        runs_as = (namespace, one.account)
        yield runs_as, AccountUse(one, Way.RUNS_AS, holds_token(one, automounts.get(runs_as)))
        for secret in one.secrets:
            account = tokens.get((namespace, secret))
            if account is not None:
                yield (namespace, account), AccountUse(one, Way.TOKEN_SECRET, holds_token=True)


def holds_token(one: Workload, automount: bool | None) -> bool:  # noqa: FBT001 - as the account says it
    """Tell whether a pod is given its account's token: it decides, else its account, else yes."""
    if one.mounts_token is not None:
        return one.mounts_token
    return automount is not False
