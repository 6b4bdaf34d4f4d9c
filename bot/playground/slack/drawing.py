"""Draws the page for one person at one place: view models and templates."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from bot.playground.slack.blockkit_elements import all_options
from bot.playground.slack.mrkdwn import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.playground.slack.app import SlackApp
    from bot.playground.slack.person import Person
    from bot.playground.slack.records import Channel, Json, User
    from bot.playground.slack.workspace import Workspace

HERE = Path(__file__).parent
TINTS = 6


def _slug(text: str) -> str:
    return re.sub(r"\W+", "-", text)


def _initials(name: str) -> str:
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def _web_address(url: str) -> str:
    """Return the URL if a browser may be sent there."""
    return url if url.startswith(("https://", "http://")) else "#"


def _local_minute(seconds: int | None, tz: str) -> str:
    if not seconds:
        return ""
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(tz)).strftime("%Y-%m-%dT%H:%M")


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "slug": _slug,
        "initials": _initials,
        "tint": lambda user_id: zlib.crc32(user_id.encode()) % TINTS,
        "hash": lambda text: zlib.crc32(text.encode()),
        "web_address": _web_address,
        "local_minute": _local_minute,
        "all_options": lambda element: list(all_options(element)),
    }
    return made


class Drawing:
    """Draws parts of the page. Remembers what each person has seen, for the unread dots."""

    def __init__(self, workspace: Workspace, app: SlackApp, transport: Callable[[], str]) -> None:
        self._workspace = workspace
        self._app = app
        self._transport = transport
        self._environment = _environment()
        self._seen: dict[tuple[str, str], str] = {}

    def people(self) -> list[User]:
        """Return everybody who can be played."""
        return [user for user in self._workspace.users.values() if not user.is_bot]

    def places(self, person: Person) -> list[Channel]:
        """Return the channels this person is in."""
        channels = self._workspace.channels.values()
        mine = [c for c in channels if c.kind != "im" and person.id in c.members]
        return sorted(mine, key=lambda channel: channel.name)

    def parts(self, person: Person, place: str) -> Json:
        """Return the three parts of the page, and the version that they show."""
        with self._workspace.lock:
            common = self._common(person, place)
            version = self._workspace.version
            pane = self._pane(person, place, common)
            rail = self._render("rail.html", common | {"unread": self._unread(person)})
            stack = person.views()
            view = stack[-1] if stack else None
            modal = self._render("modal.html", common | {"view": view, "depth": len(stack)})
        return {
            "as": person.id,
            "in": place,
            "version": version,
            "rail": rail,
            "pane": pane,
            "modal": modal.strip(),
        }

    def page(self, person: Person, place: str) -> str:
        """Return the whole page."""
        parts = self.parts(person, place)
        title = f"{person.user.real_name} in {self._workspace.name} (playground)"
        html = {name: Markup(parts[name]) for name in ("rail", "pane", "modal")}  # noqa: S704  # rendered with escaping just now
        shown = {"title": title, "me": person.user, "place": place, "version": parts["version"]}
        return self._render("page.html", {**shown, **html})

    def sign_in(self, known: Mapping[str, Any]) -> str:
        """Return the page of Sign in with Slack."""
        bot = self._workspace.users[self._workspace.bot_user_id]
        common = {
            "title": f"Sign in with {self._workspace.name} (playground)",
            "workspace": self._workspace,
            "app_name": bot.real_name,
            "people": self.people(),
            "refused": "",
        }
        return self._render("signin.html", {**common, **known})

    def _render(self, name: str, known: Mapping[str, Any]) -> str:
        return self._environment.get_template(name).render(known)

    def _common(self, person: Person, place: str) -> dict[str, Any]:
        workspace = self._workspace
        reader = Reader(
            person.user.tz,
            workspace.now,
            workspace.users,
            workspace.channels,
            workspace.usergroups,
        )
        return {
            "me": person.user,
            "place": place,
            "people": self.people(),
            "users": workspace.users,
            "workspace": workspace,
            "app_name": workspace.users[workspace.bot_user_id].real_name,
            "channels": self.places(person),
            "dm": workspace.dm(person.id),
            "commands": self._app.commands,
            "reader": reader,
            "transport": self._transport(),
        }

    def _pane(self, person: Person, place: str, common: Mapping[str, Any]) -> str:
        if place == "home":
            return self._render("pane.html", {**common, "home": person.home()})
        channel = self._workspace.channels[place]
        messages = person.messages(channel)
        if messages:
            self._seen[person.id, channel.id] = messages[-1].ts
        values = {m.ts: person.values(m) for m in messages}
        return self._render(
            "pane.html", {**common, "channel": channel, "messages": messages, "values": values}
        )

    def _unread(self, person: Person) -> set[str]:
        unread: set[str] = set()
        for channel in [*self.places(person), self._workspace.dm(person.id)]:
            seen = float(self._seen.get((person.id, channel.id), "0"))
            new = [m for m in person.messages(channel) if float(m.ts) > seen]
            if any(m.user != person.id for m in new):
                unread.add(channel.id)
        return unread
