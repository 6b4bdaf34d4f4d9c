"""Rights whose use no audit log shows, so that "not seen" says nothing about them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from grants.authz.covers import Permission, covers_one, permissions_of
from grants.authz.matching import ANY, split_resource
from grants.authz.model import Question, Rule
from grants.authz.rbac import Right
from grants.review.rightsizing.evidence import Evidence
from grants.review.rightsizing.held import Held
from grants.review.rightsizing.least import rules_of
from grants.review.rightsizing.model import Kept, Lack, Need, Scope, Window
from grants.review.rightsizing.needs import what_of

KUBELET: Final = "kubelet"
OTHER_SERVERS: Final = "other-servers"
NOT_IN_REQUESTS: Final = "not-in-requests"
NOT_COVERED: Final = "not-covered"

REQUEST_VERBS: Final = frozenset(
    {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
)

_RBAC: Final = "rbac.authorization.k8s.io"
_CERTIFICATES: Final = "certificates.k8s.io"
_WRITES: Final = frozenset({"create", "update", "patch"})
_IMPERSONATE: Final = "impersonate"

# Kubelets ask for these when somebody calls them, past every API server's log.
_KUBELET: Final = frozenset(
    {"checkpoint", "configz", "healthz", "log", "metrics", "pods", "proxy", "spec", "stats"}
)

# A verb that an API server checks on the way of another request; without that other request
# it was not used either. By verb and group: what the request writes, in the same group.
_CHECKED_WITH: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("bind", _RBAC): frozenset({"rolebindings", "clusterrolebindings"}),
    ("escalate", _RBAC): frozenset({"roles", "clusterroles"}),
    ("approve", _CERTIFICATES): frozenset({"certificatesigningrequests/approval"}),
    ("sign", _CERTIFICATES): frozenset({"certificatesigningrequests/status"}),
    ("attest", _CERTIFICATES): frozenset({"clustertrustbundles"}),
}


def why_unseen(permission: Permission, needs: Iterable[Need]) -> str:
    """Say why no use of this right could have been seen; empty: it would have been.

    Only what a rule names outright counts: whoever was given `*` was not given this on purpose.
    """
    verb, group, what, _ = permission
    if group is None:
        return "" if what == ANY else OTHER_SERVERS
    if ANY in {verb, what}:
        return ""
    kind, sub = split_resource(what)
    if (group, kind) == ("", "nodes") and sub in _KUBELET:
        return KUBELET
    if verb in REQUEST_VERBS or verb.startswith(_IMPERSONATE):
        return ""
    asked = _CHECKED_WITH.get((verb, group))
    return NOT_IN_REQUESTS if asked is None or _writes(needs, group, asked) else ""


def _writes(needs: Iterable[Need], group: str, kinds: frozenset[str]) -> bool:
    return any(_is_write(need.question, group, kinds) for need in needs)


def _is_write(question: Question, group: str, kinds: frozenset[str]) -> bool:
    return question.verb in _WRITES and question.api_group == group and what_of(question) in kinds


def kept(
    held: Held,
    given: dict[Scope, tuple[Rule, ...]],
    needs: tuple[Need, ...],
    *,
    evidence: Evidence | None,
    window: Window,
) -> tuple[Kept, ...]:
    """Give the rights that stay although they were not seen in use, and why, by place.

    `evidence` None: what is not covered by evidence does not stay on that account.
    """
    found: dict[tuple[Scope, str], set[Permission]] = {}
    for right, permission in own_permissions(held):
        scope = right.namespace
        here = (*given.get(None, ()), *given.get(scope, ()), *held.group_rules_in(scope))
        if any(covers_one(rule, permission) for rule in here):
            continue
        why = why_unseen(permission, needs)
        if not why and evidence and lack_of(right, permission, evidence, window):
            why = NOT_COVERED
        if why:
            found.setdefault((scope, why), set()).add(permission)
    return tuple(
        Kept(scope, rule, why)
        for (scope, why), permissions in sorted(
            found.items(), key=lambda item: (item[0][0] or "", item[0][1])
        )
        for rule in rules_of(permissions)
    )


def own_permissions(held: Held) -> Iterator[tuple[Right, Permission]]:
    """Give each permission that bindings give to the account itself, and by what."""
    for right in held.own:
        for rule in right.rules:
            for permission in permissions_of(rule, right.namespace):
                yield right, permission


def lack_of(
    right: Right, permission: Permission, evidence: Evidence, window: Window
) -> Lack | None:
    """Say what evidence lacks to tell whether this is used; None: nothing.

    A verb that is checked within another request is used no more often than that is seen.
    """
    verb, group, what, _ = permission
    for carrier in sorted(_CHECKED_WITH.get((verb, group or ""), ())):
        lack = evidence.lacks(right, "update", group, carrier, window)
        if lack is not None:
            return lack
    if (verb, group or "") in _CHECKED_WITH:
        return None
    return evidence.lacks(right, verb, group, what, window)
