"""`valetkey serve`: surfaces and worker in one process, or one of them."""

import signal
from contextlib import ExitStack

import click

from bot.cli.failing import failing
from bot.logs import get_logger, set_up_logs
from bot.serving.parts import ALL_PARTS, Part
from bot.settings import Settings, load_settings, require_for_serving
from bot.settings_kinds import PREFIX
from grants.errors import Problem, SettingsInvalid


@click.command()
@click.option(
    "--only",
    type=click.Choice([str(part) for part in Part]),
    help="Run one half; the other runs elsewhere on the same PostgreSQL.",
)
def serve(only: str | None) -> None:
    """Run the bot until it is told to stop (SIGTERM or SIGINT)."""
    with failing():
        parts = frozenset({Part(only)}) if only else ALL_PARTS
        settings = load_settings()
        require_for_serving(settings, surfaces=Part.SURFACES in parts)
        set_up_logs(settings.log_level, settings.secrets())
        # Imported late: the libraries take a second, and a wrong setting should say so at once.
        from bot.serving.process import Serving  # noqa: PLC0415
        from bot.wiring import make_metrics, open_core  # noqa: PLC0415
        from grants.store.engine import serve_lock  # noqa: PLC0415

        with ExitStack() as stack:
            lock = serve_lock(settings.database_url.get_secret_value())
            if lock is not None:
                if only:
                    raise click.UsageError(
                        "--only needs PostgreSQL: a SQLite file is served by one process alone."
                    )
                stack.enter_context(lock)
            registry, metrics = make_metrics()
            core = open_core(settings, metrics)
            try:
                serving = Serving(core, settings, registry, metrics, parts)
            except OSError as error:
                core.close()
                raise _cannot_listen(settings, error) from None
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: serving.ask_to_stop())
            serving.start()
            get_logger("serve").info("ready", extra={"port": serving.server.port})
            try:
                serving.run()
            finally:
                serving.stop()


def _cannot_listen(settings: Settings, error: OSError) -> SettingsInvalid:
    where = f"{settings.listen_host}:{settings.listen_port}"
    detail = f"can't listen on {where}: {error.strerror or type(error).__name__}"
    return SettingsInvalid((Problem(f"{PREFIX}LISTEN_PORT", "invalid", (("detail", detail),)),))
