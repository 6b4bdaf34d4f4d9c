"""A link to etcd that can be cut: what an API server on the wrong side of a partition sees."""

from __future__ import annotations

from bot.playground.relay import Relay


def pausable_link(backend_port: int) -> Relay:
    """Make a relay (not started) to a plain TCP port: `pause()` stalls it, `resume()` heals it."""
    return Relay(backend_port)
