"""The application: from a request to its answer, through the same stations as in an API server."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from bot.playground.cluster import discovery
from bot.playground.cluster.asking import Asked, asked_of
from bot.playground.cluster.audit import Account, AuditLog
from bot.playground.cluster.authenticating import Authenticator
from bot.playground.cluster.authorizing import Authorizer, User, refusal
from bot.playground.cluster.bodies import is_dry_run, read_object
from bot.playground.cluster.faults import Fault, method_not_allowed, no_such_resource
from bot.playground.cluster.impersonating import Impersonation, wanted_user
from bot.playground.cluster.kinds import (
    NAMESPACE,
    POD,
    SCALE,
    TOKEN_REQUEST,
    Kind,
    Review,
    find_kind,
    find_review,
)
from bot.playground.cluster.parts import Parts
from bot.playground.cluster.resources import Answer, Request, Resources, read_patch
from bot.playground.cluster.reviews import Reviews
from bot.playground.cluster.watching import Watch
from bot.playground.cluster.writing import Place
from bot.playground.controlplane.config import HEALTH_PATHS
from grants.authz.model import Question
from grants.decoding import decoder

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_BODY_MOST_BYTES: Final = 3 * 1024 * 1024
_JSON: Final = "application/json"


class Application:
    """The ASGI application of one embedded cluster."""

    def __init__(
        self,
        authenticator: Authenticator,
        authorizer: Authorizer,
        resources: Resources,
        reviews: Reviews,
        parts: Parts,
        audit: AuditLog,
    ) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._resources = resources
        self._reviews = reviews
        self._parts = parts
        self._audit = audit
        self._impersonation = Impersonation(authorizer)
        self._watches: set[Watch] = set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        asked = asked_of(scope)
        account = Account(asked)
        try:
            answer = await self._answer(asked, account, receive)
        except Fault as fault:
            answer = Answer(fault.code, fault.status(), warnings=fault.warnings)
        if answer.watch is not None:
            await self._follow(answer.watch, account, receive, send)
            return
        said = answer.body if (answer.body or {}).get("kind") == "Status" else None
        self._audit.write(account, "ResponseComplete", answer.code, said)
        await _send(answer, account, send, with_body=asked.method != "HEAD")

    def end_watches(self) -> None:
        """End every watch that stands."""
        for watch in tuple(self._watches):
            watch.end()

    async def _answer(self, asked: Asked, account: Account, receive: Receive) -> Answer:
        account.question = asked.question
        account.version = _version(asked.path)
        user = await self._authenticator.user(asked.header("authorization") or None, asked.path)
        account.user = user
        question = account.question or Question(asked.method.lower(), path=asked.path)
        wanted = wanted_user(asked.headers)
        if wanted is not None:
            account.acting = self._impersonation.act_as(user, wanted, question)
            user = account.acting.user
        if not (user.name == "system:anonymous" and asked.path in HEALTH_PATHS):
            account.verdict = self._authorizer.judge(user, question)
            if not account.verdict.allowed:
                raise refusal(user, question, account.verdict.reason)
        body = await _body(receive)
        return await self._dispatch(asked, user, question, body, account)

    async def _dispatch(
        self, asked: Asked, user: User, question: Question, body: bytes, account: Account
    ) -> Answer:
        if question.path is not None or account.question is None:
            return self._outside(asked)
        namespace = question.namespace or ""
        group, version, plural = question.api_group, account.version, question.resource
        if review := find_review(group, version, plural):
            return await self._review(asked, user, review, namespace, body)
        if (group, version) not in discovery.SERVED:
            return Answer(HTTPStatus.NOT_FOUND, text="404 page not found\n")
        kind = find_kind(group, version, plural)
        if kind is None:
            raise no_such_resource()
        name = _name(asked.path, kind)
        account.name = name or _named_in(body)
        if kind is not NAMESPACE and bool(namespace) > kind.namespaced:
            raise no_such_resource()
        if name and kind.namespaced and not namespace:
            raise no_such_resource()
        place = Place(kind, namespace if kind.namespaced else "", name)
        query = asked.query
        if _is_old_watch(asked.path):
            place, query = Place(kind, place.namespace), {**query, "watch": "true"}
            if name:
                query["fieldSelector"] = f"metadata.name={name}"
        elif question.subresource:
            return self._part(asked, place, question.subresource, body)
        return self._resources.answer(Request(asked, user, place, body, query))

    def _outside(self, asked: Asked) -> Answer:
        if asked.path.startswith(tuple(HEALTH_PATHS)):
            return Answer(HTTPStatus.OK, text=_health(asked))
        if asked.path == "/metrics":
            return Answer(HTTPStatus.OK, text="")
        host = asked.header("host")
        found = discovery.answer(asked.path.rstrip("/") or "/", asked.header("accept"), host)
        if found is None and asked.path.startswith("/api/"):
            raise no_such_resource()
        if found is None:
            return Answer(HTTPStatus.NOT_FOUND, text="404 page not found\n")
        if asked.method not in {"GET", "HEAD"}:
            raise method_not_allowed()
        body, content_type = found
        return Answer(HTTPStatus.OK, body, content_type=content_type)

    async def _review(
        self, asked: Asked, user: User, review: Review, namespace: str, body: bytes
    ) -> Answer:
        if asked.method != "POST":
            raise method_not_allowed()
        is_dry_run(asked.query, "CreateOptions")
        said, warnings = read_object(asked, body, review)
        answer = await self._reviews.answer(review, user, namespace, said)
        return Answer(HTTPStatus.CREATED, answer, warnings=warnings)

    def _part(  # noqa: PLR0911 - a table of parts
        self, asked: Asked, place: Place, sub: str, body: bytes
    ) -> Answer:
        if place.kind.subresource(sub) is None or not place.name:
            raise no_such_resource()
        method, query = asked.method, asked.query
        if place.kind is POD and sub != "status":
            code, said = self._parts.pod(place, sub, method, query)
            return Answer(code, said)
        if sub == "token" and method == "POST":
            dry_run = is_dry_run(query, "CreateOptions")
            wanted, _ = read_object(asked, body, TOKEN_REQUEST)
            return Answer(*self._parts.token(place, wanted, dry_run=dry_run))
        if sub == "scale":
            return self._scale(asked, place, body)
        if sub == "finalize" and method == "PUT":
            return Answer(*self._parts.finalize(place, read_object(asked, body, place.kind)[0]))
        if sub == "status" and method == "PUT":
            wanted, _ = read_object(asked, body, place.kind)
            return Answer(*self._parts.status(place, lambda _old: wanted))
        if sub == "status" and method == "PATCH":
            patch = read_patch(asked, body, place.kind)
            return Answer(*self._parts.status(place, lambda old: patch(old)[0]))
        if sub == "status" and method == "GET":
            return self._resources.answer(Request(asked, User(""), place, body, query))
        raise method_not_allowed()

    def _scale(self, asked: Asked, place: Place, body: bytes) -> Answer:
        now = self._parts.scale(place)
        match asked.method:
            case "GET":
                return Answer(HTTPStatus.OK, now)
            case "PUT":
                return Answer(*self._parts.set_scale(place, read_object(asked, body, SCALE)[0]))
            case "PATCH":
                patched, _ = read_patch(asked, body, SCALE)(now)
                return Answer(*self._parts.set_scale(place, patched))
        raise method_not_allowed()

    async def _follow(self, watch: Watch, account: Account, receive: Receive, send: Send) -> None:
        """Send what a watch sees until it ends, or whoever reads has gone."""
        self._audit.write(account, "ResponseStarted", HTTPStatus.OK)
        self._watches.add(watch)
        gone = asyncio.ensure_future(_until_gone(receive))
        gone.add_done_callback(lambda _done: watch.end())
        try:
            await send(_start(HTTPStatus.OK, _JSON, account))
            async with contextlib.aclosing(watch.lines()) as lines:
                async for line in lines:
                    await send({"type": "http.response.body", "body": line, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            self._watches.discard(watch)
            self._audit.write(account, "ResponseComplete", HTTPStatus.OK)


def _health(asked: Asked) -> str:
    if "verbose" not in asked.query:
        return "ok"
    name = asked.path.strip("/").partition("/")[0]
    return f"[+]ping ok\n[+]log ok\n[+]etcd ok\n{name} check passed\n"


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > _BODY_MOST_BYTES:
            text = f"Request entity too large: limit is {_BODY_MOST_BYTES}"
            raise Fault(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", text, {})
        if not message.get("more_body"):
            return body


def _start(code: int, content_type: str, account: Account, *more: tuple[bytes, bytes]) -> Message:
    headers = [
        (b"audit-id", account.audit_id.encode()),
        (b"cache-control", b"no-cache, private"),
        (b"content-type", content_type.encode()),
        *more,
    ]
    return {"type": "http.response.start", "status": int(code), "headers": headers}


async def _send(answer: Answer, account: Account, send: Send, *, with_body: bool) -> None:
    content_type = answer.content_type
    if answer.text is not None:
        body, content_type = answer.text.encode(), "text/plain; charset=utf-8"
    elif answer.body is not None:
        body = msgspec.json.encode(answer.body) + b"\n"
    else:
        body = b""
    more = [(b"warning", _warning(text)) for text in answer.warnings]
    if wait := ((answer.body or {}).get("details") or {}).get("retryAfterSeconds"):
        more.append((b"retry-after", str(wait).encode()))
    if answer.code != HTTPStatus.NO_CONTENT:
        more.append((b"content-length", str(len(body)).encode()))
    await send(_start(answer.code, content_type, account, *more))
    await send({"type": "http.response.body", "body": body if with_body else b""})


def _warning(text: str) -> bytes:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'.encode()


class _Meta(msgspec.Struct):
    name: str = ""


class _Named(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)


def _named_in(body: bytes) -> str:
    """Give the name of what is to be made, for the audit log alone: it is read again later."""
    try:
        return decoder(_Named).decode(body).metadata.name if body else ""
    except msgspec.MsgspecError:
        return ""


def _is_old_watch(path: str) -> bool:
    """Tell the paths by which things were watched before there was a query for it."""
    parts = path.strip("/").split("/")
    at = 2 if parts[0] == "api" else 3
    return parts[0] in {"api", "apis"} and len(parts) > at + 1 and parts[at] == "watch"


def _version(path: str) -> str:
    parts = path.strip("/").split("/")
    at = 1 if parts[0] == "api" else 2
    return parts[at] if len(parts) > at and parts[0] in {"api", "apis"} else ""


def _name(path: str, kind: Kind) -> str:
    """Give the name in a path; a list that selects one name has none in it."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if rest[:1] == ["watch"]:
        rest = rest[1:]
    if kind.plural != "namespaces" and rest[:1] == ["namespaces"]:
        rest = rest[2:]
    return rest[1] if len(rest) > 1 else ""
