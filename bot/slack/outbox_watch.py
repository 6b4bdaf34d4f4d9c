"""How the outbox is, in a word, for readiness."""

from datetime import datetime, timedelta
from typing import Final

from bot.slack.breaker import Breaker
from bot.slack.ports import SlackPorts
from bot.slack.reports import FAILED
from bot.slack.troubles import REFUSALS
from grants.errors import ValetkeyError

_ASKED_EVERY: Final = timedelta(seconds=10)
_LATE: Final = timedelta(minutes=15)
_OF_LATE: Final = timedelta(days=1)
_LOOKED_AT: Final = 200


class OutboxWatch:
    """Says what is wrong with the outbox. The rows are asked at most every few seconds."""

    def __init__(self, ports: SlackPorts, breaker: Breaker) -> None:
        self._ports = ports
        self._breaker = breaker
        self._asked: tuple[datetime, str | None] | None = None

    def problem(self) -> str | None:
        """Give a code: `app-refused` (Slack wants another token), `slack-away`,
        `admins-unreachable` (what is for them was given up within a day), `late` (something has
        waited for a quarter of an hour); None when all is well.
        """
        if self._breaker.is_open:
            return "app-refused" if self._breaker.why in REFUSALS else "slack-away"
        now = self._ports.clock.now()
        if self._asked is None or not timedelta(0) <= now - self._asked[0] < _ASKED_EVERY:
            try:
                self._asked = (now, self._of_rows(now))
            except ValetkeyError:
                return None  # the check of the database says so
        return self._asked[1]

    def _of_rows(self, now: datetime) -> str | None:
        rows = self._ports.deliveries
        notify = self._ports.policy.current().admin_notify
        admins = {*notify.channels, *notify.user_groups}
        for row in rows.undelivered(_LOOKED_AT, given_up=True):
            is_theirs = row.place.ref in admins or row.code == FAILED
            if is_theirs and now - row.since < _OF_LATE:
                return "admins-unreachable"
        oldest = rows.figures().oldest
        return "late" if oldest and now - oldest > _LATE else None
