"""`valetkey playground`: a whole Valetkey on this machine, to try."""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from bot.cli.failing import EXIT_REFUSED, EXIT_SETTINGS, failing

if TYPE_CHECKING:
    from bot.playground.opening import Opening
    from bot.playground.town import Town

_LOOK_SECONDS = 0.5


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where it lives. Default: valetkey/playground in the cache folder.",
)
@click.option(
    "--port",
    type=click.IntRange(1024, 65533),
    help="The first of three ports in a row. Default: 8443 to 8445, or any where those are taken.",
)
@click.option(
    "--real-cluster",
    is_flag=True,
    help="Run Kubernetes' own programs, got or built on first use, instead of a double of them.",
)
@click.option(
    "--review",
    "reviewed",
    is_flag=True,
    help="Have service accounts in the cluster that hold too much, and the review that says so.",
)
@click.option("--check", is_flag=True, help="Start everything, say so, and stop it again.")
def playground(
    folder: Path | None, port: int | None, *, real_cluster: bool, reviewed: bool, check: bool
) -> None:
    """Run doubles of Slack and of a cluster, a company login, and Valetkey between them.

    Everything listens on this machine alone, and needs no account anywhere.
    """
    try:
        # The doubles are an extra: a plain installation lacks what they import.
        from bot.playground import opening  # noqa: PLC0415
    except ModuleNotFoundError as error:
        _fail(f"{error.name} is not installed: install valetkey[playground]")
    if found := opening.real_credentials(os.environ):
        # Doubles never run beside what could reach a real workspace, login or database.
        _fail(
            f"not beside the settings of a real Valetkey: unset {', '.join(found)},"
            " or use another terminal",
            EXIT_SETTINGS,
        )
    # Both end it, also where a shell started it in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    place = (folder or opening.default_folder()).absolute()
    with failing():
        opened = opening.Opening(
            place, click.echo, first_port=port, real_cluster=real_cluster, reviewed=reviewed
        )
        _run(opened, check=check)


def _run(opened: "Opening", *, check: bool) -> None:
    from bot.playground.controlplane.assets import AssetsMissingError  # noqa: PLC0415
    from bot.playground.idp.install import PackagesMissingError  # noqa: PLC0415
    from bot.playground.opening import OpeningError  # noqa: PLC0415
    from bot.playground.processes import ProcessError  # noqa: PLC0415

    try:
        town = _open(opened)
        if not check:
            _watch(town)
    except KeyboardInterrupt:
        click.echo("\nStopping everything ...")
    except (OpeningError, AssetsMissingError, PackagesMissingError, ProcessError) as error:
        _fail(str(error))
    finally:
        # A second Ctrl-C must not leave half of it running.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        opened.close()
    click.echo("Everything is stopped.")


def _open(opened: "Opening") -> "Town":
    from bot.playground.leaflet import leaflet  # noqa: PLC0415

    started = time.monotonic()
    click.echo("Opening the playground: this machine alone, made-up people.")
    town = opened.open()
    click.echo(f"{time.monotonic() - started:6.1f} s  in all\n")
    click.echo(leaflet(town, folder=opened.folder, kubectl=opened.kubectl))
    sys.stdout.flush()
    return town


def _watch(town: "Town") -> NoReturn:
    """Wait for Ctrl-C; ProcessError when Valetkey or a part of its cluster ends by itself."""
    while True:
        time.sleep(_LOOK_SECONDS)
        town.require_running()


def _fail(problem: str, code: int = EXIT_REFUSED) -> NoReturn:
    with suppress(BrokenPipeError):
        click.echo(f"valetkey playground: {problem}", err=True)
    sys.exit(code)
