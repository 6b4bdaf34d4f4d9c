"""One stage for two clusters: the contract suite says what must hold, this says how to set it up
on the cluster in memory and on the real control plane.

The cluster under test has the bot's own credential; scenes are set with another.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from bot.playground.plane import Plane
from bot.playground.processes import wait_until
from grants.access.cluster_port import BindingPlace, BindingWish, ClusterPort
from grants.access.naming import binding_name
from grants.authz.model import Answer, Question, RoleRef, Rule
from grants.clusters.cluster import KubernetesCluster
from grants.ids import Prefix, new_id
from tests.support.fake_cluster import FakeCluster

RBAC = "/apis/rbac.authorization.k8s.io/v1"
# Shipped with `bind`; a fresh cluster has it.
VIEW = RoleRef("ClusterRole", "view")
EDIT = RoleRef("ClusterRole", "edit")
# Nobody lets the bot bind it.
UNLISTED = RoleRef("ClusterRole", "admin")
HOLD = "example.com/hold"
EVENTUALLY = timedelta(seconds=10)

POD_RULES = (Rule(("get", "list"), ("",), ("pods",)),)
SECRET_RULES = (Rule(("get",), ("",), ("secrets",)),)


class Lab(Protocol):
    """A cluster under test, and somebody else who acts in it."""

    installation: str
    namespace: str

    @property
    def cluster(self) -> ClusterPort: ...
    def put_role(self, name: str, rules: tuple[Rule, ...]) -> RoleRef: ...
    def remove_role(self, name: str) -> None: ...
    def put_binding(
        self,
        place: BindingPlace,
        role: RoleRef,
        subjects: tuple[str, ...],
        grant: str | None = None,
        finalizers: tuple[str, ...] = (),
    ) -> None: ...
    def touch(self, place: BindingPlace) -> None: ...
    def hold(self, place: BindingPlace) -> None: ...
    def remove_binding(self, place: BindingPlace) -> None: ...
    def let_namespace_end(self) -> None: ...


@dataclass
class FakeLab:
    """The stage in memory."""

    cluster: FakeCluster
    installation: str
    namespace: str

    def __post_init__(self) -> None:
        self.cluster.add_namespace(self.namespace)
        for role in (VIEW, EDIT, UNLISTED):
            self.cluster.put_role(role, POD_RULES)
        self.cluster.forbid_bind(UNLISTED)

    def put_role(self, name: str, rules: tuple[Rule, ...]) -> RoleRef:
        ref = RoleRef("Role", name)
        self.cluster.put_role(ref, rules, self.namespace)
        return ref

    def remove_role(self, name: str) -> None:
        self.cluster.remove_role(RoleRef("Role", name), self.namespace)

    def put_binding(
        self,
        place: BindingPlace,
        role: RoleRef,
        subjects: tuple[str, ...],
        grant: str | None = None,
        finalizers: tuple[str, ...] = (),
    ) -> None:
        self.cluster.add_binding(place, role, subjects, grant=grant, finalizers=finalizers)

    def touch(self, place: BindingPlace) -> None:
        self.cluster.edit_binding(place)

    def hold(self, place: BindingPlace) -> None:
        self.cluster.add_finalizer(place, HOLD)

    def remove_binding(self, place: BindingPlace) -> None:
        self.cluster.remove_binding(place)

    def let_namespace_end(self) -> None:
        self.cluster.add_namespace(self.namespace, terminating=True)


@dataclass
class RealLab:
    """The stage on a control plane, real or embedded; `plane` acts as somebody else."""

    cluster: KubernetesCluster
    installation: str
    namespace: str
    plane: Plane

    def put_role(self, name: str, rules: tuple[Rule, ...]) -> RoleRef:
        self.plane.admin_request(
            "POST",
            f"{RBAC}/namespaces/{self.namespace}/roles",
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": {"name": name},
                "rules": [_rule(rule) for rule in rules],
            },
        )
        return RoleRef("Role", name)

    def remove_role(self, name: str) -> None:
        path = f"{RBAC}/namespaces/{self.namespace}/roles/{name}"
        self.plane.admin_request("DELETE", path)

    def put_binding(
        self,
        place: BindingPlace,
        role: RoleRef,
        subjects: tuple[str, ...],
        grant: str | None = None,
        finalizers: tuple[str, ...] = (),
    ) -> None:
        labels = {
            "app.kubernetes.io/managed-by": "valetkey",
            "valetkey.dev/installation": self.installation,
            "valetkey.dev/grant": grant,
        }
        manifest = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding" if place.namespace else "ClusterRoleBinding",
            "metadata": {
                "name": place.name,
                "finalizers": list(finalizers),
                "labels": labels if grant else {},
            },
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": role.kind,
                "name": role.name,
            },
            "subjects": [_subject(subject) for subject in subjects],
        }
        path, _, _ = binding_path(place).rpartition("/")
        self.plane.admin_request("POST", path, manifest)

    def touch(self, place: BindingPlace) -> None:
        self.patch(place, {"metadata": {"annotations": {"example.com/seen": new_word()}}})

    def hold(self, place: BindingPlace) -> None:
        self.patch(place, {"metadata": {"finalizers": [HOLD]}})

    def patch(self, place: BindingPlace, change: dict[str, Any]) -> dict[str, Any]:
        return dict(self.plane.admin_request("PATCH", binding_path(place), change))

    def remove_binding(self, place: BindingPlace) -> None:
        self.plane.admin_request("DELETE", binding_path(place))

    def let_namespace_end(self) -> None:
        # Something that is held keeps the namespace terminating; the fixture lets it go.
        place = BindingPlace("held", self.namespace)
        self.put_binding(place, VIEW, (), finalizers=(HOLD,))
        self.plane.admin_request("DELETE", f"/api/v1/namespaces/{self.namespace}")

    def clean_up(self) -> None:
        """Let go of whatever a test left held, so that its namespace can end."""
        path = f"{RBAC}/namespaces/{self.namespace}/rolebindings"
        for item in self.plane.admin_request("GET", path)["items"]:
            if item["metadata"].get("finalizers"):
                place = BindingPlace(item["metadata"]["name"], self.namespace)
                self.patch(place, {"metadata": {"finalizers": None}})


def binding_path(place: BindingPlace) -> str:
    """The path of one binding."""
    if place.namespace is None:
        return f"{RBAC}/clusterrolebindings/{place.name}"
    return f"{RBAC}/namespaces/{place.namespace}/rolebindings/{place.name}"


def new_word() -> str:
    """A short word that nothing else uses."""
    return secrets.token_hex(4)


def new_person() -> str:
    """A subject that no other test knows."""
    return f"oidc:{new_word()}@example.com"


def wish_for(lab: Lab, subject: str, role: RoleRef = VIEW) -> BindingWish:
    """A wish for a fresh grant in the lab's namespace."""
    grant = new_id(Prefix.GRANT)
    return BindingWish(
        place=BindingPlace(binding_name(lab.installation, grant), lab.namespace),
        grant=grant,
        role=role,
        subject=subject,
        requester=new_id(Prefix.PERSON),
        approvers=(new_id(Prefix.PERSON), new_id(Prefix.PERSON)),
    )


