"""Pages: templates filled in, with every value escaped, and the two files that they load."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Final

import falcon
from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.web.refusals import Refusal

_LASTS_A_YEAR: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """One static file. Its address has its digest, so that it may be kept for ever."""

    name: str
    content: bytes
    content_type: str

    @cached_property
    def path(self) -> str:
        """The address on this server."""
        stem, _, end = self.name.partition(".")
        return f"/static/{stem}.{hashlib.sha256(self.content).hexdigest()[:16]}.{end}"

    @cached_property
    def integrity(self) -> str:
        """What the page demands of the file (subresource integrity)."""
        return f"sha256-{b64encode(hashlib.sha256(self.content).digest()).decode()}"

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Give the file."""
        resp.data = self.content
        resp.content_type = self.content_type
        resp.set_header("Cache-Control", _LASTS_A_YEAR)


class Pages:
    """Renders pages. `.html` templates escape every value that they are given."""

    def __init__(self) -> None:
        folder = files("bot.web") / "static"
        self.style = Asset(
            "valetkey.css", (folder / "valetkey.css").read_bytes(), "text/css; charset=utf-8"
        )
        self.mark = Asset("mark.svg", (folder / "mark.svg").read_bytes(), "image/svg+xml")
        self._templates = Environment(
            loader=PackageLoader("bot.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    @property
    def assets(self) -> tuple[Asset, ...]:
        """Every static file."""
        return (self.style, self.mark)

    def show(self, resp: falcon.Response, template: str, **facts: object) -> None:
        """Answer with a page."""
        page = self._templates.get_template(f"{template}.html")
        resp.text = page.render(style=self.style, mark=self.mark, **facts)
        resp.content_type = falcon.MEDIA_HTML

    def show_refusal(self, resp: falcon.Response, refusal: Refusal, number: str) -> None:
        """Answer with the page of a refusal; `number` finds the request in the log."""
        resp.status = refusal.status
        shown = number if refusal.is_our_fault else ""
        self.show(resp, "refused", refusal=refusal, number=shown)
