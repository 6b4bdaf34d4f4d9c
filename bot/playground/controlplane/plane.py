"""Starts and stops a real control plane on 127.0.0.1: etcd, API servers, the controller manager.

Everything lives in one folder: certificates, tokens, etcd's data, logs, audit logs. It is for tests
and the playground only: etcd does not sync to disk and speaks plain http on loopback.
"""

from __future__ import annotations

import functools
import secrets
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import urllib3

from bot.playground.controlplane import config, programs
from bot.playground.controlplane.tcp import pausable_link
from bot.playground.plane import Plane
from bot.playground.processes import Child, Children, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bot.playground.certs import Authority
    from bot.playground.controlplane.config import OidcIssuer
    from bot.playground.relay import Relay

READY_WITHIN = timedelta(seconds=60)
# Every client is ours: a longer farewell would save nothing.
STOP_GRACE = timedelta(seconds=5)
_AGGREGATED_ROLES = ("admin", "edit", "view")


@dataclass(frozen=True)
class ApiServer:
    """One API server. `link` is its way to etcd where that can be stalled, else None."""

    url: str
    audit_log: Path
    child: Child
    link: Relay | None


class ControlPlane(Plane):
    """A control plane in `folder`; `binaries` as `assets.ensure` returns them. Use as a context
    manager.

    With `api_servers` above 1, each but the first reaches etcd through a link that can be paused.
    The `issuers` should answer already: an API server asks one that does not again only after 10 s.
    With `audit_webhook`, a kubeconfig, each API server also sends its audit events there.
    """

    def __init__(
        self,
        folder: Path,
        binaries: Mapping[str, Path],
        authority: Authority,
        *,
        issuers: Sequence[OidcIssuer] = (),
        api_servers: int = 1,
        audit_webhook: Path | None = None,
    ) -> None:
        super().__init__(folder, authority)
        self.servers: list[ApiServer] = []
        self._layout = programs.Layout(folder, authority)
        self._binaries = binaries
        self._issuers = tuple(issuers)
        self._count = api_servers
        self._audit_webhook = audit_webhook
        self._children = Children()

    def start(self) -> None:
        """Start everything and return when it works: about 4 s.

        ProcessError, with the end of the log of what failed; whatever had started is stopped again.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End our own processes and links; returns when they are gone and the ports are free."""
        self.close_client()
        links = [server.link for server in self.servers if server.link is not None]
        for link in links:
            # A server that waits for a stalled etcd would wait out its whole grace.
            link.resume()
        self._children.stop_all(grace=STOP_GRACE)
        for link in links:
            link.stop()
        self.servers.clear()

    def pids(self) -> dict[str, int]:
        """Say the running processes by name."""
        return {child.name: child.pid for child in self._children.running}

    def _start(self) -> None:
        manager_token = secrets.token_urlsafe(32)
        serving = self._layout.prepare(
            self._issuers, admin_token=self.admin_token, manager_token=manager_token
        )
        etcd_port = free_port()
        flags = programs.etcd(self._layout, client_port=etcd_port, peer_port=free_port())
        etcd = self._run("etcd", "etcd", flags)
        health = f"http://127.0.0.1:{etcd_port}/health"
        etcd.wait_ready(lambda: self._answers(health), within=READY_WITHIN)
        for number in range(self._count):
            link = None
            if number > 0:
                link = pausable_link(etcd_port)
                link.start()
            port, audit_log = free_port(), self._layout.audit_log(number)
            flags = programs.api_server(
                self._layout,
                serving,
                port=port,
                etcd_port=link.port if link else etcd_port,
                audit_log=audit_log,
                audit_webhook=self._audit_webhook,
            )
            child = self._run("kube-apiserver", f"kube-apiserver-{number}", flags)
            self.servers.append(ApiServer(f"https://127.0.0.1:{port}", audit_log, child, link))
        for server in self.servers:
            ready = functools.partial(self._answers, f"{server.url}/readyz")
            server.child.wait_ready(ready, within=READY_WITHIN)
        self._start_controller_manager(manager_token)

    def _start_controller_manager(self, token: str) -> None:
        kubeconfig = self.write_kubeconfig(
            self.folder / "controller-manager.kubeconfig", config.bearer(token)
        )
        flags = programs.controller_manager(self._layout, kubeconfig=kubeconfig, port=free_port())
        manager = self._run("kube-controller-manager", "kube-controller-manager", flags)
        manager.wait_ready(self._settled, within=READY_WITHIN)

    def _run(self, program: str, name: str, flags: Mapping[str, str | Path]) -> Child:
        return self._children.start(
            name,
            programs.argv(self._binaries[program], flags),
            log_path=self._layout.log(name),
            cwd=self.folder,
        )

    def _answers(self, url: str) -> bool:
        try:
            answer = self._client.request("GET", url, token=None, timeout_seconds=5)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == HTTPStatus.OK

    def _settled(self) -> bool:
        """Say whether the controllers work: aggregated roles are full, the default account is
        there.
        """
        rbac = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
        for role in _AGGREGATED_ROLES:
            answer = self.request("GET", f"{rbac}/{role}", token=self.admin_token)
            if answer.status != HTTPStatus.OK or not answer.body.get("rules"):
                return False
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        return self.request("GET", account, token=self.admin_token).status == HTTPStatus.OK
