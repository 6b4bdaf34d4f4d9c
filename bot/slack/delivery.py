"""The outbox brought to Slack: several at once, one at a time for each place, and paced.

What waits, waits in the rows; here is only what makes a good next step: threads, a breaker for
when Slack as a whole is away, and how fast a method has just turned out to be too fast.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from slack_sdk import WebClient

from bot.logs import get_logger, log_ids
from bot.slack.breaker import Breaker
from bot.slack.keeping import ClaimLostError, KeptClaim, KeptClaims
from bot.slack.members import Members
from bot.slack.outcomes import Outcomes
from bot.slack.places import Gone, Places, Unsure
from bot.slack.ports import SlackPorts
from bot.slack.render import render
from bot.slack.sending import Sender
from bot.slack.troubles import CALL_FAILS, TOKENS, Trouble, met, method_of
from grants.errors import ValetkeyError
from grants.outbox.model import Delivery, PlaceKind

log = get_logger("slack.delivery")

_HOLD: Final = timedelta(seconds=5)
"""How long what a dead replica had claimed waits; a living one renews its claims."""
_ROUND_SECONDS: Final = 10.0
_MOST_REFUSED: Final = 3
_WAY_ROWS: Final = 4
_WAY_SECONDS: Final = 1.0
_HUNG_SECONDS: Final = 0.25
"""How long a round waits for calls that do not end before it looks for other rows."""


@dataclass(frozen=True)
class Counts:
    """How many rows were told, put off and given up in one round."""

    sent: int = 0
    retried: int = 0
    dropped: int = 0

    def plus(self, outcome: str) -> "Counts":
        """Count one more."""
        return Counts(
            self.sent + (outcome == "sent"),
            self.retried + (outcome == "retried"),
            self.dropped + (outcome == "dropped"),
        )


class Courier:
    """Delivers rows of the outbox; `client` has time-outs and never repeats a call by itself.

    `token_refused` is called when Slack says that another token is needed. While `makes_way` access
    is being ended that should be gone, and tellings follow at four a second at most: more than
    Slack takes for long, and little enough that they keep no revocation waiting.
    """

    def __init__(
        self,
        ports: SlackPorts,
        client: WebClient,
        members: Members,
        token_refused: Callable[[], object] = lambda: None,
        makes_way: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ports = ports
        self._client = client
        self._token_refused = token_refused
        self._makes_way = makes_way
        self._sender = Sender(ports, client, Places(ports, client, members))
        self.breaker = Breaker(ports.clock)
        self._outcomes = Outcomes(ports, self.breaker)
        self._claims = KeptClaims(ports.deliveries.renew, _HOLD)
        self._under_way = 0
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._round = threading.Lock()
        self._stopping = threading.Event()

    def deliver_once(self) -> Counts:
        """Deliver what is due until nothing is, or for some seconds; one row stops no other.

        Calls that hang go on in their threads and are counted in a later round.
        """
        counts, begun = Counts(), time.monotonic()
        with self._round:
            while time.monotonic() - begun < _ROUND_SECONDS and self._may_go():
                asked_at = self._claims.now()
                rows = self._claim()
                for row in rows:
                    self._begin(row, asked_at)
                outcomes = self._gather()
                for outcome in outcomes:
                    counts = counts.plus(outcome)
                if not rows and not outcomes:
                    break
        return counts

    def refuse(self) -> None:
        """Take no more rows."""
        self._stopping.set()

    def stop(self, within: timedelta = timedelta(seconds=10)) -> bool:
        """Take no more, and wait for the calls under way; False when time ran out."""
        self.refuse()
        deadline = time.monotonic() + within.total_seconds()
        with self._round:
            while self._under_way and (left := deadline - time.monotonic()) > 0:
                self._gather(left)
            return not self._under_way

    def _may_go(self) -> bool:
        if self._stopping.is_set():
            return False
        if self.breaker.is_open and self.breaker.may_probe():
            self._probe()
        return not self.breaker.is_open

    def _probe(self) -> None:
        """Ask Slack something that changes nothing: what would be posted might come twice."""
        if self.breaker.why in TOKENS:
            self._token_refused()
        try:
            self._client.auth_test()
        except CALL_FAILS as error:
            trouble = met(error)
            if trouble.trouble in {Trouble.AWAY, Trouble.REFUSED, Trouble.PASSING}:
                self.breaker.probe_failed(trouble.code)
                return
        log.info("Slack answers again", extra={"since": str(self.breaker.since)})
        self.breaker.probed()

    def _claim(self) -> tuple[Delivery, ...]:
        """Claim as many rows as can be begun now; one by one where that is better."""
        free = self._ports.settings.senders - self._under_way
        if self._makes_way():
            free = 0 if self._stopping.wait(_WAY_SECONDS) else min(free, _WAY_ROWS)
        limit = min(free, 1) if self._outcomes.is_paced() else free
        return self._ports.deliveries.claim(limit, _HOLD) if limit > 0 else ()

    def _begin(self, row: Delivery, asked_at: int) -> None:
        """Deliver a row in a thread of its own; a daemon, so that none keeps the process alive."""
        self._under_way += 1
        claim: KeptClaim | None = None

        def end(outcome: str) -> None:
            # Whatever happened: a claim that is kept for ever would hold up its place for ever.
            if claim is not None:
                self._claims.end(claim)
            self._done.put(outcome)

        def run(kept: KeptClaim) -> None:
            outcome = "retried"
            try:
                outcome = self._deliver(row, lambda: self._claims.must_hold(kept))
            finally:
                end(outcome)

        try:
            claim = self._claims.begin(row.id, asked_at)
            threading.Thread(target=run, args=(claim,), name="slack-sender", daemon=True).start()
        except RuntimeError:
            log.exception("no thread can be had for a delivery")
            end("retried")

    def _gather(self, patience_seconds: float = _HUNG_SECONDS) -> list[str]:
        """Hear of calls that ended; wait a little for the first."""
        outcomes: list[str] = []
        while self._under_way:
            try:
                outcomes.append(self._done.get(timeout=0 if outcomes else patience_seconds))
            except queue.Empty:
                break
            self._under_way -= 1
        return outcomes

    def _deliver(self, row: Delivery, must_hold: Callable[[], None]) -> str:
        with log_ids(delivery=row.id):
            try:
                if self.breaker.is_open:
                    return self._outcomes.put_back(row, self.breaker.why)
                return self._send(row, must_hold)
            except ClaimLostError:
                log.info("the claim ran out meanwhile: another tells it")
                return "retried"
            except ValetkeyError as error:
                # The database: the claim runs out by itself, and what was posted is found again.
                # No facts as fields: one that is called `name` is refused by the log, and raises.
                log.warning("a delivery was not noted: %s", error)
                return "retried"
            except Exception:
                log.exception("a delivery broke")
                return "retried"

    def _send(self, row: Delivery, must_hold: Callable[[], None]) -> str:
        try:
            drawn = None if row.place.kind is PlaceKind.USER_GROUP else render(self._ports, row)
        except ValetkeyError:
            raise
        except Exception:
            log.exception("the card of %s broke", row.about)
            return self._outcomes.broken(row)
        try:
            if row.place.kind is PlaceKind.USER_GROUP:
                stands = self._sender.fan_out(row)
            elif drawn is None:
                return self._outcomes.given_up(row, "nothing-to-show")
            else:
                stands = self._sender.bring(row, drawn, must_hold)
        except Gone as gone:
            return self._outcomes.given_up(row, gone.why)
        except Unsure:
            return self._outcomes.passing(row, "members-unknown")
        except ValetkeyError:
            raise
        except CALL_FAILS as error:
            return self._failed(row, error)
        return self._outcomes.sent(row, *stands)

    def _failed(self, row: Delivery, error: BaseException) -> str:
        trouble = met(error)
        if trouble.trouble is Trouble.REFUSED and self._is_app_fine():
            # Said of one row alone, it is about whom that is for, and must not stop the others. Not
            # given up at once: the token may have been replaced between the two calls.
            return self._outcomes.passing(row, trouble.code, _MOST_REFUSED)
        outcome = self._outcomes.failed(row, trouble, method_of(error))
        if trouble.code in TOKENS:
            self._token_refused()
        return outcome

    def _is_app_fine(self) -> bool:
        try:
            self._client.auth_test()
        except CALL_FAILS:
            return False
        return True
