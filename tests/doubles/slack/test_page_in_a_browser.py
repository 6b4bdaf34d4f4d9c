"""The page as people use it: by keyboard and mouse, wide and narrow, with the sample app behind."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import BrowserMissingError, chromium
from tests.support.parts import missing_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from slack_bolt import App

    from tests.support.slack_world import World

pytestmark = pytest.mark.needs_browser


@pytest.fixture(scope="module")
def browser(pytestconfig: pytest.Config) -> Iterator[Browser]:
    try:
        with chromium() as started:
            yield started
    except BrowserMissingError as problem:
        missing_parts(pytestconfig).lacks("browser", problem)


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["wide", "narrow"])
def page(browser: Browser, world: World, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page whose errors fail the test."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(5000)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda problem: troubles.append(str(problem)))
    page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
    yield page
    context.close()
    assert troubles == []


@pytest.mark.parametrize("app", ["socket mode"], indirect=True)
def test_asking_correcting_and_deciding(world: World, app: App, page: Page) -> None:
    page.goto(f"{world.double.url}/?as=erin&in=ops")
    page.get_by_label("Message or slash command").fill("/access")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Ask for access")
    namespace = dialog.get_by_role("combobox", name="Namespace")
    namespace.fill("prod")
    expect(page.get_by_test_id("option")).to_have_text(["prod-web", "prod-db"])
    namespace.press("ArrowDown")
    namespace.press("ArrowDown")
    namespace.press("Enter")
    expect(namespace).to_have_value("prod-db")
    namespace.fill("stag")
    expect(page.get_by_test_id("option")).to_have_text(["stage"])
    dialog.get_by_label("Reason").focus()
    expect(namespace).to_have_value("prod-db")
    dialog.get_by_label("Reason").fill("db")
    dialog.get_by_role("button", name="Ask").click()
    expect(page.get_by_test_id("error-why")).to_have_text("Say a little more.")
    expect(namespace).to_have_value("prod-db")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    dialog.get_by_label("Reason").fill("the queue is stuck")
    dialog.get_by_role("button", name="Ask").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_test_id("message")).to_contain_text("prod-db for the queue is stuck")

    page.get_by_test_id("person-switch").select_option(label="Ari Approver")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_test_id("message")).to_contain_text("approved by @ari")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    assert world.workspace.refused == []
    assert all(done.ok for done in world.double.deliveries)


@pytest.mark.parametrize("app", ["socket mode"], indirect=True)
def test_home_is_opened_and_escape_closes_a_modal(world: World, app: App, page: Page) -> None:
    page.goto(f"{world.double.url}/?as=erin&in=ops")
    narrow = page.get_by_test_id("rail-toggle")
    if narrow.is_visible():
        narrow.click()
    page.get_by_test_id("app-home").click()
    expect(page.get_by_test_id("home")).to_contain_text("Nothing waits")
    page.get_by_test_id("tab-messages").click()
    page.get_by_test_id("compose").fill("/access")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("modal")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("modal")).to_be_hidden()
    world.workspace.wait_for(lambda: world.double.deliveries[-1].payload["type"] == "view_closed")


def test_a_confirm_dialog_stands_before_the_click(world: World, page: Page) -> None:
    def text(value: str) -> dict[str, str]:
        return {"type": "plain_text", "text": value}

    confirm = {
        "title": text("Revoke?"),
        "text": text("At once."),
        "confirm": text("Revoke"),
        "deny": text("Keep"),
    }
    button = {"type": "button", "action_id": "go", "text": text("End it"), "confirm": confirm}
    world.client.chat_postMessage(
        channel=world.ops.id, text="x", blocks=[{"type": "actions", "elements": [button]}]
    )
    page.goto(f"{world.double.url}/?as=erin&in=ops")
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_role("dialog", name="Revoke?")).to_contain_text("At once.")
    page.get_by_test_id("confirm-no").click()
    assert world.double.deliveries == []
    page.get_by_role("button", name="End it").click()
    page.get_by_test_id("confirm-yes").click()
    expect(page.get_by_test_id("toast")).to_contain_text("could not be reached")
    assert len(world.double.deliveries) == 1


def test_what_others_do_appears_by_itself(world: World, page: Page) -> None:
    page.goto(f"{world.double.url}/?as=erin&in=ops")
    page.get_by_test_id("compose").fill("half a thou")
    world.ari.say("good morning", "#ops")
    expect(page.get_by_test_id("message")).to_contain_text("good morning")
    expect(page.get_by_test_id("compose")).to_have_value("half a thou")


def test_signing_in_offers_the_person_of_this_browser(world: World, page: Page) -> None:
    page.goto(f"{world.double.url}/?as=ari")
    query = {
        "response_type": "code",
        "client_id": world.double.app.client_id,
        "scope": "openid",
        "redirect_uri": "https://valetkey.example/slack/callback",
        "state": "st",
        "nonce": "no",
    }
    page.route("https://valetkey.example/**", lambda route: route.fulfill(body="back"))
    page.goto(f"{world.double.url}/openid/connect/authorize?{urlencode(query)}")
    expect(page.get_by_test_id("signin-person")).to_have_value(world.ari.id)
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("https://valetkey.example/slack/callback?code=*&state=st")
