"""A person at a browser: the workspace's page, and the pages that a sign-in leads through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from bot.playground.idp.people import DEFAULT_PEOPLE

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator

    from tests.support.camera import Camera

NAMES = {person.key: person.name for person in DEFAULT_PEOPLE}
# A click waits for Slack's double, the bot and the cluster behind it, on a busy machine.
PATIENCE_MILLISECONDS = 20_000


class Desk:
    """One browser context; the camera takes the pages of the first sign-ins."""

    def __init__(self, context: BrowserContext, url: str, camera: Camera) -> None:
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        self.page = context.new_page()
        self.camera = camera
        self._context = context
        self._url = url

    def be(self, key: str, place: str = "messages") -> None:
        """Be somebody, somewhere: `messages`, `home`, or a channel's name."""
        self.page.goto(f"{self._url}/?as={key}&in={place}")

    def switch(self, key: str) -> None:
        """Be somebody else by the page's own switch."""
        with self.page.expect_navigation():
            self.page.get_by_test_id("person-switch").select_option(label=NAMES[key])

    def go(self, place: str) -> None:
        """Go somewhere by the rail: `app-messages`, `app-home`, `channel-<name>`."""
        self.page.get_by_test_id(place).click()
        expect(self.page.get_by_test_id(place)).to_have_attribute("aria-current", "page")

    def send(self, text: str) -> None:
        """Type a message or a slash command and send it."""
        self.page.get_by_test_id("compose").fill(text)
        self.page.get_by_test_id("send").click()

    def message(self, *said: str, button: str | None = None) -> Locator:
        """Find the last message that says all of this, and has that button; it may only be coming
        yet.
        """
        found = self.page.locator("[data-testid=message], [data-testid=ephemeral]")
        for text in said:
            found = found.filter(has_text=text)
        if button is not None:
            found = found.filter(has=self.page.get_by_role("button", name=button, exact=True))
        return found.last

    def press(self, within: Locator, name: str) -> None:
        """Press a button of a message or of Home, by what it says."""
        within.get_by_role("button", name=name, exact=True).click()

    def confirm(self) -> None:
        """Say yes to the question that is asked."""
        self.page.get_by_test_id("confirm-yes").click()

    def modal(self) -> Locator:
        """Find the modal that is open."""
        return self.page.get_by_test_id("modal")

    def submit(self) -> None:
        """Press the modal's own button."""
        self.page.get_by_test_id("modal-submit").click()

    def choose(self, action: str, query: str) -> None:
        """Type into a select of the modal, take the first option offered, and let the bot redraw
        the modal: it does so after each choice.
        """
        before = str(self.modal().get_attribute("data-key"))
        box = self.modal().get_by_test_id(f"action-{action}")
        box.click()
        box.fill(query)
        options = self.page.get_by_test_id(f"options-{action}").get_by_test_id("option")
        options.filter(has_text=query).first.click()
        expect(self.modal()).not_to_have_attribute("data-key", before)
        expect(self.modal().get_by_test_id(f"action-{action}")).to_have_value(query)

    def fill_in(self, *, namespace: str, entitlement: str, length: str, reason: str) -> None:
        """Fill in the form of /access; it is redrawn after each choice."""
        modal = self.modal()
        self.choose("cluster", "prod")
        self.choose("namespace", namespace)
        self.choose("entitlement", entitlement)
        expect(modal.get_by_text("Gives")).to_be_visible()
        modal.get_by_test_id("action-length").fill(length)
        before = str(modal.get_attribute("data-key"))
        modal.get_by_test_id("action-length").press("Enter")
        expect(modal).not_to_have_attribute("data-key", before)
        modal.get_by_test_id("action-reason").fill(reason)

    def ask(self, *, namespace: str, entitlement: str, length: str, reason: str) -> None:
        """Ask for access, from the slash command to the form's end."""
        self.send("/access")
        self.fill_in(namespace=namespace, entitlement=entitlement, length=length, reason=reason)
        self.submit()
        expect(self.modal()).to_have_count(0)

    def sign_in(self, link: Locator, key: str) -> str:
        """Open a sign-in link and go through to the end; gives what the last page says."""
        with self._context.expect_page() as opened:
            link.click()
        page = opened.value
        page.wait_for_load_state()
        first = page.get_by_role("heading", name="Link your Slack account").is_visible()
        self.camera.whole(page, "web-link" if first else "web-sign-in-again")
        page.get_by_role("button", name="Continue").click()
        if first:
            # The first sign-in goes by Slack, later ones only by the company's login.
            page.get_by_test_id("signin-allow").wait_for()
            self.camera.whole(page, "slack-consent")
            page.get_by_test_id("signin-allow").click()
        person = page.get_by_role("button", name=f"Sign in as {NAMES[key]}").last
        person.wait_for()
        self.camera.whole(page, "company-login")
        person.click()
        expect(page.get_by_role("heading", name="signed in")).to_be_visible()
        said = page.locator("main").inner_text()
        self.camera.whole(page, "web-signed-in" if "request" not in said else "web-draft-sent")
        page.close()
        return said
