"""Which accounts may use the bot: full members of our workspace, as Slack says now."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from grants.clock import Clock

_MOST_KEPT: Final = 20_000
_UTC: Final = "UTC"


@dataclass(frozen=True)
class Member:
    """An account: `why` it may not use the bot (empty when it may), its owner's zone and name.

    The name is a label that its owner may change: it is shown and never judged.
    """

    user: str
    why: str
    zone: tzinfo
    name: str = ""


class Members:
    """Asks Slack who an account is, and remembers the answer for a while."""

    def __init__(self, client: WebClient, clock: Clock, team: str, hold: timedelta) -> None:
        self._client = client
        self._clock = clock
        self._team = team
        self._hold = hold
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[datetime, Member]] = OrderedDict()

    def look(self, user: str) -> Member:
        """Look an account up; when Slack gives no answer it is `unknown`, which is refused."""
        now = self._clock.now()
        with self._lock:
            kept = self._kept.get(user)
        if kept and timedelta(0) <= now - kept[0] < self._hold:
            return kept[1]
        try:
            answer = self._client.users_info(user=user)
        except SlackApiError as error:
            found = error.response.get("error") in {"user_not_found", "user_not_visible"}
            return Member(user, "stranger" if found else "unknown", ZoneInfo(_UTC))
        except (SlackClientError, OSError):
            return Member(user, "unknown", ZoneInfo(_UTC))
        member = judge(answer.get("user") or {}, user, self._team)
        self._keep(user, now, member)
        return member

    def _keep(self, user: str, now: datetime, member: Member) -> None:
        with self._lock:
            self._kept[user] = (now, member)
            self._kept.move_to_end(user)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)


def judge(info: dict[str, Any], user: str, team: str) -> Member:
    """Judge what `users.info` says; anything it does not say clearly is a refusal.

    `is_stranger` left out proves nothing, so the account's own team must be ours.
    """
    zone = _zone(info.get("tz"))
    for why, holds in (
        ("unknown", info.get("id") != user),
        ("deactivated", info.get("deleted") is not False),
        ("bot", info.get("is_bot") is not False),
        ("stranger", bool(info.get("is_stranger"))),
        ("other-team", info.get("team_id") != team),
        ("guest", info.get("is_restricted") is not False),
        ("guest", info.get("is_ultra_restricted") is not False),
    ):
        if holds:
            return Member(user, why, zone)
    name = info.get("real_name") or info.get("name")
    return Member(user, "", zone, name if isinstance(name, str) else "")


def _zone(name: object) -> tzinfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(_UTC)
