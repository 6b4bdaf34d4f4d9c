"""The browser of this machine, for tests that look at pages."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from playwright.sync_api import Error, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
# It runs in containers as root, without a screen, and must not call home.
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class BrowserMissingError(Exception):
    """There is no Chromium here, or it does not start."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a Chromium: one on PATH, else Playwright's own. Raises BrowserMissingError."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        except Error as problem:
            raise BrowserMissingError(str(problem).splitlines()[0]) from problem
        try:
            yield browser
        finally:
            browser.close()
