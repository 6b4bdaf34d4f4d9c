"""What each rule of the catalogue says: its sentence, what would mend it, and whose controls.

CIS is the CIS Kubernetes Benchmark 1.12, by number. NSA is the Kubernetes Hardening Guidance 1.2
of NSA and CISA, which has no numbers: its headings. ATT&CK is MITRE's matrix for containers.
"""

from dataclasses import dataclass
from typing import Final

from grants.authz.risk_tables import MEANINGS
from grants.authz.rule_ids import RULE_IDS
from grants.review.finding import Control

CIS: Final = "CIS"
NSA: Final = "NSA"
ATTACK: Final = "ATT&CK"

_RBAC: Final = "Role-based access control"
_TOKENS: Final = "Protecting Pod service account tokens"
_NETWORK: Final = "Network policies"
_LOGGING: Final = "Kubernetes native audit logging configuration"

VALID_ACCOUNTS: Final = "T1078"
DEFAULT_ACCOUNTS: Final = "T1078.001"
MANIPULATION: Final = "T1098"
CLUSTER_ROLES: Final = "T1098.006"
STEAL_TOKEN: Final = "T1528"  # noqa: S105 - a technique's number
CONTAINER_API: Final = "T1552.007"
EXECUTE: Final = "T1609"
DEPLOY: Final = "T1610"
SCHEDULED: Final = "T1053.007"
ESCAPE: Final = "T1611"
REMOTE_SERVICES: Final = "T1133"
IMPAIR: Final = "T1562"
DISABLE_TOOLS: Final = "T1562.001"
DESTRUCTION: Final = "T1485"
INDICATORS: Final = "T1070"


@dataclass(frozen=True, slots=True)
class CatalogueRule:
    """One rule. In `fix` stand `{role}`, `{binding}` and `{subject}`."""

    id: str
    title: str
    fix: str
    controls: tuple[Control, ...]

    @property
    def fix_at_large(self) -> str:
        """What would mend it, whatever role, binding and subject it is."""
        return self.fix.format_map(_AT_LARGE)


_AT_LARGE: Final = {"role": "the role", "binding": "the binding", "subject": "the subject"}


def _controls(nsa: str, cis: str, attack: str) -> tuple[Control, ...]:
    return (
        *(Control(CIS, number) for number in cis.split()),
        Control(NSA, nsa),
        *(Control(ATTACK, technique) for technique in attack.split()),
    )


_TAKE: Final = "Take it out of {role}, or bind {subject} to a role without it."
_NAME_IT: Final = "Name the objects (resourceNames) in {role}, or take it out."

# Of what a role's rules show: (what would mend it, NSA heading, CIS, ATT&CK)
_GRANTED: Final[dict[str, tuple[str, str, str, str]]] = {
    "wildcard-all": (
        "Say in a role of its own what {subject} needs, and take {binding} away.",
        _RBAC,
        "5.1.1 5.1.3",
        f"{VALID_ACCOUNTS} {CLUSTER_ROLES}",
    ),
    "wildcard-resources": (
        "Name the resources in {role} instead of `*`.",
        _RBAC,
        "5.1.3",
        f"{VALID_ACCOUNTS} {CLUSTER_ROLES}",
    ),
    "wildcard-sensitive": (
        "Name the verbs in {role} instead of `*`.",
        _RBAC,
        "5.1.3",
        VALID_ACCOUNTS,
    ),
    "secrets-read": (
        "Name the Secrets (resourceNames, `get` only) in {role}, or mount them instead.",
        "Secrets",
        "5.1.2",
        CONTAINER_API,
    ),
    "secrets-write": (
        "Move it into a Role of the one namespace that needs it; `create` can't be named.",
        "Secrets",
        "5.1.2",
        f"{MANIPULATION} {STEAL_TOKEN}",
    ),
    "token-create": (
        "Name the service accounts (resourceNames) in {role}, or take it out.",
        _RBAC,
        "5.1.13",
        STEAL_TOKEN,
    ),
    "workload-create": (
        "Move it into a Role of namespaces without powerful accounts, and enforce Pod Security.",
        _RBAC,
        "5.1.4",
        f"{DEPLOY} {SCHEDULED}",
    ),
    "pods-mutate": (_TAKE, _RBAC, "", DEPLOY),
    "pods-exec": (_TAKE, _RBAC, "", EXECUTE),
    "ephemeral-containers": (_TAKE, _RBAC, "", f"{EXECUTE} {DEPLOY}"),
    "port-forward": (_TAKE, "Network separation and hardening", "", REMOTE_SERVICES),
    "nodes-proxy": (
        "Give nodes/metrics, nodes/stats or nodes/log instead of nodes/proxy in {role}.",
        _RBAC,
        "5.1.10",
        f"{EXECUTE} {ESCAPE}",
    ),
    "bind": (
        "Name the roles that may be bound (resourceNames) in {role}.",
        _RBAC,
        "5.1.8",
        CLUSTER_ROLES,
    ),
    "escalate": (
        "Take `escalate` out of {role}; give what it is to hand on instead.",
        _RBAC,
        "5.1.8",
        CLUSTER_ROLES,
    ),
    "rbac-write": (_NAME_IT, _RBAC, "", CLUSTER_ROLES),
    "impersonate": (
        "Name whom it may act as (resourceNames) in {role}, or take it out.",
        _RBAC,
        "5.1.8",
        VALID_ACCOUNTS,
    ),
    "constrained-impersonate": (
        "Name whom it may act as (resourceNames) in {role}, or take it out.",
        _RBAC,
        "5.1.8",
        VALID_ACCOUNTS,
    ),
    "csr-approve": (
        "Limit `approve` in {role} to a signer that no client signs in with.",
        "Authentication",
        "5.1.11",
        MANIPULATION,
    ),
    "webhook-config": (
        "Name the configuration (resourceNames) in {role}, and create it when installing.",
        _RBAC,
        "5.1.12",
        DISABLE_TOOLS,
    ),
    "admission-policy": (_NAME_IT, _RBAC, "5.2.1", DISABLE_TOOLS),
    "pv-create": (
        "Take `create` out of {role}; let a provisioner make volumes by storage class.",
        _RBAC,
        "5.1.9 5.2.11",
        ESCAPE,
    ),
    "namespace-mutate": (
        "Name the namespaces (resourceNames) in {role}, or guard their labels by a policy.",
        "Namespaces",
        "5.2.1",
        DISABLE_TOOLS,
    ),
    "network-mutate": (_NAME_IT, _NETWORK, "5.3.2", IMPAIR),
    "status-mutate": (_TAKE, _RBAC, "", IMPAIR),
    "system-config-mutate": (
        "Name the ConfigMaps (resourceNames) in {role}, or give it outside of kube-system.",
        _RBAC,
        "",
        CLUSTER_ROLES,
    ),
    "destructive-delete": (_NAME_IT, _LOGGING, "", f"{DESTRUCTION} {INDICATORS}"),
}

