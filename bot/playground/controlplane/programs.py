"""The files and the command lines of the control plane's programs, all in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.playground.controlplane import config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bot.playground.certs import Authority, Leaf
    from bot.playground.controlplane.config import OidcIssuer

    Flags = dict[str, str | Path]

ADMIN = "playground-admin"
CONTROLLER_MANAGER = "system:kube-controller-manager"
API_SERVER_NAMES = (
    "localhost",
    "127.0.0.1",
    "kubernetes.default.svc",
    "kubernetes.default",
    "kubernetes",
)


@dataclass(frozen=True)
class Layout:
    """Where each file of one control plane lies. Secrets are 0600 in the 0700 `folder`."""

    folder: Path
    authority: Authority

    @property
    def authentication(self) -> Path:
        """Who may sign in."""
        return self.folder / "authentication.yaml"

    @property
    def audit_policy(self) -> Path:
        """What the audit log keeps."""
        return self.folder / "audit-policy.yaml"

    @property
    def tokens(self) -> Path:
        """The static tokens."""
        return self.folder / "tokens.csv"

    @property
    def account_key(self) -> Path:
        """The key that signs the tokens of service accounts."""
        return self.folder / "service-accounts.key"

    @property
    def generated(self) -> Path:
        """Where a program puts a certificate that it makes for itself."""
        return self.folder / "generated"

    def audit_log(self, number: int) -> Path:
        """Say the audit log of the API server of that number."""
        return self.folder / f"audit-{number}.log"

    def log(self, name: str) -> Path:
        """Say where lies what the program of that name prints."""
        return self.folder / f"{name}.log"

    def prepare(
        self, issuers: Sequence[OidcIssuer], *, admin_token: str, manager_token: str
    ) -> Leaf:
        """Write every file that the programs read; the API servers' certificate comes back."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        replace(self.authentication, config.authentication(issuers))
        replace(self.audit_policy, config.audit_policy())
        tokens = {
            admin_token: (ADMIN, ("system:masters",)),
            manager_token: (CONTROLLER_MANAGER, ()),
        }
        replace(self.tokens, config.token_file(tokens))
        if not self.account_key.exists():
            replace(self.account_key, _private_key_pem())
        return self.authority.leaf("kube-apiserver", *API_SERVER_NAMES)


def etcd(layout: Layout, *, client_port: int, peer_port: int) -> Flags:
    """Make the flags of a single etcd that does not sync to disk."""
    client, peer = (f"http://127.0.0.1:{port}" for port in (client_port, peer_port))
    return {
        "data-dir": layout.folder / "etcd",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }


def api_server(
    layout: Layout,
    serving: Leaf,
    *,
    port: int,
    etcd_port: int,
    audit_log: Path,
    audit_webhook: Path | None = None,
) -> Flags:
    """Make the flags of one API server with RBAC, OIDC, static tokens and an audit log."""
    return _webhook(audit_webhook) | {
        "etcd-servers": f"http://127.0.0.1:{etcd_port}",
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": str(port),
        "cert-dir": layout.generated,
        "tls-cert-file": serving.chain_file,
        "tls-private-key-file": serving.key_file,
        "authentication-config": layout.authentication,
        "token-auth-file": layout.tokens,
        "authorization-mode": "RBAC",
        "audit-policy-file": layout.audit_policy,
        "audit-log-path": audit_log,
        # Never rotated in a test's life: a reader of the file would miss lines.
        "audit-log-maxsize": "2048",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-signing-key-file": layout.account_key,
        "service-account-key-file": layout.account_key,
        "service-cluster-ip-range": "10.0.0.0/24",
        # The reconciler would refuse loopback as the address of the service `kubernetes`.
        "endpoint-reconciler-type": "none",
        "profiling": "false",
    }


def _webhook(kubeconfig: Path | None) -> dict[str, str | Path]:
    """Have audit events sent, too: by its own defaults, but for how long a test would wait."""
    if kubeconfig is None:
        return {}
    return {
        "audit-webhook-config-file": kubeconfig,
        "audit-webhook-batch-max-wait": "1s",
        "audit-webhook-initial-backoff": "1s",
    }


def controller_manager(layout: Layout, *, kubeconfig: Path, port: int) -> Flags:
    """Make the flags of the controller manager.

    Its controllers act by their own accounts, as in a real cluster: admission policies tell them
    apart by name.
    """
    return {
        "kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "secure-port": str(port),
        "cert-dir": layout.generated,
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": layout.account_key,
        "root-ca-file": layout.authority.ca_file,
        "kube-api-qps": "200",
        "kube-api-burst": "400",
        "profiling": "false",
    }


def argv(program: Path, flags: Mapping[str, str | Path]) -> list[str | Path]:
    """Build the command line."""
    return [program, *(f"--{flag}={value}" for flag, value in flags.items())]


def replace(path: Path, text: str) -> None:
    """Write a file (0600) whole or not at all: a running program may be watching it."""
    part = path.with_name(f"{path.name}.part")
    part.touch(mode=0o600)
    part.write_text(text)
    part.replace(path)


def _private_key_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
