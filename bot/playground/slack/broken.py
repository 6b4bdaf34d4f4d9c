"""Answers that are none: stalled, reset, cut off, garbage. Each is a response of Starlette's."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from bot.playground.slack.wire import WIRE, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from bot.playground.slack.faults import Met, Trouble
    from bot.playground.slack.records import Json

PAGE = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Server Error</body></html>"
POLL_SECONDS = 0.02


class Stalled(Response):
    """Nothing, until `over` or the app hangs up; then the connection is closed."""

    def __init__(self, over: Callable[[], bool]) -> None:
        super().__init__()
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait."""
        del send
        gone = asyncio.ensure_future(_disconnected(receive))
        while not self._over() and not gone.done():
            await asyncio.wait([gone], timeout=POLL_SECONDS)
        _wire(scope).reset()
        await gone


class Reset(Response):
    """A connection reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reset it."""
        del send
        _wire(scope).reset()
        await _disconnected(receive)


class Cut(Response):
    """The first half of an answer whose length was announced; then the connection ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send half."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        _wire(scope).hang_up()
        await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _wire(scope: Scope) -> Wire:
    wire: Wire = scope["state"][WIRE]
    return wire


def instead_of(met: Met, answer: Json, closing: Callable[[], bool]) -> Response:
    """Return what the app gets; `answer` is what it would have got, which some break."""
    instead = met.instead
    if instead is None:
        return JSONResponse(answer)
    text = json.dumps(answer if instead.body is None else instead.body)
    as_json = "application/json"
    broken: dict[Trouble, Callable[[], Response]] = {
        "stall": lambda: Stalled(lambda: met.over() or closing()),
        "reset": Reset,
        "cut": lambda: Cut(text, media_type=as_json),
        "truncated": lambda: Response(text[: len(text) // 2], media_type=as_json),
        "html": lambda: Response(PAGE, media_type="text/html"),
        "empty": lambda: Response(""),
    }
    if instead.trouble is not None:
        return broken[instead.trouble]()
    headers = dict(instead.headers)
    if instead.body is None:
        return Response(PAGE, instead.status, headers, media_type="text/html")
    return JSONResponse(instead.body, instead.status, headers)
