"""A small raw client of the API server, for setting up scenes and for asking it without the bot's
own code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """An HTTP status and the decoded JSON body (a string when the body is no JSON)."""

    status: int
    body: Any


class ApiError(Exception):
    """The API server refused (status 400 and above) a request that a scene needs."""

    def __init__(self, method: str, path: str, answer: Answer) -> None:
        self.answer = answer
        said = answer.body.get("message") if isinstance(answer.body, dict) else answer.body
        super().__init__(f"{method} {path}: {answer.status} {said}")


class ApiClient:
    """Requests to API servers that show a certificate of one authority. Nothing is repeated."""

    def __init__(self, ca_file: Path) -> None:
        self._pool = urllib3.PoolManager(
            ca_certs=str(ca_file), cert_reqs="CERT_REQUIRED", retries=False, maxsize=16
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        token: str | None,
        body: object = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Answer:
        """Send `body` as JSON (a PATCH as a merge patch). urllib3's errors pass through."""
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            kind = "merge-patch+json" if method == "PATCH" else "json"
            headers["Content-Type"] = f"application/{kind}"
        answer = self._pool.request(
            method,
            url,
            headers=headers,
            body=None if body is None else json.dumps(body).encode(),
            timeout=timeout_seconds,
        )
        try:
            return Answer(answer.status, json.loads(answer.data))
        except ValueError:
            return Answer(answer.status, answer.data.decode(errors="replace"))

    def close(self) -> None:
        """Close the connections kept open."""
        self._pool.clear()
