"""The HTML report: names are text, nothing is loaded, what is left out is said."""

import hashlib
import json
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser
from time import process_time

import pytest

from bot.review_report import contents
from bot.review_report.html import render_html
from grants.authz.objects import Subject
from grants.authz.paths.find import find_paths
from grants.authz.paths.surroundings import Surroundings
from grants.authz.rbac import Rbac
from grants.review.scan import Scan
from tests.support.review_scans import (
    HOSTILE,
    broken,
    estate_scan,
    finding,
    known,
    nothing,
    one_of_each,
    scan_of,
)

# Elements that close themselves.
VOID = {"meta", "input", "rect", "path", "circle", "br", "link"}


class Page(HTMLParser):
    """Reads a page as a browser does: which elements there are, and what is left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.setdefault(self._open[-1] if self._open else "", []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


SCANS = {
    "each": scan_of(one_of_each()),
    "known-and-broken": broken(known(scan_of(one_of_each()))),
    "paths": estate_scan(),
    "nothing": nothing(),
}


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
def test_every_element_is_closed_and_every_id_is_there_once(scan: Scan) -> None:
    page = Page(render_html(scan))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"] or "" for attrs in page.all("a")]
    assert {link[1:] for link in links} <= set(ids)


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
def test_nothing_is_loaded_and_only_its_own_script_runs(scan: Scan) -> None:
    text = render_html(scan)
    page = Page(text)
    for _, attrs in page.elements:
        assert not set(attrs) & {"src", "style", "srcset", "action", "data-src"}
        assert not [name for name in attrs if name.startswith("on")]
    assert all((attrs["href"] or "").startswith("#") for attrs in page.all("a"))
    assert page.all("link") == []
    assert re.findall(r"url\((?!#tip-)", text) == []
    assert re.findall(r"https?://", text) == []
    (policy,) = [attrs["content"] for attrs in page.all("meta") if "http-equiv" in attrs]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    for tag in ("style", "script"):
        own = page.text[tag][-1]
        digest = b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_names_of_objects_are_never_markup() -> None:
    hostile = [
        finding(1, subject=Subject("User", HOSTILE), title=HOSTILE, fix=HOSTILE, owner=HOSTILE),
        finding(2, cluster=HOSTILE, evidence=("</script><script>alert(2)</script>",)),
        finding(3, permission=("<!--<script>",), namespace="\u2028"),
    ]
    look = replace(SCANS["each"].looks[0].inventory, cluster=HOSTILE)
    scan = scan_of(hostile, type(SCANS["each"].looks[0])(look))
    text = render_html(scan)
    page = Page(text)
    assert len(page.all("script")) == 2
    assert "<script>alert" not in text
    (data,) = re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert not set("<>&\u2028") & set(data)
    rows = json.loads(data)["rows"]
    assert rows[0]["title"] == HOSTILE


def test_each_finding_is_in_it_with_all_that_is_known() -> None:
    scan = known(scan_of(one_of_each()))
    rows = contents.rows(scan)
    assert [row["standing"] for row in rows] == [
        *("open", "open", "open", "insufficient", "excepted", "open", "apart"),
        *("open", "open", "open", "open"),
    ]
    assert rows[1]["file"] == "./charts/my app/rbac.yaml:12"
    assert rows[2]["file"] == "/srv/dump.json"
    assert rows[2]["owner"] == "team-2"
    assert rows[5]["fails"] == "it ended on 2026-01-01"
    assert "a part of Kubernetes" in rows[6]["apart"]
    assert {row["state"] for row in rows if "state" in row} == {"new", "back"}
    assert "through" not in rows[9]


def test_findings_are_counted_by_how_they_stand() -> None:
    assert contents.tally(one_of_each()) == {
        "critical": 1,
        "high": 4,
        "medium": 1,
        "low": 1,
        "info": 1,
        "insufficient": 1,
        "excepted": 1,
        "apart": 1,
    }


def test_many_accounts_behind_a_group_are_counted() -> None:
    many = tuple(Subject("ServiceAccount", f"a{n}", "n") for n in range(25))
    (row,) = contents.rows(scan_of([finding(1, reached=many)]))
    assert row["reaches"].endswith("n/a19 and 5 more")
    (few,) = contents.rows(scan_of([finding(1, reached=many[:2])]))
    assert few["reaches"] == "n/a0, n/a1"


def test_ten_thousand_findings_are_all_there_and_few_are_drawn() -> None:
    scan = scan_of(finding(number) for number in range(10_000))
    begun = process_time()
    text = render_html(scan)
    assert process_time() - begun < 10
    page = Page(text)
    assert len(page.all("details")) == contents.DRAWN_FIRST
    assert "10,000 findings; the first 100 are shown" in text
    (data,) = re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert len(json.loads(data)["rows"]) == 10_000
    assert len(text) < 12_000_000


def test_what_was_used_is_drawn_where_something_was_heard() -> None:
    scan = estate_scan()
    assert "ci/runner" in "".join(Page(render_html(scan)).text["span"])
    assert "Nothing was heard of use" in render_html(estate_scan(with_use=False))
    (bars,) = contents.bars(scan)
    runner = next(bar for bar in bars.bars if bar.name == "ci/runner")
    assert (runner.used, runner.unused, runner.unsure) == (1, 2, 0)
    assert sum(runner.widths) == pytest.approx(100, abs=0.1)
    unknown = {bar.name for bar in bars.bars if bar.unsure}
    assert "platform/operator" in unknown


def test_the_first_bars_are_drawn_and_the_others_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contents, "BARS_MOST", 3)
    (bars,) = contents.bars(estate_scan())
    assert len(bars.bars) == 3
    assert bars.left_out == 5


def test_paths_are_drawn_cut_and_said_in_words() -> None:
    (ways,) = contents.ways(estate_scan())
    assert ways.accounts == 8
    assert ways.cuts[0].binding == "RoleBinding ci/ci-deployer"
    first = ways.paths[0]
    assert (first.start, first.goal, len(first.steps)) == ("ci/builder", "cluster-admin", 3)
    assert first.steps[0][1] == "starts a pod as ci/runner"
    assert first.certain


def test_what_could_not_be_read_is_told_with_its_place() -> None:
    text = render_html(broken(scan_of(())))
    assert "This is a partial look." in text
    assert "broken.yaml:3" in text
    assert "Nothing was found." in text
    assert "This is a partial look." not in render_html(nothing())


def test_more_clusters_than_can_be_drawn_are_counted() -> None:
    one = estate_scan()
    looks = tuple(
        type(look)(replace(look.inventory, cluster=f"c{number}"))
        for number, look in enumerate(one.looks * 8)
    )
    reviews = tuple(replace(one.reviews[0], cluster=look.cluster) for look in looks)
    text = render_html(Scan(looks, reviews, one.findings, paths=one.paths * 8))
    assert "Review of c0, c1, c2 and 5 more" in text
    assert "2 more clusters are not drawn here" in text
    Page(text)


def test_paths_that_were_not_looked_for_are_not_said_to_be_none() -> None:
    assert "They were not looked for." in render_html(scan_of(one_of_each()))
    none = replace(estate_scan(), paths=(find_paths(Rbac((), ()), Surroundings()),))
    assert "No account gets to a goal by what was seen." in render_html(none)
