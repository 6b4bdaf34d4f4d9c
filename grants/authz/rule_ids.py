"""The ids of the catalogue of risky grants: policies, findings and SARIF name rules by them."""

from typing import Final

GRANTED: Final = (
    "wildcard-all",
    "wildcard-resources",
    "wildcard-sensitive",
    "secrets-read",
    "secrets-write",
    "token-create",
    "workload-create",
    "pods-mutate",
    "pods-exec",
    "ephemeral-containers",
    "port-forward",
    "nodes-proxy",
    "bind",
    "escalate",
    "rbac-write",
    "impersonate",
    "constrained-impersonate",
    "csr-approve",
    "webhook-config",
    "admission-policy",
    "pv-create",
    "namespace-mutate",
    "network-mutate",
    "status-mutate",
    "system-config-mutate",
    "destructive-delete",
)
"""What the rules of a role alone show."""

PLACES: Final = ("system-namespace", "own-namespace")
"""What shows by where the rules of a role hold."""

BOUND: Final = (
    "anonymous-bound",
    "authenticated-bound",
    "masters-bound",
    "default-sa-bound",
    "dangling-binding",
    "aggregate-label",
)
"""What shows by the objects of RBAC."""

ACCOUNTS: Final = ("cloud-identity", "token-automount", "owner-missing", "review-overdue")
"""What shows by service accounts and what runs as them."""

USED: Final = ("unused-permission", "stale-account")
"""What shows by use, or by its absence where it would have been seen."""

PATHS: Final = ("escalation-path",)
"""What shows by steps that lead from one account to more."""

RULE_IDS: Final = (*GRANTED, *PLACES, *BOUND, *ACCOUNTS, *USED, *PATHS)
"""Every rule, in the order that people read of them."""
