"""Who is told of which findings, once, and when nobody is told anything."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from grants.outbox.model import Notice, Place, PlaceKind
from grants.policy.model import Policy
from grants.policy.review_model import Digest, ReviewPolicy, Scope
from grants.policy.who import Notify
from grants.review.details import detail_of
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

    def untold(self, cluster: str) -> tuple[Untold, ...]:
        return tuple(one for one in self.rows if one.finding.cluster == cluster)

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
    assert tell_findings("prod", ports=stage) == 1
    (notice,) = stage.notices
    assert notice.place == PLATFORM
    assert shown(notice) == ["b", "a"]
    assert shown(notice, "resolved") == ["c"]
    assert [notice.facts[kind] for kind in News] == ["1", "1", "1"]
    assert tell_findings("prod", ports=stage) == 0
    assert len(stage.notices) == 1


def test_it_is_silent_when_nothing_changed_and_where_no_digest_is_named() -> None:
    assert tell_findings("prod", ports=Stage((digest("#platform"),))) == 0
    unnamed = Stage((), [news(finding("a"))])
    assert tell_findings("prod", ports=unnamed) == 0
    assert unnamed.told == {}


def test_what_no_digest_is_about_stays_untold() -> None:
    scope = Scope(rules=frozenset({"a"}))
    stage = Stage((digest("#platform", at_least="high", scope=scope),))
    low, other = finding("a", Severity.LOW), finding("b")
    stage.rows = [news(low), news(other)]
    assert tell_findings("prod", ports=stage) == 0
    assert [one.finding for one in stage.rows] == [low, other]


def test_owners_and_people_are_told_where_they_ever_signed_in() -> None:
    notify = Notify(people=("erin@example.com", "gone@example.com"))
    person = Place(PlaceKind.PERSON, ERIN.person)
    stage = Stage((Digest(notify),), [news(finding("a"))])
    assert tell_findings("prod", ports=stage) == 1
    assert stage.notices[0].place == person
    mine, nobodys = finding("a", owner="erin@example.com"), finding("b", owner="team-shop")
    owned = Stage((digest(owners=True),), [news(mine), news(nobodys)])
    assert tell_findings("prod", ports=owned) == 1
    assert shown(owned.notices[0]) == ["a"]
    assert owned.told == {mine.key: News.NEW}


def test_many_are_counted_and_the_worst_of_them_shown() -> None:
    stage = Stage((digest("#platform"),))
    stage.rows = [news(finding(f"r{number:03}")) for number in range(SHOWN + 5)]
    tell_findings("prod", ports=stage)
    (notice,) = stage.notices
    assert notice.facts["new"] == str(SHOWN + 5)
    assert len(shown(notice)) == SHOWN
