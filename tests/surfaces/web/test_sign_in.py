"""A sign-in through the web: two logins in one browser, and every way to cheat (P1, P9)."""

from datetime import timedelta

import pytest

from grants.access.model import RequestState
from grants.errors import LoginRefused, Reason, Refused
from grants.people.offer_sign_in import OFFER_LASTS
from grants.people.queries import known_account
from grants.record.model import EventType
from tests.support.web import ADA, BOB, Rig, ada, sent_to


@pytest.fixture
def rig() -> Rig:
    return Rig()


def is_linked(rig: Rig, account=ADA) -> bool:
    return known_account(account, ports=rig.people) is not None


def told(rig: Rig, account=ADA) -> list[str]:
    ref = f"{account.team}/{account.user}"
    return [n.code for n in rig.people.store.notices if n.place.ref == ref]


def whys(rig: Rig) -> list[object]:
    failed = (e for e in rig.people.store.events if e.type is EventType.SIGN_IN_FAILED)
    return [e.facts["why"] for e in failed]


@pytest.mark.security("P1")
def test_a_first_sign_in_goes_by_slack_and_the_company_and_links(rig):
    browser = rig.browser()
    to_slack = browser.begin(rig.offer())
    assert to_slack.startswith("https://slack.example/authorize?")
    proven = browser.back_from_slack(to_slack, ADA)
    assert proven.status_code == 303
    to_company = proven.headers["Location"]
    assert to_company.startswith("https://login.acme.example/authorize?")
    done = browser.back_from_company(to_company)
    assert done.status_code == 200
    assert "Ada Lovelace" in done.text
    assert "go back to Slack" in done.text
    assert is_linked(rig)
    assert told(rig) == ["linked"]


def test_a_later_sign_in_goes_by_the_company_alone(rig):
    rig.browser().link()
    browser = rig.browser()
    to_company = browser.begin(rig.offer())
    assert to_company.startswith("https://login.acme.example/authorize?")
    done = browser.back_from_company(to_company)
    assert done.status_code == 200
    assert told(rig) == ["linked", "signed-in"]


@pytest.mark.security("P1")
def test_a_link_preview_uses_nothing_up(rig):
    token = rig.offer()
    for _ in range(3):
        page = rig.browser().get(f"/sign-in/{token}")
        assert page.status_code == 200
        assert "Ada L." in page.text
    assert "__Host-valetkey-attempt" not in page.cookies
    assert rig.browser().begin(token)


@pytest.mark.security("P1")
def test_one_persons_link_opened_in_anothers_browser_links_nobody(rig):
    """Ada sends her own link to Bob, who is signed in to Slack as himself."""
    bobs = rig.browser()
    to_slack = bobs.begin(rig.offer(ADA))
    refused = bobs.back_from_slack(to_slack, BOB)
    assert refused.status_code == 403
    assert "Another Slack account" in refused.text
    assert not is_linked(rig, ADA)
    assert not is_linked(rig, BOB)
    assert whys(rig) == ["other-slack-account"]
    assert told(rig) == ["sign-in-refused"]


@pytest.mark.security("P1")
def test_half_a_sign_in_cannot_be_finished_in_another_browser(rig):
    """Ada proves Slack herself, then sends Bob the company's login to finish."""
    adas, bobs = rig.browser(), rig.browser()
    to_slack = adas.begin(rig.offer(ADA))
    to_company = adas.back_from_slack(to_slack, ADA).headers["Location"]
    refused = bobs.back_from_company(to_company, ada(subject="bob", name="Bob"))
    assert refused.status_code == 403
    assert not is_linked(rig)
    bobs.begin(rig.offer(BOB))  # with an attempt of his own, too
    refused = bobs.back_from_company(to_company, ada(subject="bob", name="Bob"))
    assert refused.status_code == 403
    assert not is_linked(rig)
    assert whys(rig) == ["no-login"]


@pytest.mark.security("P1")
def test_a_link_opened_before_is_refused_elsewhere_and_goes_on_where_it_was(rig):
    token = rig.offer()
    first, second = rig.browser(), rig.browser()
    to_slack = first.begin(token)
    refused = second.press(f"/sign-in/{token}")
    assert refused.status_code == 403
    assert "another browser" in refused.text
    assert first.back_from_slack(to_slack, ADA).status_code == 303


