"""Reads and writes of one cluster's API, with every failure as a cluster error."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec

from grants.clusters.config import ClusterConfig
from grants.clusters.connection import Call, Connections
from grants.clusters.failures import is_absent, refusal, unreachable
from grants.clusters.reply import Deadline, Reply
from grants.decoding import decoder
from grants.errors import ClusterChanged, ClusterUnavailable

PAGE_ITEMS: Final = 500
# Else a server that hands out one page for ever would never be done.
_PAGES_MOST: Final = 2000

T = TypeVar("T")
M = TypeVar("M", bound=msgspec.Struct)


class Api:
    """The calls that the rooms' objects are made of; thread-safe."""

    def __init__(self, config: ClusterConfig, connections: Connections) -> None:
        self.alias = config.alias
        self._times = config.times
        self._connections = connections
        self._proven: set[tuple[str, str]] = set()

    def deadline(self) -> Deadline:
        """Give the moment by which one answer must be whole."""
        return Deadline(self._times.connect + self._times.read)

    def reply(self, call: Call, server: str | None = None) -> Reply:
        """Send one call; any HTTP status is an answer."""
        return self._connections.send(call, server, self.deadline())

    def found(self, call: Call, name: str, server: str | None = None) -> Reply | None:
        """Read one object; None when the API server itself says that it is not there."""
        reply = self.reply(call, server)
        if is_absent(reply, name):
            return None
        return self.expect(call, reply)

    def expect(self, call: Call, reply: Reply, *wanted: int) -> Reply:
        """Give the answer back, or raise its error; 200 is wanted when nothing is said."""
        if reply.status not in (wanted or (HTTPStatus.OK,)):
            raise refusal(self.alias, call.action, reply)
        return reply

    def decode(self, call: Call, reply: Reply, kind: type[M], turn: Callable[[M], T]) -> T:
        """Decode an answer and turn it into a value; ClusterUnavailable when it is not the one.

        `turn` raises ValueError for an answer that is well-formed and still not what was asked.
        """
        try:
            return turn(decoder(kind).decode(reply.body))
        except (ValueError, msgspec.MsgspecError) as error:
            raise unreachable(self.alias, call.action, error) from None

    def raw(self, call: Call, reply: Reply) -> dict[str, Any]:
        """Decode an object with all that others put into it, for a PUT that must keep it."""
        try:
            return decoder(dict[str, Any]).decode(reply.body)
        except (ValueError, msgspec.MsgspecError) as error:
            raise unreachable(self.alias, call.action, error) from None

    def pages(self, call: Call, take: Callable[[Reply], str]) -> None:
        """Read a list page by page; `take` uses each and gives where the next begins, or "".

        A list that has expired on the server (410) is no answer: the caller asks anew.
        """
        deadline = Deadline(self._times.whole_list)
        after = ""
        for _ in range(_PAGES_MOST):
            query = (*call.query, ("limit", str(PAGE_ITEMS)))
            if after:
                query = (*query, ("continue", after))
            page = Call(call.action, call.method, call.path, query, accept=call.accept)
            reply = self._connections.send(page, None, deadline)
            if reply.status == HTTPStatus.GONE:
                raise ClusterUnavailable(self.alias, call.action, "the list expired meanwhile")
            after = take(self.expect(page, reply))
            if not after:
                return
        raise ClusterUnavailable(self.alias, call.action, "the list has no end")

    def prove(self, server: str, uid_at: Callable[[str | None], str]) -> None:
        """Make sure, once, that a configured server belongs to the same cluster as the main one.

        Else one wrong address would prove "gone" and "denied" of a binding that stands elsewhere.
        """
        # With its main server: credentials that are loaded anew may lead elsewhere.
        pair = (self._connections.main_server(), server)
        if pair in self._proven:
            return
        if uid_at(server) != uid_at(None):
            raise ClusterChanged(self.alias, "get namespaces", f"{server} is another cluster")
        self._proven.add(pair)
