"""The report as people use it: filters, keyboard, phone, paper, ten thousand findings, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from bot.review_report.html import render_html
from tests.support.chromium import BrowserMissingError, chromium
from tests.support.parts import missing_parts
from tests.support.review_scans import HOSTILE, estate_scan, finding, one_of_each, scan_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from grants.review.scan import Scan
    from tests.support.camera import Camera

    Opener = Callable[..., Page]

pytestmark = [pytest.mark.needs_browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def reader(pytestconfig: pytest.Config) -> Iterator[Browser]:
    """A browser without anything else of the playground."""
    try:
        with chromium() as started:
            yield started
    except BrowserMissingError as problem:
        missing_parts(pytestconfig).lacks("browser", problem)


@pytest.fixture
def opened_report(reader: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Open a report from a file. Whatever it asks for, logs or fails in fails the test."""
    contexts, troubles = [], []

    def open_it(scan: Scan, *, width: int = 1280, scheme: str = "light") -> Page:
        path = tmp_path / "report.html"
        path.write_text(render_html(scan), encoding="utf-8")
        context = reader.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            # Else pictures are of a page that scrolls.
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda problem: troubles.append(str(problem)))
        page.on("console", lambda said: troubles.append(said.text))
        page.on(
            "request", lambda asked: asked.url.startswith("file:") or troubles.append(asked.url)
        )
        page.goto(path.as_uri())
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert troubles == []


def test_the_report_is_seen_at_once(opened_report: Opener, camera: Camera) -> None:
    page = opened_report(estate_scan())
    expect(page.get_by_role("heading", name="Review of prod")).to_be_visible()
    expect(page.locator(".row")).to_have_count(17)
    camera.page(page, "report")
    page.locator(".row summary", has_text="ci/builder").click()
    expect(page.locator(".row[open] dl")).to_contain_text("starts a pod as ci/runner")
    camera.page(page, "report-finding", top=page.locator("#findings"))


def test_the_graph_leads_to_its_words(opened_report: Opener, camera: Camera) -> None:
    page = opened_report(estate_scan())
    box = page.locator("a.box", has_text="metrics")
    box.hover()
    expect(page.locator("svg.graph.pointed .box.on")).to_have_count(3)
    box.click()
    words = page.locator("[id='0-path-platform-metrics']")
    expect(words.get_by_text("mints a token of platform/operator")).to_be_visible()
    page.mouse.move(0, 0)
    camera.page(page, "report-paths", top=page.locator("#paths"))


def test_the_chart_is_seen(opened_report: Opener, camera: Camera) -> None:
    page = opened_report(estate_scan(), scheme="dark")
    expect(page.locator(".bars li").first).to_contain_text("ci/runner1 used, 2 not")
    camera.page(page, "report-used", top=page.locator("#used"))


def test_findings_are_found_by_what_is_typed_and_chosen(opened_report: Opener) -> None:
    page = opened_report(scan_of(one_of_each()))
    rows, count = page.locator(".row"), page.locator("#count")
    expect(rows).to_have_count(8)
    page.get_by_label("Standing").select_option(label="all")
    expect(rows).to_have_count(11)
    page.get_by_label("Search").fill("TEAM-2 reader-2")
    expect(rows).to_have_count(1)
    expect(count).to_have_text("1 of 11 findings, worst first.")
    page.get_by_label("Search").fill("")
    page.get_by_label("Rule").select_option("dangling-binding")
    expect(rows).to_have_count(1)
    page.get_by_label("Rule").select_option(label="every rule")
    page.get_by_text("high", exact=True).first.click()
    page.locator("label.check", has_text="high").locator("input").set_checked(False)
    expect(rows).to_have_count(4)
    page.get_by_label("Search").fill("there is no such thing")
    expect(rows).to_have_count(0)


def test_the_keyboard_is_enough(opened_report: Opener) -> None:
    page = opened_report(scan_of(one_of_each()))
    page.keyboard.press("Tab")
    expect(page.get_by_text("To the findings")).to_be_focused()
    page.locator(".row summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".row[open] dl").first).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(".row summary").nth(1)).to_be_focused()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(opened_report: Opener, width: int) -> None:
    for scan in (estate_scan(), scan_of(one_of_each())):
        page = opened_report(scan, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_names_are_text(opened_report: Opener) -> None:
    page = opened_report(scan_of(one_of_each()))
    page.locator(".row summary", has_text="alert(1)").click()
    expect(page.locator(".row[open] .who")).to_have_text(f"group {HOSTILE}")


def test_ten_thousand_findings_are_drawn_bit_by_bit(opened_report: Opener) -> None:
    page = opened_report(scan_of(finding(number) for number in range(10_000)))
    expect(page.locator(".row")).to_have_count(200)
    expect(page.locator("#count")).to_contain_text("10,000 of 10,000 findings")
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".row")).to_have_count(400)
    expect(page.locator(".row summary").nth(200)).to_be_focused()
    page.get_by_label("Search").fill("app-9999")
    expect(page.locator(".row")).to_have_count(1)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()


def test_without_a_script_the_worst_are_there(reader: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_html(scan_of(one_of_each())), encoding="utf-8")
    context = reader.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    expect(page.locator(".row")).to_have_count(11)
    expect(page.get_by_label("Search")).to_be_hidden()
    page.locator(".row summary").first.click()
    expect(page.locator(".row[open] dl")).to_contain_text("Name the objects")
    context.close()


def test_on_paper_there_are_no_controls_and_paths_are_written_out(opened_report: Opener) -> None:
    page = opened_report(estate_scan())
    page.emulate_media(media="print")
    expect(page.get_by_label("Search")).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".words").get_by_text("starts a pod as ci/runner").first).to_be_visible()
    assert page.pdf()[:4] == b"%PDF"
