"""Two API servers, one of them cut off from etcd: it goes on allowing, so "ended" must wait."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.playground.controlplane.plane import ControlPlane
from grants.access.model import ProofKind
from grants.access.reconcile import reconcile_grant
from grants.store.schema import upgrade
from tests.support.fault_worker import Failpoint, FaultCore, Stage
from tests.support.faults import Faults
from tests.support.shipped import bot_kubeconfig
from tests.support.stores import sqlite_url
from tests.support.world import a_policy


@pytest.fixture
def stage(two_api_servers: ControlPlane, tmp_path: Path) -> Stage:
    url = sqlite_url(tmp_path / "database" / "valetkey.db")
    upgrade(url)
    return Stage(
        url,
        bot_kubeconfig(two_api_servers, tmp_path / "kubeconfig"),
        a_policy(namespaces=("*",)),
        endpoints=tuple(server.url for server in two_api_servers.servers),
    )


@pytest.fixture
def faults(two_api_servers: ControlPlane, stage: Stage) -> Iterator[Faults]:
    name = f"t-{secrets.token_hex(6)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    two_api_servers.admin_request("POST", "/api/v1/namespaces", body)
    made = Faults(two_api_servers, stage, name)
    yield made
    made.close()


@pytest.mark.security("G4")
def test_ended_waits_for_an_api_server_that_is_cut_off_and_the_proof_names_both(
    two_api_servers: ControlPlane, faults: Faults, stage: Stage
) -> None:
    core = FaultCore(stage, Failpoint(None))
    cut_off = two_api_servers.servers[1]
    assert cut_off.link is not None
    grant, account = faults.approved()
    active = reconcile_grant(grant.id, ports=core)
    assert active is not None
    assert active.state == "active"
    cut_off.link.pause()
    try:
        faults.give_back(grant, account)
        held = reconcile_grant(grant.id, ports=core)
        assert held is not None
        assert (held.state, held.problem) == ("revoking", "endpoint-not-ready")
    finally:
        cut_off.link.resume()
    faults.settle(grant, "ended")
    with core.store.read() as tx:
        proof = tx.proof(grant.id, ProofKind.GONE)
    core.close()
    assert proof is not None
    assert [one.endpoint for one in proof.seen] == [s.url for s in two_api_servers.servers]
    assert all(one.ready and one.binding_uid is None for one in proof.seen)
    assert not any(answer.allowed for one in proof.seen for answer in one.answers)
    assert "one-endpoint" not in proof.notes
    assert faults.violations == []
