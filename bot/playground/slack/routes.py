"""The double's endpoints: the Web API, response URLs, Socket Mode and OpenID Connect."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from bot.playground.slack import (
    methods_chat,
    methods_people,
    methods_views,
    respond,
    signin,
    webapi,
)
from bot.playground.slack.broken import instead_of
from bot.playground.slack.webapi import ApiError, Call
from bot.playground.slack.wire import wire_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from bot.playground.slack.faults import Met
    from bot.playground.slack.sockets import Sockets

METHODS: dict[str, webapi.Method] = {
    **methods_chat.METHODS,
    **methods_people.METHODS,
    **methods_views.METHODS,
    **signin.METHODS,
}
"""Every modelled method of the Web API."""
RATELIMITED = 429
NOT_FOUND = 404
LARGE = ("blocks", "view")
BAD_REQUEST = 400


async def _body(request: Request) -> dict[str, Any]:
    """Return the arguments in the query and in the body, a form or JSON."""
    given: dict[str, Any] = dict(request.query_params)
    raw = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            parsed = json.loads(raw or b"{}")
        except ValueError as problem:
            raise ApiError("invalid_json") from problem
        if not isinstance(parsed, dict):
            raise ApiError("json_not_object")
        return given | parsed
    return given | dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))


def _credentials(request: Request, args: dict[str, Any]) -> str:
    """Return the bearer token; put a basic client id and secret among the arguments."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            client, _, secret = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        args |= {"client_id": client, "client_secret": secret}
    return str(args.get("token") or "")


@dataclass(frozen=True, slots=True)
class _Answered:
    """A true answer, not yet sent."""

    body: dict[str, Any]
    status: int = 200
    retry_after: int | None = None

    def response(self) -> Response:
        headers = None if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return JSONResponse(self.body, self.status, headers)


@dataclass(frozen=True, slots=True)
class Api:
    """The endpoints of the app's side. `base` gives the credentials in force at each call."""

    base: Callable[[], Call]
    sockets: Sockets
    closing: Callable[[], bool]

    def routes(self) -> list[BaseRoute]:
        """Return the routes that the app talks to."""
        return [
            Route("/api/{method}", self._method, methods=["GET", "POST"]),
            Route("/hooks/{team}/{url}", self._response_url, methods=["POST"]),
            WebSocketRoute("/link", self._link),
            Route("/.well-known/openid-configuration", self._discovery),
            Route("/openid/connect/keys", self._keys),
        ]

    async def _method(self, request: Request) -> Response:
        method = request.path_params["method"]
        try:
            args = await _body(request)
        except ApiError as refused:
            return JSONResponse({"ok": False, "error": refused.error})
        token = _credentials(request, args)
        if _is_for_the_app(method):
            # Slack takes an app-level token from the header alone, and such a call by POST alone.
            if request.method != "POST":
                return JSONResponse({"ok": False, "error": "insecure_request"})
            token = _credentials(request, {})

        def run() -> _Answered:
            return self._run(method, token, args)

        return await self._answer(method, args, run)

    def _run(self, method: str, token: str, args: dict[str, Any]) -> _Answered:
        base = self.base()
        wait = base.workspace.rates.take(method, _place(base, args))
        if wait is not None:
            return _Answered({"ok": False, "error": "ratelimited"}, RATELIMITED, wait)
        return _Answered(webapi.answer(webapi.Request(method, token, args), METHODS, base))

    async def _response_url(self, request: Request) -> Response:
        try:
            body = await _body(request)
            if "payload" in body:
                body = json.loads(body["payload"])
        except ApiError as refused:
            return JSONResponse({"ok": False, "error": refused.error}, BAD_REQUEST)

        def run() -> _Answered:
            return self._use_url(request.path_params["url"], body)

        return await self._answer("response_url", body, run)

    def _use_url(self, url: str, body: Any) -> _Answered:
        workspace = self.base().workspace
        try:
            return _Answered(respond.use_url(workspace, url, body))
        except ApiError as refused:
            workspace.refuse("response_url", refused.error, str(refused.extra))
            status = NOT_FOUND if "url" in refused.error else BAD_REQUEST
            return _Answered({"ok": False, "error": refused.error, **refused.extra}, status)

    async def _answer(
        self, method: str, args: dict[str, Any], run: Callable[[], _Answered]
    ) -> Response:
        """Answer truly, or as a fault wants; and log it, whichever it was."""
        workspace, began = self.base().workspace, time.monotonic()
        met = workspace.faults.decide(method, args)
        if met is not None and met.delay_seconds:
            await asyncio.sleep(met.delay_seconds)
        done = run() if met is None or met.instead is None or met.takes_effect else None
        _log(self.base(), method, args, done, met, began)
        if met is None or met.instead is None:
            return (done or run()).response()
        true = done.body if done else {"ok": True}
        return instead_of(met, true, self.closing)

    async def _link(self, socket: WebSocket) -> None:
        met = self.base().workspace.faults.decide("socket", {}, "sockets")
        if met is None:
            await self.sockets.serve(socket)
            return
        if met.delay_seconds:
            await asyncio.sleep(met.delay_seconds)
        if met.instead is None:
            await self.sockets.serve(socket)
            return
        stalls = met.instead.trouble == "stall"
        while stalls and not (met.over() or self.closing()):  # noqa: ASYNC110 - other threads end it
            await asyncio.sleep(0.05)
        if met.instead.trouble:
            wire_of(socket).reset()
            while (await socket.receive())["type"] != "websocket.disconnect":
                pass
            return
        await socket.send_denial_response(
            Response(status_code=max(met.instead.status, BAD_REQUEST))
        )

    async def _discovery(self, _: Request) -> Response:
        base = self.base()
        return await self._answer("discovery", {}, lambda: _Answered(base.sign_in.discovery()))

    async def _keys(self, _: Request) -> Response:
        base = self.base()
        return await self._answer("keys", {}, lambda: _Answered(base.sign_in.keys()))


def _is_for_the_app(method: str) -> bool:
    return method in METHODS and METHODS[method].caller == "app"


def _place(base: Call, args: dict[str, Any]) -> str:
    """Return the conversation that is posted to: a person's id means their DM."""
    place = str(args.get("channel") or "")
    return base.workspace.dm(place).id if place in base.workspace.users else place


def _log(
    base: Call,
    method: str,
    args: dict[str, Any],
    done: _Answered | None,
    met: Met | None,
    began: float,
) -> None:
    told = done.body if done else {}
    instead = met.instead if met else None
    base.workspace.log.add(
        "call",
        method,
        args={k: v for k, v in webapi.without_secrets(args).items() if k not in LARGE},
        status=instead.status if instead else done.status if done else None,
        error=told.get("error") or ((instead.body or {}).get("error") if instead else None),
        channel=told.get("channel"),
        ts=told.get("ts"),
        done=bool(told.get("ok")),
        fault=met.fault if met else None,
        trouble=instead.trouble if instead else None,
        began=began,
        took_ms=(time.monotonic() - began) * 1000,
    )
