"""Objects in few words. `{ns}` and `{word}` stand for this test's namespace and its own word."""

from typing import Any, Final

RBAC_GROUP: Final = "rbac.authorization.k8s.io"
RBAC: Final = f"/apis/{RBAC_GROUP}/v1"
ROLES: Final = f"{RBAC}/namespaces/{{ns}}/roles"
BINDINGS: Final = f"{RBAC}/namespaces/{{ns}}/rolebindings"
CLUSTER_ROLES: Final = f"{RBAC}/clusterroles"
CLUSTER_BINDINGS: Final = f"{RBAC}/clusterrolebindings"
NAMESPACES: Final = "/api/v1/namespaces"
ACCOUNTS: Final = "/api/v1/namespaces/{ns}/serviceaccounts"
PODS: Final = "/api/v1/namespaces/{ns}/pods"
AUTHORIZATION: Final = "/apis/authorization.k8s.io/v1"
WHO_AM_I: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

Json = dict[str, Any]


def rule(verbs: str, resources: str = "", groups: str = "core", names: str = "") -> Json:
    """Make a rule of words; the group `core` is the empty one."""
    made: Json = {
        "verbs": verbs.split(),
        "apiGroups": ["" if group == "core" else group for group in groups.split()],
        "resources": resources.split(),
    }
    return made | ({"resourceNames": names.split()} if names else {})


def paths(verbs: str, urls: str) -> Json:
    """Make a rule on paths outside of resources."""
    return {"verbs": verbs.split(), "nonResourceURLs": urls.split()}


READ_PODS: Final = rule("get list watch", "pods")


def meta(name: str, **fields: Any) -> Json:
    """Make the metadata of an object."""
    return {"name": name, **fields}


def role(name: str, *rules: Json, **fields: Any) -> Json:
    """Make a Role."""
    return _rbac("Role", name, fields, rules=list(rules or (READ_PODS,)))


def cluster_role(name: str, *rules: Json, **fields: Any) -> Json:
    """Make a ClusterRole."""
    return _rbac("ClusterRole", name, fields, rules=list(rules or (READ_PODS,)))


def binding(name: str, of: str, *subjects: Json, **fields: Any) -> Json:
    """Make a RoleBinding to `Role/name` or `ClusterRole/name`."""
    return _rbac("RoleBinding", name, fields, roleRef=ref(of), subjects=list(subjects))


def cluster_binding(name: str, of: str, *subjects: Json, **fields: Any) -> Json:
    """Make a ClusterRoleBinding to a ClusterRole."""
    role_ref = ref(f"ClusterRole/{of}")
    return _rbac("ClusterRoleBinding", name, fields, roleRef=role_ref, subjects=list(subjects))


def ref(of: str) -> Json:
    """Make a roleRef."""
    kind, _, name = of.partition("/")
    return {"apiGroup": RBAC_GROUP, "kind": kind, "name": name}


def user(name: str) -> Json:
    """Make a subject of the person that a script calls `name`."""
    return {"apiGroup": RBAC_GROUP, "kind": "User", "name": username(name)}


def group(name: str) -> Json:
    """Make a subject of a group."""
    return {"apiGroup": RBAC_GROUP, "kind": "Group", "name": name}


def account(name: str) -> Json:
    """Make a subject of a service account of this test's namespace."""
    return {"kind": "ServiceAccount", "name": name, "namespace": "{ns}"}


def username(name: str) -> str:
    """Say what the servers call the person of that name."""
    return f"oidc:{email(name)}"


def email(name: str) -> str:
    """Say the address of the person of that name."""
    return f"{name}-{{word}}@example.com"


def namespace(name: str, **fields: Any) -> Json:
    """Make a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(name, **fields)}


def service_account(name: str, **fields: Any) -> Json:
    """Make a service account."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(name, **fields)}


def pod(name: str, **fields: Any) -> Json:
    """Make a pod of which nothing is mounted."""
    spec = {
        "automountServiceAccountToken": False,
        "containers": [{"name": "main", "image": "registry.example/app:1"}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta(name, **fields), "spec": spec}


def review(kind: str, **spec: Any) -> Json:
    """Make an access review."""
    return {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}


def _rbac(kind: str, name: str, fields: Json, **rest: Any) -> Json:
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": kind,
        "metadata": meta(name, **fields),
        **rest,
    }
