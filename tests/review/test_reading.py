"""Files and dumps become values, each with the place where it was read."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grants.authz.model import RoleRef, Rule
from grants.authz.objects import Origin, Requirement, Selector, Subject
from grants.review.inventory import Inventory, Owner, Seen
from grants.review.reading import read_paths

NOW = datetime(2026, 3, 1, tzinfo=UTC)

ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: reader
  namespace: shop
rules:
- apiGroups: ['']
  resources: [pods, pods/log]
  verbs: [get, list]
- apiGroups: [apps]
  resources: [deployments]
  resourceNames: [web]
  verbs: [patch]
"""
BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: ServiceAccount, name: web, namespace: shop}
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: devs}
"""
ACCOUNT = """\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: web
  namespace: shop
  uid: 1b5e
  creationTimestamp: 2025-03-01T10:00:00Z
  labels: {team: shop}
automountServiceAccountToken: no
"""


def read(text: str | bytes, namespace: str = "default") -> Inventory:
    stream = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return read_paths(["-"], stream, now=NOW, namespace=namespace)


def test_a_role_is_read_with_its_rules() -> None:
    (role,) = read(ROLE).roles
    assert (role.kind, role.meta.name, role.meta.namespace) == ("Role", "reader", "shop")
    assert role.rules == (
        Rule(("get", "list"), ("",), ("pods", "pods/log")),
        Rule(("patch",), ("apps",), ("deployments",), ("web",)),
    )
    assert role.aggregates is None
    assert role.meta.origin == Origin("-", 1)


def test_a_binding_is_read_with_role_and_subjects() -> None:
    (binding,) = read(BINDING).bindings
    assert binding.role == RoleRef("ClusterRole", "view")
    assert binding.namespace == "shop"
    assert binding.subjects == (Subject("ServiceAccount", "web", "shop"), Subject("Group", "devs"))


def test_an_account_is_read_with_all_that_is_known_of_it() -> None:
    (account,) = read(ACCOUNT).accounts
    assert account.automount is False
    assert account.meta.uid == "1b5e"
    assert account.meta.created == datetime(2025, 3, 1, 10, tzinfo=UTC)
    assert account.meta.labels == {"team": "shop"}


def test_an_aggregated_role_says_what_it_gathers() -> None:
    text = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: all}
aggregationRule:
  clusterRoleSelectors:
  - matchLabels: {b: '2', a: '1'}
  - matchExpressions: [{key: x, operator: In, values: ['1', '2']}]
rules: []
"""
    (role,) = read(text).roles
    assert role.aggregates == (
        Selector((("a", "1"), ("b", "2"))),
        Selector((), (Requirement("x", "In", ("1", "2")),)),
    )


def test_several_documents_are_read_in_order_with_their_lines() -> None:
    found = read(f"# a file\n{ROLE}---\n{BINDING}---\n---\n# nothing\n---\n{ACCOUNT}")
    assert not found.problems
    metas = [each.meta for each in (*found.roles, *found.bindings, *found.accounts)]
    assert [meta.origin and meta.origin.line for meta in metas] == [2, 16, 27]


def _dump() -> dict[str, object]:
    rbac = "rbac.authorization.k8s.io/v1"
    items = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": f"a{n}"}}
        for n in range(3)
    ]
    role = {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": "none"}, "rules": None}
    return {"apiVersion": "v1", "items": [*items, role], "kind": "List", "metadata": {}}


@pytest.mark.parametrize("indent", [None, 4])
def test_a_dump_in_json_is_read_item_by_item_with_lines(indent: int | None) -> None:
    text = json.dumps(_dump(), indent=indent)
    found = read(text)
    assert [account.meta.name for account in found.accounts] == ["a0", "a1", "a2"]
    lines = text.split("\n")
    for each in (*found.accounts, *found.roles):
        assert each.meta.origin is not None
        here = "\n".join(lines[each.meta.origin.line - 1 :]).split("}", 2)
        if indent:
            assert lines[each.meta.origin.line - 1].strip() == "{"
            assert f'"name": "{each.meta.name}"' in here[0]
        else:
            assert each.meta.origin.line == 1


def test_json_and_yaml_of_the_same_give_the_same() -> None:
    yaml = f"{ROLE}---\n{BINDING}"
    one = read(yaml)
    docs = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader", "namespace": "shop"},
        "rules": [
            {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]},
            {
                "apiGroups": ["apps"],
                "resources": ["deployments"],
                "resourceNames": ["web"],
                "verbs": ["patch"],
            },
        ],
    }
    (other,) = read(json.dumps(docs)).roles
    assert one.roles[0] == other


