"""How sockets to API servers are set, so that the kernel finds a peer that is gone."""

import socket
from datetime import timedelta
from typing import Any, Final

import urllib3

IDLE: Final = timedelta(seconds=10)
INTERVAL: Final = timedelta(seconds=3)
COUNT: Final = 3


def socket_options(unacknowledged: timedelta) -> list[tuple[int, int, Any]]:
    """Give the options, as far as this platform has them.

    A connection that a firewall forgot, or whose server lost its power, is found dead after some
    twenty seconds of rest, and so is not taken for the next call; and after `unacknowledged` when
    what was sent is not even received.
    """
    options = list(urllib3.connection.HTTPConnection.default_socket_options)
    options.append((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
    for name, value in (
        ("TCP_KEEPIDLE", int(IDLE.total_seconds())),
        ("TCP_KEEPINTVL", int(INTERVAL.total_seconds())),
        ("TCP_KEEPCNT", COUNT),
        ("TCP_USER_TIMEOUT", int(unacknowledged.total_seconds() * 1000)),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            options.append((socket.IPPROTO_TCP, option, value))
    return options
