"""Which accounts may use the bot: full members of our workspace or organisation, as Slack says."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.slack.troubles import CALL_FAILS, met
from grants.clock import Clock

FRESH: Final = timedelta(seconds=15)
"""How old an answer may be for who moves something: who was deactivated is refused at once."""
_QUIET: Final = timedelta(seconds=5)
_MOST_KEPT: Final = 20_000
_UTC: Final = "UTC"
_NOBODY: Final = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
_ORGANISATION: Final = "E"


def is_organisation(team: str) -> bool:
    """Tell whether an id is that of a whole organisation (Enterprise Grid)."""
    return team.startswith(_ORGANISATION)


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
    """Asks Slack who an account is, and remembers the answer for a while.

    While Slack does not answer, what it said within `hold` counts on, and it is asked seldom: the
    person who waits would wait for each time-out.
    """

    def __init__(self, client: WebClient, clock: Clock, team: str, hold: timedelta) -> None:
        self._client = client
        self._clock = clock
        self._team = team
        self._hold = hold
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[datetime, Member]] = OrderedDict()
        self._failed_at: datetime | None = None

    def look(self, user: str, within: timedelta | None = None) -> Member:
        """Look an account up; when Slack gives no answer it is `unknown`, which is refused.

        `within` asks for an answer younger than what is remembered anyway.
        """
        now = self._clock.now()
        kept = self._known(user, now)
        if kept and (within is None or now - kept[0] < within or self._is_quiet(now)):
            return kept[1]
        member = self._ask(user, now)
        if member.why == "unknown" and kept:
            return kept[1]
        return member

    def forget(self, user: str) -> None:
        """Ask anew at the next look."""
        with self._lock:
            self._kept.pop(user, None)

    def _known(self, user: str, now: datetime) -> tuple[datetime, Member] | None:
        with self._lock:
            kept = self._kept.get(user)
        return kept if kept and timedelta(0) <= now - kept[0] < self._hold else None

    def _is_quiet(self, now: datetime) -> bool:
        failed = self._failed_at
        return failed is not None and timedelta(0) <= now - failed < _QUIET

    def _ask(self, user: str, now: datetime) -> Member:
        try:
            answer = self._client.users_info(user=user)
            found = answer.get("user")
        except CALL_FAILS as error:
            if isinstance(error, SlackApiError) and met(error).code in _NOBODY:
                return Member(user, "stranger", ZoneInfo(_UTC))
            self._failed_at = now
            return Member(user, "unknown", ZoneInfo(_UTC))
        self._failed_at = None
        member = judge(found if isinstance(found, Mapping) else {}, user, self._team)
        self._keep(user, now, member)
        return member

    def _keep(self, user: str, now: datetime, member: Member) -> None:
        with self._lock:
            self._kept[user] = (now, member)
            self._kept.move_to_end(user)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)


def judge(info: Mapping[str, Any], user: str, team: str) -> Member:
    """Judge what `users.info` says; anything it does not say clearly is a refusal.

    `is_stranger` left out proves nothing, so the account's own team, or its organisation where we
    serve a whole one, must be ours.
    """
    zone = _zone(info.get("tz"))
    for why, holds in (
        ("unknown", info.get("id") != user),
        ("deactivated", info.get("deleted") is not False),
        ("bot", info.get("is_bot") is not False),
        ("stranger", bool(info.get("is_stranger"))),
        ("other-team", _home(info, team) != team),
        ("guest", info.get("is_restricted") is not False),
        ("guest", info.get("is_ultra_restricted") is not False),
    ):
        if holds:
            return Member(user, why, zone)
    name = info.get("real_name") or info.get("name")
    return Member(user, "", zone, name if isinstance(name, str) else "")


def _home(info: Mapping[str, Any], team: str) -> object:
    """Give the workspace of an account, or its organisation where we serve a whole one."""
    if not is_organisation(team):
        return info.get("team_id")
    there = info.get("enterprise_user")
    return there.get("enterprise_id") if isinstance(there, Mapping) else None


def _zone(name: object) -> tzinfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(_UTC)
