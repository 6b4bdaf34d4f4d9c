"""A server that a script asks, and who may ask it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3
from urllib3 import HTTPHeaderDict

from tests.contracts.api.rooms import Rooms
from tests.support.issuer import SmallIssuer

TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Reply:
    """What a caller sees."""

    status: int
    headers: Mapping[str, str]
    text: str
    body: Any = field(repr=False)
    """The decoded JSON; None when the text is none."""

    @property
    def message(self) -> str:
        """The sentence of a Status."""
        return str(self.body["message"])

    @property
    def reason(self) -> str:
        """The reason of a Status, or of a review."""
        if self.body["kind"] == "Status":
            return str(self.body.get("reason", ""))
        return str(self.body["status"].get("reason", ""))

    @property
    def uid(self) -> str:
        return str(self.body["metadata"]["uid"])

    @property
    def version(self) -> str:
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def names(self) -> list[str]:
        """The names of a list's items, in its order."""
        return [item["metadata"]["name"] for item in self.body["items"]]

    @property
    def items(self) -> list[Any]:
        return list(self.body["items"])


@dataclass(frozen=True)
class Ended:
    """A namespace with a role in it that was deleted when the tests began."""

    name: str
    uid: str


class Served:
    """One running API: its address, its administrator, the issuer whose tokens it takes."""

    def __init__(
        self, name: str, url: str, ca_file: Path, admin_token: str, issuer: SmallIssuer
    ) -> None:
        self.name = name
        self.url = url
        self.ca_file = ca_file
        self.admin_token = admin_token
        self.issuer = issuer
        self.rooms = Rooms()
        self._pool = urllib3.PoolManager(
            ca_certs=str(ca_file), cert_reqs="CERT_REQUIRED", retries=False, maxsize=8
        )

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        """Send one request; whatever comes is an answer."""
        answer = self.open(method, path, body, headers, whole=True)
        text = answer.data.decode(errors="replace")
        try:
            decoded = json.loads(text)
        except ValueError:
            decoded = None
        return Reply(answer.status, HTTPHeaderDict(answer.headers), text, decoded)

    def open(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        *,
        whole: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request and leave its answer to be read."""
        return self._pool.request(
            method,
            self.url + path,
            body=body,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            preload_content=whole,
            redirect=False,
        )

    def close(self) -> None:
        self._pool.clear()
