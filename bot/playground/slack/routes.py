"""The double's endpoints: the Web API, response URLs, Socket Mode and OpenID Connect."""

from __future__ import annotations

import base64
import binascii
import json
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
from bot.playground.slack.webapi import ApiError, Call

if TYPE_CHECKING:
    from starlette.requests import Request

    from bot.playground.slack.sockets import Sockets

METHODS: dict[str, webapi.Method] = {
    **methods_chat.METHODS,
    **methods_people.METHODS,
    **methods_views.METHODS,
    **signin.METHODS,
}
"""Every modelled method of the Web API."""


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


def _injected(found: dict[str, Any]) -> Response:
    if "status" in found or "headers" in found:
        return JSONResponse(
            found.get("body", {"ok": False, "error": "ratelimited"}),
            status_code=found.get("status", 200),
            headers=found.get("headers"),
        )
    return JSONResponse(found)


def api_routes(base: Call, sockets: Sockets) -> list[BaseRoute]:
    """Return the routes that the app talks to."""

    async def call_method(request: Request) -> Response:
        method = request.path_params["method"]
        found = base.workspace.take_injected(method)
        if found is not None:
            return _injected(found)
        try:
            args = await _body(request)
        except ApiError as refused:
            return JSONResponse({"ok": False, "error": refused.error})
        token = _credentials(request, args)
        asked = webapi.Request(method, token, args)
        return JSONResponse(webapi.answer(asked, METHODS, base))

    async def use_response_url(request: Request) -> Response:
        try:
            body = await _body(request)
            if "payload" in body:
                body = json.loads(body["payload"])
            return JSONResponse(respond.use_url(base.workspace, request.path_params["url"], body))
        except ApiError as refused:
            base.workspace.refuse("response_url", refused.error, str(refused.extra))
            answer = {"ok": False, "error": refused.error, **refused.extra}
            return JSONResponse(answer, status_code=404 if "url" in refused.error else 400)

    async def discovery(_: Request) -> Response:
        return JSONResponse(base.sign_in.discovery())

    async def keys(_: Request) -> Response:
        return JSONResponse(base.sign_in.keys())

    return [
        Route("/api/{method}", call_method, methods=["GET", "POST"]),
        Route("/hooks/{team}/{url}", use_response_url, methods=["POST"]),
        WebSocketRoute("/link", sockets.serve),
        Route("/.well-known/openid-configuration", discovery),
        Route("/openid/connect/keys", keys),
    ]
