"""What is done about the envelopes of Socket Mode, and their acks."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from slack_bolt import App, BoltResponse

from bot.logs import get_logger
from bot.slack.dispatch import dispatch
from bot.slack.inbound import Kind, kind_of
from bot.slack.intake import Intake
from bot.slack.socket_connection import FAILS, Connection, ack_text
from bot.slack.watching import SlackWatch

log = get_logger("slack.socket-work")

WORTH_SECONDS: Final = 2.5
"""How long what only answers may wait for a thread: Slack itself waits 3 s."""
DONE_WITHIN_SECONDS: Final = 10.0
"""How long what changes something may wait; later it is not done behind people's backs."""
CHANGES: Final = frozenset({Kind.ACTION, Kind.SUBMISSION})

_OK: Final = 200
_WAITING_FOR_EACH: Final = 8


class EnvelopeWork:
    """Works on envelopes, `workers` at once, and acknowledges each when it is done.

    `standing` gives the connections over which an ack can go when its own is gone.
    """

    def __init__(
        self,
        app: App,
        workers: int,
        watch: SlackWatch,
        standing: Callable[[], Iterable[Connection]],
    ) -> None:
        self._app = app
        self._watch = watch
        self._standing = standing
        self._draining = False
        # What only answers must not keep decisions waiting while Slack or a cluster is slow.
        changing = max(1, workers * 5 // 8)
        answering = max(1, workers - changing)
        self._changing = Intake("slack-changing", changing, changing * _WAITING_FOR_EACH)
        self._answering = Intake("slack-answering", answering, answering * _WAITING_FOR_EACH)

    @property
    def under_way(self) -> int:
        """How many envelopes are worked on or wait."""
        return self._changing.taken + self._answering.taken

    def hear(self, connection: Connection, frame: dict[str, Any]) -> None:
        """Hand an envelope over to a thread; the reader itself waits for nothing."""
        envelope, sent = frame.get("envelope_id"), frame.get("payload")
        if not isinstance(envelope, str):
            return
        payload = sent if isinstance(sent, dict) else {}
        kind, came = kind_of(payload), time.monotonic()
        if self._draining:
            self._watch.came("socket", str(kind), "left", 0.0)
            return

        def work(waited_seconds: float) -> None:
            outcome = "failed"
            try:
                outcome = self._work(connection, envelope, payload, waited_seconds)
            finally:
                connection.took(-1)
                self._watch.came("socket", str(kind), outcome, time.monotonic() - came)

        connection.took(1)
        lane = self._changing if kind in CHANGES else self._answering
        if not lane.take(work):
            connection.took(-1)
            log.warning("an envelope is left to be sent again: there is no room for it")
            self._watch.came("socket", str(kind), "full", 0.0)

    def drain(self, deadline: float) -> bool:
        """Take no more, and finish what was taken; False when it is `deadline` before that."""
        self._draining = True
        lanes = (self._changing, self._answering)
        for lane in lanes:
            lane.close()
        drained = [lane.drained(deadline - time.monotonic()) for lane in lanes]
        return all(drained)

    def stop(self) -> None:
        """Let the threads go."""
        self._changing.stop()
        self._answering.stop()

    def _work(
        self, connection: Connection, envelope: str, payload: dict[str, Any], waited_seconds: float
    ) -> str:
        """Do it and acknowledge it; gives what became of it."""
        changes = kind_of(payload) in CHANGES
        if waited_seconds > (DONE_WITHIN_SECONDS if changes else WORTH_SECONDS):
            log.warning("an envelope waited for %.1f s and is left undone", waited_seconds)
            return "late"
        answer = dispatch(self._app, payload)
        if answer.status != _OK:
            # Without an ack Slack would say that it failed, and send it again to fail again.
            log.error("an envelope was not handled: status %s", answer.status)
        self._ack(connection, ack_text(envelope, _payload_of(answer)))
        return "done" if answer.status == _OK else "refused"

    def _ack(self, connection: Connection, text: str) -> None:
        """Acknowledge on the envelope's own connection, or on another that stands."""
        others = (one for one in self._standing() if one is not connection)
        for one in (connection, *others):
            try:
                one.send(text)
            except FAILS:
                continue
            return
        log.warning("an envelope was done, and there is no connection for its ack")


def _payload_of(answer: BoltResponse) -> dict[str, Any] | None:
    if answer.status != _OK or not answer.body:
        return None
    if answer.headers.get("content-type", [""])[0].startswith("application/json"):
        payload: dict[str, Any] = json.loads(answer.body)
        return payload
    return {"text": answer.body}
