"""The rights that steps of escalation need: all that is ever asked of a rule here."""

from enum import Enum
from typing import Final, NamedTuple

_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_CERTIFICATES: Final = "certificates.k8s.io"
_ARGO: Final = "argoproj.io"
_TEKTON: Final = "tekton.dev"
KYVERNO: Final = "kyverno.io"

_CREATE: Final = ("create",)
_CHANGE: Final = ("update", "patch")


class Wanted(NamedTuple):
    """Any of the verbs on one resource (`kind` or `kind/sub`) of an API group."""

    verbs: tuple[str, ...]
    group: str
    resource: str

    @property
    def makes_objects(self) -> bool:
        """Tell whether the request has no name yet, so that no rule with names allows it."""
        return self.verbs == _CREATE and "/" not in self.resource


class Ask(Enum):
    """One right that a step may need."""

    # Members are asked for a million times in a large cluster; Enum's own hash is slow.
    __hash__ = object.__hash__

    TOKENS_MAKE = Wanted(_CREATE, "", "serviceaccounts/token")
    EXEC_CREATE = Wanted(_CREATE, "", "pods/exec")
    EXEC_GET = Wanted(("get",), "", "pods/exec")
    ATTACH_CREATE = Wanted(_CREATE, "", "pods/attach")
    ATTACH_GET = Wanted(("get",), "", "pods/attach")
    EPHEMERAL_CHANGE = Wanted(_CHANGE, "", "pods/ephemeralcontainers")
    SECRETS_READ = Wanted(("get", "list", "watch"), "", "secrets")
    SECRETS_MAKE = Wanted(_CREATE, "", "secrets")
    SECRETS_CHANGE = Wanted(_CHANGE, "", "secrets")
    AS_USERS = Wanted(("impersonate",), "", "users")
    AS_GROUPS = Wanted(("impersonate",), "", "groups")
    AS_ACCOUNTS = Wanted(("impersonate",), "", "serviceaccounts")

    BIND_CLUSTER_ROLES = Wanted(("bind",), _RBAC, "clusterroles")
    BIND_ROLES = Wanted(("bind",), _RBAC, "roles")
    WIDEN_CLUSTER_ROLES = Wanted(("escalate",), _RBAC, "clusterroles")
    WIDEN_ROLES = Wanted(("escalate",), _RBAC, "roles")
    CLUSTER_ROLES_MAKE = Wanted(_CREATE, _RBAC, "clusterroles")
    CLUSTER_ROLES_CHANGE = Wanted(_CHANGE, _RBAC, "clusterroles")
    ROLES_CHANGE = Wanted(_CHANGE, _RBAC, "roles")
    CLUSTER_BINDINGS_MAKE = Wanted(_CREATE, _RBAC, "clusterrolebindings")
    CLUSTER_BINDINGS_CHANGE = Wanted(_CHANGE, _RBAC, "clusterrolebindings")
    BINDINGS_MAKE = Wanted(_CREATE, _RBAC, "rolebindings")
    BINDINGS_CHANGE = Wanted(_CHANGE, _RBAC, "rolebindings")

    CSR_MAKE = Wanted(_CREATE, _CERTIFICATES, "certificatesigningrequests")
    CSR_APPROVAL = Wanted(_CHANGE, _CERTIFICATES, "certificatesigningrequests/approval")
    CSR_OF_NODES = Wanted(_CREATE, _CERTIFICATES, "certificatesigningrequests/nodeclient")
    SIGNERS_APPROVE = Wanted(("approve",), _CERTIFICATES, "signers")

    KUBELETS_REACH = Wanted(("get", "create"), "", "nodes/proxy")
    VOLUMES_MAKE = Wanted(_CREATE, "", "persistentvolumes")
    NAMESPACES_CHANGE = Wanted(_CHANGE, "", "namespaces")
    WEBHOOKS_MAKE = Wanted(_CREATE, _ADMISSION, "mutatingwebhookconfigurations")
    WEBHOOKS_CHANGE = Wanted(_CHANGE, _ADMISSION, "mutatingwebhookconfigurations")
    MUTATIONS_MAKE = Wanted(_CREATE, _ADMISSION, "mutatingadmissionpolicies")
    MUTATIONS_CHANGE = Wanted(_CHANGE, _ADMISSION, "mutatingadmissionpolicies")
    MUTATION_BINDINGS_MAKE = Wanted(_CREATE, _ADMISSION, "mutatingadmissionpolicybindings")
    MUTATION_BINDINGS_CHANGE = Wanted(_CHANGE, _ADMISSION, "mutatingadmissionpolicybindings")
    KYVERNO_MAKE = Wanted(_CREATE, KYVERNO, "clusterpolicies")
    KYVERNO_CHANGE = Wanted(_CHANGE, KYVERNO, "clusterpolicies")

    PODS_MAKE = Wanted(_CREATE, "", "pods")
    PODS_CHANGE = Wanted(_CHANGE, "", "pods")
    CONTROLLERS_MAKE = Wanted(_CREATE, "", "replicationcontrollers")
    CONTROLLERS_CHANGE = Wanted(_CHANGE, "", "replicationcontrollers")
    DEPLOYMENTS_MAKE = Wanted(_CREATE, "apps", "deployments")
    DEPLOYMENTS_CHANGE = Wanted(_CHANGE, "apps", "deployments")
    REPLICA_SETS_MAKE = Wanted(_CREATE, "apps", "replicasets")
    REPLICA_SETS_CHANGE = Wanted(_CHANGE, "apps", "replicasets")
    STATEFUL_SETS_MAKE = Wanted(_CREATE, "apps", "statefulsets")
    STATEFUL_SETS_CHANGE = Wanted(_CHANGE, "apps", "statefulsets")
    DAEMON_SETS_MAKE = Wanted(_CREATE, "apps", "daemonsets")
    DAEMON_SETS_CHANGE = Wanted(_CHANGE, "apps", "daemonsets")
    JOBS_MAKE = Wanted(_CREATE, "batch", "jobs")
    CRON_JOBS_MAKE = Wanted(_CREATE, "batch", "cronjobs")
    CRON_JOBS_CHANGE = Wanted(_CHANGE, "batch", "cronjobs")
    ROLLOUTS_MAKE = Wanted(_CREATE, _ARGO, "rollouts")
    ROLLOUTS_CHANGE = Wanted(_CHANGE, _ARGO, "rollouts")
    WORKFLOWS_MAKE = Wanted(_CREATE, _ARGO, "workflows")
    CRON_WORKFLOWS_MAKE = Wanted(_CREATE, _ARGO, "cronworkflows")
    CRON_WORKFLOWS_CHANGE = Wanted(_CHANGE, _ARGO, "cronworkflows")
    TASK_RUNS_MAKE = Wanted(_CREATE, _TEKTON, "taskruns")
    PIPELINE_RUNS_MAKE = Wanted(_CREATE, _TEKTON, "pipelineruns")
    KNATIVE_MAKE = Wanted(_CREATE, "serving.knative.dev", "services")
    KNATIVE_CHANGE = Wanted(_CHANGE, "serving.knative.dev", "services")


