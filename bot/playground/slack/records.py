"""The frozen values of the workspace: people, places, messages, views and what happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

TRIGGER_LIFE = timedelta(seconds=3)
RESPONSE_URL_LIFE = timedelta(minutes=30)
RESPONSE_URL_USES = 5
ACK_SECONDS = 3.0
MAX_STACKED_VIEWS = 3
MAX_VIEW_BYTES = 250_000


@dataclass(frozen=True, slots=True)
class User:
    """A person or the app's bot user. A stranger's `team_id` is one of another organisation.

    `refuses_dms`: the app gets no conversation with this person.
    """

    id: str
    team_id: str
    name: str
    real_name: str
    tz: str = "Etc/UTC"
    email: str = ""
    is_bot: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False
    refuses_dms: bool = False

    def tz_offset_seconds(self, at: datetime) -> int:
        """Seconds east of UTC in this person's zone at `at`."""
        offset = at.astimezone(ZoneInfo(self.tz)).utcoffset()
        return int(offset.total_seconds()) if offset else 0


@dataclass(frozen=True, slots=True)
class Channel:
    """A conversation. `dm_user` is the person of a direct message with the app.

    `is_ext_shared`: shared with another organisation, whether or not one of them is in it.
    """

    id: str
    name: str
    kind: Literal["public", "private", "im"]
    members: frozenset[str]
    is_archived: bool = False
    dm_user: str | None = None
    is_ext_shared: bool = False
    previous_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """An Enterprise Grid that the workspace is part of.

    `org_wide`: the app is installed for the whole organisation, else for the workspace alone.
    `user_team`: what a payload says is the person's team, a workspace's id or the organisation's;
    Slack documents the latter for block_suggestion, which always has it.
    """

    id: str
    name: str
    org_wide: bool = True
    user_team: Literal["team", "enterprise"] = "team"


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group (`@platform-oncall`), as usergroups.list shows it."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...]
    disabled: bool = False
    team_id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A posted message. `visible_to` set means ephemeral: only that person sees it."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: tuple[Json, ...] = ()
    metadata: Json | None = None
    bot_id: str | None = None
    visible_to: str | None = None
    edited_ts: str | None = None

    @property
    def is_ephemeral(self) -> bool:
        """Whether only one person sees it."""
        return self.visible_to is not None

    def block(self, block_id: str) -> Json:
        """Return the block of that id. Raises KeyError if the message has none."""
        for block in self.blocks:
            if block["block_id"] == block_id:
                return block
        raise KeyError(block_id)


ValueKey = tuple[str, str]
"""(block_id, action_id): where a value of a view or message stands."""


@dataclass(frozen=True, slots=True)
class View:
    """A modal or Home of one person, as last opened or updated, with what they filled in."""

    id: str
    user: str
    body: Json
    hash: str
    root_id: str
    previous_id: str | None
    values: Mapping[ValueKey, Json] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False

    @property
    def blocks(self) -> list[Json]:
        """The view's blocks, every block_id and action_id filled in."""
        blocks: list[Json] = self.body["blocks"]
        return blocks

    @property
    def title(self) -> str:
        """The title as shown; empty for Home."""
        return str((self.body.get("title") or {}).get("text", ""))

    @property
    def callback_id(self) -> str:
        """The view's callback_id, empty when it has none."""
        return str(self.body.get("callback_id", ""))


@dataclass(slots=True)
class Trigger:
    """Permission to open one modal, for 3 seconds. `view_id`: the modal it was made in."""

    id: str
    user: str
    expires: datetime
    view_id: str | None = None
    exchanged: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """Where the app may answer one interaction: 5 times in 30 minutes."""

    id: str
    user: str
    channel: str
    expires: datetime
    message_ts: str | None = None
    uses_left: int = RESPONSE_URL_USES


@dataclass(frozen=True, slots=True)
class RetiredToken:
    """A token that was rotated away: good until `works_until` (monotonic seconds), then `error`."""

    kind: Literal["bot", "app"]
    works_until: float
    error: str


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call of the Web API and its answer, for assertions. Tokens are not kept."""

    method: str
    args: Json
    answer: Json


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something the double refused. `where` is a method, or how a payload was answered."""

    where: str
    error: str
    detail: str = ""


Kind = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one payload sent to the app.

    `acked` is true only for an answer within 3 s; `after_ms` is how long the answer took;
    `error` is what the person sees: `operation_timeout` (no ack in time), `dispatch_failed`
    (no connection, or a status other than 200), or why the answer could not be used.
    `number` counts what was sent; `failure` is Slack's name for why there was no ack, which a
    retry carries as its reason; `wants_retry` is false when the app asked for none.
    """

    kind: Kind
    payload: Json
    acked: bool
    after_ms: float
    answer: Json | None = None
    error: str | None = None
    status: int | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    number: int = 0
    retry_num: int = 0
    failure: str = ""
    wants_retry: bool = True

    @property
    def ok(self) -> bool:
        """Acked in time, and the answer made sense."""
        return self.acked and self.error is None