@pytest.mark.security("P1")
def test_a_used_link_a_replayed_answer_and_a_stale_link_are_refused(rig):
    browser, token = rig.browser(), rig.offer()
    to_slack = browser.begin(token)
    to_company = browser.back_from_slack(to_slack, ADA).headers["Location"]
    held = dict(browser.jar)
    assert browser.back_from_company(to_company).status_code == 200
    assert browser.get(f"/sign-in/{token}").status_code == 410
    browser.jar = held  # even with the cookie back
    replayed = browser.back_from_company(to_company)
    assert replayed.status_code == 410
    stale = rig.offer()
    rig.people.clock.at += OFFER_LASTS
    page = rig.browser().get(f"/sign-in/{stale}")
    assert page.status_code == 410
    assert "expired" in page.text


@pytest.mark.security("P1")
def test_an_answer_after_ten_minutes_links_nobody(rig):
    browser = rig.browser()
    to_slack = browser.begin(rig.offer())
    to_company = browser.back_from_slack(to_slack, ADA).headers["Location"]
    rig.people.clock.at += OFFER_LASTS
    assert browser.back_from_company(to_company).status_code == 410
    assert not is_linked(rig)


@pytest.mark.security("P1")
def test_another_identity_on_a_later_sign_in_is_refused_and_told(rig):
    rig.browser().link()
    browser = rig.browser()
    refused = browser.back_from_company(browser.begin(rig.offer()), ada(subject="bob"))
    assert refused.status_code == 403
    assert "another identity" in refused.text
    assert told(rig) == ["linked", "sign-in-refused"]
    assert "__Host-valetkey-session" not in browser.jar


@pytest.mark.security("P1")
def test_the_company_login_cannot_come_before_slack(rig):
    """A first sign-in whose answer is sent to the company's callback right away."""
    browser = rig.browser()
    to_slack = browser.begin(rig.offer())
    refused = browser.back_from_company(to_slack)
    assert refused.status_code == 403
    assert not is_linked(rig)


@pytest.mark.security("P9")
@pytest.mark.parametrize("path", ["/sign-in/callback", "/sign-in/slack/callback"])
def test_an_answer_without_the_cookie_is_refused_and_leaves_no_event(rig, path):
    browser = rig.browser()
    to_slack = browser.begin(rig.offer())
    before = len(rig.people.store.events)
    refused = rig.browser().back(path, to_slack, "a code")
    assert refused.status_code == 403
    assert len(rig.people.store.events) == before


@pytest.mark.security("P9")
@pytest.mark.parametrize(
    "cookie", ["nonsense", "att-aaaaaaaaaaaaaaaaaaaaaaaaaa.guess", ".", "att-x.y", "a" * 5000]
)
def test_a_made_up_cookie_is_refused(rig, cookie):
    browser = rig.browser()
    to_slack = browser.begin(rig.offer())
    forger = rig.browser()
    forger.jar["__Host-valetkey-attempt"] = cookie
    assert forger.back("/sign-in/slack/callback", to_slack, "c").status_code in {403, 404}


@pytest.mark.security("P9")
def test_an_answer_with_another_state_is_refused_and_the_login_goes_on(rig):
    browser = rig.browser()
    to_slack = browser.begin(rig.offer())
    refused = browser.back_from_slack(to_slack, ADA, state="forged")
    assert refused.status_code == 403
    assert whys(rig) == ["state"]
    assert browser.back_from_slack(to_slack, ADA).status_code == 303


@pytest.mark.parametrize("query", ["", "code=x", "state=a&state=b&code=x", "state=&code=x"])
def test_an_answer_that_is_malformed_is_refused(rig, query):
    browser = rig.browser()
    browser.begin(rig.offer())
    refused = browser.get("/sign-in/slack/callback", query_string=query)
    assert refused.status_code == 403
    assert "not accepted" in refused.text


def test_a_cancelled_login_says_so_and_uses_the_link_up(rig):
    token, browser = rig.offer(), rig.browser()
    to_slack = browser.begin(token)
    refused = browser.back("/sign-in/slack/callback", to_slack, "x", error="access_denied")
    assert refused.status_code == 403
    assert "cancelled" in refused.text
    assert whys(rig) == ["denied"]
    assert browser.get(f"/sign-in/{token}").status_code == 410


@pytest.mark.security("P3")
def test_a_token_that_does_not_pass_uses_the_link_up_and_is_recorded(rig):
    token, browser = rig.offer(), rig.browser()
    to_company = browser.back_from_slack(browser.begin(token), ADA).headers["Location"]
    refused = browser.back_from_company(to_company, LoginRefused("aud", "company"))
    assert refused.status_code == 403
    assert whys(rig) == ["aud"]
    assert not is_linked(rig)
    assert browser.get(f"/sign-in/{token}").status_code == 410


