"""The API twice: the embedded one, and the real control plane, which says what is right."""

import secrets
from collections.abc import Iterator

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.playground.cluster.plane import EmbeddedPlane
from bot.playground.controlplane.plane import ControlPlane
from tests.contracts.api.manifests import NAMESPACES, ROLES, namespace, role
from tests.contracts.api.served import Ended, Served
from tests.contracts.api.stage import Stage, new_name, new_stage
from tests.contracts.api.truth import RealAnswers
from tests.support.issuer import SmallIssuer

SERVERS = ["embedded", pytest.param("real", marks=pytest.mark.needs_cluster)]


@pytest.fixture(scope="session")
def real_api(control_plane: ControlPlane, small_issuer: SmallIssuer) -> Iterator[Served]:
    ca_file = control_plane.authority.ca_file
    served = Served("real", control_plane.url, ca_file, control_plane.admin_token, small_issuer)
    yield served
    served.close()


@pytest.fixture(scope="session")
def embedded_api(embedded: EmbeddedPlane, small_issuer: SmallIssuer) -> Iterator[Served]:
    ca_file = embedded.authority.ca_file
    served = Served("embedded", embedded.url, ca_file, embedded.admin_token, small_issuer)
    yield served
    served.close()


@pytest.fixture(scope="session")
def real_ended(real_api: Served) -> Ended:
    return _end_a_namespace(real_api)


@pytest.fixture(scope="session")
def embedded_ended(embedded_api: Served) -> Ended:
    return _end_a_namespace(embedded_api)


@pytest.fixture
def ended(served: Served, request: pytest.FixtureRequest) -> Ended:
    """A namespace that ends meanwhile: the real one takes seconds to end one that held things."""
    found: Ended = request.getfixturevalue(f"{served.name}_ended")
    return found


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest) -> Served:
    """A server; each test runs on both."""
    found: Served = request.getfixturevalue(f"{request.param}_api")
    return found


@pytest.fixture
def stage(served: Served, ended: Ended) -> Iterator[Stage]:
    """An empty namespace on the server, and a word that nothing else bears."""
    with new_stage(served, secrets.token_hex(5)) as made:
        yield made


@pytest.fixture
def answers(snapshot: SnapshotAssertion, served: Served) -> SnapshotAssertion:
    """What the real one said to this script; only its own run may write it."""
    if snapshot.session.update_snapshots and served.name != "real":
        pytest.fail("only the real API server says what is right: -k real --snapshot-update")
    return snapshot.use_extension(RealAnswers)


def _end_a_namespace(served: Served) -> Ended:
    stage = Stage(served, new_name(), secrets.token_hex(5))
    made = stage.do("POST", NAMESPACES, namespace("{ns}"))
    stage.do("POST", ROLES, role("one"))
    stage.do("DELETE", f"{NAMESPACES}/{{ns}}")
    return Ended(stage.namespace, made.uid)
