"""A reviewer in Slack: the digest, the list, one finding, keeping it, and what is not theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from bot.playground.cluster.plane import EmbeddedPlane
from bot.playground.idp.install import PackagesMissingError, ensure
from bot.playground.overpowered import CHANNEL
from bot.playground.town import Town
from tests.support.desk import Desk
from tests.support.parts import missing_parts
from tests.support.trusting import trusting_chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.playground.certs import Authority
    from tests.support.camera import Camera

pytestmark = [pytest.mark.needs_browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def town(
    pytestconfig: pytest.Config, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """A town whose cluster is reviewed."""
    try:
        ensure()
    except PackagesMissingError as error:
        missing_parts(pytestconfig).lacks("identity provider", error)
    folder = tmp_path_factory.mktemp("reviewed")
    with Town(folder, authority, reviewed=True) as made:
        issuer = made.start_provider()
        with EmbeddedPlane(folder / "plane", authority, issuers=[issuer]) as plane:
            made.join_cluster(plane)
            made.start_bot()
            yield made
            made.stop_bot()


def test_a_reviewer_looks_keeps_one_and_hands_another_on(
    pytestconfig: pytest.Config,
    town: Town,
    camera: Camera,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("home")
    with trusting_chromium(home, town.authority.ca_file) as browser:
        ada = Desk(browser.new_context(), town.slack_url, camera)
        ada.be("ada")
        ada.send("/access")
        ada.sign_in(ada.message("sign in first").get_by_role("link", name="Sign in"), "ada")
        ada.be("ada", CHANNEL)
        digest = ada.message("Service accounts of prod")
        expect(digest).to_contain_text("shop-prod/deployer")
        stands = digest.element_handle()
        ada.send("I look at these")
        expect(ada.message("I look at these")).to_be_visible()
        # What somebody reads or is about to press is not drawn anew for what comes after it.
        assert stands.evaluate("one => one.isConnected")
        camera.part(digest, "review-digest")
        ada.press(digest, "Look at findings")
        expect(ada.modal()).to_contain_text("payments-prod/backup")
        camera.page(ada.page, "review-list")
        ada.modal().get_by_role("button", name="Look", exact=True).first.click()
        expect(ada.modal()).to_contain_text("take ClusterRoleBinding deployer away")
        camera.page(ada.page, "review-finding")
        ada.press(ada.modal(), "Keep…")
        expect(ada.modal()).to_contain_text("Why may it stay?")
        ada.modal().get_by_test_id("action-reason").fill(
            "It sets the cluster up until its own role is there, SHOP-211"
        )
        camera.page(ada.page, "review-keep")
        ada.submit()
        expect(ada.modal()).to_contain_text("Kept to the end of")
        ada.page.get_by_test_id("modal-x").click()
        expect(ada.modal()).to_have_count(0)
        ada.send("/access review")
        listed = ada.message("findings to act on")
        expect(listed).not_to_contain_text("shop-prod/deployer")
        camera.part(listed, "review-command")
        listed.get_by_role("button", name="Look", exact=True).nth(1).click()
        expect(ada.modal()).to_contain_text("payments-prod/backup")
        ada.press(ada.modal(), "Not mine")
        expect(ada.modal()).to_contain_text("You said that this is not yours")
        camera.page(ada.page, "review-not-mine")
        ada.page.get_by_test_id("modal-x").click()
        expect(ada.modal()).to_have_count(0)
        ada.be("ada", "home")
        expect(ada.page.get_by_test_id("home")).to_contain_text("For reviewers: service accounts")
        camera.page(ada.page, "home-reviewer")
