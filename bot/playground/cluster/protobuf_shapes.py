"""The protobuf messages that are decoded, field by field: name, type, number."""

from typing import Final, NamedTuple


class Field(NamedTuple):
    """One field of a message; `many` is "", "list" or "map" (from text to the type)."""

    name: str
    type: str
    many: str = ""


def _fields(text: str) -> dict[int, Field]:
    """Read `name:Type:1`; `[Type]` is a list, `{Type}` a map."""
    found = {}
    for part in text.split():
        name, type_, number = part.split(":")
        many = {"[": "list", "{": "map"}.get(type_[0], "")
        found[int(number)] = Field(name, type_.strip("[]{}"), many)
    return found


_OBJECT_ROOT: Final = "metadata:ObjectMeta:1"
_TEXTS: Final[dict[str, str]] = {
    "TypeMeta": "apiVersion:string:1 kind:string:2",
    "ObjectMeta": (
        "name:string:1 generateName:string:2 namespace:string:3 uid:string:5"
        " resourceVersion:string:6 generation:int:7 creationTimestamp:Time:8"
        " deletionGracePeriodSeconds:int:10 labels:{string}:11 annotations:{string}:12"
        " ownerReferences:[OwnerReference]:13 finalizers:[string]:14"
    ),
    "OwnerReference": (
        "kind:string:1 name:string:3 uid:string:4 apiVersion:string:5 controller:bool:6"
        " blockOwnerDeletion:bool:7"
    ),
    "LabelSelector": "matchLabels:{string}:1 matchExpressions:[LabelSelectorRequirement]:2",
    "LabelSelectorRequirement": "key:string:1 operator:string:2 values:[string]:3",
    "DeleteOptions": (
        "gracePeriodSeconds:int:1 preconditions:Preconditions:2 orphanDependents:bool:3"
        " propagationPolicy:string:4 dryRun:[string]:5"
    ),
    "Preconditions": "uid:string:1 resourceVersion:string:2",
    "AggregationRule": "clusterRoleSelectors:[LabelSelector]:1",
    "PolicyRule": (
        "verbs:[string]:1 apiGroups:[string]:2 resources:[string]:3 resourceNames:[string]:4"
        " nonResourceURLs:[string]:5"
    ),
    "RoleRef": "apiGroup:string:1 kind:string:2 name:string:3",
    "Subject": "kind:string:1 apiGroup:string:2 name:string:3 namespace:string:4",
    "Role": f"{_OBJECT_ROOT} rules:[PolicyRule]:2",
    "ClusterRole": f"{_OBJECT_ROOT} rules:[PolicyRule]:2 aggregationRule:AggregationRule:3",
    "RoleBinding": f"{_OBJECT_ROOT} subjects:[Subject]:2 roleRef:RoleRef:3",
    "ClusterRoleBinding": f"{_OBJECT_ROOT} subjects:[Subject]:2 roleRef:RoleRef:3",
    "Namespace": f"{_OBJECT_ROOT} spec:NamespaceSpec:2",
    "NamespaceSpec": "finalizers:[string]:1",
    "ServiceAccount": (
        f"{_OBJECT_ROOT} secrets:[ObjectReference]:2 imagePullSecrets:[LocalObjectReference]:3"
        " automountServiceAccountToken:bool:4"
    ),
    "ObjectReference": "kind:string:1 namespace:string:2 name:string:3 uid:string:4",
    "LocalObjectReference": "name:string:1",
    "ConfigMap": f"{_OBJECT_ROOT} data:{{string}}:2 binaryData:{{base64}}:3 immutable:bool:4",
    "Secret": (
        f"{_OBJECT_ROOT} data:{{base64}}:2 type:string:3 stringData:{{string}}:4 immutable:bool:5"
    ),
    "Pod": f"{_OBJECT_ROOT} spec:PodSpec:2",
    "PodSpec": (
        "containers:[Container]:2 restartPolicy:string:3 terminationGracePeriodSeconds:int:4"
        " dnsPolicy:string:6 nodeSelector:{string}:7 serviceAccountName:string:8"
        " serviceAccount:string:9 nodeName:string:10 imagePullSecrets:[LocalObjectReference]:15"
        " initContainers:[Container]:20 automountServiceAccountToken:bool:21"
    ),
    "Container": (
        "name:string:1 image:string:2 command:[string]:3 args:[string]:4 workingDir:string:5"
        " ports:[ContainerPort]:6 env:[EnvVar]:7 imagePullPolicy:string:14 stdin:bool:16"
        " stdinOnce:bool:17 tty:bool:18"
    ),
    "ContainerPort": "name:string:1 hostPort:int:2 containerPort:int:3 protocol:string:4",
    "EnvVar": "name:string:1 value:string:2",
    "PodTemplateSpec": "metadata:ObjectMeta:1 spec:PodSpec:2",
    "Deployment": f"{_OBJECT_ROOT} spec:DeploymentSpec:2",
    "DeploymentSpec": (
        "replicas:int:1 selector:LabelSelector:2 template:PodTemplateSpec:3 minReadySeconds:int:5"
        " revisionHistoryLimit:int:6 paused:bool:7 progressDeadlineSeconds:int:9"
    ),
    "ResourceAttributes": (
        "namespace:string:1 verb:string:2 group:string:3 version:string:4 resource:string:5"
        " subresource:string:6 name:string:7"
    ),
    "NonResourceAttributes": "path:string:1 verb:string:2",
    "SelfSubjectAccessReview": f"{_OBJECT_ROOT} spec:SelfSubjectAccessReviewSpec:2",
    "SelfSubjectAccessReviewSpec": (
        "resourceAttributes:ResourceAttributes:1 nonResourceAttributes:NonResourceAttributes:2"
    ),
    "SubjectAccessReview": f"{_OBJECT_ROOT} spec:SubjectAccessReviewSpec:2",
    "LocalSubjectAccessReview": f"{_OBJECT_ROOT} spec:SubjectAccessReviewSpec:2",
    "SubjectAccessReviewSpec": (
        "resourceAttributes:ResourceAttributes:1 nonResourceAttributes:NonResourceAttributes:2"
        " user:string:3 groups:[string]:4 uid:string:6"
    ),
    "SelfSubjectRulesReview": f"{_OBJECT_ROOT} spec:SelfSubjectRulesReviewSpec:2",
    "SelfSubjectRulesReviewSpec": "namespace:string:1",
    "SelfSubjectReview": _OBJECT_ROOT,
    "TokenReview": f"{_OBJECT_ROOT} spec:TokenReviewSpec:2",
    "TokenReviewSpec": "token:string:1 audiences:[string]:2",
    "TokenRequest": f"{_OBJECT_ROOT} spec:TokenRequestSpec:2",
    "TokenRequestSpec": (
        "audiences:[string]:1 boundObjectRef:BoundObjectReference:3 expirationSeconds:int:4"
    ),
    "BoundObjectReference": "kind:string:1 apiVersion:string:2 name:string:3 uid:string:4",
}
MESSAGES: Final = {name: _fields(text) for name, text in _TEXTS.items()}
