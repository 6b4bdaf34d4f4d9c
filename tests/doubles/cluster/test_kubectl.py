"""What `kubectl` prints over the embedded cluster is what it prints over the real one."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from bot.playground.controlplane import config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.playground.plane import Plane

MANIFEST: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: applied}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: applied, labels: {a: b}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: applied}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: ada}
"""
STORY: Final = """
auth whoami
create serviceaccount robot
create role reader --verb=get,list --resource=pods --resource=pods/log
create rolebinding readers --role=reader --user=ada --group=team --serviceaccount=NS:robot
create rolebinding readers --role=reader --user=ada
create clusterrole NS-nodes --verb=get --resource=nodes
create clusterrole NS-paths --verb=get --non-resource-url=/logs/*
create clusterrolebinding NS-nodes --clusterrole=NS-nodes --user=ada
create rolebinding nobody --role=not-there
create configmap words --from-literal=a=b
create secret generic hidden --from-literal=a=b
get roles,rolebindings
get rolebindings -o wide
get clusterrole NS-nodes -o yaml
get clusterrolebinding NS-nodes -o wide
get sa
get configmaps
get secrets
get role reader -o yaml
get rolebinding readers -o name
get rolebinding readers -o jsonpath={.subjects[*].name}
get roles -l a=b
get rolebindings --field-selector metadata.name=readers
get role not-there
get nonsense
describe role reader
describe rolebinding readers
auth can-i list pods --as=ada
auth can-i delete pods --as=ada
auth can-i list pods --as=zoe --as-group=team
auth can-i get nodes --as=ada
auth can-i list pods --as=system:serviceaccount:NS:robot
get pods --as=zoe
get pods --as=ada
delete role reader --as=ada
get --raw /logs/x --as=ada
apply -f FILE
apply -f FILE
get rolebinding applied -o yaml --show-managed-fields=false
label role applied a=c
label role applied a=d
label role applied a=d --overwrite
annotate rolebinding applied x=y
patch role applied --type=json -p '[{"op":"add","path":"/rules/0/verbs/-","value":"watch"}]'
patch role applied --type=merge -p '{"rules":[{"verbs":["get"]}]}'
patch rolebinding applied --type=merge -p '{"roleRef":{"name":"other"}}'
patch rolebinding applied -p '{"subjects":[{"kind":"User","name":"bo"}]}'
get rolebinding applied -o wide
auth reconcile -f FILE
apply --server-side --force-conflicts -f FILE
diff -f FILE
delete -f FILE
delete rolebinding readers nobody
delete role reader
delete clusterrole,clusterrolebinding NS-nodes
delete clusterrole NS-paths
get roles,rolebindings
"""
ALLOWED_WITHIN_SECONDS: Final = 10.0
_AGE: Final = re.compile(r"(?<=\s)\d+s(?=\s|$)")
_UID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_VERSION: Final = re.compile(r'(resourceVersion: )"\d+"')


@dataclass(frozen=True)
class Terminal:
    """A shell of the cluster's owner in one namespace."""

    program: Path
    folder: Path
    namespace: str

    def run(self, command: str) -> str:
        """Run one command; gives all that it prints, without what differs by chance."""
        filled = command.replace("NS", self.namespace).replace("FILE", str(self.folder / "file"))
        done = subprocess.run(
            [self.program, *shlex.split(filled)],
            env={
                "KUBECONFIG": str(self.folder / "kubeconfig"),
                "HOME": str(self.folder),
                "PATH": os.environ["PATH"],
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = f"{done.stdout}{done.stderr}".replace(self.namespace, "NS")
        said = _VERSION.sub(r"\1<version>", _TIME.sub("<time>", _UID.sub("<uid>", said)))
        return f"$ {command}\n{_AGE.sub('<age>', said)}= {done.returncode}"


def terminal(plane: Plane, program: Path, folder: Path, namespace: str) -> Terminal:
    folder.mkdir()
    plane.write_kubeconfig(
        folder / "kubeconfig", config.bearer(plane.admin_token), namespace=namespace
    )
    (folder / "file").write_text(MANIFEST)
    return Terminal(program, folder, namespace)


@pytest.fixture
def at(
    request: pytest.FixtureRequest, kubectl: Path, tmp_path: Path
) -> Callable[[str, str], Terminal]:
    def make(plane: str, namespace: str) -> Terminal:
        found: Plane = request.getfixturevalue(plane)
        return terminal(found, kubectl, tmp_path / plane, request.getfixturevalue(namespace))

    return make


@pytest.mark.timeout(200)
def test_a_story_in_a_terminal_reads_alike(at: Callable[[str, str], Terminal]) -> None:
    real, double = at("control_plane", "namespace"), at("embedded", "embedded_namespace")
    for command in STORY.strip().splitlines():
        said, wanted = double.run(command), real.run(command)
        deadline = time.monotonic() + ALLOWED_WITHIN_SECONDS
        # Its authorizer sees a change some milliseconds later, or more on a busy machine.
        while " --as=" in command and said != wanted and time.monotonic() < deadline:
            wanted = real.run(command)
        assert said == wanted


def test_pods_are_shown_as_what_waits(at: Callable[[str, str], Terminal]) -> None:
    double = at("embedded", "embedded_namespace")
    assert "created" in double.run("create deployment shop --image=example.com/shop:1 --replicas=2")
    shown = double.run("get pods")
    assert shown.count("0/1     Pending   0") == 2
    assert "deployment.apps/shop scaled" in double.run("scale deployment shop --replicas=1")
    assert double.run("get pods -o name").count("pod/shop-") == 1
    assert "does not have a host assigned" in double.run("exec deploy/shop -- ls")
    assert "restarted" in double.run("rollout restart deployment shop")
    assert "deleted" in double.run("delete deployment shop")
    assert "No resources found" in double.run("get pods")
