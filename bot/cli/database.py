"""Which database a command works on: an option of its own, else the settings."""

from collections.abc import Callable
from typing import Any

import click

from bot.cli.failing import failing


def database_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--database-url`; without it VALETKEY_DATABASE_URL counts, then the default place."""
    return click.option(
        "--database-url",
        callback=_chosen,
        metavar="URL",
        help="The database; default: the setting VALETKEY_DATABASE_URL. Never with a password.",
    )(command)


def _chosen(_ctx: click.Context, _parameter: click.Parameter, given: str | None) -> str:
    return chosen_url(given)


def chosen_url(given: str | None) -> str:
    """Give the database that was named, else that of the settings."""
    # Imported late: commands that also work without a database load neither.
    from sqlalchemy import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    from bot.settings import load_settings  # noqa: PLC0415

    if given is None:
        with failing():
            return load_settings().database_url.get_secret_value()
    try:
        url = make_url(given)
    except ArgumentError:
        raise click.BadParameter("not a database URL") from None
    if url.password is not None or "password" in url.query:
        # Arguments are seen by everybody on the machine.
        raise click.BadParameter("a password belongs into VALETKEY_DATABASE_URL, not here")
    return given
