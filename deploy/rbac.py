"""Makes what follows from a policy: which roles the bot may bind and watch, and its ConfigMap.

`bind` on a role lets the bot hand out that role and no other, whatever is done to it. So the list
must be the policy's own: a role too few and grants fail, a role too many and a stolen token gives
more than anybody may ask for.
"""

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import yaml

from grants.authz.model import RoleKind, RoleRef
from grants.policy.model import Entitlement, Policy
from grants.policy.source import PolicyFile

_UNFOLDED: Final = 2**31
_EMPTY_LINE: Final = "\n"
_PLURALS: Final[dict[RoleKind, str]] = {"ClusterRole": "clusterroles", "Role": "roles"}

_HEAD: Final = """\
# Made from the policy by `valetkey policy rbac`: which roles the bot may bind, and no other. It may
# watch the same, each by its name, so that one that changes under live access is seen at once.
# Make it again whenever the policy names another role, and apply it before the policy. A role that
# leaves the policy stays listed until its last grant has ended: without `bind`, a binding that a
# finalizer holds can't be emptied.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: valetkey-bind
  labels:
    app.kubernetes.io/name: valetkey
rules:
"""
_CONFIG_MAP_HEAD: Final = """\
# Made from the policy by `python -m deploy config-map`.
apiVersion: v1
kind: ConfigMap
metadata:
  name: valetkey-policy
  namespace: valetkey
  labels:
    app.kubernetes.io/name: valetkey
data:
"""
_BIND: Final = """\
  # {why}
  - apiGroups: [rbac.authorization.k8s.io]
    resources: [{plural}]
    verbs: [bind, watch]
    resourceNames:
{names}"""
_CLUSTER_WIDE: Final = """\
  # Cluster-wide entitlements: {names}. They are ClusterRoleBindings.
  - apiGroups: [rbac.authorization.k8s.io]
    resources: [clusterrolebindings]
    verbs: [create, update, delete]
"""
_WHY: Final[dict[RoleKind, str]] = {
    "ClusterRole": "The ClusterRoles that entitlements name.",
    "Role": "The Roles that entitlements name, in whichever namespace they are asked for.",
}


def bound_roles(policy: Policy) -> tuple[RoleRef, ...]:
    """Name every role that some entitlement of the policy can give, in order."""
    return tuple(sorted({entitlement.role for entitlement in policy.entitlements}))


def bind_role(policy: Policy) -> str:
    """Write the ClusterRole `valetkey-bind` for a policy, as YAML with its comments."""
    roles = bound_roles(policy)
    wide = [entitlement for entitlement in policy.entitlements if entitlement.cluster_wide]
    rules = [_bind_rule(kind, roles) for kind in _PLURALS]
    return _HEAD + ("".join((*rules, _cluster_wide_rule(wide))) or "  []\n")


def policy_config_map(files: Iterable[PolicyFile]) -> str:
    """Write the ConfigMap that holds a policy's files, byte for byte, as YAML."""
    return _CONFIG_MAP_HEAD + "".join(_file_entry(file) for file in files)


def _file_entry(file: PolicyFile) -> str:
    name, text = _quoted(Path(file.name).name), file.data.decode("utf-8")
    plain = all(char.isprintable() or char == "\n" for char in text)
    if not plain or not text.endswith("\n") or text.endswith("\n\n"):
        # A literal block would alter these.
        return f"  {name}: {_quoted(text)}\n"
    # The number says how far the block is indented, whatever its first line begins with.
    return f"  {name}: |2\n{textwrap.indent(text, '    ', lambda line: line != _EMPTY_LINE)}"


def _bind_rule(kind: RoleKind, roles: Iterable[RoleRef]) -> str:
    names = [role.name for role in roles if role.kind == kind]
    if not names:
        return ""
    # Names of roles may hold nearly anything, and `yes` unquoted would be no text.
    listed = "".join(f"      - {_quoted(name)}\n" for name in names)
    return _BIND.format(why=_WHY[kind], plural=_PLURALS[kind], names=listed)


def _cluster_wide_rule(entitlements: Iterable[Entitlement]) -> str:
    names = ", ".join(entitlement.name for entitlement in entitlements)
    return _CLUSTER_WIDE.format(names=names) if names else ""


def _quoted(text: str) -> str:
    # Not as JSON, of which YAML does not understand pairs of surrogates.
    return yaml.safe_dump(text, default_style='"', width=_UNFOLDED).rstrip("\n")