def test_lists_in_lists_are_read() -> None:
    inner = _dump()
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [inner, {"items": []}]})
    assert len(read(text).accounts) == 3
    nested = "kind: List\nitems:\n- kind: List\n  items:\n  - {apiVersion: v1, kind: Namespace, "
    assert len(read(nested + "metadata: {name: x}}\n").namespaces) == 1


def test_items_of_a_typed_list_take_its_kind() -> None:
    raw = {
        "kind": "RoleList",
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "items": [{"metadata": {"name": "r", "namespace": "n"}, "rules": []}],
    }
    assert len(read(json.dumps(raw)).roles) == 1
    text = "items:\n- metadata: {name: r, namespace: n}\nkind: RoleList\n"
    assert len(read(text + "apiVersion: rbac.authorization.k8s.io/v1\n").roles) == 1


def test_several_documents_of_json_are_read_one_after_the_other() -> None:
    one = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}, indent=2)
    two = one.replace('"a"', '"b"')
    found = read(f"{one}\n{two}")
    assert [(meta.name, meta.origin and meta.origin.line) for meta in found.namespaces] == [
        ("a", 1),
        ("b", 8),
    ]


def test_a_rendered_chart_tells_which_template_an_object_is_from() -> None:
    text = f"---\n# Source: shop/templates/role.yaml\n{ROLE}---\n{BINDING}"
    found = read(text)
    assert found.roles[0].meta.origin == Origin("-", 3, "shop/templates/role.yaml")
    assert found.bindings[0].meta.origin == Origin("-", 17)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_dump_that_was_redirected_on_windows_is_read(encoding: str) -> None:
    assert len(read(ACCOUNT.replace("\n", "\r\n").encode(encoding)).accounts) == 1
    assert len(read(json.dumps(_dump()).encode(encoding)).accounts) == 3