def test_a_login_that_does_not_answer_leaves_the_link_good(rig):
    token, browser = rig.offer(), rig.browser()
    rig.slack.is_down = True
    refused = browser.press(f"/sign-in/{token}")
    assert refused.status_code == 503
    assert "does not answer" in refused.text
    rig.slack.is_down = False
    to_slack = browser.begin(token)
    to_company = browser.back_from_slack(to_slack, ADA).headers["Location"]
    rig.company.is_down = True
    assert browser.back_from_company(to_company).status_code == 503
    rig.company.is_down = False
    again = browser.begin(token)
    assert again.startswith("https://login.acme.example/")  # Slack is proven already
    assert browser.back_from_company(again).status_code == 200
    assert whys(rig) == ["unavailable", "unavailable"]


def test_slack_without_team_and_user_is_refused(rig):
    browser = rig.browser()
    to_slack = browser.begin(rig.offer())
    code = rig.slack.code_for(ada(claims={"sub": "x"}))
    refused = browser.back("/sign-in/slack/callback", to_slack, code)
    assert refused.status_code == 403
    assert whys(rig) == ["slack-account-missing"]


def test_a_draft_goes_on_after_the_sign_in_and_the_page_says_so(rig):
    browser = rig.browser()
    done = browser.link(draft="req-1")
    person = known_account(ADA, ports=rig.people).person.id
    assert rig.drafts.submitted == [(person, "req-1")]
    assert "on its way" in done.text
    assert "waits for approval" in done.text


def test_a_draft_that_is_refused_is_told_and_undoes_no_sign_in(rig):
    reasons = (Reason("may-ask", holds=False),)
    rig.drafts.outcome = Refused(reasons)
    done = rig.browser().link(draft="req-1")
    assert done.status_code == 200
    assert "was not sent" in done.text
    assert is_linked(rig)


def test_without_a_draft_nothing_is_submitted(rig):
    rig.drafts.outcome = RequestState.PENDING
    rig.browser().link()
    assert rig.drafts.submitted == []


@pytest.mark.security("P4")
def test_a_login_without_groups_is_said_to_be_one(rig):
    done = rig.browser().link(login=ada(groups=None))
    assert "groups are not known" in done.text


@pytest.mark.security("P9")
def test_the_session_is_new_at_each_sign_in_and_the_old_one_is_gone(rig):
    browser = rig.browser()
    browser.link()
    old = browser.jar["__Host-valetkey-session"]
    assert "Ada Lovelace" in browser.get("/").text
    browser.back_from_company(browser.begin(rig.offer()))
    assert browser.jar["__Host-valetkey-session"] != old
    thief = rig.browser()
    thief.jar["__Host-valetkey-session"] = old
    assert "Nobody is signed in" in thief.get("/").text


@pytest.mark.security("P9")
def test_a_session_planted_before_a_sign_in_is_not_the_one_after_it(rig):
    browser = rig.browser()
    browser.jar["__Host-valetkey-session"] = "planted"
    browser.link()
    assert browser.jar["__Host-valetkey-session"] != "planted"


@pytest.mark.security("D1")
def test_names_from_slack_and_the_login_are_never_markup(rig):
    evil = '<img src=x onerror=alert(1)>"\u202e\x1b'
    rig.labels[ADA] = evil
    page = rig.browser().get(f"/sign-in/{rig.offer()}")
    assert "<img src=x" not in page.text
    assert "&lt;img src=x" in page.text
    assert "\u202e" not in page.text
    browser = rig.browser()
    done = browser.link(login=ada(name=evil))
    for text in (done.text, browser.get("/").text):
        assert "<img src=x" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_two_tabs_of_one_browser_hold_one_attempt(rig):
    """The link opened last is the one that goes on; the other one's answer is refused."""
    browser = rig.browser()
    first = browser.begin(rig.offer())
    second = browser.begin(rig.offer())
    assert browser.back_from_slack(first, ADA).status_code == 403
    assert browser.back_from_slack(second, ADA).status_code == 303


def test_the_page_counts_the_minutes_that_are_left(rig):
    token = rig.offer()
    assert "10 more minutes" in rig.browser().get(f"/sign-in/{token}").text
    rig.people.clock.at += timedelta(minutes=9, seconds=50)
    assert "1 more minute." in rig.browser().get(f"/sign-in/{token}").text


def test_the_way_to_a_login_is_a_page_and_no_redirect_after_the_form(rig):
    """Browsers hold a redirect after a form to the policy's form-action."""
    browser = rig.browser()
    answer = browser.press(f"/sign-in/{rig.offer()}")
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert f'href="{sent_to(answer).replace("&", "&amp;")}"' in answer.text
