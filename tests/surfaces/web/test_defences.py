"""What stands before every page: cookies, forms, headers, hosts, sizes and room (P9)."""

import json
import threading

import falcon
import pytest

from bot.web.guard import shares
from bot.web.pages import Pages
from tests.support.web import ADA, PUBLIC, Rig, token_on


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.mark.security("P9")
def test_every_cookie_is_host_only_secure_http_only_and_same_site(rig):
    browser = rig.browser()
    browser.link()
    browser.press("/", "/sign-out")
    seen = {cookie.name for cookie in browser.set_cookies}
    assert seen == {"__Host-valetkey-attempt", "__Host-valetkey-session", "__Host-valetkey-form"}
    for cookie in browser.set_cookies:
        assert cookie.secure
        assert cookie.http_only
        assert cookie.path == "/"
        assert not cookie.domain
        strict = cookie.name == "__Host-valetkey-form"
        assert cookie.same_site == ("Strict" if strict else "Lax")


@pytest.mark.security("P9")
@pytest.mark.parametrize(
    "path", ["/", "/sign-in/{token}", "/nowhere", "/livez", "/sign-in/callback"]
)
def test_every_answer_bears_the_headers(rig, path):
    answer = rig.browser().get(path.format(token=rig.offer()))
    headers = answer.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == "'self'"
    assert policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "script-src" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Server" not in headers


@pytest.mark.security("P9")
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://valetkey.acme.example"},
        {"Origin": f"{PUBLIC}.evil.example"},
        {"Origin": None},
        {"Origin": None, "Sec-Fetch-Site": "cross-site"},
        {"Origin": None, "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_elsewhere_is_refused(rig, headers):
    browser, path = rig.browser(), f"/sign-in/{rig.offer()}"
    token = token_on(browser.get(path))
    refused = browser.post(path, {"form_token": token}, headers=headers)
    assert refused.status_code == 403
    assert "__Host-valetkey-attempt" not in browser.jar
    assert browser.post(path, {"form_token": token}).status_code == 200


def test_a_browser_that_says_same_origin_instead_of_the_origin_is_served(rig):
    browser, path = rig.browser(), f"/sign-in/{rig.offer()}"
    token = token_on(browser.get(path))
    headers = {"Origin": None, "Sec-Fetch-Site": "same-origin"}
    assert browser.post(path, {"form_token": token}, headers=headers).status_code == 200


@pytest.mark.security("P9")
def test_a_form_without_its_token_or_with_anothers_is_refused(rig):
    path = f"/sign-in/{rig.offer()}"
    browser, attacker = rig.browser(), rig.browser()
    browser.get(path)
    anothers = token_on(attacker.get(path))
    for form in ({}, {"form_token": ""}, {"form_token": anothers}, {"form_token": "x" * 64}):
        assert browser.post(path, form).status_code == 403
    assert rig.browser().post(path, {"form_token": anothers}).status_code == 403


@pytest.mark.security("P9")
def test_a_token_of_one_form_is_none_for_another(rig):
    browser = rig.browser()
    browser.link()
    token = token_on(browser.get(f"/sign-in/{rig.offer()}"))
    assert browser.post("/sign-out", {"form_token": token}).status_code == 403
    assert "Ada Lovelace" in browser.get("/").text


@pytest.mark.security("P9")
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("form_token=" + "x" * 5_000, "application/x-www-form-urlencoded"),
        ('{"form_token": "x"}', "application/json"),
        ("form_token=x", "text/plain"),
        ("a=1&" * 50, "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_no_small_form_is_refused(rig, body, kind):
    browser, path = rig.browser(), f"/sign-in/{rig.offer()}"
    browser.get(path)
    headers = {"Origin": PUBLIC, "Content-Type": kind}
    refused = browser.request("POST", path, body=body, headers=headers)
    assert refused.status_code in {403, 413}


@pytest.mark.security("P9")
@pytest.mark.parametrize(
    "host", ["evil.example", "valetkey.acme.example.evil.example", "valetkey.acme.example:8443", ""]
)
def test_a_foreign_host_is_refused(rig, host):
    answer = rig.browser().get(
        "/", headers={"Host": host, "X-Forwarded-Host": "valetkey.acme.example"}
    )
    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["valetkey.acme.example:443", "VALETKEY.acme.example"])
def test_our_own_host_may_be_written_in_other_ways(rig, host):
    assert rig.browser().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_machines_inside_may_ask_by_address(rig, path):
    assert rig.browser().get(path, headers={"Host": "10.0.0.7:8080"}).status_code == 200


@pytest.mark.security("P9")
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/", "next=https://evil.example"),
        ("//evil.example", ""),
        ("//evil.example/", ""),
        ("/sign-in/callback", "next=https://evil.example&redirect_uri=https://evil.example"),
        ("/sign-in/https://evil.example", ""),
        ("/\\evil.example", ""),
    ],
)
def test_nothing_redirects_to_where_a_request_says(rig, path, query):
    answer = rig.browser().get(path, query_string=query)
    assert "Location" not in answer.headers
    assert "evil.example" not in answer.text


