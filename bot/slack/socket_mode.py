"""Slack by Socket Mode: several connections at once, so that losing one of them leaves no gap.

Of slack_sdk only the call that opens a connection is used. Its own clients reconnect from three
threads that take each other's half-made connections for dead, go on with a used-up ticket, and
never notice a socket that went silent.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.logs import get_logger
from bot.slack.sdk_log import code_of
from bot.slack.socket_connection import Connection, Ended, Pace, open_socket
from bot.slack.socket_work import EnvelopeWork
from bot.slack.watching import NoWatch, SlackWatch

log = get_logger("slack.socket-mode")

MOST_CONNECTIONS: Final = 10  # Slack's own limit for an app
_TOO_MANY: Final = 429
_CONNECT_SECONDS: Final = 10.0
_GOODBYE_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 1.0
_FIRST_WAIT_SECONDS: Final = 0.25
_LONGEST_TOLD_SECONDS: Final = 600.0
_ON_PURPOSE: Final = frozenset({Ended.REFRESHED, Ended.STOPPED})


@dataclass(frozen=True)
class SocketOptions:
    """How many connections stand at once (1 to 10), and how each is watched.

    `workers` is how many envelopes are worked on at once. Failures to connect are repeated after
    growing waits of at most `retry_most_seconds`, spread by chance: replicas that lost their
    connections together must not come back together.
    """

    connections: int = 2
    workers: int = 16
    retry_most_seconds: float = 30.0
    pace: Pace = field(default_factory=Pace)


class SocketMode:
    """The Socket Mode connections of a Bolt app; `token` gives the app-level token of now."""

    def __init__(
        self,
        app: App,
        token: Callable[[], str],
        client: WebClient,
        options: SocketOptions | None = None,
        watch: SlackWatch | None = None,
    ) -> None:
        options = options or SocketOptions()
        wanted = max(1, min(MOST_CONNECTIONS, options.connections))
        self._token = token
        self._client = client
        self._options = replace(options, connections=wanted)
        self._watch: SlackWatch = watch or NoWatch()
        self._changed = threading.Condition()
        self._connections: dict[Connection, threading.Thread] = {}
        self._failures = 0
        self._not_before = 0.0
        self._disabled = False
        self._stopping = threading.Event()
        self._work = EnvelopeWork(app, options.workers, self._watch, self._standing)
        self._keeper = self._new_keeper()

    def _new_keeper(self) -> threading.Thread:
        return threading.Thread(target=self._keep, name="slack-sockets", daemon=True)

    def start(self) -> None:
        """Begin to connect, in the background: Slack may be down and come later."""
        self._keeper.start()

    def check(self) -> None:
        """Begin anew with a keeper that died; called once a second by whoever watches."""
        has_died = self._keeper.ident is not None and not self._keeper.is_alive()
        if has_died and not self._stopping.is_set():
            log.error("the thread that keeps the connections had died and is begun anew")
            self._keeper = self._new_keeper()
            self._keeper.start()

    @property
    def standing(self) -> int:
        """How many connections stand: Slack said hello, and something was heard of late."""
        return len(self._standing())

    @property
    def is_connected(self) -> bool:
        """Tell whether anything can come in."""
        return self.standing > 0

    @property
    def problem(self) -> str | None:
        """Say by a stable word why nothing can come in; None while something can."""
        if self.is_connected:
            return None
        return "socket-mode-off" if self._disabled else "not-connected"

    @property
    def under_way(self) -> int:
        """How many envelopes are worked on or wait."""
        return self._work.under_way

    def stop(self, drain_seconds: float = 5.0) -> bool:
        """Take no more, finish what was taken, acknowledge it, and hang up; False: time ran out.

        What comes meanwhile stays without ack, so that Slack sends it to another connection.
        """
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        drained = self._work.drain(time.monotonic() + drain_seconds)
        with self._changed:
            left = dict(self._connections)
        for connection in left:
            connection.begin_to_close(Ended.STOPPED)
        for connection, thread in left.items():
            thread.join(timeout=_GOODBYE_SECONDS)
            connection.hang_up()
            thread.join(timeout=_GOODBYE_SECONDS)
        if self._keeper.is_alive():
            self._keeper.join(timeout=_CONNECT_SECONDS * 2)
        self._work.stop()
        return drained

    def _standing(self) -> list[Connection]:
        with self._changed:
            return [one for one in self._connections if one.is_standing]

    def _keep(self) -> None:
        """Have as many connections as are wanted, for as long as we run."""
        while not self._stopping.is_set():
            try:
                self._keep_once()
            except Exception:
                # Whatever it is: nobody else would ever connect again.
                log.exception("keeping the Socket Mode connections broke, and goes on")
                self._stopping.wait(_LOOK_SECONDS)

    def _keep_once(self) -> None:
        with self._changed:
            if not self._has_work():
                self._changed.wait(self._until_next())
            self._drop_dead()
            if self._stopping.is_set() or not self._has_work():
                return
        try:
            self._open_one()
        except Exception as error:  # noqa: BLE001  # whatever it is: nobody else begins again
            log.warning("no Socket Mode connection: %s", code_of(error))
            self._watch.ended("not-opened")
            self._failed(_retry_after(error))

    def _has_work(self) -> bool:
        if self._stopping.is_set():
            return True
        staying = sum(not one.is_leaving for one in self._connections)
        is_time = time.monotonic() >= self._not_before
        return staying < self._options.connections and is_time

    def _until_next(self) -> float:
        """Give how long to wait: to the end of a back-off, else until something changes."""
        left = self._not_before - time.monotonic()
        return left if 0 < left < _LOOK_SECONDS else _LOOK_SECONDS

    def _drop_dead(self) -> None:
        """Forget connections whose reader is no more, however it came to its end."""
        for connection, thread in tuple(self._connections.items()):
            if not thread.is_alive():
                del self._connections[connection]
                log.error("a thread that read a connection had died")

    def _failed(self, at_least_seconds: float = 0.0) -> None:
        """Put the next try off, longer each time, by chance a little less."""
        with self._changed:
            most = min(self._options.retry_most_seconds, self._next_wait())
            wait = max(at_least_seconds, most * random.uniform(0.5, 1.0))  # noqa: S311  # spread
            self._failures += 1
            self._not_before = time.monotonic() + wait

    def _next_wait(self) -> float:
        return _FIRST_WAIT_SECONDS * 2.0 ** min(self._failures, 12)

    def _open_one(self) -> None:
        answer = self._client.apps_connections_open(app_token=self._token())
        client = self._client
        opened = open_socket(str(answer["url"]), client.ssl, _CONNECT_SECONDS, client.proxy)
        connection = Connection(opened, self._options.pace, self._work.hear, self._noticed)
        thread = threading.Thread(
            target=self._read, args=(connection,), name="slack-socket", daemon=True
        )
        with self._changed:
            if self._stopping.is_set():
                opened.shutdown()  # type: ignore[no-untyped-call]  # the package's own lack
                return
            thread.start()
            self._connections[connection] = thread

    def _read(self, connection: Connection) -> None:
        why = connection.read()
        stood_at = connection.stood_at
        lasted = 0.0 if stood_at is None else time.monotonic() - stood_at
        with self._changed:
            self._connections.pop(connection, None)
            if why is Ended.DISABLED:
                self._disabled = True
            if why is not Ended.STOPPED and lasted < self._next_wait():
                self._failed()  # one that ends at once is not begun anew without a breath
        self._watch.ended(str(why))
        say = log.info if why in _ON_PURPOSE else log.warning
        say("a Socket Mode connection ended: %s", why)
        self._noticed()

    def _noticed(self) -> None:
        """Hear that a connection stands or goes; those that others replace may leave."""
        with self._changed:
            standing = [one for one in self._connections if one.is_standing]
            if standing:
                self._disabled = False
            if len(standing) >= self._options.connections:
                self._failures = 0
                for one in self._connections:
                    if one.is_leaving:
                        one.was_replaced()
            self._changed.notify_all()
        self._watch.standing(len(standing))


def _retry_after(error: Exception) -> float:
    """Give how many seconds Slack wants us to wait, when it limits us."""
    if not isinstance(error, SlackApiError) or error.response.status_code != _TOO_MANY:
        return 0.0
    told = str((error.response.headers or {}).get("Retry-After", ""))
    return min(float(told), _LONGEST_TOLD_SECONDS) if told.isdecimal() else 0.0
