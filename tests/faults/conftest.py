"""A stage for faults on each database, with the bot's own shipped RBAC."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.playground.controlplane.plane import ControlPlane
from grants.store.schema import upgrade
from tests.support.fault_worker import Build, Stage
from tests.support.faults import Faults
from tests.support.shipped import bot_kubeconfig
from tests.support.stores import sqlite_url
from tests.support.world import a_policy


@pytest.fixture(scope="session")
def kubeconfig(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bot_kubeconfig(control_plane, tmp_path_factory.mktemp("bot") / "kubeconfig")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return sqlite_url(tmp_path / "database" / "valetkey.db")


@pytest.fixture
def staged(
    control_plane: ControlPlane, namespace: str, kubeconfig: Path, database_url: str
) -> Iterator[Callable[[Build], Faults]]:
    """Makes stages over one migrated database, of the shipped build or of a broken one."""
    upgrade(database_url)
    policy = replace(a_policy(namespaces=("*",)))
    made: list[Faults] = []

    def make(build: Build) -> Faults:
        faults = Faults(control_plane, Stage(database_url, kubeconfig, policy, build), namespace)
        made.append(faults)
        return faults

    yield make
    for faults in made:
        faults.close()
