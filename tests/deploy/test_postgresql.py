"""The overlay for PostgreSQL: replicas that are rolled without a loss, and nothing of SQLite."""

import subprocess
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.playground.controlplane.plane import ControlPlane
from bot.serving.process import STOP_WITHIN
from deploy import manifests
from tests.support.shipped import apply

FOLDER = manifests.BASE.parent / "postgresql"
PATHS = {
    "ConfigMap": "/api/v1/namespaces/valetkey/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/valetkey/deployments",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/valetkey/poddisruptionbudgets",
}
Find = Callable[[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def built(kubectl: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [kubectl, "kustomize", FOLDER], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


@pytest.fixture(scope="module")
def find(built: list[dict[str, Any]]) -> Find:
    def named(kind: str, name: str) -> dict[str, Any]:
        (one,) = (m for m in built if m["kind"] == kind and m["metadata"]["name"] == name)
        return one

    return named


def test_three_replicas_are_rolled_one_after_the_other(find: Find) -> None:
    spec = find("Deployment", "valetkey")["spec"]
    assert spec["replicas"] == 3
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert spec["strategy"] == strategy
    budget = find("PodDisruptionBudget", "valetkey")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == spec["selector"]


def test_nothing_of_the_sqlite_file_is_left(built: list[dict[str, Any]], find: Find) -> None:
    assert "PersistentVolumeClaim" not in {one["kind"] for one in built}
    pod = find("Deployment", "valetkey")["spec"]["template"]["spec"]
    assert "data" not in {volume["name"] for volume in pod["volumes"]}
    for container in (*pod["initContainers"], *pod["containers"]):
        assert "data" not in {mount["name"] for mount in container["volumeMounts"]}
        urls = [e for e in container["env"] if e["name"] == "VALETKEY_DATABASE_URL_FILE"]
        assert [url["value"] for url in urls] == ["/run/secrets/valetkey/database-url"]
    assert "VALETKEY_DATABASE_URL" not in find("ConfigMap", "valetkey-settings")["data"]


def test_a_stop_has_the_time_that_it_may_take(find: Find) -> None:
    """Killed before its time is up, a replica would leave its claims to lapse."""
    pod = find("Deployment", "valetkey")["spec"]["template"]["spec"]
    before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= before + STOP_WITHIN.total_seconds() + 3
    (alone,) = (m for m in manifests.base() if m["kind"] == "Deployment")
    grace = alone["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= STOP_WITHIN.total_seconds() + 3


def test_the_cluster_takes_what_is_built(
    control_plane: ControlPlane, built: list[dict[str, Any]]
) -> None:
    """A field of a wrong name would be dropped silently by `kubectl apply`'s server side."""
    apply(control_plane, manifests.rbac())
    for one in built:
        if one["kind"] not in PATHS:
            continue
        path, strictly = PATHS[one["kind"]], "?dryRun=All&fieldValidation=Strict"
        token = control_plane.admin_token
        answer = control_plane.request("POST", path + strictly, one, token=token)
        if answer.status == HTTPStatus.CONFLICT:  # another test has applied the base for real
            there = f"{path}/{one['metadata']['name']}{strictly}"
            answer = control_plane.request("PUT", there, one, token=token)
        assert answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}, answer.body
