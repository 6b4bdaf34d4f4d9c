"""What `kubectl` shows to people who are not the owner: the same over both servers.

Its words depend on its own version, so both are asked side by side and nothing is kept. What the
owner sees is compared in `tests/doubles/cluster`.
"""

import os
import re
import secrets
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.playground.controlplane.config import bearer, kubeconfig
from tests.contracts.api.kinds import ready_for_pods
from tests.contracts.api.manifests import (
    BINDINGS,
    PODS,
    RBAC_GROUP,
    READ_PODS,
    ROLES,
    binding,
    pod,
    role,
    rule,
    username,
)
from tests.contracts.api.served import Served
from tests.contracts.api.stage import Stage, new_stage, until

_AGE = re.compile(r"(?<=\s)\d+s(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True)
class Terminal:
    """One person's shell in a stage's namespace."""

    program: Path
    folder: Path
    stage: Stage

    def run(self, command: str, by: str = "ada") -> str:
        """Run one command; gives what it prints, sorted where its order is chance."""
        stage = self.stage
        served = stage.served
        path = self.folder / f"{by}.kubeconfig"
        text = kubeconfig(
            served.url,
            served.ca_file.read_text(),
            bearer(stage.token(by)),
            name="x",
            namespace=stage.namespace,
        )
        path.write_text(text)
        environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [self.program, "--kubeconfig", path, *shlex.split(stage.fill(command))],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        lines = f"{done.stdout}{done.stderr}".splitlines()
        said = "\n".join(sorted(lines) if "--list" in command else lines)
        return _AGE.sub("<age>", stage.masks.text(f"$ {command}\n{said}\n= {done.returncode}"))


@pytest.fixture
def terminals(
    embedded_api: Served, real_api: Served, kubectl: Path, tmp_path: Path
) -> Iterator[tuple[Terminal, Terminal]]:
    """One over each server."""
    word = secrets.token_hex(5)
    with new_stage(embedded_api, word) as double, new_stage(real_api, word) as real:
        made = []
        for stage in (double, real):
            folder = tmp_path / stage.served.name
            folder.mkdir()
            made.append(Terminal(kubectl, folder, stage))
        yield made[0], made[1]


def alike(terminals: tuple[Terminal, Terminal], *commands: str, by: str = "ada") -> list[str]:
    """Run commands over both; gives what was said."""
    double, real = terminals
    told = []
    for command in commands:
        said = real.run(command, by)
        assert double.run(command, by) == said
        told.append(said)
    return told


def test_somebody_without_rights_is_told_so(terminals: tuple[Terminal, Terminal]) -> None:
    told = alike(
        terminals,
        "auth whoami",
        "get pods",
        "get pod one",
        "get ns",
        "create ns other-{word}",
        "create role x --verb=get --resource=pods",
        "delete rolebinding x",
        "auth can-i list pods",
        "auth can-i --list",
        "get --raw /nowhere",
    )
    assert "Error from server (Forbidden)" in told[1]
    assert told[7].endswith("no\n= 1")


def test_somebody_with_rights_sees_what_they_give(terminals: tuple[Terminal, Terminal]) -> None:
    for terminal in terminals:
        ready_for_pods(terminal.stage)
        terminal.stage.do("POST", PODS, pod("one"))
        write = rule("create get list delete", "roles rolebindings", RBAC_GROUP)
        terminal.stage.grant("ada", READ_PODS, write)
    told = alike(
        terminals,
        "get pods",
        "get pods,roles,rolebindings",
        "get rolebindings -o wide",
        "describe rolebinding ada-may",
        "describe role ada-may",
        "auth can-i --list",
        "auth can-i list pods",
        "create role small --verb=get,list --resource=pods",
        "create role large --verb=get --resource=secrets",
        "create rolebinding small --role=small --user=bo",
        "create rolebinding large --clusterrole=cluster-admin --user=bo",
        "delete role small",
        "get secrets",
    )
    assert "one    0/1     Pending" in told[0]
    assert "is attempting to grant RBAC permissions not currently held" in told[8]


def test_an_account_is_shown_as_one(terminals: tuple[Terminal, Terminal]) -> None:
    for terminal in terminals:
        terminal.stage.add_account("robot")
    alike(terminals, "auth whoami", "get pods", by="account:robot")


def test_access_that_ended_is_seen_to_have_ended(terminals: tuple[Terminal, Terminal]) -> None:
    for terminal in terminals:
        stage = terminal.stage
        stage.do("POST", BINDINGS, binding("one", "ClusterRole/view", stage.subject("ada")))
        stage.until_may("ada", "list", "pods")
    assert alike(terminals, "get pods")[0].endswith("= 0")
    for terminal in terminals:
        stage = terminal.stage
        stage.do("DELETE", f"{BINDINGS}/one")
        until(lambda stage=stage: not stage.may("ada", "list", "pods"), "it ended")
    (said,) = alike(terminals, "get pods")
    assert f'User "{username("ada")}" cannot list resource "pods"' in said


def test_the_owner_makes_and_ends_namespaces(terminals: tuple[Terminal, Terminal]) -> None:
    alike(
        terminals,
        "create namespace other-{word}",
        "create namespace other-{word}",
        "get namespace other-{word}",
        "get namespace other-{word} --show-labels",
        "describe namespace other-{word}",
        "label namespace other-{word} team=blue",
        "get namespaces -l team=blue -o name",
        "api-resources --api-group=rbac.authorization.k8s.io",
        "auth can-i '*' '*' --all-namespaces",
        "auth can-i list pods --as=ada --as-group=system:masters",
        "delete namespace kube-system",
        "delete namespace other-{word} --wait=false",
        by="admin",
    )


def test_a_watch_is_shown_as_it_goes_on(terminals: tuple[Terminal, Terminal]) -> None:
    for terminal in terminals:
        stage = terminal.stage
        stage.do("POST", ROLES, role("one"))
    alike(
        terminals,
        "get roles --watch --output-watch-events --request-timeout=1s -o name",
        "wait --for=delete role/none --timeout=1s",
        "wait --for=jsonpath={.metadata.name}=one role/one --timeout=5s",
        by="admin",
    )
