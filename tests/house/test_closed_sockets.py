"""The pure rooms' tests reach no network, not even this machine's."""

from __future__ import annotations

import socket

import pytest
from pytest_socket import SocketBlockedError


def test_a_pure_test_cannot_open_a_socket():
    # The plugin warns before it raises, and warnings are errors here: either says no.
    with pytest.raises((SocketBlockedError, UserWarning)):
        socket.create_connection(("127.0.0.1", 1))
