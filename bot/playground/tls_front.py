"""https for a plain backend on this machine: a relay that takes TLS off.

It passes bytes, not requests: no header is added, so a backend learns its public address from its
settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.playground.relay import Relay

if TYPE_CHECKING:
    from bot.playground.certs import Leaf


def tls_front(backend_port: int, leaf: Leaf, *, port: int = 0) -> Relay:
    """Make a relay (not started) from https on 127.0.0.1:`port` to plain http on
    127.0.0.1:`backend_port`.
    """
    return Relay(backend_port, port=port, tls=leaf.server_context())
