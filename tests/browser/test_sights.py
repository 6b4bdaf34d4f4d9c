"""What else a person meets: mistakes, two approvers, the warning, what is stuck, the terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.opened import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from tests.support.camera import Camera
    from tests.support.desk import Desk
    from tests.support.opened import Kubectl, Opened

    LetIn = Callable[[Desk, str], None]

pytestmark = [pytest.mark.needs_browser, pytest.mark.timeout(240)]

REQUESTS = "access-requests"
VIEW, EDIT = "view-team-namespaces", "edit-payments"


def test_a_newcomer_is_led_in(desk: Callable[[], Desk], camera: Camera) -> None:
    person = desk()
    person.be("mallory", "home")
    expect(person.page.get_by_test_id("home")).to_contain_text("First sign in")
    camera.page(person.page, "home-newcomer")
    person.be("mallory")
    person.send("/access")
    first = person.message("sign in first")
    camera.part(first, "sign-in-first")
    link = first.get_by_role("link", name="Sign in")
    address = str(link.get_attribute("href"))
    person.sign_in(link, "mallory")
    camera.part(person.message("You can ask for access now"), "linked")
    person.page.goto(address)
    expect(person.page.get_by_role("heading", name="This link was already used")).to_be_visible()
    camera.whole(person.page, "web-used-link")


def test_mistakes_are_said_in_place_and_all_at_once(
    desk: Callable[[], Desk], let_in: LetIn, camera: Camera
) -> None:
    erin = desk()
    let_in(erin, "erin")
    erin.be("erin")
    erin.send("/access")
    erin.fill_in(namespace="payments-prod", entitlement=EDIT, length="9h", reason=" ")
    erin.submit()
    modal = erin.modal()
    expect(modal.get_by_role("alert").filter(visible=True)).to_have_count(2)
    camera.page(erin.page, "ask-mistakes")
    modal.get_by_test_id("modal-x").click()
    expect(modal).to_have_count(0)


def test_two_people_are_needed_for_more_power(
    desk: Callable[[], Desk], let_in: LetIn, camera: Camera, cluster_user: Kubectl
) -> None:
    erin, ada, omar = desk(), desk(), desk()
    for one, key in ((erin, "erin"), (ada, "ada"), (omar, "omar")):
        let_in(one, key)
    reason = "Rolling back checkout 4.2, INC-204"
    erin.be("erin")
    erin.ask(namespace="payments-prod", entitlement=EDIT, length="30s", reason=reason)
    omar.be("omar", "home")
    expect(omar.page.get_by_test_id("home")).to_contain_text(reason)
    camera.page(omar.page, "home-approver")
    omar.press(omar.page.get_by_test_id("home"), "Look and decide")
    expect(omar.modal().get_by_role("button", name="Approve")).to_be_visible()
    camera.page(omar.page, "look")
    omar.page.get_by_test_id("modal-x").click()
    ada.be("ada", REQUESTS)
    camera.page(ada.page, "channel", top=ada.message(reason))
    ada.press(ada.message(reason), "Approve")
    expect(ada.message(reason)).to_contain_text("1 of 2")
    camera.part(ada.message(reason), "one-of-two")
    restart = ("erin", "rollout", "restart", "deployment/payments", "--namespace", "payments-prod")
    cluster_user.until(*restart, allowed=False)
    omar.be("omar", REQUESTS)
    omar.press(omar.message(reason), "Approve")
    cluster_user.until(*restart, allowed=True)
    warned = erin.message("Your access ends soon")
    expect(warned).to_be_visible()
    camera.part(warned, "ends-soon")
    erin.send("/access status")
    camera.part(erin.message("You have", EDIT), "status")
    ended = erin.message("Ended", EDIT, "Proven: the binding is gone")
    ended.wait_for(timeout=60_000)
    camera.part(ended, "ended")
    cluster_user.until(*restart, allowed=False)
    erin.send("/access history")
    camera.part(erin.message("Your access", EDIT, "The time was up"), "history")
    erin.send("/access help")
    camera.part(erin.message("/access status:"), "help")


def test_what_cannot_be_ended_is_shown_as_stuck_until_it_can(
    opened: Opened, desk: Callable[[], Desk], let_in: LetIn, camera: Camera, cluster_user: Kubectl
) -> None:
    erin, ada, alex = desk(), desk(), desk()
    for one, key in ((erin, "erin"), (ada, "ada"), (alex, "alex")):
        let_in(one, key)
    erin.be("erin")
    erin.ask(namespace="shop-prod", entitlement=VIEW, length="10m", reason="Carts are slow, SHOP-5")
    ada.be("ada", REQUESTS)
    card = ada.message("SHOP-5", button="Approve")
    card.wait_for()
    camera.page(ada.page, "approve", top=card)
    ada.press(card, "Approve")
    active = erin.message("Active", "shop-prod", button="Give back")
    expect(active).to_be_visible()
    with stopped(opened, "kube-apiserver"):
        erin.press(active, "Give back")
        erin.confirm()
        alex.be("alex", "access-admins")
        told = alex.message("could not be taken away", "shop-prod")
        told.wait_for(timeout=90_000)
        camera.part(told, "stuck")
        alex.be("alex", "home")
        expect(alex.page.get_by_test_id("home")).to_contain_text("stuck")
        camera.page(alex.page, "home-stuck")
    erin.message("Ended", "shop-prod", "Proven: the binding is gone").wait_for(timeout=60_000)
    alex.be("alex", "access-admins")
    expect(alex.message("Solved", "shop-prod")).to_be_visible()
    cluster_user.until("erin", "get", "pods", "--namespace", "shop-prod", allowed=False)


def test_the_terminal_tells_the_same(opened: Opened, browser: Browser, camera: Camera) -> None:
    """The outputs that the README shows; the record is that of the tests before, if any."""
    page = browser.new_page()
    database = f"sqlite:///{opened.run / 'database' / 'valetkey.db'}"
    for name, arguments, says in (
        ("cli-history", ("history", "list"), "STATE"),
        ("cli-policy", ("policy", "check", "deploy/example-policy.yaml"), "entitlements"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "VALETKEY_DATABASE_URL": database},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert says.lower() in done.stdout.lower()
        camera.terminal(page, name, (f"valetkey {' '.join(arguments)}", done.stdout))
    page.close()


@contextmanager
def stopped(opened: Opened, program: str) -> Iterator[None]:
    """Let one program of this playground answer nothing for a while."""
    mine = [
        number for number, line in opened.processes().items() if program in line.partition("\0")[0]
    ]
    assert len(mine) == 1, opened.processes()
    os.kill(mine[0], signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(mine[0], signal.SIGCONT)
