"""What stands between a request and the store: namespaces that live, accounts that exist."""

from http import HTTPStatus
from typing import Final

from bot.playground.cluster.defaults import TERMINATING
from bot.playground.cluster.faults import Fault, forbidden, not_found
from bot.playground.cluster.kinds import (
    NAMESPACE,
    POD,
    SERVICE_ACCOUNT,
    Json,
    Kind,
)
from bot.playground.cluster.store import Store
from grants.authz.reason import quoted

DEFAULT_ACCOUNT: Final = "default"
PROTECTED: Final = frozenset({"default", "kube-system", "kube-public"})


def require_living_namespace(store: Store, kind: Kind, namespace: str, wanted: Json) -> None:
    """Raise a Fault when what is made is to be in a namespace that isn't there, or is ending."""
    if not kind.namespaced:
        return
    home = store.get(NAMESPACE, "", namespace)
    if home is None:
        raise not_found(NAMESPACE, namespace)
    if home["status"]["phase"] == TERMINATING or home["metadata"].get("deletionTimestamp"):
        name = wanted["metadata"].get("name") or ""
        why = (
            f"unable to create new content in namespace {namespace} because it is being terminated"
        )
        fault = forbidden(kind.group, kind.plural, name, why)
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        raise Fault(
            HTTPStatus.FORBIDDEN,
            "Forbidden",
            fault.message,
            {**(fault.details or {}), "causes": [cause]},
        )


def require_deletable(kind: Kind, name: str) -> None:
    """Raise a Fault (403) for the namespaces that a cluster can't be without."""
    if kind is NAMESPACE and name in PROTECTED:
        raise forbidden(kind.group, kind.plural, name, "this namespace may not be deleted")


def admitted(store: Store, kind: Kind, wanted: Json) -> Json:
    """Give a pod its account, which must exist."""
    if kind is not POD:
        return wanted
    spec = wanted["spec"]
    account = spec.get("serviceAccountName") or DEFAULT_ACCOUNT
    meta = wanted["metadata"]
    if store.get(SERVICE_ACCOUNT, meta["namespace"], account) is None:
        why = (
            f"error looking up service account {meta['namespace']}/{account}:"
            f" serviceaccount {quoted(account)} not found"
        )
        raise forbidden("", "pods", meta.get("name") or "", why)
    return {
        **wanted,
        "spec": {**spec, "serviceAccountName": account, "serviceAccount": account},
    }
