"""Takes the pictures of the README while the browser tests go by what is in them."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

WIDTHS = (1280, 390)
# Tall enough for the longest card: what lies outside of the window is not in a picture.
_TALL, _USUAL = 2600, 900
_NARROW_USUAL = 844
# Text on plain colours: more would not be seen, and the repository keeps every picture for ever.
_COLOURS = 256
# Of the terminal's letters: a table is not broken up, it is made smaller.
_MOST_PIXELS, _WIDE_BY_HIGH = 13.0, 0.605
_PAPER = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #16302e; padding: 20px }}
pre {{ margin: 0; color: #e9f1ee; font: {size}px/1.6 "DejaVu Sans Mono", monospace;
 white-space: pre-wrap; overflow-wrap: anywhere }}
b {{ color: #f5b547; font-weight: 700 }}
</style><pre>{text}</pre>"""


class Camera:
    """Takes pictures into `folder`, each in both widths: `<name>-1280.png`, `<name>-390.png`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.taken: set[str] = set()

    def page(self, page: Page, name: str, *, top: Locator | None = None) -> None:
        """Take what a person sees at once, or sees who has scrolled to `top`."""
        if self._is_new(name):
            for width in WIDTHS:
                page.set_viewport_size(
                    {"width": width, "height": _USUAL if width == WIDTHS[0] else _NARROW_USUAL}
                )
                if top is not None:
                    top.evaluate("one => one.scrollIntoView({block: 'start'})")
                self._keep(name, width, page.screenshot(animations="disabled"))
            self._back(page)

    def whole(self, page: Page, name: str) -> None:
        """Take a whole page, down to its end."""
        if self._is_new(name):
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": _USUAL})
                taken = page.screenshot(animations="disabled", full_page=True)
                self._keep(name, width, taken)
            self._back(page)

    def part(self, part: Locator, name: str) -> None:
        """Take one message, modal or form alone."""
        if self._is_new(name):
            part.wait_for()
            for width in WIDTHS:
                part.page.set_viewport_size({"width": width, "height": _TALL})
                # The box to type in lies over the end of the list when that is not scrolled to.
                part.evaluate("one => one.scrollIntoView({block: 'center'})")
                self._keep(name, width, part.screenshot(animations="disabled"))
            self._back(part.page)

    def terminal(self, page: Page, name: str, *runs: tuple[str, str]) -> None:
        """Take commands and what they print, on paper that looks like a terminal's; wide only."""
        if self._is_new(name):
            said = (f"<b>$ {html.escape(one)}</b>\n{html.escape(text)}" for one, text in runs)
            longest = max(len(line) for _one, text in runs for line in text.splitlines())
            size = min(_MOST_PIXELS, (WIDTHS[0] - 40) / _WIDE_BY_HIGH / longest)
            page.set_content(_PAPER.format(text="\n".join(said), size=f"{size:.2f}"))
            page.set_viewport_size({"width": WIDTHS[0], "height": _USUAL})
            self._keep(name, WIDTHS[0], page.locator("body").screenshot())

    def _is_new(self, name: str) -> bool:
        new = name not in self.taken
        self.taken.add(name)
        return new

    def _keep(self, name: str, width: int, png: bytes) -> None:
        with Image.open(io.BytesIO(png)) as taken:
            few = taken.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
            few.save(self.folder / f"{name}-{width}.png", optimize=True)

    @staticmethod
    def _back(page: Page) -> None:
        page.set_viewport_size({"width": WIDTHS[0], "height": _USUAL})
