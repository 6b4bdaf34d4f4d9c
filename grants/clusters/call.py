"""One request to an API server, as a value."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec


@dataclass(frozen=True)
class Call:
    """One request. `action` is the verb and resource for errors; `path` is already quoted."""

    action: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: dict[str, Any] | None = None
    accept: str = "application/json"

    @property
    def target(self) -> str:
        """Give the path with its query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def kind(self) -> str | None:
        """Give the media type of the body, if there is one."""
        return None if self.body is None else "application/json"

    def body_bytes(self) -> bytes | None:
        """Write the body, if there is one."""
        return None if self.body is None else msgspec.json.encode(self.body)


def path_of(*segments: str) -> str:
    """Join names to a path, each quoted: names of roles may hold spaces, `:`, quotes and more."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)
