"""Findings over time and over clusters: new, back again, gone, and who differs from the rest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from grants.authz.objects import Subject
from grants.review.finding import Aside, Finding, Severity, Verdict
from grants.review.spread import spread
from grants.review.tracking import Changes, State, is_news, known_of, track

DAY = timedelta(days=1)
NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
ONE = Finding(
    rule="secrets-read",
    severity=Severity.HIGH,
    cluster="prod",
    title="may read Secrets",
    fix="Name them.",
    subject=Subject("ServiceAccount", "app", "shop"),
    permission=("get secrets in core",),
)
TWO = replace(ONE, rule="secrets-write")
ALL = frozenset({"prod"})


def after(*days: tuple[Finding, ...]) -> Changes:
    """Track findings day by day."""
    changes = track((), days[0], NOON, ALL)
    for number, found in enumerate(days[1:], start=1):
        changes = track(changes.known(), found, NOON + number * DAY, ALL)
    return changes


def test_what_was_not_known_is_new_once() -> None:
    assert after((ONE,)).states == {ONE.key: State.NEW}
    assert after((ONE,), (ONE,)).states == {ONE.key: State.KNOWN}


def test_since_when_it_is_there_stays() -> None:
    (found,) = after((ONE,), (replace(ONE, severity=Severity.LOW),)).findings
    assert (found.first_seen, found.severity) == (NOON, Severity.LOW)


def test_what_is_gone_is_resolved_by_itself_and_stays_so() -> None:
    first, later = after((ONE, TWO), (TWO,)), after((ONE, TWO), (TWO,), (TWO,))
    for changes in (first, later):
        (gone,) = changes.resolved
        assert (gone.key, gone.resolved_at) == (ONE.key, NOON + DAY)


def test_what_comes_back_is_reopened_and_no_second_finding() -> None:
    changes = after((ONE,), (), (ONE,))
    assert changes.states == {ONE.key: State.REOPENED}
    assert changes.findings[0].first_seen == NOON
    assert changes.resolved == ()
    assert after((ONE,), (), (ONE,), (ONE,)).states == {ONE.key: State.KNOWN}


def test_nothing_is_gone_where_not_all_was_read_or_nobody_looked() -> None:
    known = [known_of(one) for one in after((ONE,)).findings]
    for whole in (frozenset[str](), frozenset({"stage"})):
        changes = track(known, (), NOON + DAY, whole)
        assert changes.resolved == ()


def test_what_can_not_be_judged_this_time_has_not_gone() -> None:
    changes = after((ONE,), (replace(ONE, verdict=Verdict.INSUFFICIENT),))
    assert (changes.states, changes.resolved) == ({ONE.key: State.KNOWN}, ())


def test_what_was_not_tracked_is_not_kept() -> None:
    with pytest.raises(ValueError, match="tracked"):
        known_of(ONE)


@pytest.mark.parametrize(
    ("finding", "state", "news"),
    [
        (ONE, State.NEW, True),
        (ONE, State.REOPENED, True),
        (ONE, State.KNOWN, False),
        (replace(ONE, aside=Aside.SYSTEM), State.NEW, False),
        (replace(ONE, verdict=Verdict.INSUFFICIENT), State.NEW, False),
    ],
)
def test_people_hear_of_what_is_new_and_theirs_to_mend(
    finding: Finding, state: State, *, news: bool
) -> None:
    assert is_news(finding, state) is news


CLUSTERS = [f"c{number}" for number in range(30)]


def test_one_operator_in_thirty_clusters_is_one_finding_in_thirty_places() -> None:
    (one,) = spread([replace(ONE, cluster=cluster) for cluster in CLUSTERS], CLUSTERS)
    assert sorted(one.clusters) == sorted(CLUSTERS)
    assert one.differs == ()


def test_the_cluster_that_differs_is_named_with_what_differs() -> None:
    wider = replace(ONE, cluster="c17", permission=("get,list secrets in core",))
    places = [wider if c == "c17" else replace(ONE, cluster=c) for c in CLUSTERS if c != "c3"]
    (one,) = spread(places, CLUSTERS)
    assert dict(one.differs) == {
        "c17": "has also: get,list secrets in core; has not: get secrets in core",
        "c3": "lacks it",
    }


def test_what_weighs_otherwise_differs_too() -> None:
    places = [replace(ONE, cluster=c) for c in CLUSTERS[1:]]
    worse = replace(ONE, cluster="c0", severity=Severity.CRITICAL)
    (one,) = spread([*places, worse], CLUSTERS)
    assert one.differs == (("c0", "is critical there"),)
    assert one.finding.cluster == "c0"


def test_what_one_cluster_has_alone_is_said() -> None:
    (one,) = spread([replace(ONE, cluster="c9")], CLUSTERS)
    assert one.differs == (("c9", "has it alone"),)


def test_of_two_clusters_or_of_many_kinds_nobody_is_the_odd_one() -> None:
    (pair,) = spread([replace(ONE, cluster="c0")], ["c0", "c1"])
    assert pair.differs == ()
    (half,) = spread([replace(ONE, cluster=c) for c in CLUSTERS[:15]], CLUSTERS)
    assert half.differs == ()
    (some,) = spread([replace(ONE, cluster=c) for c in CLUSTERS[:5]], CLUSTERS)
    assert some.differs == ()


def test_different_findings_stay_apart_worst_first() -> None:
    worse = replace(TWO, severity=Severity.CRITICAL)
    assert [one.finding.rule for one in spread([ONE, worse], ["prod", "x"])] == [
        "secrets-write",
        "secrets-read",
    ]


def test_the_findings_of_one_cluster_stay_as_they_come() -> None:
    assert [one.finding for one in spread([TWO, ONE], ["prod"])] == [TWO, ONE]