TEMPLATE = "spec: {serviceAccountName: web, automountServiceAccountToken: false}"
WORKLOADS = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: zero, namespace: n}}
spec: {{replicas: 0, template: {{{TEMPLATE}}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: yearly, namespace: n}}
spec: {{suspend: true, jobTemplate: {{spec: {{template: {{{TEMPLATE}}}}}}}}}
---
apiVersion: batch/v1
kind: Job
metadata:
  generateName: once-
  namespace: n
  ownerReferences: [{{kind: CronJob, name: yearly, controller: true}}, {{kind: X, name: y}}]
spec: {{template: {{spec: {{serviceAccount: old}}}}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: all, namespace: n}}
spec:
  template:
    spec:
      automountServiceAccountToken: false
      volumes:
      - secret: {{secretName: web-token}}
      - projected: {{sources: [{{serviceAccountToken: {{path: token}}}}]}}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {{name: slow, namespace: n}}
spec: {{template: {{{TEMPLATE}}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: p, namespace: n}}
spec:
  volumes:
  - projected: {{sources: [{{serviceAccountToken: {{path: token, audience: vault}}}}]}}
"""


def test_workloads_say_which_account_they_use_and_whether_they_sleep() -> None:
    found = read(WORKLOADS)
    assert not found.problems
    by_name = {each.meta.name: each for each in (*found.workloads, *found.pods)}
    assert {name: (each.account, each.mounts_token) for name, each in by_name.items()} == {
        "zero": ("web", False),
        "yearly": ("web", False),
        "once-": ("old", None),
        "all": ("default", True),
        "slow": ("web", False),
        "p": ("default", None),
    }
    assert [name for name, each in by_name.items() if each.idle] == ["zero", "yearly"]
    assert by_name["once-"].owner == Owner("CronJob", "yearly")
    assert by_name["all"].secrets == ("web-token",)
    assert by_name["slow"].kind == "Rollout.argoproj.io"


GIVEN = """\
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: n}
spec:
  volumes:
  - projected: {sources: [{secret: {name: projected}}, {configMap: {name: not}}]}
  initContainers:
  - env: [{name: A, valueFrom: {secretKeyRef: {name: first, key: token}}}]
  containers:
  - env:
    - {name: A, value: not}
    - {name: B, valueFrom: {configMapKeyRef: {name: not, key: not}}}
    - {name: C, valueFrom: {secretKeyRef: {name: variable, key: token}}}
    - {name: D, valueFrom: {secretKeyRef: {name: variable, key: ca.crt}}}
    envFrom: [{secretRef: {name: whole}}, {configMapRef: {name: not}}]
"""


def test_a_pod_is_given_secrets_as_variables_and_projected_too() -> None:
    """Of a token that a pod has in a variable nothing was known, and its account was stale."""
    (pod,) = read(GIVEN).pods
    assert pod.secrets == ("projected", "variable", "whole", "first")


def test_of_secrets_only_those_that_hold_an_accounts_token_are_kept() -> None:
    text = """\
apiVersion: v1
kind: Secret
metadata: {name: t, namespace: n, annotations: {kubernetes.io/service-account.name: web}}
data: {token: c2VjcmV0}
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: n}
data: {password: c2VjcmV0}
"""
    found = read(text)
    assert [(each.meta.name, each.account) for each in found.token_secrets] == [("t", "web")]
    assert "c2VjcmV0" not in repr(found)


def test_kinds_that_are_not_ours_are_counted() -> None:
    text = "".join(
        f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n---\n"
        for version, kind in [
            ("v1", "ConfigMap"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("iam.example.com/v1", "Role"),
            ("v1", "Role"),
        ]
    )
    found = read(text)
    assert not found.problems
    assert not found.roles
    assert found.others == {
        "ConfigMap": 1,
        "CustomResourceDefinition.apiextensions.k8s.io": 1,
        "Role.core": 1,
        "Role.iam.example.com": 1,
    }


def test_what_is_not_in_the_files_was_not_seen() -> None:
    found = read(ROLE)
    assert found.seen["Role"] is Seen.SEEN
    assert found.saw("Role")
    assert found.seen["Pod"] is Seen.NOT_ASKED
    assert not found.saw("Pod")
    assert not found.partial


def test_objects_without_a_namespace_stand_in_the_one_that_is_said() -> None:
    text = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n"
    assert read(text, "shop").accounts[0].meta.namespace == "shop"


def test_folders_are_read_in_order_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "a/c.json", ".git/x.yaml", "notes.txt", "a/.hidden.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        text = f'{{"apiVersion": "v1", "kind": "Namespace", "metadata": {{"name": "{path.stem}"}}}}'
        path.write_text(text)
    (tmp_path / "values.yaml").write_text("replicas: 3\n")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = read_paths([tmp_path], now=NOW)
    assert [meta.name for meta in found.namespaces] == ["b", "c", "z"]
    assert not found.problems
    assert found.others == {"(no object of Kubernetes)": 1}


def test_aliases_and_merges_are_followed() -> None:
    text = """\
apiVersion: v1
kind: ServiceAccount
metadata: &meta
  name: a
  namespace: n
  labels: &labels {team: x}
---
apiVersion: v1
kind: ServiceAccount
data: {kept: &where {namespace: n}}
metadata: {<<: *where, name: b, labels: &l {team: x}, annotations: *l}
"""
    found = read(text)
    assert not found.problems
    one, two = found.accounts
    assert (one.meta.namespace, two.meta.namespace) == ("n", "n")
    assert two.meta.annotations == {"team": "x"}
