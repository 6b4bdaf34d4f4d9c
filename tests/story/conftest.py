"""The whole town for a story: real Slack traffic, a real provider, a cluster, `serve`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.playground.certs import Authority
from bot.playground.cluster.plane import EmbeddedPlane
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.town import Town
from tests.support.townsfolk import Townsfolk


@pytest.fixture(scope="module", params=["socket-sqlite", "http-postgres"])
def town(
    request: pytest.FixtureRequest,
    authority: Authority,
    binaries: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Town]:
    """Socket Mode on SQLite, and signed HTTP on PostgreSQL: the same handlers, the same story.

    A module may name more settings of the bot in `SETTINGS`.
    """
    folder = tmp_path_factory.mktemp("town")
    database_url = None
    if request.param == "http-postgres":
        server = request.getfixturevalue("postgres")
        database_url = server.url(server.fresh_database())
    settings = getattr(request.module, "SETTINGS", {})
    over_http = request.param == "http-postgres"
    with _town(folder, authority, settings, signed_http=over_http, url=database_url) as made:
        issuer = made.start_provider()
        with ControlPlane(folder / "plane", binaries, authority, issuers=[issuer]) as plane:
            made.join_cluster(plane)
            made.start_bot()
            yield made
            made.stop_bot()


@pytest.fixture(scope="module")
def embedded_town(
    request: pytest.FixtureRequest,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Town]:
    """Socket Mode on SQLite, over the embedded cluster: the town that a playground opens."""
    folder = tmp_path_factory.mktemp("embedded-town")
    with _town(folder, authority, getattr(request.module, "SETTINGS", {})) as made:
        issuer = made.start_provider()
        with EmbeddedPlane(folder / "plane", authority, issuers=[issuer]) as plane:
            made.join_cluster(plane)
            made.start_bot()
            yield made
            made.stop_bot()


@contextmanager
def _town(
    folder: Path,
    authority: Authority,
    settings: dict[str, str],
    *,
    signed_http: bool = False,
    url: str | None = None,
) -> Iterator[Town]:
    made = Town(
        folder,
        authority,
        signed_http=signed_http,
        database_url=url,
        settings={"WARN_BEFORE": "10s", **settings},
    )
    with made:
        yield made


@pytest.fixture
def folk(town: Town) -> Townsfolk:
    return Townsfolk(town)


@pytest.fixture
def embedded_folk(embedded_town: Town) -> Townsfolk:
    return Townsfolk(embedded_town)
