"""What Kubernetes says of why it allowed something: the binding, its role and its subject."""

import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from grants.authz.model import RoleKind, RoleRef
from grants.authz.objects import SERVICE_ACCOUNT, BindingKind, Subject

_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
_REASON: Final = re.compile(
    rf"RBAC: allowed by (RoleBinding|ClusterRoleBinding) {_QUOTED}"
    rf" of (Role|ClusterRole) {_QUOTED} to (User|Group|ServiceAccount) {_QUOTED}"
)
# As Go's %q writes them.
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\\"'])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))"
)
_LETTERS: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Through:
    """The binding that allowed something; a namespace of "" is a ClusterRoleBinding's."""

    kind: BindingKind
    name: str
    namespace: str
    role: RoleRef
    subject: Subject

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


@lru_cache(maxsize=4096)
def parse_reason(reason: str) -> Through | None:
    """Read the annotation; None where another authorizer spoke, or RBAC named no binding.

    A binding's namespace and a service account's stand behind the name there.
    """
    found = _REASON.fullmatch(reason)
    if found is None:
        return None
    binding: BindingKind = "RoleBinding" if found[1] == "RoleBinding" else "ClusterRoleBinding"
    role: RoleKind = "Role" if found[3] == "Role" else "ClusterRole"
    name, namespace = _plain(found[2]), ""
    if binding == "RoleBinding":
        name, _, namespace = name.rpartition("/")
    who, home = _plain(found[6]), ""
    if found[5] == SERVICE_ACCOUNT:
        who, _, home = who.rpartition("/")
    return Through(
        binding, name, namespace, RoleRef(role, _plain(found[4])), Subject(found[5], who, home)
    )


def _plain(quoted: str) -> str:
    return _ESCAPE.sub(_unescaped, quoted) if "\\" in quoted else quoted


def _unescaped(found: re.Match[str]) -> str:
    letter, *codes = found.groups()
    if letter:
        return _LETTERS.get(letter, letter)
    code = int(next(code for code in codes if code), 16)
    return chr(code) if code <= sys.maxunicode else "\ufffd"
