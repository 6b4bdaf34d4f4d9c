"""`valetkey serve`: surfaces and worker in one process."""

import signal
from contextlib import ExitStack

import click

from bot.cli.failing import failing
from bot.logs import get_logger, set_up_logs
from bot.settings import Settings, load_settings, require_for_serving
from bot.settings_kinds import PREFIX
from grants.errors import Problem, SettingsInvalid


@click.command()
def serve() -> None:
    """Run the bot until it is told to stop (SIGTERM or SIGINT)."""
    with failing():
        settings = load_settings()
        require_for_serving(settings)
        set_up_logs(settings.log_level, settings.secrets())
        # Imported late: the libraries take a second, and a wrong setting should say so at once.
        from bot.serving import Serving  # noqa: PLC0415
        from bot.wiring import make_metrics, open_core  # noqa: PLC0415
        from grants.store.engine import serve_lock  # noqa: PLC0415

        with ExitStack() as stack:
            lock = serve_lock(settings.database_url.get_secret_value())
            if lock is not None:
                stack.enter_context(lock)
            registry, metrics = make_metrics()
            core = open_core(settings, metrics)
            try:
                serving = Serving(core, settings, registry, metrics)
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
