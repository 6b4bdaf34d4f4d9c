"""What becomes of a row after a send or a failed one, and how fast the next may go."""

from datetime import datetime, timedelta
from typing import Final

from bot.logs import get_logger
from bot.slack.breaker import Breaker
from bot.slack.ports import SlackPorts
from bot.slack.reports import report_given_up
from bot.slack.troubles import Met, Trouble
from grants.outbox.model import BROKEN, CHANGES, FIRST_SENDS, Delivery, Pace, scope_of

log = get_logger("slack.outcomes")

_FIRST_WAIT: Final = timedelta(seconds=2)
_MOST_WAIT: Final = timedelta(minutes=5)
_MOST_TRIES: Final = 20
"""Of a row that fails while others succeed, over more than an hour. What follows it waits."""
_MOST_BROKEN: Final = 6
_OF_LATE: Final = timedelta(minutes=5)
_POST: Final = "chat.postMessage"
_UPDATE: Final = "chat.update"
_SLOW_FOR: Final = timedelta(minutes=2)
# What Slack's reference promises: "several hundred" posts and 50 changes a minute.
_PACES: Final = {
    FIRST_SENDS: timedelta(seconds=60 / 200),
    CHANGES: timedelta(seconds=60 / 50),
}


class Outcomes:
    """Notes what became of rows. What it keeps in memory only spares Slack some refusals."""

    def __init__(self, ports: SlackPorts, breaker: Breaker) -> None:
        self._ports = ports
        self._rows = ports.deliveries
        self._breaker = breaker
        self._limited_post: tuple[str, datetime] | None = None
        self._slow: dict[str, datetime] = {}

    def is_paced(self) -> bool:
        """Tell whether a method turned out to be too fast a short while ago."""
        now = self._ports.clock.now()
        self._slow = {scope: until for scope, until in self._slow.items() if now < until}
        return bool(self._slow)

    def sent(self, row: Delivery, channel: str | None, ts: str | None) -> str:
        """Note a success, and how soon the same place, or a slow method, may be used again."""
        self._breaker.worked()
        posted = ts is not None and row.ts != ts
        self._rows.sent(row, channel, ts, self._paces(row, posted=posted))
        return "sent"

    def _paces(self, row: Delivery, *, posted: bool) -> list[Pace]:
        settings, method = self._ports.settings, FIRST_SENDS if posted else CHANGES
        paces = []
        if posted and settings.post_every:
            pace = Pace(scope_of(row.place), settings.post_every, settings.post_burst)
            paces.append(pace)
        if method in self._slow:
            paces.append(Pace(method, _PACES[method]))
        return paces

    def put_back(self, row: Delivery, problem: str) -> str:
        """Give a row back that was not at fault."""
        self._rows.put_back(row, problem)
        return "retried"

    def passing(self, row: Delivery, problem: str, most: int = _MOST_TRIES) -> str:
        """Try again later; what fails on and on while others succeed is given up."""
        if row.attempts + 1 >= most and self._breaker.worked_within(_OF_LATE):
            return self.given_up(row, problem)
        self._rows.retry(row, _wait(row.attempts), problem)
        return "retried"

    def broken(self, row: Delivery) -> str:
        """Note that a card can't be drawn: a fault of ours, which holds nothing else up."""
        if row.attempts + 1 >= _MOST_BROKEN:
            return self.given_up(row, BROKEN)
        self._rows.retry(row, _wait(row.attempts), BROKEN)
        return "retried"

    def given_up(self, row: Delivery, problem: str) -> str:
        """Give up on this version, and have those told who can mend it."""
        self._rows.dropped(row, problem)
        report_given_up(self._ports, row, problem)
        return "dropped"

    def failed(self, row: Delivery, trouble: Met, method: str) -> str:
        """Note a call that failed, of a method where that is known."""
        if trouble.trouble is Trouble.LIMITED:
            return self._limited(row, method, trouble.wait)
        if trouble.trouble in {Trouble.PLACE, Trouble.MESSAGE}:
            # Slack answered this one well: it is there.
            self._breaker.worked()
            return self.given_up(row, trouble.code)
        if trouble.trouble is Trouble.REFUSED:
            self._open(trouble.code, at_once=True)
            return self.put_back(row, trouble.code)
        self._open(trouble.code, at_once=False)
        log.info("a delivery failed", extra={"code": trouble.code})
        return self.passing(row, trouble.code)

    def _open(self, code: str, *, at_once: bool) -> None:
        if self._breaker.failed(code, at_once=at_once):
            log.error("Slack is away; deliveries wait", extra={"code": code})

    def _limited(self, row: Delivery, method: str, wait: timedelta) -> str:
        """Leave alone what was too fast, in every replica: a place, or a whole method.

        Slack does not say which limit of posting was met, that of the channel or that of the
        workspace. A second place that meets one while the first still waits says: the workspace's.
        """
        now, place = self._ports.clock.now(), scope_of(row.place)
        scope = {_POST: place, _UPDATE: CHANGES}.get(method, place)
        if method == _POST:
            other = self._limited_post
            if other is not None and other[0] != place and now < other[1]:
                scope = FIRST_SENDS
            self._limited_post = (place, now + wait)
        if scope in _PACES:
            self._slow[scope] = now + wait + _SLOW_FOR
        self._rows.hold(scope, wait)
        log.info("too fast for Slack", extra={"scope": scope, "seconds": wait.total_seconds()})
        if method == _POST and row.ts:
            # Its message was deleted. A hold of the place is not for rows that have had one.
            self._rows.retry(row, wait, "ratelimited")
            return "retried"
        return self.put_back(row, "ratelimited")


def _wait(attempts: int) -> timedelta:
    """Wait longer with each failure, up to five minutes."""
    doubled: timedelta = _FIRST_WAIT * 2 ** min(attempts, 10)
    return min(doubled, _MOST_WAIT)
