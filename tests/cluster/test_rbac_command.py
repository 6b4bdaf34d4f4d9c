"""`valetkey rbac` on a real cluster, as whoever may read it and as whoever may not."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.playground.controlplane import config
from bot.playground.controlplane.plane import ControlPlane
from grants.access.cluster_port import BindingPlace
from tests.support.cluster_lab import POD_RULES, RealLab, new_person

Run = CliRunner().invoke


@pytest.fixture
def kubeconfig_of_admin(control_plane: ControlPlane, tmp_path: Path) -> Path:
    user = config.bearer(control_plane.admin_token)
    return control_plane.write_kubeconfig(tmp_path / "admin", user)


def test_a_real_cluster_is_read_and_asked(lab: RealLab, kubeconfig_of_admin: Path) -> None:
    person = new_person()
    role = lab.put_role("reader", POD_RULES)
    lab.put_binding(BindingPlace("reads", lab.namespace), role, (f"User:{person}",))
    source = ["--kubeconfig", str(kubeconfig_of_admin)]

    asked = ["rbac", "can", person, "list", "pods", *source]
    answer = Run(main, [*asked, "-n", lab.namespace])
    assert answer.exit_code == 0, answer.output
    assert f"RoleBinding {lab.namespace}/reads of Role/reader to User {person}" in answer.output
    assert Run(main, asked).exit_code == 1

    answer = Run(main, ["rbac", "who-can", "*", "*.*", *source, "--format", "json"])
    holders = json.loads(answer.output)["holders"]
    assert {"kind": "Group", "name": "system:masters", "namespace": ""} in [
        one["subject"] for one in holders
    ]


def test_whoever_may_not_read_a_cluster_is_told_what_is_not_known(
    lab: RealLab, kubeconfig: Path
) -> None:
    """The bot lists bindings, but reads only roles that somebody names."""
    answer = Run(main, ["rbac", "can", "ada", "get", "pods", "--kubeconfig", str(kubeconfig)])
    assert answer.exit_code == 6
    assert answer.stdout == "not known: not everything could be read\n"
    assert "ClusterRole: not seen: forbidden" in answer.stderr
