"""What besides roles and bindings decides whether a step succeeds."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Workload:
    """A pod, or something that makes pods. `runs` False: suspended, or scaled to none."""

    kind: str
    namespace: str
    name: str
    account: str = "default"
    mounts_token: bool | None = None
    runs: bool = True


@dataclass(frozen=True, slots=True)
class TokenSecret:
    """A Secret that holds a service account's token."""

    namespace: str
    name: str
    account: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was read of a cluster. None: it was not looked at, so nothing is known of it.

    `accounts` are (namespace, name); `pod_security` gives for each namespace the level that its
    label enforces, "" where it has none.
    """

    accounts: tuple[tuple[str, str], ...] | None = None
    workloads: tuple[Workload, ...] | None = None
    token_secrets: tuple[TokenSecret, ...] | None = None
    pod_security: Mapping[str, str] | None = None
