"""The Web API's front door: tokens, scopes, arguments, and refusing what is not modelled."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from bot.playground.slack.records import ApiCall, Json

if TYPE_CHECKING:
    from bot.playground.slack.app import SlackApp
    from bot.playground.slack.blockkit_kinds import Problem
    from bot.playground.slack.signin import SignIn
    from bot.playground.slack.workspace import Workspace

Arg = Literal["str", "flag", "whole", "json"]
# Bolt sends team_id along; Slack reads it with organisation-wide tokens only (`of_a_team`).
EVERYWHERE = ("token", "team_id")
SECRETS = ("token", "client_secret", "code", "access_token", "id_token")


class ApiError(Exception):
    """A refusal: Slack's error name, and what else the answer carries."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra


def invalid(error: str, problems: list[Problem]) -> ApiError:
    """Return the refusal of blocks or a view, naming each problem as Slack does."""
    said = [str(problem) for problem in problems]
    messages = {"messages": [f"[ERROR] {one}" for one in said]}
    return ApiError(error, errors=said, response_metadata=messages)


def invalid_arguments(*messages: str) -> ApiError:
    """Return the refusal of arguments that Slack does not name more closely."""
    said = {"messages": [f"[ERROR] {message}" for message in messages]}
    return ApiError("invalid_arguments", response_metadata=said)


@dataclass(frozen=True, slots=True)
class Call:
    """One call, its arguments already of the right kinds."""

    workspace: Workspace
    app: SlackApp
    args: Mapping[str, Any]
    socket_url: Callable[[], str]
    sign_in: SignIn
    token: str = ""
    team_id: str = ""

    def needs(self, scope: str) -> None:
        """Refuse unless the app has this scope."""
        if scope not in self.app.scopes:
            provided = ",".join(sorted(self.app.scopes))
            raise ApiError("missing_scope", needed=scope, provided=provided)


Handler = Callable[[Call], Json]


@dataclass(frozen=True, slots=True)
class Method:
    """A modelled method: its arguments and kinds, what it needs, and Slack's page about it."""

    handler: Handler
    args: Mapping[str, Arg]
    required: tuple[str, ...] = ()
    scope: str | None = None
    caller: Literal["bot", "app", "person", "none"] = "bot"
    of_a_team: bool = False
    """An organisation-wide token must say by `team_id` which workspace is meant."""


def doc(method: str) -> str:
    """Return Slack's page about a method."""
    return f"https://docs.slack.dev/reference/methods/{method}"


@dataclass(frozen=True, slots=True)
class Request:
    """A raw call: strings as a form gives them, or values as JSON gives them."""

    method: str
    token: str
    args: Mapping[str, Any]


def answer(request: Request, methods: Mapping[str, Method], base: Call) -> Json:
    """Answer one call, and record it; refusals of what is not modelled are recorded apart."""
    try:
        body: Json = {"ok": True, **_run(request, methods.get(request.method), base)}
    except ApiError as refused:
        body = {"ok": False, "error": refused.error, **refused.extra}
    call = ApiCall(request.method, without_secrets(request.args), without_secrets(body))
    with base.workspace.lock:
        base.workspace.calls.keep(call)
    base.workspace.touch()
    return body


def without_secrets(fields: Mapping[str, Any]) -> Json:
    """Return what may be kept: everything but tokens, codes and secrets."""
    return {name: value for name, value in fields.items() if name not in SECRETS}


def _run(request: Request, method: Method | None, base: Call) -> Json:
    if method is None:
        base.workspace.refuse(request.method, "unknown_method", "not modelled")
        raise ApiError("unknown_method")
    _check_token(request, method, base)
    team_id = _team(request, method, base)
    args = _arguments(request, method, base)
    call = replace(base, args=args, token=request.token, team_id=team_id)
    if method.scope:
        call.needs(method.scope)
    return method.handler(call)


def _check_token(request: Request, method: Method, base: Call) -> None:
    if method.caller == "none":
        return
    if not request.token:
        raise ApiError("not_authed")
    if method.caller == "person":
        return
    known = {base.app.bot_token: "bot", base.app.app_token: "app"}
    kind = known.get(request.token) or _retired(request.token, base)
    if kind is None:
        raise ApiError("invalid_auth")
    if kind != method.caller:
        raise ApiError("not_allowed_token_type")


def _retired(token: str, base: Call) -> str | None:
    """Return what kind of token it was, while the grace of a rotation lasts."""
    retired = base.workspace.retired_tokens.get(token)
    if retired is None:
        return None
    if time.monotonic() >= retired.works_until:
        raise ApiError(retired.error)
    return retired.kind


def _team(request: Request, method: Method, base: Call) -> str:
    """Return the workspace that is meant; an organisation-wide token must name it."""
    grid = base.workspace.grid
    if grid is None or not grid.org_wide or not method.of_a_team:
        return base.workspace.team_id
    team_id = str(request.args.get("team_id") or "")
    if not team_id:
        raise ApiError("missing_argument")
    if base.workspace.team_name(team_id) is None:
        raise ApiError("team_access_not_granted")
    return team_id


def _arguments(request: Request, method: Method, base: Call) -> Json:
    given = {k: v for k, v in request.args.items() if k not in EVERYWHERE and v is not None}
    strange = sorted(given.keys() - method.args.keys())
    if strange:
        detail = f"not modelled: {', '.join(strange)}"
        base.workspace.refuse(request.method, "invalid_arguments", detail)
        raise invalid_arguments(detail)
    missing = [name for name in method.required if given.get(name) in (None, "")]
    if missing:
        raise invalid_arguments(*(f"missing required field: {name}" for name in missing))
    return {name: _convert(name, value, method.args[name]) for name, value in given.items()}


def _convert(name: str, value: Any, kind: Arg) -> Any:
    try:
        if kind == "str" and isinstance(value, str | int | float):
            return str(value)
        if kind == "flag":
            return value if isinstance(value, bool) else str(value).lower() in ("1", "true")
        if kind == "whole":
            return int(value)
        if kind == "json":
            return json.loads(value) if isinstance(value, str) else value
    except ValueError as problem:
        wrong = "invalid_blocks_format" if name == "blocks" else "invalid_arguments"
        said = {"messages": [f"[ERROR] {name} is not valid"]}
        raise ApiError(wrong, response_metadata=said) from problem
    raise invalid_arguments(f"must provide a string: {name}")
