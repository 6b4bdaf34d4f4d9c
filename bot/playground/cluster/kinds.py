"""Which kinds this cluster knows, as discovery tells of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]
"""An object of Kubernetes as JSON has it. What is in the store is never changed, only replaced."""

ALL_VERBS: Final = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)
RBAC_GROUP: Final = "rbac.authorization.k8s.io"
AUTHORIZATION: Final = "authorization.k8s.io"
AUTHENTICATION: Final = "authentication.k8s.io"


@dataclass(frozen=True, slots=True)
class Subresource:
    """What hangs on a kind, and what can be done with it; `kind` is what it reads and writes."""

    name: str
    verbs: tuple[str, ...]
    kind: str
    group: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind that is stored."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()

    @property
    def api_version(self) -> str:
        """How objects name group and version."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """How messages name it, as in `roles.rbac.authorization.k8s.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified(self) -> str:
        """How messages about what is invalid name it, as in `Role.rbac.authorization.k8s.io`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def singular(self) -> str:
        """Its name for one."""
        return self.kind.lower()

    @property
    def root(self) -> str:
        """The path below which it is served."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str, name: str = "") -> str:
        """Say where its objects, or one of them, are."""
        home = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.root}{home}/{self.plural}" + (f"/{name}" if name else "")

    def subresource(self, name: str) -> Subresource | None:
        """Give what hangs on it by that name."""
        return next((one for one in self.subresources if one.name == name), None)


_READ_WRITE: Final = ("get", "patch", "update")


def _status(kind: str) -> Subresource:
    return Subresource("status", _READ_WRITE, kind)


_SCALE: Final = Subresource("scale", _READ_WRITE, "Scale", "autoscaling", "v1")
_POD_PARTS: Final = (
    Subresource("attach", ("create", "get"), "PodAttachOptions"),
    Subresource("binding", ("create",), "Binding"),
    Subresource("ephemeralcontainers", _READ_WRITE, "Pod"),
    Subresource("eviction", ("create",), "Eviction", "policy", "v1"),
    Subresource("exec", ("create", "get"), "PodExecOptions"),
    Subresource("log", ("get",), "Pod"),
    Subresource("portforward", ("create", "get"), "PodPortForwardOptions"),
    _status("Pod"),
)
_TOKEN: Final = Subresource("token", ("create",), "TokenRequest", AUTHENTICATION, "v1")
_NO_COLLECTIONS: Final = tuple(verb for verb in ALL_VERBS if verb != "deletecollection")
_ALL: Final = ("all",)


def _core(plural: str, kind: str, *short: str, **more: Any) -> Kind:
    return Kind("", "v1", plural, kind, short=short, **more)


KINDS: Final = (
    _core("configmaps", "ConfigMap", "cm"),
    _core("endpoints", "Endpoints", "ep"),
    _core("events", "Event", "ev"),
    _core("limitranges", "LimitRange", "limits"),
    _core(
        "namespaces",
        "Namespace",
        "ns",
        namespaced=False,
        verbs=_NO_COLLECTIONS,
        subresources=(
            Subresource("finalize", ("update",), "Namespace"),
            _status("Namespace"),
        ),
    ),
    _core("nodes", "Node", "no", namespaced=False, subresources=(_status("Node"),)),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", "pvc"),
    _core("persistentvolumes", "PersistentVolume", "pv", namespaced=False),
    _core("pods", "Pod", "po", categories=_ALL, subresources=_POD_PARTS),
    _core("podtemplates", "PodTemplate"),
    _core(
        "replicationcontrollers",
        "ReplicationController",
        "rc",
        categories=_ALL,
        subresources=(_SCALE, _status("ReplicationController")),
    ),
    _core("resourcequotas", "ResourceQuota", "quota"),
    _core("secrets", "Secret"),
    _core("serviceaccounts", "ServiceAccount", "sa", subresources=(_TOKEN,)),
    _core("services", "Service", "svc", categories=_ALL),
    Kind("apps", "v1", "controllerrevisions", "ControllerRevision"),
    Kind("apps", "v1", "daemonsets", "DaemonSet", short=("ds",), categories=_ALL),
    Kind(
        "apps",
        "v1",
        "deployments",
        "Deployment",
        short=("deploy",),
        categories=_ALL,
        subresources=(_SCALE, _status("Deployment")),
    ),
    Kind(
        "apps",
        "v1",
        "replicasets",
        "ReplicaSet",
        short=("rs",),
        categories=_ALL,
        subresources=(_SCALE, _status("ReplicaSet")),
    ),
    Kind(
        "apps",
        "v1",
        "statefulsets",
        "StatefulSet",
        short=("sts",),
        categories=_ALL,
        subresources=(_SCALE, _status("StatefulSet")),
    ),
    Kind(
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        short=("hpa",),
        categories=_ALL,
    ),
    Kind("batch", "v1", "cronjobs", "CronJob", short=("cj",), categories=_ALL),
    Kind("batch", "v1", "jobs", "Job", categories=_ALL),
    Kind("coordination.k8s.io", "v1", "leases", "Lease"),
    Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    Kind("networking.k8s.io", "v1", "ingresses", "Ingress", short=("ing",)),
    Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short=("netpol",)),
    Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", short=("pdb",)),
    Kind(RBAC_GROUP, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Kind(RBAC_GROUP, "v1", "clusterroles", "ClusterRole", namespaced=False),
    Kind(RBAC_GROUP, "v1", "rolebindings", "RoleBinding"),
    Kind(RBAC_GROUP, "v1", "roles", "Role"),
)


@dataclass(frozen=True, slots=True)
class Review:
    """A kind that is asked and never stored."""

    group: str
    plural: str
    kind: str
    namespaced: bool = False
    version: str = "v1"

    @property
    def api_version(self) -> str:
        """How objects name group and version."""
        return f"{self.group}/{self.version}"


REVIEWS: Final = (
    Review(AUTHENTICATION, "selfsubjectreviews", "SelfSubjectReview"),
    Review(AUTHENTICATION, "tokenreviews", "TokenReview"),
    Review(AUTHORIZATION, "localsubjectaccessreviews", "LocalSubjectAccessReview", namespaced=True),
    Review(AUTHORIZATION, "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    Review(AUTHORIZATION, "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    Review(AUTHORIZATION, "subjectaccessreviews", "SubjectAccessReview"),
)

TOKEN_REQUEST: Final = Review(AUTHENTICATION, "tokenrequests", "TokenRequest", namespaced=True)
SCALE: Final = Review("autoscaling", "scales", "Scale", namespaced=True)
"""What is written to parts of objects, and stored nowhere by itself."""

_BY_PLACE: Final[Mapping[tuple[str, str, str], Kind]] = {
    (kind.group, kind.version, kind.plural): kind for kind in KINDS
}
_REVIEWS_BY_PLACE: Final[Mapping[tuple[str, str, str], Review]] = {
    (review.group, review.version, review.plural): review for review in REVIEWS
}
_BY_KIND: Final[Mapping[str, Kind]] = {kind.kind: kind for kind in KINDS}

NAMESPACE: Final = _BY_KIND["Namespace"]
POD: Final = _BY_KIND["Pod"]
SERVICE_ACCOUNT: Final = _BY_KIND["ServiceAccount"]
CONFIG_MAP: Final = _BY_KIND["ConfigMap"]
SECRET: Final = _BY_KIND["Secret"]
DEPLOYMENT: Final = _BY_KIND["Deployment"]
REPLICA_SET: Final = _BY_KIND["ReplicaSet"]
ROLE: Final = _BY_KIND["Role"]
CLUSTER_ROLE: Final = _BY_KIND["ClusterRole"]
ROLE_BINDING: Final = _BY_KIND["RoleBinding"]
CLUSTER_ROLE_BINDING: Final = _BY_KIND["ClusterRoleBinding"]


def find_kind(group: str, version: str, plural: str) -> Kind | None:
    """Give the kind that is served there."""
    return _BY_PLACE.get((group, version, plural))


def find_review(group: str, version: str, plural: str) -> Review | None:
    """Give the review that is asked there."""
    return _REVIEWS_BY_PLACE.get((group, version, plural))


def group_versions() -> tuple[tuple[str, str], ...]:
    """Name each group and version that something is served in, the core first."""
    found = {(one.group, one.version) for one in (*KINDS, *REVIEWS)}
    return tuple(sorted(found))