# Of everything else: (sentence, what would mend it, NSA heading, CIS, ATT&CK)
_OTHERS: Final[dict[str, tuple[str, str, str, str, str]]] = {
    "system-namespace": (
        "may change what lives in a system namespace",
        "Move what it needs to a namespace of its own, and {binding} with it.",
        "Namespaces",
        "5.6.1",
        CLUSTER_ROLES,
    ),
    "own-namespace": (
        "may act in the namespace of this bot",
        "Leave that namespace out of {binding}, or out of {role}.",
        "Namespaces",
        "5.6.1",
        STEAL_TOKEN,
    ),
    "anonymous-bound": (
        "gives rights to whoever has no credential at all",
        "Take {subject} out of {binding}.",
        "Authentication",
        "1.2.1",
        DEFAULT_ACCOUNTS,
    ),
    "authenticated-bound": (
        "gives rights to everybody and every service account of the cluster",
        "Name in {binding} who needs it, instead of {subject}.",
        _RBAC,
        "",
        VALID_ACCOUNTS,
    ),
    "masters-bound": (
        "binds a group that no authorizer ever refuses",
        "Bind a group of your own instead, and let nobody be in system:masters.",
        _RBAC,
        "5.1.7",
        VALID_ACCOUNTS,
    ),
    "default-sa-bound": (
        "gives rights to every pod that names no account",
        "Give the workload an account of its own, and bind that.",
        _RBAC,
        "5.1.5",
        DEFAULT_ACCOUNTS,
    ),
    "dangling-binding": (
        "comes alive for whoever makes what is missing",
        "Delete {binding}, or take out of it what does not exist.",
        _RBAC,
        "",
        CLUSTER_ROLES,
    ),
    "aggregate-label": (
        "adds itself to a role that is given to people",
        "Take the aggregate label off {role}, or the rules that people need not have.",
        _RBAC,
        "",
        CLUSTER_ROLES,
    ),
    "cloud-identity": (
        "has rights in a cloud, which no binding here shows",
        "Review the cloud's own role; whoever may start pods as {subject} has it too.",
        "Protecting sensitive cloud infrastructure",
        "",
        STEAL_TOKEN,
    ),
    "token-automount": (
        "has its token in pods that never need it",
        "Set `automountServiceAccountToken: false` on {subject}.",
        _TOKENS,
        "5.1.6",
        STEAL_TOKEN,
    ),
    "owner-missing": (
        "does not say whose it is",
        "Set the annotations that are missing on {subject}.",
        _RBAC,
        "",
        VALID_ACCOUNTS,
    ),
    "review-overdue": (
        "should have been looked at again",
        "Look at what {subject} holds, then set the next day.",
        _RBAC,
        "",
        VALID_ACCOUNTS,
    ),
    "unused-permission": (
        "holds rights that it did not use",
        "Take the unused rights out of {role}, or {binding} away.",
        _RBAC,
        "",
        VALID_ACCOUNTS,
    ),
    "stale-account": (
        "is used by nothing",
        "Take its bindings away, then delete {subject} after a while.",
        _RBAC,
        "",
        VALID_ACCOUNTS,
    ),
    "escalation-path": (
        "can get to more by steps that are each allowed",
        "Take away one binding of the path.",
        _RBAC,
        "5.1.8",
        f"{VALID_ACCOUNTS} {CLUSTER_ROLES}",
    ),
}


def _rule(id_: str) -> CatalogueRule:
    if id_ in _GRANTED:
        fix, nsa, cis, attack = _GRANTED[id_]
        return CatalogueRule(id_, MEANINGS[id_], fix, _controls(nsa, cis, attack))
    title, fix, nsa, cis, attack = _OTHERS[id_]
    return CatalogueRule(id_, title, fix, _controls(nsa, cis, attack))


CATALOGUE: Final[dict[str, CatalogueRule]] = {id_: _rule(id_) for id_ in RULE_IDS}
"""Every rule by its id, in the order that people read of them."""