class Maker(NamedTuple):
    """A kind that makes pods.

    `change` is None where a new pod needs a new object: the pods of a Job are fixed once it
    stands. `operator` names what must run for it; "" where Kubernetes itself does.
    """

    kind: str
    make: Ask
    change: Ask | None = None
    operator: str = ""


MAKERS: Final = (
    Maker("Pod", Ask.PODS_MAKE),
    Maker("Deployment", Ask.DEPLOYMENTS_MAKE, Ask.DEPLOYMENTS_CHANGE),
    Maker("DaemonSet", Ask.DAEMON_SETS_MAKE, Ask.DAEMON_SETS_CHANGE),
    Maker("StatefulSet", Ask.STATEFUL_SETS_MAKE, Ask.STATEFUL_SETS_CHANGE),
    Maker("ReplicaSet", Ask.REPLICA_SETS_MAKE, Ask.REPLICA_SETS_CHANGE),
    Maker("ReplicationController", Ask.CONTROLLERS_MAKE, Ask.CONTROLLERS_CHANGE),
    Maker("Job", Ask.JOBS_MAKE),
    Maker("CronJob", Ask.CRON_JOBS_MAKE, Ask.CRON_JOBS_CHANGE),
    Maker("Rollout", Ask.ROLLOUTS_MAKE, Ask.ROLLOUTS_CHANGE, "Argo Rollouts"),
    Maker("Workflow", Ask.WORKFLOWS_MAKE, operator="Argo Workflows"),
    Maker("CronWorkflow", Ask.CRON_WORKFLOWS_MAKE, Ask.CRON_WORKFLOWS_CHANGE, "Argo Workflows"),
    Maker("TaskRun", Ask.TASK_RUNS_MAKE, operator="Tekton"),
    Maker("PipelineRun", Ask.PIPELINE_RUNS_MAKE, operator="Tekton"),
    Maker("Service", Ask.KNATIVE_MAKE, Ask.KNATIVE_CHANGE, "Knative"),
)
