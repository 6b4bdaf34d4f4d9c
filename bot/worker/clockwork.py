"""APScheduler as nothing but a clock: it wakes loops, and is rebuilt when its thread dies."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

log = logging.getLogger("valetkey.worker.clockwork")


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
    convenience, not a safeguard: rows and the fence keep concurrent runs harmless.
    """

    def __init__(self, loops: tuple[Loop, ...], watch: LoopWatch) -> None:
        self._loops = loops
        self._watch = watch
        self._lock = threading.Lock()
        self._scheduler: BackgroundScheduler | None = None
        self._rebuilt = 0

    @property
    def rebuilt(self) -> int:
        """How often the scheduler was found dead and built anew."""
        return self._rebuilt

    def start(self) -> None:
        """Start waking."""
        with self._lock:
            self._scheduler = self._build()

    def stop(self) -> None:
        """Stop waking and wait for the runs under way."""
        with self._lock:
            scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None and scheduler.running:
            scheduler.shutdown(wait=True)

    def wake(self, loop: str) -> None:
        """Have a loop run now, if the clock is alive; else the next check brings it."""
        with self._lock:
            job = self._scheduler.get_job(loop) if self._scheduler else None
            if job is not None:
                job.modify(next_run_time=datetime.now(UTC))

    def is_alive(self) -> bool:
        """Tell whether the clock's thread lives."""
        with self._lock:
            return self._scheduler is not None and _alive(self._scheduler)

    def check(self) -> bool:
        """Tell whether the clock's thread lives; a dead one is replaced (False that once)."""
        with self._lock:
            if self._scheduler is None or _alive(self._scheduler):
                return True
            log.error("the scheduler's thread died; a new one is built")
            self._rebuilt += 1
            self._scheduler = self._build()
            return False

    def _build(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
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
        try:
            loop.call()
        except Exception:
            log.exception("a loop failed and will run again", extra={"loop": loop.name})
            self._watch.ran(loop.name, ok=False)
        else:
            self._watch.ran(loop.name, ok=True)


def _alive(scheduler: BackgroundScheduler) -> bool:
    """Look at the thread itself: `running` goes on saying yes after the thread has died."""
    thread = scheduler._thread  # noqa: SLF001 - APScheduler 3 has no public way to ask
    return thread is not None and thread.is_alive()
