"""A control plane as the playground and the tests use it, whichever there is: real or embedded."""

from __future__ import annotations

import json
import secrets
from abc import ABC, abstractmethod
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, Self

from bot.playground.controlplane import config, programs
from bot.playground.controlplane.client import Answer, ApiClient, ApiError
from bot.playground.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bot.playground.certs import Authority


class Server(Protocol):
    """One API server: where it answers, and where it writes its audit log."""

    @property
    def url(self) -> str:
        """Its address."""
        ...

    @property
    def audit_log(self) -> Path:
        """The file of its audit events."""
        ...


class Plane(ABC):
    """A control plane in `folder`. Use as a context manager."""

    servers: Sequence[Server]

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder = folder
        self.authority = authority
        self.servers = []
        self.admin_token = secrets.token_urlsafe(32)
        self._client = ApiClient(authority.ca_file)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @abstractmethod
    def start(self) -> None:
        """Start everything and return when it works; ProcessError when it does not."""

    @abstractmethod
    def stop(self) -> None:
        """End everything; returns when the ports are free."""

    def close_client(self) -> None:
        """Close the connections that `request` keeps open."""
        self._client.close()

    @property
    def url(self) -> str:
        """The first API server's address."""
        return self.servers[0].url

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        server: int = 0,
        timeout_seconds: float = 30.0,
    ) -> Answer:
        """Ask one API server with any token (None: anonymous); a refusal is an answer, not an
        error.
        """
        url = self.servers[server].url + path
        return self._client.request(
            method, url, token=token, body=body, timeout_seconds=timeout_seconds
        )

    def admin_request(self, method: str, path: str, body: object = None, *, server: int = 0) -> Any:
        """Ask as system:masters, for setting up scenes only; the decoded body, or ApiError."""
        answer = self.request(method, path, body, token=self.admin_token, server=server)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ApiError(method, path, answer)
        return answer.body

    def kubeconfig(
        self,
        user: Mapping[str, Any],
        *,
        server: int = 0,
        name: str = "playground",
        namespace: str = "default",
    ) -> str:
        """Render a kubeconfig for `user` (see `config.bearer`, `config.exec_plugin`); its one
        context is called `name`.
        """
        url, ca_pem = self.servers[server].url, self.authority.ca_pem
        return config.kubeconfig(url, ca_pem, user, name=name, namespace=namespace)

    def write_kubeconfig(
        self,
        path: Path,
        user: Mapping[str, Any],
        *,
        server: int = 0,
        name: str = "playground",
        namespace: str = "default",
    ) -> Path:
        """Write that kubeconfig (0600) to `path`."""
        text = self.kubeconfig(user, server=server, name=name, namespace=namespace)
        programs.replace(path, text)
        return path

    def audit_lines(
        self, wanted: Callable[[dict[str, Any]], bool] = lambda _event: True
    ) -> Iterator[dict[str, Any]]:
        """Read every API server's audit events of now, decoded, those that `wanted` accepts."""
        for server in self.servers:
            text = server.audit_log.read_text() if server.audit_log.exists() else ""
            for line in text.splitlines(keepends=True):
                # The last line may be half written.
                if line.endswith("\n") and wanted(event := json.loads(line)):
                    yield event

    def wait_audit(
        self, wanted: Callable[[dict[str, Any]], bool], *, within: timedelta = timedelta(seconds=10)
    ) -> dict[str, Any]:
        """Wait for the first audit event that `wanted` accepts: it is written just after the
        answer.
        """
        found: list[dict[str, Any]] = []

        def seen() -> bool:
            found.extend(self.audit_lines(wanted))
            return bool(found)

        wait_until(seen, within=within, what="the audit event")
        return found[0]