@pytest.mark.security("P9")
def test_the_one_redirect_leads_to_the_configured_login(rig):
    browser = rig.browser()
    to_slack = browser.begin(rig.offer())
    extra = {"redirect_uri": "https://evil.example", "next": "https://evil.example"}
    answer = browser.back_from_slack(to_slack, ADA, **extra)
    assert answer.headers["Location"].startswith("https://login.acme.example/authorize?")


@pytest.mark.security("P9")
def test_a_cookie_sent_twice_counts_as_none(rig):
    browser = rig.browser()
    browser.link()
    mine = browser.jar["__Host-valetkey-session"]
    browser.jar = {}
    for first, second in (("planted", mine), (mine, "planted")):
        jar = f"__Host-valetkey-session={first}; __Host-valetkey-session={second}"
        assert "Nobody is signed in" in browser.get("/", headers={"Cookie": jar}).text


def test_signing_out_ends_the_session(rig):
    browser = rig.browser()
    browser.link()
    session = browser.jar["__Host-valetkey-session"]
    out = browser.press("/", "/sign-out")
    assert out.status_code == 200
    assert browser.jar == {}
    browser.jar["__Host-valetkey-session"] = session
    assert "Nobody is signed in" in browser.get("/").text


@pytest.mark.security("P9")
def test_signing_out_takes_a_form_of_ours(rig):
    browser = rig.browser()
    browser.link()
    assert browser.post("/sign-out", {}).status_code == 403
    assert browser.get("/sign-out").status_code == 405
    assert "Ada Lovelace" in browser.get("/").text


def test_an_unknown_page_is_a_page_for_people_and_a_problem_for_programs(rig):
    page = rig.browser().get("/nowhere")
    assert page.status_code == 404
    assert page.headers["Content-Type"].startswith("text/html")
    problem = rig.browser().get("/nowhere", headers={"Accept": "application/json"})
    assert problem.headers["Content-Type"] == "application/problem+json"
    said = json.loads(problem.text)
    assert (said["status"], said["code"]) == (404, "not-found")


def test_an_error_that_nobody_expected_says_a_number_and_nothing_else():
    rig = Rig()
    rig.labels = {}  # the label's lookup raises
    page = rig.browser().get(f"/sign-in/{rig.offer()}")
    assert page.status_code == 500
    assert "KeyError" not in page.text
    assert "web-" in page.text


def test_the_style_is_kept_for_ever_under_an_address_of_its_own(rig):
    pages = Pages()
    page = rig.browser().get("/").text
    assert f'href="{pages.style.path}" integrity="{pages.style.integrity}"' in page
    style = rig.browser().get(pages.style.path)
    assert style.status_code == 200
    assert "immutable" in style.headers["Cache-Control"]
    assert style.headers["Content-Type"] == "text/css; charset=utf-8"


class Blocking:
    """A Slack endpoint that answers only when it is let."""

    def __init__(self) -> None:
        self.busy = threading.Semaphore(0)
        self.go = threading.Event()

    def on_post(self, _req: falcon.Request, resp: falcon.Response) -> None:
        self.busy.release()
        assert self.go.wait(30)
        resp.text = "done"


def test_a_full_surface_says_503_at_once_and_starves_no_other():
    slow = Blocking()
    rig = Rig(slack_events=slow, threads=16)
    room = shares(16)["slack"]
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(
                rig.browser().request("POST", "/slack/events").status_code
            )
        )
        for _ in range(room)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert slow.busy.acquire(timeout=30)
    full = rig.browser().request("POST", "/slack/events")
    assert full.status_code == 503
    assert full.headers["Retry-After"] == "1"
    assert rig.browser().get("/").status_code == 200
    assert rig.browser().get("/livez").status_code == 200
    slow.go.set()
    for thread in threads:
        thread.join(30)
    assert answers == [200] * room
    assert rig.browser().request("POST", "/slack/events").status_code == 200


def test_a_refused_request_gives_its_place_back():
    rig = Rig(threads=16)
    for _ in range(100):
        assert rig.browser().get("/nowhere").status_code == 404
        assert rig.browser().get("/", headers={"Host": "evil"}).status_code == 421
    assert rig.browser().get("/").status_code == 200


@pytest.mark.parametrize("threads", [16, 24, 64])
def test_the_shares_leave_a_thread_to_say_no(threads):
    room = shares(threads)
    assert min(room.values()) >= 1
    assert sum(room.values()) < threads
