"""The page: a person reads, types, clicks and switches to be another person.

For browser tests, `data-testid`s and roles:

- rail: `person-switch` (a select), `channel-<name>`, `app-home`, `app-messages`, `rail-toggle`
  (narrow screens only);
- conversation: `messages` holds `message` and `ephemeral` items (with `data-ts`); `compose` is the
  text box and `send` its button; slash commands are typed there;
- Home: `home`; the tabs `tab-home` and `tab-messages`;
- any element of Block Kit: `action-<action_id>`; inputs also have their label as accessible name;
- an external select is a combobox: type, then click an `option` in `options-<action_id>`;
- modals: `modal` (role dialog, named by its title), `field-<block_id>`, `error-<block_id>`,
  `modal-submit`, `modal-close`, `modal-x`;
- confirm dialogs: `confirm-dialog`, `confirm-yes`, `confirm-no`; notices: `toast`;
- Sign in with Slack: `signin-person`, `signin-allow`, `signin-deny`, `signin-refused`.

`/?as=<user id or name>&in=<channel id, name, "messages" or "home">` opens it as that person there.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.playground.slack.drawing import HERE, Drawing
from bot.playground.slack.forms import FormError
from bot.playground.slack.signin import SignInError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from bot.playground.slack.person import Person, Target
    from bot.playground.slack.records import Delivery, Json, View
    from bot.playground.slack.signin import SignIn
    from bot.playground.slack.workspace import Workspace

COOKIE = "playground_person"
FOLLOW_SECONDS = 15.0
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
}
SENTENCES = {
    "operation_timeout": "The app did not answer within 3 seconds.",
    "dispatch_failed": "The app could not be reached, or did not answer well.",
}


class Page:
    """The page's endpoints. `closing` says that the server is about to stop."""

    def __init__(
        self,
        workspace: Workspace,
        drawing: Drawing,
        as_user: Callable[[str], Person],
        sign_in: SignIn,
        closing: Callable[[], bool],
    ) -> None:
        self._workspace = workspace
        self._drawing = drawing
        self._as_user = as_user
        self._sign_in = sign_in
        self._closing = closing

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the page and of Sign in with Slack."""
        return [
            Route("/", self._whole),
            Route("/page/parts", self._parts),
            Route("/page/act", self._act, methods=["POST"]),
            Route("/openid/connect/authorize", self._authorize, methods=["GET", "POST"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]

    def _who(self, request: Request) -> Person:
        wanted = request.query_params.get("as") or request.cookies.get(COOKIE, "")
        people = self._drawing.people()
        for user in people:
            if wanted in (user.id, user.name) and not user.deleted:
                return self._as_user(user.id)
        return self._as_user(next(user.id for user in people if not user.deleted))

    def _where(self, request: Request, person: Person) -> str:
        wanted = request.query_params.get("in", "")
        if wanted == "home":
            return "home"
        dm = self._workspace.dm(person.id)
        if wanted in ("messages", dm.id):
            return dm.id
        mine = self._drawing.places(person)
        for channel in mine:
            if wanted in (channel.id, channel.name):
                return channel.id
        # Somebody who switches person in a DM stays in a DM: their own.
        asked = self._workspace.channels.get(wanted)
        return dm.id if not mine or (asked and asked.kind == "im") else mine[0].id

    async def _whole(self, request: Request) -> Response:
        person = self._who(request)
        place = self._where(request, person)
        html = self._drawing.page(person, place)
        response = HTMLResponse(html, headers=HEADERS)
        response.set_cookie(COOKIE, person.id, httponly=True, samesite="lax")
        return response

    async def _parts(self, request: Request) -> Response:
        """Answer at once, or with `since` when there is something newer (204 after a while)."""
        person = self._who(request)
        since = request.query_params.get("since")
        deadline = time.monotonic() + FOLLOW_SECONDS
        while since is not None and str(self._workspace.version) == since:
            if self._closing() or time.monotonic() > deadline:
                return Response(status_code=204)
            await asyncio.sleep(0.05)
        return JSONResponse(self._drawing.parts(person, self._where(request, person)))

    async def _act(self, request: Request) -> Response:
        what = await request.json()
        person = self._as_user(what["as"])
        try:
            return JSONResponse(await run_in_threadpool(self._do, person, what))
        except FormError as refused:
            return JSONResponse({"error": str(refused)})

    def _do(self, person: Person, what: Mapping[str, Any]) -> Json:
        place = what.get("in")
        match what["do"]:
            case "say":
                return self._said(person, what["text"], None if place == "home" else place)
            case "home":
                return _told(person.open_home())
            case "submit" | "close":
                return self._end(person, self._workspace.views[what["target"]], what)
        return self._touched(person, self._target(what["target"], str(place)), what)

    def _end(self, person: Person, view: View, what: Mapping[str, Any]) -> Json:
        """Submit or close a modal."""
        if what["do"] == "close":
            told = person.close(view, whole_stack=bool(what.get("all")))
            return _told(told[-1]) if told else {}
        for one in what["values"]:
            person.fill(view, one["action"], one["value"], one["block"], tell=False)
        return _told(person.submit(view))

    def _touched(self, person: Person, target: Target, what: Mapping[str, Any]) -> Json:
        """Click, fill in, or ask for options."""
        action, block = what["action"], what["block"]
        match what["do"]:
            case "click":
                return _told(person.click(target, action, block))
            case "suggest":
                return {"options": person.suggest(target, action, what["query"], block)}
            case "fill":
                value = _seconds(person, what["value"])
                return _told(person.fill(target, action, value, block))
        raise FormError(f"the page cannot do {what['do']}")

    def _said(self, person: Person, text: str, place: str | None) -> Json:
        if not text.startswith("/"):
            person.say(text, place)
            return {}
        command, _, rest = text.partition(" ")
        done = person.slash(command, rest.strip(), place)
        return _told(done)

    def _target(self, target: str, place: str) -> Target:
        if target in self._workspace.views:
            return self._workspace.views[target]
        found = self._workspace.messages[place].get(target)
        if found is None:
            raise FormError("This message is gone.")
        return found

    async def _authorize(self, request: Request) -> Response:
        given = dict(request.query_params)
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        decision, chosen = form.pop("decision", ""), form.pop("person", "")
        try:
            ask = self._sign_in.ask(form if decision else given)
            if decision == "allow":
                return RedirectResponse(self._sign_in.allow(ask, chosen), 302)
            if decision == "deny":
                return RedirectResponse(self._sign_in.deny(ask), 302)
        except SignInError as refused:
            html = self._drawing.sign_in({"refused": str(refused)})
            return HTMLResponse(html, 400, headers=HEADERS)
        me = self._who(request).id
        known = {"scopes": ask.scopes, "parameters": given, "me": me}
        return HTMLResponse(self._drawing.sign_in(known), headers=HEADERS)


def _told(done: Delivery | None) -> Json:
    """Return what the person is told of a delivery: nothing, if all went well."""
    if done is None or done.ok or done.error == "incomplete":
        return {}
    unusable = f"The app answered with something that Slack refuses: {done.error}"
    return {"error": SENTENCES.get(done.error or "", unusable)}


def _seconds(person: Person, value: Any) -> Any:
    """Return the value; a local date and time as epoch seconds in the person's zone."""
    if isinstance(value, dict) and "local" in value:
        local = datetime.fromisoformat(value["local"]).replace(tzinfo=ZoneInfo(person.user.tz))
        return int(local.timestamp())
    return value
