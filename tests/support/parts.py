"""The real parts of this machine that tests run against, and an honest account of those it lacks.

A test asks for a part by its fixture. What cannot be had is named once at the end with its reason;
where `CI` is set that fails the run, elsewhere the tests that need it are skipped.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOSED_ROOMS = ("model", "policy", "verbs", "properties", "house")
LOOPBACK = ["127.0.0.1", "::1", "localhost"]
MARKERS = {
    "control_plane": "needs_cluster",
    "two_api_servers": "needs_cluster",
    "postgres": "needs_postgres",
    "browser": "needs_browser",
    "binaries": "needs_cluster",
}


def in_ci(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a part that is missing must fail the run."""
    return environment.get("CI", "").lower() not in {"", "0", "false"}


@dataclass
class MissingParts:
    """Which parts were asked for and could not be had, each with its reason."""

    reasons: dict[str, str] = field(default_factory=dict)

    def lacks(self, part: str, reason: object) -> NoReturn:
        """End the test that asks for `part`: a failure in CI, a skip elsewhere."""
        self.reasons.setdefault(part, str(reason).strip())
        end = pytest.fail if in_ci() else pytest.skip
        end(f"{part} is not to be had here: {reason}")


MISSING = pytest.StashKey[MissingParts]()


def missing_parts(config: pytest.Config) -> MissingParts:
    """The account of this run."""
    return config.stash.setdefault(MISSING, MissingParts())


def room_of(item: pytest.Item) -> str:
    """The folder directly under tests/ that a test lies in."""
    parts = item.path.parts
    return parts[len(parts) - 1 - parts[::-1].index("tests") + 1] if "tests" in parts else ""


def mark(items: list[pytest.Item]) -> None:
    """Close the sockets of the pure rooms, keep the others to loopback, and say who needs which
    part.

    The pure rooms come first: a part of this machine that was started for another test would find
    the sockets of this process closed.
    """
    for item in items:
        if room_of(item) in CLOSED_ROOMS:
            item.add_marker(pytest.mark.disable_socket)
        elif item.get_closest_marker("allow_hosts") is None:
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in MARKERS:
                item.add_marker(MARKERS[fixture])
    items.sort(key=lambda item: room_of(item) not in CLOSED_ROOMS)
