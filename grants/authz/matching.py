"""What one rule allows, exactly as Kubernetes' RBAC authorizer reads it."""

from typing import Final

from grants.authz.model import Question, Rule

ANY: Final = "*"

# Kinds that stand outside of namespaces: a RoleBinding never reaches them, whatever its role
# says. `namespaces` is missing on purpose: a RoleBinding does reach its own namespace object.
CLUSTER_SCOPED: Final = frozenset(
    {
        ("", "componentstatuses"),
        ("", "nodes"),
        ("", "persistentvolumes"),
        ("", "users"),
        ("", "groups"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("apiregistration.k8s.io", "apiservices"),
        ("authentication.k8s.io", "selfsubjectreviews"),
        ("authentication.k8s.io", "tokenreviews"),
        ("authentication.k8s.io", "uids"),
        ("authentication.k8s.io", "userextras"),
        ("authorization.k8s.io", "selfsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectrulesreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
        ("certificates.k8s.io", "certificatesigningrequests"),
        ("certificates.k8s.io", "clustertrustbundles"),
        ("certificates.k8s.io", "signers"),
        ("flowcontrol.apiserver.k8s.io", "flowschemas"),
        ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
        ("metrics.k8s.io", "nodes"),
        ("networking.k8s.io", "ingressclasses"),
        ("networking.k8s.io", "ipaddresses"),
        ("networking.k8s.io", "servicecidrs"),
        ("node.k8s.io", "runtimeclasses"),
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
        ("rbac.authorization.k8s.io", "clusterroles"),
        ("resource.k8s.io", "deviceclasses"),
        ("resource.k8s.io", "resourceslices"),
        ("scheduling.k8s.io", "priorityclasses"),
        ("storage.k8s.io", "csidrivers"),
        ("storage.k8s.io", "csinodes"),
        ("storage.k8s.io", "storageclasses"),
        ("storage.k8s.io", "volumeattachments"),
    }
)


def split_resource(resource: str) -> tuple[str, str]:
    """Split `pods/exec` into kind and subresource; the latter is empty without a slash."""
    kind, _, sub = resource.partition("/")
    return kind, sub


def matches_verb(rule: Rule, verb: str) -> bool:
    """Tell whether a rule's verbs hold this one: `*` or exactly it, case counts."""
    return ANY in rule.verbs or verb in rule.verbs


def matches_group(rule: Rule, group: str) -> bool:
    """Tell whether a rule's apiGroups hold this one: `*` or exactly it."""
    return ANY in rule.api_groups or group in rule.api_groups


def matches_resource(rule: Rule, resource: str) -> bool:
    """Tell whether a rule's resources hold `kind` or `kind/sub`.

    `*` holds everything, subresources too, and `*/sub` that subresource of every kind; `kind`
    alone holds no subresource, and `kind/*` nothing but its own spelling.
    """
    return _holds_resource(rule, resource, split_resource(resource)[1])


def matches_name(rule: Rule, name: str) -> bool:
    """Tell whether a rule's resourceNames hold this one: none at all, or exactly it."""
    return not rule.resource_names or name in rule.resource_names


def allows(rule: Rule, verb: str, group: str, resource: str, name: str = "") -> bool:
    """Tell whether a rule allows a request on a resource (`kind` or `kind/sub`)."""
    return (
        matches_verb(rule, verb)
        and matches_group(rule, group)
        and matches_resource(rule, resource)
        and matches_name(rule, name)
    )


def matches_path(rule: Rule, path: str) -> bool:
    """Tell whether a rule's nonResourceURLs hold this path; only a trailing `*` is wild."""
    return any(
        path == url or (url.endswith(ANY) and path.startswith(url.rstrip(ANY)))
        for url in rule.non_resource_urls
    )


def allows_path(rule: Rule, verb: str, path: str) -> bool:
    """Tell whether a rule allows a request outside of resources."""
    return matches_verb(rule, verb) and matches_path(rule, path)


def answers(rule: Rule, question: Question) -> bool:
    """Tell whether a rule allows what is asked; what is asked is believed, as reviews do.

    Kind and subresource are taken as they were given: `pods/exec` as a kind has no subresource.
    """
    if question.path is not None:
        return allows_path(rule, question.verb, question.path)
    kind, sub = question.resource, question.subresource
    return (
        matches_verb(rule, question.verb)
        and matches_group(rule, question.api_group)
        and _holds_resource(rule, f"{kind}/{sub}" if sub else kind, sub)
        and matches_name(rule, question.name)
    )


def _holds_resource(rule: Rule, whole: str, sub: str) -> bool:
    if ANY in rule.resources or whole in rule.resources:
        return True
    return bool(sub) and f"*/{sub}" in rule.resources


def reaches(group: str, resource: str, namespace: str | None) -> bool:
    """Tell whether a binding in `namespace` (None: a ClusterRoleBinding) reaches this kind."""
    return namespace is None or (group, split_resource(resource)[0]) not in CLUSTER_SCOPED
