"""`valetkey serve`: surfaces and worker in one process, or one of them."""

import logging
import os
import signal
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from bot.cli.failing import failing
from bot.logs import get_logger, set_up_logs
from bot.serving.parts import ALL_PARTS, Part
from bot.settings import Settings, load_settings, require_for_serving
from bot.settings_kinds import PREFIX
from grants.errors import Problem, SettingsInvalid

# How long one thread may keep the others from Python. An answer to Slack takes its turn a dozen
# times, after each read of the database and the network; by the default of 5 ms it would stand
# behind every walk of the worker as often. At 1 ms the threads that wait cost 6 % more than at 5:
# each of them wakes as often to ask for its turn.
SWITCH_SECONDS = 0.002

if TYPE_CHECKING:
    from bot.serving.process import Serving


@click.command()
@click.option(
    "--only",
    type=click.Choice([str(part) for part in Part]),
    help="Run one half; the other runs elsewhere on the same PostgreSQL.",
)
def serve(only: str | None) -> None:
    """Run the bot until it is told to stop (SIGTERM or SIGINT); told twice, it ends at once."""
    with failing():
        parts = frozenset({Part(only)}) if only else ALL_PARTS
        settings = load_settings()
        require_for_serving(settings, surfaces=Part.SURFACES in parts)
        set_up_logs(settings.log_level, settings.secrets())
        sys.setswitchinterval(SWITCH_SECONDS)
        with ExitStack() as stack:
            _lock(settings, stack, parts)
            if not _run(_make(settings, parts)):
                _leave_at_once()


def _lock(settings: Settings, stack: ExitStack, parts: frozenset[Part]) -> None:
    """Hold a SQLite file for this process; StoreInUse when another serves from it."""
    # Imported late: the libraries take a second, and a wrong setting should say so at once.
    from grants.store.engine import serve_lock  # noqa: PLC0415

    lock = serve_lock(settings.database_url.get_secret_value())
    if lock is None:
        return
    if parts != ALL_PARTS:
        raise click.UsageError(
            "--only needs PostgreSQL: a SQLite file is served by one process alone."
        )
    stack.enter_context(lock)


def _make(settings: Settings, parts: frozenset[Part]) -> "Serving":
    from bot.serving.process import Serving  # noqa: PLC0415 - as above
    from bot.wiring import make_metrics, open_core  # noqa: PLC0415 - as above

    registry, metrics = make_metrics()
    core = open_core(settings, metrics)
    try:
        return Serving(core, settings, registry, metrics, parts)
    except OSError as error:
        core.close()
        raise _cannot_listen(settings, error) from None


def _run(serving: "Serving") -> bool:
    """Serve until told to stop; False when what is left must be cut off."""

    def told(number: int, _frame: object) -> None:
        if serving.is_stopping:
            # As process 1 of a container the default action would do nothing.
            os._exit(128 + number)
        serving.ask_to_stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    clean = False
    try:
        serving.start()
        get_logger("serve").info("ready", extra={"port": serving.server.port})
        serving.run()
    finally:
        clean = serving.stop()
    return clean


def _leave_at_once() -> None:
    """End without waiting for threads that hang in somebody else's server or program."""
    logging.shutdown()
    os._exit(0)


def _cannot_listen(settings: Settings, error: OSError) -> SettingsInvalid:
    where = f"{settings.listen_host}:{settings.listen_port}"
    detail = f"can't listen on {where}: {error.strerror or type(error).__name__}"
    return SettingsInvalid((Problem(f"{PREFIX}LISTEN_PORT", "invalid", (("detail", detail),)),))
