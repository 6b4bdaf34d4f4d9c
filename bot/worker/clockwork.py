"""APScheduler as nothing but a clock: it wakes loops, and is rebuilt when its thread dies."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from bot.worker.repeats import Repeats
from grants.errors import ValetkeyError

log = logging.getLogger("valetkey.worker.clockwork")

# It warns whenever a loop that still runs is due again, which is as it should be: four times a
# second, while a database is slow. A loop that never ends is told by `is_late`.
_scheduler_log = logging.getLogger("valetkey.worker.scheduler")
_scheduler_log.setLevel(logging.ERROR)


# A loop is never further off than its own interval; this much more is no clock set back.
PUT_OFF = timedelta(milliseconds=500)


@dataclass(frozen=True)
class Loop:
    """Something to do again and again: its name, how often, and the call (which may raise)."""

    name: str
    every: timedelta
    call: Callable[[], object]


class LoopWatch(Protocol):
    """Is told how each run of a loop went: for metrics and readiness."""

    def ran(self, loop: str, ok: bool) -> None:  # noqa: FBT001 - a plain outcome, named at the call
        """Hear that a run ended."""
        ...


class Clockwork:
    """Wakes each loop on time; a run that raises is logged and comes again.

    Two runs of one loop never overlap here, and a late one is run once, not many times. That is a
    convenience, not a safeguard: rows and the fence keep concurrent runs harmless. `ticks` is a
    monotonic clock in seconds.
    """

    def __init__(
        self,
        loops: tuple[Loop, ...],
        watch: LoopWatch,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loops = loops
        self._watch = watch
        self._ticks = ticks
        self._ended: dict[str, float] = {}
        self._repeats = Repeats(ticks)
        self._lock = threading.Lock()
        self._ran = threading.Condition()
        self._under_way = 0
        self._scheduler: BackgroundScheduler | None = None
        self._rebuilt = 0

    @property
    def rebuilt(self) -> int:
        """How often the scheduler was found dead and built anew."""
        return self._rebuilt

    def start(self) -> None:
        """Start waking."""
        with self._lock:
            self._ended = dict.fromkeys((loop.name for loop in self._loops), self._ticks())
            self._scheduler = self._build()

    def stop(self, within: timedelta = timedelta(seconds=10)) -> bool:
        """Stop waking, and wait for the runs under way; False when one did not end in time."""
        with self._lock:
            scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None and scheduler.running:
            scheduler.shutdown(wait=False)
        with self._ran:
            return self._ran.wait_for(lambda: not self._under_way, within.total_seconds())

    def wake(self, loop: str, after: timedelta = timedelta(0)) -> None:
        """Have a loop run now or that much later, unless it is to run before that anyway.

        If the clock is dead the next check brings it.
        """
        at = datetime.now(UTC) + after
        with self._lock:
            job = self._scheduler.get_job(loop) if self._scheduler else None
            if job is not None and job.next_run_time > at:
                job.modify(next_run_time=at)

    def is_alive(self) -> bool:
        """Tell whether the clock's thread lives."""
        with self._lock:
            return self._scheduler is not None and _alive(self._scheduler)

    def is_late(self, loop: str, within: timedelta) -> bool:
        """Tell whether no run of a loop has ended for that long: one hangs, or none is woken."""
        ended = self._ended.get(loop)
        return ended is not None and self._ticks() - ended > within.total_seconds()

    def check(self) -> bool:
        """Tell whether the clock's thread lives; a dead one is replaced (False that once).

        Loops that sleep because the machine's clock was set back are woken, too.
        """
        with self._lock:
            if self._scheduler is None:
                return True
            if _alive(self._scheduler):
                self._wake_the_put_off(self._scheduler)
                return True
            log.error("the scheduler's thread died; a new one is built")
            self._rebuilt += 1
            self._scheduler = self._build()
            return False

    def _wake_the_put_off(self, scheduler: BackgroundScheduler) -> None:
        """Wake every loop that is to run later than it ever should.

        The scheduler goes by the machine's clock: set back by an hour, it would wake nothing for
        an hour, and no access would end.
        """
        now = datetime.now(UTC)
        for loop in self._loops:
            job = scheduler.get_job(loop.name)
            if job is not None and job.next_run_time - now > loop.every + PUT_OFF:
                log.warning(
                    "a loop was put off: was the clock set back?", extra={"loop": loop.name}
                )
                job.modify(next_run_time=now)

    def _build(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            logger=_scheduler_log,
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(max_workers=max(1, len(self._loops)))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for loop in self._loops:
            scheduler.add_job(
                self._run,
                "interval",
                seconds=loop.every.total_seconds(),
                id=loop.name,
                args=(loop,),
                next_run_time=datetime.now(UTC),
            )
        scheduler.start()
        return scheduler

    def _run(self, loop: Loop) -> None:
        with self._ran:
            self._under_way += 1
        try:
            self._run_once(loop)
        finally:
            with self._ran:
                self._under_way -= 1
                self._ran.notify_all()

    def _run_once(self, loop: Loop) -> None:
        ok = True
        try:
            loop.call()
        except ValetkeyError as error:
            self._note_failed(loop, error)
            ok = False
        except Exception:
            log.exception("a loop failed and will run again", extra={"loop": loop.name})
            ok = False
        if ok and (times := self._repeats.went_well(loop.name)) > 1:
            log.info("a loop runs again", extra={"loop": loop.name, "failed": times})
        self._ended[loop.name] = self._ticks()
        self._watch.ran(loop.name, ok=ok)

    def _note_failed(self, loop: Loop, error: ValetkeyError) -> None:
        """Say it once in a while; the code says it all, so no traceback."""
        times = self._repeats.failed(loop.name, error.code)
        if times:
            facts = {"loop": loop.name, "times": times, **_of(error)}
            log.warning("a loop failed and will run again", extra=facts)


def _of(error: ValetkeyError) -> dict[str, str]:
    return {"code": error.code, "detail": str(error.facts().get("detail", ""))}


def _alive(scheduler: BackgroundScheduler) -> bool:
    """Look at the thread itself: `running` goes on saying yes after the thread has died."""
    thread = scheduler._thread  # noqa: SLF001 - APScheduler 3 has no public way to ask
    return thread is not None and thread.is_alive()
