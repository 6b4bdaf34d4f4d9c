"""The pages in a real browser: what only a browser can say of forms, cookies, frames and widths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from bot.playground.tls_front import tls_front
from bot.web.server import Server
from tests.support.chromium import BrowserMissingError, chromium
from tests.support.parts import missing_parts
from tests.support.web import ADA, FakeProvider, Rig, ada, slack_user, state_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from bot.playground.certs import Authority

pytestmark = [pytest.mark.needs_browser, pytest.mark.security("P9")]


@dataclass
class Site:
    """A web server whose application is given once its address is known."""

    app: Callable | None = None
    seen: list[str] = field(default_factory=list)

    def __call__(self, environ, start_response):
        return self.app(environ, start_response)


@dataclass
class Place:
    """Valetkey's site, the providers' site, and one that means no good."""

    rig: Rig
    evil: str
    evil_pages: dict[str, str]
    asked: list[str]

    def callback(self, path: str, provider: FakeProvider, login) -> str:
        code = provider.code_for(login)
        question = urlencode({"code": code, "state": state_in(self.asked[-1])})
        return f"{self.rig.public_url}{path}?{question}"

    def link(self) -> str:
        return f"{self.rig.public_url}/sign-in/{self.rig.offer()}"


@pytest.fixture(scope="module")
def fronts(authority: Authority) -> Iterator[tuple[list[Site], list[int]]]:
    """Three sites by https, each on a port of its own."""
    sites, servers, relays = [Site() for _ in range(3)], [], []
    for number, site in enumerate(sites):
        servers.append(Server(site, port=0, threads=16))
        servers[-1].start()
        relays.append(tls_front(servers[-1].port, authority.leaf(f"site-{number}")))
        relays[-1].start()
    yield sites, [relay.port for relay in relays]
    for relay, server in zip(relays, servers, strict=True):
        relay.stop()
        server.stop()


@pytest.fixture
def place(fronts: tuple[list[Site], list[int]]) -> Place:
    (ours, providers, evil), ports = fronts
    host = f"localhost:{ports[1]}"
    rig = Rig(
        public_url=f"https://localhost:{ports[0]}",
        slack=FakeProvider(host),
        company=FakeProvider(host),
    )
    made = Place(rig, f"https://127.0.0.1:{ports[2]}", {}, [])
    ours.app = rig.app
    providers.app = _providers(made)
    evil.app = _evil(made)
    return made


def _providers(place: Place) -> Callable:
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/authorize":
            place.asked.append(f"?{environ['QUERY_STRING']}")
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<h1>A login"]

    return app


def _evil(place: Place) -> Callable:
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        return [place.evil_pages.get(environ["PATH_INFO"], "").encode()]

    return app


@pytest.fixture(scope="module")
def browser(pytestconfig: pytest.Config) -> Iterator[Browser]:
    try:
        with chromium() as started:
            yield started
    except BrowserMissingError as problem:
        missing_parts(pytestconfig).lacks("browser", problem)


@dataclass
class Window:
    """A browser of one person, and what its console complained of."""

    context: BrowserContext
    page: Page
    said: list[str]


@pytest.fixture
def window(browser: Browser) -> Iterator[Window]:
    # Whose certificate it is, is no question here: another test asks it.
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 390, "height": 800})
    said: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    yield Window(context, page, said)
    context.close()


def sign_in(place: Place, window: Window) -> None:
    page = window.page
    page.goto(place.link())
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/authorize?*")
    page.goto(place.callback("/sign-in/slack/callback", place.rig.slack, slack_user(ADA)))
    page.wait_for_url("**/authorize?*")
    page.goto(place.callback("/sign-in/callback", place.rig.company, ada()))
    page.get_by_role("heading", name="You are signed in as Ada Lovelace").wait_for()


def test_a_person_signs_in_and_out_with_nothing_to_complain_of(place: Place, window: Window):
    """The form's Origin, the cookies, the way to the logins: all as browsers have them."""
    sign_in(place, window)
    window.page.goto(place.rig.public_url)
    window.page.get_by_role("heading", name="Ada Lovelace").wait_for()
    window.page.get_by_role("button", name="Sign out here").click()
    window.page.get_by_role("heading", name="You are signed out here").wait_for()
    assert window.said == []
    left = {cookie["name"] for cookie in window.context.cookies(place.rig.public_url)}
    assert left == set()


def test_no_page_is_wider_than_a_phone(place: Place, window: Window):
    place.rig.labels[ADA] = "W" * 300
    long_name = ada(name="Averylongname" * 10, groups=frozenset({"g" * 200, "engineers"}))
    page = window.page
    pages = [place.link()]
    page.goto(pages[0])
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/authorize?*")
    pages.append(place.callback("/sign-in/slack/callback", place.rig.slack, slack_user(ADA)))
    page.goto(pages[-1])
    page.wait_for_url("**/authorize?*")
    pages.append(place.callback("/sign-in/callback", place.rig.company, long_name))
    for address in (place.link(), pages[-1], place.rig.public_url, f"{place.rig.public_url}/no"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        assert page.get_by_role("heading", level=1).count() == 1


def test_a_form_on_another_site_begins_no_sign_in(place: Place, window: Window):
    link = place.link()
    place.evil_pages["/"] = (
        f'<form method="post" action="{link}"><input name="form_token" value="x"></form>'
        "<script>document.forms[0].submit()</script>"
    )
    window.page.goto(place.evil)
    window.page.get_by_role("heading", name="This form was not accepted").wait_for()
    held = {cookie["name"] for cookie in window.context.cookies(place.rig.public_url)}
    assert "__Host-valetkey-attempt" not in held


def test_another_site_cannot_frame_a_page(place: Place, window: Window):
    place.evil_pages["/"] = f'<iframe src="{place.link()}"></iframe>'
    window.page.goto(place.evil)
    assert any("frame-ancestors" in text for text in window.said)
    frame = window.page.frames[1]
    assert frame.get_by_role("button").count() == 0


def test_another_site_cannot_sign_a_person_out(place: Place, window: Window):
    sign_in(place, window)
    place.evil_pages["/"] = (
        f'<form method="post" action="{place.rig.public_url}/sign-out"></form>'
        "<script>document.forms[0].submit()</script>"
    )
    window.page.goto(place.evil)
    window.page.get_by_role("heading", name="This form was not accepted").wait_for()
    window.page.goto(place.rig.public_url)
    window.page.get_by_role("heading", name="Ada Lovelace").wait_for()
