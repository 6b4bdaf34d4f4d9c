"""The small page of one's own: who am I here, and the way out."""

from typing import Final

import falcon

from bot.web.cookies import ATTEMPT, FORM, SESSION
from bot.web.forms import check_form, form_token
from bot.web.pages import Pages
from bot.web.ports import WebPorts
from grants.people.end_session import end_session
from grants.people.queries import accounts_of, session_person

SIGN_OUT: Final = "sign-out"


class Home:
    """Who is signed in with this browser."""

    def __init__(self, ports: WebPorts, pages: Pages) -> None:
        self._ports = ports
        self._pages = pages

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show who this browser's person is, if anybody."""
        people = self._ports.people
        secret = SESSION.read(req)
        known = session_person(secret, ports=people) if secret else None
        if known is None:
            self._pages.show(resp, "home", known=None)
            return
        self._pages.show(
            resp,
            "home",
            known=known,
            groups=None if known.sign_in.groups is None else sorted(known.sign_in.groups),
            accounts=accounts_of(known.person.id, ports=people),
            form_token=form_token(req, resp, SIGN_OUT),
        )


class SignOut:
    """Ends this browser's session."""

    def __init__(self, ports: WebPorts, pages: Pages) -> None:
        self._ports = ports
        self._pages = pages

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Sign out, and say so."""
        check_form(req, self._ports.public_url, SIGN_OUT)
        secret = SESSION.read(req)
        if secret:
            end_session(secret, ports=self._ports.people)
        for cookie in (SESSION, ATTEMPT, FORM):
            cookie.take(resp)
        self._pages.show(resp, "signed_out")
