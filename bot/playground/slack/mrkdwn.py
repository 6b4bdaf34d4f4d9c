"""Slack's mrkdwn as HTML for one reader: links, mentions, code, emphasis, and dates in their zone.

What the app sends is markup in which `& < >` are escaped and `<...>` marks links and the like;
everything else is text. Nothing here trusts it: all text is escaped once more for HTML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.playground.slack.records import Channel, User, UserGroup

_FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_ANGLE = re.compile(r"<([^<>\n]+)>")
_BARE_URL = re.compile(r"https?://[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]")
_EMPHASIS = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), "strong"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), "em"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), "s"),
)
_STASH = re.compile("\ue000(\\d+)\ue001")
_DAYS_PRETTY = {0: "today", -1: "yesterday", 1: "tomorrow"}
# Glyphs that ordinary text fonts have: a colour font cannot be counted on.
EMOJI = {
    "white_check_mark": "✔",
    "heavy_check_mark": "✔",
    "x": "✖",
    "warning": "⚠",
    "hourglass": "⌛",
    "hourglass_flowing_sand": "⌛",
    "lock": "⚿",
    "key": "⚷",
    "rotating_light": "⚠",
    "bell": "♪",
}
_EMOJI_NAME = re.compile(r":([a-z0-9_+-]+):")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: their zone, the present moment, and whom and what mentions name."""

    tz: str
    now: datetime
    users: Mapping[str, User]
    channels: Mapping[str, Channel]
    usergroups: Mapping[str, UserGroup]

    def mrkdwn(self, text: str) -> Markup:
        """Return the text as HTML."""
        kept: list[Markup] = []

        def keep(html: Markup) -> str:
            kept.append(html)
            return f"\ue000{len(kept) - 1}\ue001"

        def restore(html: str) -> str:
            return _STASH.sub(lambda m: restore(str(kept[int(m[1])])), html)

        text = re.sub("[\ue000\ue001]", "", text)
        text = _FENCE.sub(lambda m: keep(_tag("pre", _text(m[1]))), text)
        text = _CODE.sub(lambda m: keep(_tag("code", _text(m[1]))), text)
        text = _ANGLE.sub(lambda m: keep(self._angle(m[1])), text)
        text = _BARE_URL.sub(lambda m: keep(_link(m[0], m[0])), text)
        html = str(_text(_emoji(text)))
        for pattern, tag in _EMPHASIS:
            html = pattern.sub(rf"<{tag}>\1</{tag}>", html)
        return Markup(restore(_lines(html)))  # noqa: S704  # each piece was escaped above

    def plain(self, text: str) -> Markup:
        """Return plain text as HTML: only line breaks and emoji names mean something."""
        return Markup(str(escape(_emoji(text))).replace("\n", "<br>"))  # noqa: S704  # escaped

    def text(self, value: Mapping[str, str]) -> Markup:
        """Return a text object as HTML."""
        read = self.mrkdwn if value["type"] == "mrkdwn" else self.plain
        return read(value["text"])

    def clock(self, ts: str) -> str:
        """Return the time of day of a message's timestamp."""
        return self._local(float(ts)).strftime("%H:%M")

    def day(self, ts: str) -> str:
        """Return the day of a message's timestamp, in words."""
        return self._date(self._local(float(ts)), "date_pretty").capitalize()

    def _local(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(self.tz))

    def _angle(self, inner: str) -> Markup:
        target, _, label = inner.partition("|")
        if target.startswith("!date^"):
            return self._moment(target, label)
        named = self._named(target)
        if named:
            return _mention(named)
        if re.match(r"(https?://|mailto:)", target):
            return _link(target, label or target)
        return escape(f"<{inner}>")

    def _named(self, target: str) -> str:
        """Return what a mention shows, empty when it names nobody and nothing here."""
        if target.startswith("@") and target[1:] in self.users:
            return f"@{self.users[target[1:]].name}"
        if target.startswith("#") and target[1:] in self.channels:
            return f"#{self.channels[target[1:]].name}"
        if target.startswith("!subteam^") and target[9:] in self.usergroups:
            return f"@{self.usergroups[target[9:]].handle}"
        return f"@{target[1:]}" if target in ("!here", "!channel", "!everyone") else ""

    def _moment(self, target: str, fallback: str) -> Markup:
        _, ts, form, *link = target.split("^")
        if not re.fullmatch(r"\d{1,12}", ts):
            return _text(fallback)
        moment = self._local(int(ts))
        shown = re.sub(r"\{(\w+)\}", lambda m: self._date(moment, m[1]), form)
        html = Markup('<time datetime="{}" title="{}">{}</time>').format(
            moment.isoformat(), _text(fallback), shown
        )
        return (
            Markup('<a href="{}" rel="noreferrer">{}</a>').format(link[0], html) if link else html
        )

    def _date(self, moment: datetime, part: str) -> str:
        if part == "time":
            return moment.strftime("%H:%M")
        if part == "time_secs":
            return moment.strftime("%H:%M:%S")
        if part == "date_num":
            return moment.strftime("%Y-%m-%d")
        if part == "ago":
            return _ago(self.now - moment)
        if part.endswith("_pretty"):
            today = self.now.astimezone(moment.tzinfo).date()
            near = _DAYS_PRETTY.get((moment.date() - today).days)
            if near:
                return near
        names = {"date": "%B %-d, %Y", "date_short": "%b %-d, %Y", "date_long": "%A, %B %-d, %Y"}
        form = names.get(part.removesuffix("_pretty"))
        return moment.strftime(form) if form else f"{{{part}}}"


def _ago(span: timedelta) -> str:
    minutes = int(abs(span).total_seconds() // 60)
    amount = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004  # two hours
    return f"{amount} ago" if span >= timedelta(0) else f"in {amount}"


def _text(escaped: str) -> Markup:
    """Return the app's escaped text, escaped for HTML instead."""
    raw = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return escape(raw)


def _tag(name: str, inner: Markup) -> Markup:
    return Markup(f"<{name}>{{}}</{name}>").format(inner)  # noqa: S704  # the name is ours


def _mention(label: str) -> Markup:
    return Markup('<span class="mention">{}</span>').format(label)


def _link(url: str, label: str) -> Markup:
    address = url.replace("&amp;", "&")
    html = '<a href="{}" target="_blank" rel="noreferrer noopener">{}</a>'
    return Markup(html).format(address, _text(label))  # noqa: S704  # a constant


def _emoji(text: str) -> str:
    return _EMOJI_NAME.sub(lambda m: EMOJI.get(m[1], m[0]), text)


def _lines(html: str) -> str:
    """Join lines, and quoted ones into blocks."""
    out: list[str] = []
    quoted: list[str] = []
    for line in [*html.split("\n"), None]:
        if line is not None and line.startswith("&gt;"):
            quoted.append(line.removeprefix("&gt;").lstrip())
            continue
        if quoted:
            out.append(f"<blockquote>{'<br>'.join(quoted)}</blockquote>")
            quoted = []
        if line is not None:
            out.append(line)
    joined = "<br>".join(out)
    # A block brings its own line break.
    return re.sub(r"(</blockquote>)<br>|<br>(<blockquote>)", r"\1\2", joined)
