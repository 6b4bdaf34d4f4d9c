"""The whole town for a story: real Slack traffic, a real provider, a real cluster, `serve`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.playground.certs import Authority
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
    made = Town(
        folder,
        authority,
        signed_http=request.param == "http-postgres",
        database_url=database_url,
        settings={"WARN_BEFORE": "10s", **getattr(request.module, "SETTINGS", {})},
    )
    with made:
        issuer = made.start_provider()
        with ControlPlane(folder / "plane", binaries, authority, issuers=[issuer]) as plane:
            made.join_cluster(plane)
            made.start_bot()
            yield made
            made.stop_bot()


@pytest.fixture
def folk(town: Town) -> Townsfolk:
    return Townsfolk(town)
