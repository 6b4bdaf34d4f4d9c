"""The answers of the real API server, kept as text: both servers are held to the same."""

from typing import Any

from syrupy.extensions.amber import AmberSnapshotExtension
from syrupy.location import PyTestLocation

SERVERS = ("embedded", "real")


class RealAnswers(AmberSnapshotExtension):
    """Named without the server, so that what the real one said is asked of the other."""

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: Any = 0) -> str:
        name = super().get_snapshot_name(test_location=test_location, index=index)
        for server in SERVERS:
            name = name.replace(f"[{server}]", "").replace(f"[{server}-", "[")
        return name