def ask_pods(lab: Lab, subject: str, *, verb: str = "get", groups: tuple[str, ...] = ()) -> Answer:
    """Ask the first server whether a subject may read pods in the lab's namespace."""
    question = Question(verb, resource="pods", namespace=lab.namespace)
    (answer,) = lab.cluster.ask(subject, groups, (question,), lab.cluster.endpoints()[0])
    return answer


def eventually(check: Callable[[], bool], what: str) -> None:
    """Wait until the API server's authorizer has seen a change: milliseconds, as a rule."""
    wait_until(check, within=EVENTUALLY, what=what)


def eventually_allowed(lab: Lab, subject: str) -> Answer:
    """Wait until the subject may read pods; gives the answer."""
    eventually(lambda: ask_pods(lab, subject).allowed, f"{subject} is allowed")
    return ask_pods(lab, subject)


def eventually_denied(lab: Lab, subject: str) -> None:
    """Wait until the subject may not read pods."""
    eventually(lambda: not ask_pods(lab, subject).allowed, f"{subject} is denied")


def _subject(text: str) -> dict[str, str]:
    kind, _, name = text.partition(":")
    if kind == "ServiceAccount":
        namespace, _, account = name.partition("/")
        return {"kind": kind, "namespace": namespace, "name": account}
    return {"kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": name}


def _rule(rule: Rule) -> dict[str, list[str]]:
    fields = {
        "verbs": list(rule.verbs),
        "apiGroups": list(rule.api_groups),
        "resources": list(rule.resources),
        "resourceNames": list(rule.resource_names),
    }
    return {name: values for name, values in fields.items() if values}
