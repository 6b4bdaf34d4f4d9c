"""Signs a person in by plain HTTP, as their browser would: follow, click, follow.

It reads the page that the provider shows and sends the form that it finds there, so that a page
without the person's card fails here as it fails a person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests

if TYPE_CHECKING:
    from pathlib import Path

_MAX_STEPS = 12
_MAX_WORDS = 400
_TIMEOUT_SECONDS = 10


class LoginStoppedError(Exception):
    """The sign-in did not come to its end; the text says where it stood and what the page said."""


def browser_session(ca_file: Path) -> requests.Session:
    """Make an empty browser that trusts `ca_file` alone; it keeps its cookies between sign-ins."""
    session = requests.Session()
    # Bundles and proxies named by the environment would go before `verify`.
    session.trust_env = False
    session.verify = str(ca_file)
    return session


def login_as(
    person: str,
    authorization_url: str,
    session: requests.Session,
    *,
    second_factor: bool = False,
) -> str:
    """Sign `person` (their key) in; returns the address the provider sends the browser back to.

    That address carries `code` or `error`; it is not opened. Somebody signed in already in this
    session is not asked again unless the request demands it. Raises LoginStoppedError.
    """
    page = _follow(session, _get(session, authorization_url))
    if isinstance(page, str):
        return page
    factor = "two" if second_factor else "one"
    form = next((form for form in _forms(page) if form.person == person), None)
    if form is None or ("factor", factor) not in form.buttons:
        raise _stopped(page, f"no such button for {person}")
    done = _follow(session, _submit(session, page, form, {"factor": factor}))
    if isinstance(done, str):
        return done
    raise _stopped(done, f"{person} was not signed in")


def approve_device(person: str, verification_url: str, session: requests.Session) -> None:
    """Go through the device flow's pages as `person`; `verification_url` carries the user code."""
    page = _get(session, verification_url)
    for _step in range(_MAX_STEPS):
        shown = _follow(session, page)
        if isinstance(shown, str):
            raise LoginStoppedError(f"the device flow led away, to {_without_query(shown)}")
        forms = _forms(shown)
        if not forms:
            return
        own = next((form for form in forms if form.person == person), forms[0])
        page = _submit(session, shown, own, {"factor": "one"} if own.person else {})
    raise LoginStoppedError(f"the device flow has no end at {_without_query(page.url)}")


@dataclass
class _Form:
    action: str
    person: str | None
    fields: dict[str, str] = field(default_factory=dict)
    buttons: set[tuple[str, str]] = field(default_factory=set)


class _Reader(HTMLParser):
    """Collects the forms of a page, with hidden fields and buttons that can be clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[_Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(_Form(facts.get("action", ""), facts.get("data-person")))
        elif self.forms and tag == "input":
            self.forms[-1].fields[facts.get("name", "")] = facts.get("value", "")
        elif self.forms and tag == "button" and "disabled" not in facts and "name" in facts:
            self.forms[-1].buttons.add((facts["name"], facts.get("value", "")))


def _get(session: requests.Session, url: str) -> requests.Response:
    return session.get(url, allow_redirects=False, timeout=_TIMEOUT_SECONDS)


def _submit(
    session: requests.Session, page: requests.Response, form: _Form, pressed: dict[str, str]
) -> requests.Response:
    return session.post(
        urljoin(page.url, form.action),
        data={**form.fields, **pressed},
        allow_redirects=False,
        timeout=_TIMEOUT_SECONDS,
    )


def _follow(session: requests.Session, answer: requests.Response) -> requests.Response | str:
    """Follow redirects within the provider; the first address outside it is returned unopened."""
    home = _origin(answer.url)
    for _step in range(_MAX_STEPS):
        if not answer.is_redirect:
            return answer
        target = urljoin(answer.url, answer.headers["location"])
        if _origin(target) != home:
            return target
        answer = _get(session, target)
    raise LoginStoppedError(f"the redirects have no end at {_without_query(answer.url)}")


def _forms(page: requests.Response) -> list[_Form]:
    if page.status_code != requests.codes.ok:
        raise _stopped(page, "no page to sign in at")
    reader = _Reader()
    reader.feed(page.text)
    return reader.forms


def _stopped(page: requests.Response, why: str) -> LoginStoppedError:
    words = re.sub(r"\s+", " ", re.sub(r"(?s)<style.*?</style>|<[^>]*>", " ", page.text)).strip()
    where = _without_query(page.url)
    return LoginStoppedError(f"{why}: {page.status_code} at {where}: {words[:_MAX_WORDS]}")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _without_query(url: str) -> str:
    # The query of an address on the way carries codes, which no error text may.
    return url.partition("?")[0]
