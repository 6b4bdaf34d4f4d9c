"""Which group a kind is of, for whoever names it without one."""

from collections.abc import Iterable, Mapping
from typing import Final

from grants.authz.matching import ANY, split_resource
from grants.authz.objects import Role

_BUILT_IN: Final[Mapping[str, str]] = {
    kind: group
    for group, kinds in {
        "admissionregistration.k8s.io": "mutatingadmissionpolicies mutatingadmissionpolicybindings "
        "mutatingwebhookconfigurations validatingadmissionpolicies "
        "validatingadmissionpolicybindings validatingwebhookconfigurations",
        "apiextensions.k8s.io": "customresourcedefinitions",
        "apiregistration.k8s.io": "apiservices",
        "apps": "controllerrevisions daemonsets deployments replicasets statefulsets",
        "authentication.k8s.io": "selfsubjectreviews tokenreviews uids userextras",
        "authorization.k8s.io": "localsubjectaccessreviews selfsubjectaccessreviews "
        "selfsubjectrulesreviews subjectaccessreviews",
        "autoscaling": "horizontalpodautoscalers",
        "batch": "cronjobs jobs",
        "certificates.k8s.io": "certificatesigningrequests clustertrustbundles signers",
        "coordination.k8s.io": "leases",
        "discovery.k8s.io": "endpointslices",
        "flowcontrol.apiserver.k8s.io": "flowschemas prioritylevelconfigurations",
        "networking.k8s.io": "ingressclasses ingresses ipaddresses networkpolicies servicecidrs",
        "node.k8s.io": "runtimeclasses",
        "policy": "poddisruptionbudgets",
        "rbac.authorization.k8s.io": "clusterrolebindings clusterroles rolebindings roles",
        "resource.k8s.io": "deviceclasses resourceclaims resourceclaimtemplates resourceslices",
        "scheduling.k8s.io": "priorityclasses",
        "storage.k8s.io": "csidrivers csinodes csistoragecapacities storageclasses "
        "volumeattachments",
        "": "bindings componentstatuses configmaps endpoints events groups limitranges namespaces "
        "nodes persistentvolumeclaims persistentvolumes pods podtemplates replicationcontrollers "
        "resourcequotas secrets serviceaccounts services users",
    }.items()
    for kind in kinds.split()
}


def group_of(kind: str, roles: Iterable[Role]) -> str | None:
    """Give the group of a kind: Kubernetes' own, else the one that the roles name it in.

    None when nothing tells, or the roles name it in several.
    """
    if kind in _BUILT_IN:
        return _BUILT_IN[kind]
    found = {
        group
        for role in roles
        for rule in role.rules
        if any(split_resource(resource)[0] == kind for resource in rule.resources)
        for group in rule.api_groups
    } - {ANY}
    return found.pop() if len(found) == 1 else None
