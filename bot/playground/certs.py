"""The one throw-away certificate authority of a playground or a test run.

Everything that a browser, the API server or the bot opens by https on this machine is signed by it,
and nothing but its own folder trusts it.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

import trustme

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK_NAMES = ("localhost", "127.0.0.1")
LEAF_LIFE = timedelta(days=30)
_CLOCK_SLACK = timedelta(days=1)


@dataclass(frozen=True)
class Leaf:
    """A server certificate: its chain and its private key (0600), as PEM files."""

    chain_file: Path
    key_file: Path

    def server_context(self) -> ssl.SSLContext:
        """Make a context for a TLS server that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.chain_file, self.key_file)
        return context


@dataclass(frozen=True)
class Authority:
    """The authority and the folder (0700) with its files; `ca_file` is what clients trust."""

    folder: Path
    ca_file: Path
    _ca: trustme.CA

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """Return the authority kept in `folder`, made on first use: a browser that trusts it once
        goes on to.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        ca_file, key_file = folder / "ca.pem", folder / "ca.key"
        if ca_file.exists() and key_file.exists():
            ca = trustme.CA.from_pem(ca_file.read_bytes(), key_file.read_bytes())
        else:
            ca = trustme.CA(
                organization_name="Valetkey playground",
                organization_unit_name="throw-away, this machine only",
                path_length=0,
            )
            _write_secret(key_file, ca.private_key_pem.bytes())
            ca_file.write_bytes(ca.cert_pem.bytes())
        return cls(folder=folder, ca_file=ca_file, _ca=ca)

    @property
    def ca_pem(self) -> str:
        """The authority's certificate, as a browser or an API server wants it."""
        return self.ca_file.read_text()

    def leaf(self, name: str, *names: str) -> Leaf:
        """Make a fresh server certificate in files called `name`, for `names` (default: this
        machine's).
        """
        now = datetime.now(UTC)
        # Safari and Chromium refuse leaves that live for years, whoever signed them.
        made = self._ca.issue_cert(
            *(names or LOOPBACK_NAMES), not_before=now - _CLOCK_SLACK, not_after=now + LEAF_LIFE
        )
        leaf = Leaf(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        leaf.chain_file.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
        _write_secret(leaf.key_file, made.private_key_pem.bytes())
        return leaf

    def client_context(self) -> ssl.SSLContext:
        """Make a context for a client that trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.ca_file))


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content)
