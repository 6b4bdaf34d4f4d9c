"""How a request and a grant end by somebody's hand, and what an old sign-in means; by clicks."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.camera import Camera
    from tests.support.desk import Desk
    from tests.support.opened import Kubectl, Opened

    LetIn = Callable[[Desk, str], None]

pytestmark = [pytest.mark.needs_browser, pytest.mark.timeout(180)]

REQUESTS = "access-requests"
LONGER_THAN_A_SIGN_IN_COUNTS = timedelta(hours=13)


def ask_and_approve(erin: Desk, ada: Desk, reason: str, *, namespace: str, length: str) -> None:
    erin.be("erin")
    erin.ask(namespace=namespace, entitlement="view-team-namespaces", length=length, reason=reason)
    ada.be("ada", REQUESTS)
    ada.press(ada.message(reason), "Approve")
    expect(erin.message("Active", "kubectl", namespace)).to_be_visible()


def test_a_denial_says_why_and_by_whom_everywhere(
    desk: Callable[[], Desk], let_in: LetIn, camera: Camera
) -> None:
    erin, omar = desk(), desk()
    let_in(erin, "erin")
    let_in(omar, "omar")
    erin.be("erin")
    erin.ask(
        namespace="payments-prod",
        entitlement="edit-payments",
        length="30m",
        reason="Rolling back checkout 4.2, INC-204",
    )
    omar.be("omar", REQUESTS)
    card = omar.message("INC-204")
    camera.part(card, "approve-with-risks")
    omar.press(card, "Deny")
    omar.modal().wait_for()
    camera.page(omar.page, "deny")
    omar.submit()
    expect(omar.page.get_by_test_id("error-reason")).to_be_visible()
    omar.modal().get_by_label("Reason").fill("The freeze is on until Monday: ask me then.")
    omar.submit()
    expect(omar.message("INC-204")).to_contain_text("Denied by @omar")
    expect(omar.message("INC-204").get_by_role("button")).to_have_count(0)
    told = erin.message("Denied", "The freeze is on until Monday: ask me then.")
    expect(told).to_be_visible()
    camera.part(told, "denied")


def test_a_request_is_cancelled_by_who_asked(
    desk: Callable[[], Desk], let_in: LetIn, camera: Camera
) -> None:
    erin, ada = desk(), desk()
    let_in(erin, "erin")
    erin.be("erin")
    erin.ask(
        namespace="shop-dev",
        entitlement="view-team-namespaces",
        length="1h",
        reason="Where do the carts go? SHOP-12",
    )
    ada.be("ada", REQUESTS)
    expect(ada.message("SHOP-12").get_by_role("button", name="Approve")).to_be_visible()
    waiting = erin.message("Waiting for approval", "SHOP-12")
    camera.part(waiting, "waiting")
    erin.press(waiting, "Cancel")
    expect(erin.message("SHOP-12")).to_contain_text("Cancelled")
    camera.part(erin.message("SHOP-12"), "cancelled")
    expect(ada.message("SHOP-12")).to_contain_text("Cancelled")
    expect(ada.message("SHOP-12").get_by_role("button")).to_have_count(0)


def test_access_is_given_back_at_once(
    desk: Callable[[], Desk], let_in: LetIn, camera: Camera, cluster_user: Kubectl
) -> None:
    erin, ada = desk(), desk()
    let_in(erin, "erin")
    let_in(ada, "ada")
    ask_and_approve(erin, ada, "SHOP-31 is back", namespace="shop-dev", length="10m")
    cluster_user.until("erin", "get", "pods", "--namespace", "shop-dev", allowed=True)
    active = erin.message("Active", "shop-dev", button="Give back")
    camera.part(active, "active")
    erin.be("erin", "home")
    mine = erin.page.get_by_test_id("home")
    expect(mine).to_contain_text("left")
    camera.page(erin.page, "home")
    erin.be("erin")
    erin.press(erin.message("Active", "shop-dev", button="Give back"), "Give back")
    camera.page(erin.page, "give-back")
    erin.confirm()
    cluster_user.until("erin", "get", "pods", "--namespace", "shop-dev", allowed=False, seconds=5)
    ended = erin.message("Ended", "shop-dev", "Proven: the binding is gone")
    expect(ended).to_be_visible()
    camera.part(ended, "given-back")


def test_an_admin_revokes_and_says_why(
    desk: Callable[[], Desk], let_in: LetIn, camera: Camera, cluster_user: Kubectl
) -> None:
    erin, ada, alex = desk(), desk(), desk()
    for one, key in ((erin, "erin"), (ada, "ada"), (alex, "alex")):
        let_in(one, key)
    ask_and_approve(erin, ada, "SHOP-40 again", namespace="shop-prod", length="10m")
    alex.be("alex", "home")
    home = alex.page.get_by_test_id("home")
    expect(home).to_contain_text("shop-prod")
    camera.page(alex.page, "home-admin")
    alex.press(home, "Revoke")
    alex.modal().get_by_label("Reason").fill("The laptop was lost.")
    camera.page(alex.page, "revoke")
    alex.submit()
    cluster_user.until("erin", "get", "pods", "--namespace", "shop-prod", allowed=False, seconds=5)
    told = erin.message("Ended", "shop-prod", "The laptop was lost.")
    expect(told).to_be_visible()
    camera.part(told, "revoked")


def test_an_approver_with_an_old_sign_in_signs_in_and_clicks_again(
    opened: Opened, desk: Callable[[], Desk], let_in: LetIn, camera: Camera
) -> None:
    erin, ada = desk(), desk()
    let_in(erin, "erin")
    let_in(ada, "ada")
    erin.be("erin")
    erin.ask(
        namespace="shop-dev",
        entitlement="view-team-namespaces",
        length="1h",
        reason="Slow searches, SHOP-77",
    )
    age_sign_in(opened, "ada@example.com")
    ada.be("ada", REQUESTS)
    ada.press(ada.message("SHOP-77"), "Approve")
    asked = ada.message("Only visible to you", "Sign in")
    camera.part(asked, "sign-in-again")
    ada.sign_in(asked.get_by_role("link", name="Sign in"), "ada")
    expect(ada.message("SHOP-77")).to_contain_text("0 of 1")
    ada.press(ada.message("SHOP-77"), "Approve")
    expect(ada.message("SHOP-77")).to_contain_text("Approved by @ada")
    expect(ada.message("SHOP-77")).to_contain_text("Active until")
    camera.part(ada.message("SHOP-77"), "approved")


def test_what_was_asked_with_an_old_sign_in_goes_on_after_the_new_one(
    opened: Opened, desk: Callable[[], Desk], let_in: LetIn, camera: Camera
) -> None:
    erin = desk()
    let_in(erin, "erin")
    age_sign_in(opened, "erin@example.com")
    erin.be("erin")
    erin.send("/access")
    erin.fill_in(
        namespace="shop-prod",
        entitlement="view-team-namespaces",
        length="45m",
        reason="Late orders, SHOP-90",
    )
    camera.page(erin.page, "ask")
    erin.submit()
    link = erin.modal().get_by_role("link", name="Sign in")
    link.wait_for()
    camera.page(erin.page, "kept-as-draft")
    assert "is on its way" in erin.sign_in(link, "erin")
    expect(erin.message("Waiting for approval", "SHOP-90")).to_be_visible()
    erin.page.get_by_test_id("modal-x").click()
    erin.go("channel-access-requests")
    expect(erin.message("SHOP-90")).to_contain_text("45 minutes")


def age_sign_in(opened: Opened, email: str) -> None:
    """Make somebody's sign-in older than it may be, where it is kept: nobody waits for 12 hours."""
    microseconds = LONGER_THAN_A_SIGN_IN_COUNTS // timedelta(microseconds=1)
    with sqlite3.connect(opened.run / "database" / "valetkey.db") as database:
        done = database.execute(
            "UPDATE sign_ins SET auth_time = auth_time - ? WHERE person ="
            " (SELECT person FROM profiles WHERE email = ?)",
            (microseconds, email),
        )
        assert done.rowcount > 0
    database.close()
