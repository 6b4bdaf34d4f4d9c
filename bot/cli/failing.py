"""How a command ends when something is refused or fails: one sentence, one exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from bot.cli.visible import visible
from bot.wording import error_sentence
from grants.errors import (
    ClusterError,
    PolicyInvalid,
    SettingsInvalid,
    StoreError,
    ValetkeyError,
)

EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
EXIT_SETTINGS: Final = 3
EXIT_STORE: Final = 4
EXIT_CLUSTER: Final = 5


def exit_code(error: ValetkeyError) -> int:
    """Give the exit code of an error; the numbers are a contract."""
    if isinstance(error, SettingsInvalid):
        return EXIT_SETTINGS
    if isinstance(error, StoreError):
        return EXIT_STORE
    if isinstance(error, ClusterError):
        return EXIT_CLUSTER
    return EXIT_REFUSED


@contextmanager
def failing() -> Iterator[None]:
    """Say any of our errors as sentences on stderr and exit with its code."""
    try:
        yield
    except ValetkeyError as error:
        for line in _lines(error):
            click.echo(visible(line), err=True)
        sys.exit(exit_code(error))


def _lines(error: ValetkeyError) -> Iterator[str]:
    if isinstance(error, PolicyInvalid):
        for one in error.problems:
            yield f"{one.file}:{one.line}:{one.column}: {one.message} ({one.code})"
    yield error_sentence(error)
    if isinstance(error, StoreError | ClusterError) and error.detail:
        # Whoever types commands is who mends it; people in Slack are never told this much.
        yield f"({error.detail})"
