"""Forms: small, from our own pages, in the browser that was given the page."""

import hashlib
import hmac
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qs

import falcon

from bot.web.cookies import FORM
from grants.people.tokens import new_secret

LARGEST_FORM_BYTES: Final = 4_096
TOKEN_FIELD: Final = "form_token"  # noqa: S105 - the name of a field
_FORM_LASTS: Final = timedelta(hours=12)


class FormRefused(Exception):
    """A form did not come from our page in this browser; `why` is a stable word."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def form_token(req: falcon.Request, resp: falcon.Response, purpose: str) -> str:
    """Give the token for a form on the page being made, bound to this browser and purpose."""
    secret = FORM.read(req)
    if secret is None:
        secret = new_secret()
        FORM.give(resp, secret, _FORM_LASTS)
    return _token(secret, purpose)


def check_form(req: falcon.Request, origin: str, purpose: str) -> None:
    """Refuse a form that another site's page sent; FormRefused says which check failed.

    Two checks, since each alone has had holes: the browser's own word on where the form stood,
    and a token that only our page in this browser could know.
    """
    _check_origin(req, origin)
    secret = FORM.read(req)
    if secret is None:
        raise FormRefused("form-cookie")
    given = _fields(req).get(TOKEN_FIELD, [""])
    if len(given) != 1 or not hmac.compare_digest(
        given[0].encode(), _token(secret, purpose).encode()
    ):
        raise FormRefused("form-token")


def _check_origin(req: falcon.Request, origin: str) -> None:
    said = req.get_header("Origin")
    if said is None:
        # Every browser of these years sends one of the two with a form.
        if req.get_header("Sec-Fetch-Site") != "same-origin":
            raise FormRefused("origin-missing")
    elif said.lower() != origin:
        raise FormRefused("origin")


def _fields(req: falcon.Request) -> dict[str, list[str]]:
    if (req.content_type or "").partition(";")[0].strip() != falcon.MEDIA_URLENCODED:
        raise FormRefused("form-type")
    body = req.bounded_stream.read(LARGEST_FORM_BYTES + 1)
    if len(body) > LARGEST_FORM_BYTES:
        raise FormRefused("form-too-large")
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=10)
    except ValueError:
        raise FormRefused("form-malformed") from None


def _token(secret: str, purpose: str) -> str:
    return hmac.new(secret.encode(), f"form:{purpose}".encode(), hashlib.sha256).hexdigest()
