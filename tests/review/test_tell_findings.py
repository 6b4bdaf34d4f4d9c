"""Who is told of which findings, once, and when nobody is told anything."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from grants.outbox.model import Notice, Place, PlaceKind
from grants.policy.model import Policy
from grants.policy.review_model import Digest, ReviewPolicy, Scope
from grants.policy.who import Notify
from grants.review.details import Detail, detail_of
from grants.review.finding import Finding, Severity
from grants.review.news import News, Untold
from grants.review.tell_findings import SHOWN, tell_findings
from tests.support.card_facts import ERIN
from tests.support.policies import policy

PLATFORM = Place(PlaceKind.CHANNEL, "#platform")


@dataclass
class Stage:
    """Rows of news in memory, and what was told."""

    digests: tuple[Digest, ...]
    rows: list[Untold] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    told: dict[str, News] = field(default_factory=dict)
    known: list[Detail] = field(default_factory=list)

    @property
    def store(self) -> Any:
        return self

    @property
    def policy(self) -> Any:
        return self

    def current(self) -> Policy:
        return replace(policy(), review=ReviewPolicy(digests=self.digests))

    @contextmanager
    def write(self) -> Iterator[Any]:
        yield self

    def untold(self, clusters: Sequence[str]) -> tuple[Untold, ...]:
        return tuple(one for one in self.rows if one.finding.cluster in clusters)

    def open_places(
        self, fingerprints: Sequence[str], clusters: Sequence[str]
    ) -> tuple[Detail, ...]:
        there = [*self.known, *(one.detail for one in self.rows if one.news is not News.GONE)]
        return tuple(
            one
            for one in there
            if one.finding.fingerprint in fingerprints and one.finding.cluster in clusters
        )

    def note_told(self, news: Mapping[str, News]) -> None:
        self.told.update(news)
        self.rows = [one for one in self.rows if one.finding.key not in news]

    def notify(self, notice: Notice) -> None:
        self.notices.append(notice)

    def people_with_email(self, email: str) -> tuple[Any, ...]:
        return (ERIN.known,) if email == "erin@example.com" else ()


def finding(rule: str, severity: Severity = Severity.HIGH, owner: str = "") -> Finding:
    return Finding(rule=rule, severity=severity, cluster="prod", title=rule, fix="", owner=owner)


def news(one: Finding, kind: News = News.NEW) -> Untold:
    return Untold(detail_of(one), kind)


def digest(*channels: str, at_least: str = "medium", **more: Any) -> Digest:
    return Digest(Notify(channels=channels), at_least=at_least, **more)


def shown(notice: Notice, which: str = "worst") -> list[str]:
    return [line[3] for line in json.loads(notice.facts[which])]


def test_a_place_is_told_in_one_message_worst_first_and_only_once() -> None:
    stage = Stage((digest("#platform"), digest("#platform", at_least="high")))
    stage.rows = [
        news(finding("a", Severity.MEDIUM)),
        news(finding("b", Severity.CRITICAL), News.BACK),
        news(finding("c"), News.GONE),
    ]
    assert tell_findings(["prod"], ports=stage) == 1
    (notice,) = stage.notices
    assert notice.place == PLATFORM
    assert shown(notice) == ["b", "a"]
    assert shown(notice, "resolved") == ["c"]
    assert [notice.facts[kind] for kind in News] == ["1", "1", "1"]
    assert tell_findings(["prod"], ports=stage) == 0
    assert len(stage.notices) == 1


def test_it_is_silent_when_nothing_changed_and_where_no_digest_is_named() -> None:
    assert tell_findings(["prod"], ports=Stage((digest("#platform"),))) == 0
    unnamed = Stage((), [news(finding("a"))])
    assert tell_findings(["prod"], ports=unnamed) == 0
    assert unnamed.told == {}


def test_what_no_digest_is_about_stays_untold() -> None:
    scope = Scope(rules=frozenset({"a"}))
    stage = Stage((digest("#platform", at_least="high", scope=scope),))
    low, other = finding("a", Severity.LOW), finding("b")
    stage.rows = [news(low), news(other)]
    assert tell_findings(["prod"], ports=stage) == 0
    assert [one.finding for one in stage.rows] == [low, other]


def test_owners_and_people_are_told_where_they_ever_signed_in() -> None:
    notify = Notify(people=("erin@example.com", "gone@example.com"))
    person = Place(PlaceKind.PERSON, ERIN.person)
    stage = Stage((Digest(notify),), [news(finding("a"))])
    assert tell_findings(["prod"], ports=stage) == 1
    assert stage.notices[0].place == person
    mine, nobodys = finding("a", owner="erin@example.com"), finding("b", owner="team-shop")
    owned = Stage((digest(owners=True),), [news(mine), news(nobodys)])
    assert tell_findings(["prod"], ports=owned) == 1
    assert shown(owned.notices[0]) == ["a"]
    assert owned.told == {mine.key: News.NEW}


def test_many_are_counted_and_the_worst_of_them_shown() -> None:
    stage = Stage((digest("#platform"),))
    stage.rows = [news(finding(f"r{number:03}")) for number in range(SHOWN + 5)]
    tell_findings(["prod"], ports=stage)
    (notice,) = stage.notices
    assert notice.facts["new"] == str(SHOWN + 5)
    assert len(shown(notice)) == SHOWN


MANY = tuple(f"c{number:02}" for number in range(30))


def in_clusters(one: Finding, clusters: Sequence[str]) -> list[Finding]:
    return [replace(one, cluster=cluster) for cluster in clusters]


def lines(notice: Notice, which: str = "worst") -> list[tuple[str, str, str]]:
    """Give what is news, the title and where, of each line."""
    return [(line[0], line[3], line[4]) for line in json.loads(notice.facts[which])]


def test_one_finding_in_many_clusters_is_told_once_with_how_many() -> None:
    """One operator in thirty clusters is one line, not thirty."""
    stage = Stage((digest("#platform"),))
    operator, other = finding("a", Severity.CRITICAL), finding("b")
    stage.rows = [news(one) for one in in_clusters(operator, MANY[:12])]
    stage.rows += [news(replace(other, cluster="c29"))]
    assert tell_findings(MANY, ports=stage) == 1
    (notice,) = stage.notices
    assert (notice.facts["new"], notice.facts["cluster"]) == ("2", "13 clusters")
    assert lines(notice) == [
        ("new", "a", "in 12 of 30 clusters: c00, c01, c02 and 9 more"),
        ("new", "b", "on c29"),
    ]
    assert len(stage.told) == 13
    assert tell_findings(MANY, ports=stage) == 0


def test_one_more_cluster_is_told_with_those_that_were_known() -> None:
    stage = Stage((digest("#platform"),))
    operator = finding("a")
    stage.known = [detail_of(one) for one in in_clusters(operator, MANY[:12])]
    stage.rows = [news(replace(operator, cluster="c20"))]
    tell_findings(MANY, ports=stage)
    assert lines(stage.notices[0]) == [("new", "a", "on c20, now in 13 of 30 clusters")]
    assert stage.notices[0].facts["cluster"] == "c20"


def test_new_here_and_back_there_is_new_and_gone_stands_by_itself() -> None:
    stage = Stage((digest("#platform"),))
    operator = finding("a")
    one, two, three = in_clusters(operator, MANY[:3])
    stage.rows = [news(one, News.BACK), news(two), news(three, News.GONE)]
    tell_findings(MANY, ports=stage)
    (notice,) = stage.notices
    assert [notice.facts[kind] for kind in News] == ["1", "0", "1"]
    assert lines(notice) == [("new", "a", "in 2 of 30 clusters: c00, c01")]
    assert lines(notice, "resolved") == [("gone", "a", "on c02, still in 2 of 30 clusters")]


def test_a_cluster_unlike_most_others_is_named() -> None:
    stage = Stage((digest("#platform"),))
    usual = replace(finding("a"), permission=("get secrets",))
    stage.rows = [news(one) for one in in_clusters(usual, MANY[:29])]
    odd = replace(usual, cluster="c29", permission=("get secrets", "delete secrets"))
    stage.rows += [news(odd)]
    tell_findings(MANY, ports=stage)
    (line,) = lines(stage.notices[0])
    assert line[2].endswith("in 30 of 30 clusters: c00, c01, c02 and 27 more; c29 has also:"
                            " delete secrets")  # fmt: skip


def test_of_a_single_cluster_nothing_is_said_of_clusters() -> None:
    stage = Stage((digest("#platform"),), [news(replace(finding("a"), namespace="shop"))])
    tell_findings(["prod"], ports=stage)
    assert lines(stage.notices[0]) == [("new", "a", "shop")]
    assert stage.notices[0].facts["cluster"] == "prod"
