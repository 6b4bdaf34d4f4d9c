"""What every test may ask for: the real parts of this machine, a seed, and closed sockets."""

from __future__ import annotations

import os
import random
import secrets
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from bot.playground.certs import Authority
from bot.playground.cluster.plane import EmbeddedPlane
from bot.playground.controlplane import assets
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import ProcessError
from tests.support import parts
from tests.support.issuer import SmallIssuer
from tests.support.postgres import PostgresMissingError, PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.playground.controlplane.config import OidcIssuer
    from bot.playground.plane import Plane

SEED = pytest.StashKey[int]()

# A slow machine is no failure; whoever needs a time limit sets one on the clock of the test.
hypothesis.settings.register_profile("valetkey", deadline=None, print_blob=True)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    seed = int(os.environ.get("VALETKEY_TEST_SEED") or secrets.randbelow(2**32))
    config.stash[SEED] = seed
    hypothesis.settings.load_profile("valetkey")
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(seed)
    # An event loop's own socket pair, and PostgreSQL's socket: neither leaves the machine.
    config.option.allow_unix_socket = True


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.stash[SEED]} (VALETKEY_TEST_SEED={config.stash[SEED]} replays it)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    parts.mark(items)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    reasons = parts.missing_parts(config).reasons
    if reasons:
        terminalreporter.section("parts that could not be had", sep="=", yellow=True)
        for part, reason in sorted(reasons.items()):
            terminalreporter.line(f"{part}: {reason}")
    if parts.in_ci() and (skipped := terminalreporter.stats.get("skipped")):
        terminalreporter.line(f"failed, since CI is set and {len(skipped)} tests were skipped")
    terminalreporter.line(f"seed: {config.stash[SEED]}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI nothing is skipped silently: a skip of any kind fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if parts.in_ci() and skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The run's seed: printed at its start and end, set by VALETKEY_TEST_SEED."""
    return pytestconfig.stash[SEED]


@pytest.fixture
def dice(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """Randomness of this test alone, the same for the same seed in whatever order tests run."""
    return random.Random(f"{seed}:{request.node.nodeid}")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The throw-away certificate authority of this run."""
    return Authority.in_folder(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def binaries(pytestconfig: pytest.Config) -> dict[str, Path]:
    """The control plane's programs, as far as they are here already: `make setup` gets them."""
    said: list[str] = []
    found = assets.find(assets.AssetSources.from_environment(), progress=said.append)
    lacking = [name for name in assets.versions.CONTROL_PLANE if name not in found]
    if lacking:
        reason = f"no {', '.join(lacking)}: run `make setup`. {' '.join(said)}"
        parts.missing_parts(pytestconfig).lacks("control plane", reason)
    return found


@pytest.fixture(scope="session")
def kubectl(pytestconfig: pytest.Config) -> Path:
    """The program that people use."""
    found = assets.find_kubectl(assets.AssetSources.from_environment())
    if found is None:
        parts.missing_parts(pytestconfig).lacks("kubectl", "not on PATH: run `make setup`")
    return found


@pytest.fixture(scope="session")
def small_issuer(authority: Authority) -> Iterator[SmallIssuer]:
    """An OpenID issuer that signs any claims; the control plane trusts it."""
    with SmallIssuer(authority) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def trusted_issuers(small_issuer: SmallIssuer) -> list[OidcIssuer]:
    """Those that the control plane trusts from its start: they must answer before it asks."""
    return [small_issuer.as_trusted()]


@pytest.fixture(scope="session")
def control_plane(
    pytestconfig: pytest.Config,
    binaries: dict[str, Path],
    authority: Authority,
    trusted_issuers: list[OidcIssuer],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ControlPlane]:
    """A real control plane with one API server, for the whole run. Use a namespace of your own."""
    folder = tmp_path_factory.mktemp("plane")
    plane = ControlPlane(folder, binaries, authority, issuers=trusted_issuers)
    yield from _running(plane, pytestconfig)


@pytest.fixture(scope="module")
def two_api_servers(
    pytestconfig: pytest.Config,
    binaries: dict[str, Path],
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ControlPlane]:
    """A control plane apart with two API servers; `servers[1].link.pause()` cuts the second off."""
    plane = ControlPlane(tmp_path_factory.mktemp("planes"), binaries, authority, api_servers=2)
    yield from _running(plane, pytestconfig)


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A fresh namespace of the control plane, dropped afterwards."""
    yield from _fresh_namespace(control_plane)


@pytest.fixture(scope="session")
def embedded(
    authority: Authority,
    trusted_issuers: list[OidcIssuer],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[EmbeddedPlane]:
    """The double of a control plane, for the whole run. Use a namespace of your own."""
    folder = tmp_path_factory.mktemp("embedded")
    with EmbeddedPlane(folder, authority, issuers=trusted_issuers) as plane:
        yield plane


@pytest.fixture
def embedded_namespace(embedded: EmbeddedPlane) -> Iterator[str]:
    """A fresh namespace of the double, dropped afterwards."""
    yield from _fresh_namespace(embedded)


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """A real PostgreSQL for the whole run."""
    server = PostgresServer()
    try:
        server.start()
    except (PostgresMissingError, ProcessError, OSError) as error:
        parts.missing_parts(pytestconfig).lacks("postgres", error)
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """SQLAlchemy's URL of an empty database of this test's own."""
    name = postgres.fresh_database()
    yield postgres.url(name)
    postgres.drop_database(name)


def _fresh_namespace(plane: Plane) -> Iterator[str]:
    name = f"t-{secrets.token_hex(6)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    plane.admin_request("POST", "/api/v1/namespaces", body)
    yield name
    plane.request("DELETE", f"/api/v1/namespaces/{name}", token=plane.admin_token)


def _running(plane: ControlPlane, config: pytest.Config) -> Iterator[ControlPlane]:
    try:
        plane.start()
    except ProcessError as error:
        parts.missing_parts(config).lacks("control plane", error)
    yield plane
    plane.stop()
