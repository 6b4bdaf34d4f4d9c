"""Whether not having seen something means anything."""

from datetime import UTC, date, datetime, timedelta

import pytest

from grants.usage.coverage import Coverage, Judging, Lack, Loss, Span, could_have_seen, coverage_of
from grants.usage.model import Kind, VerbClass, Whose, verb_class
from grants.usage.seen import Traced
from grants.usage.verdict import TooYoung, WindowRule, Windows, looked_at, too_young
from tests.support.audit import START, event, lines, read

NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
WINDOW = looked_at(NOW, timedelta(days=30))
READS = Kind(VerbClass.READ, "", "secrets")
HOUR = timedelta(hours=1)
ALL_MINUTES = (1 << 60) - 1


def days(first: date, last: date, *but: date) -> tuple[date, ...]:
    every = ((first + timedelta(days=n)) for n in range((last - first).days + 1))
    return tuple(day for day in every if day not in but)


def hours(start: datetime, end: datetime) -> dict[datetime, int]:
    start = start.replace(minute=0)
    count = int((end - start) / HOUR) + 1
    return {start + n * HOUR: ALL_MINUTES for n in range(count)}


BEFORE = WINDOW.start - timedelta(days=2)
SEEN = days(BEFORE.date(), NOW.date())


def heard(**changes) -> Coverage:
    """A cluster that was heard every minute, with reads of secrets by accounts on every day."""
    whole = {
        "hours": hours(BEFORE, NOW),
        "days": {Traced(READS, Whose.ACCOUNT): SEEN},
    }
    return Coverage("prod", **(whole | changes))


def lacks(coverage: Coverage, kind: Kind = READS, **judging) -> list[Lack]:
    evidence = could_have_seen(coverage, kind, WINDOW, Judging(**judging))
    assert evidence.sufficient is not bool(evidence.missing)
    return [each.lack for each in evidence.missing]


def test_what_was_heard_for_the_whole_window_is_sufficient():
    assert lacks(heard()) == []


def test_of_a_cluster_of_which_nothing_was_read_nothing_is_concluded():
    assert lacks(Coverage("prod")) == [Lack.NOTHING_SEEN]


def test_a_policy_that_drops_reads_says_nothing_about_reads():
    writes = Kind(VerbClass.WRITE, "", "secrets")
    coverage = heard(days={Traced(writes, Whose.ACCOUNT): SEEN})
    assert lacks(coverage, writes) == []
    assert lacks(coverage, READS) == [Lack.KIND_NOT_SEEN]
    assert lacks(coverage, Kind(VerbClass.WRITE, "", "pods")) == [Lack.KIND_NOT_SEEN]


def test_a_log_that_leaves_accounts_out_says_nothing_about_accounts():
    coverage = heard(days={Traced(READS, Whose.OTHER): SEEN})
    assert lacks(coverage) == [Lack.ACCOUNTS_NOT_SEEN]


def test_accounts_that_read_other_things_show_that_their_reads_are_logged():
    pods = Kind(VerbClass.READ, "", "pods")
    coverage = heard(
        days={Traced(READS, Whose.OTHER): SEEN, Traced(pods, Whose.ACCOUNT): SEEN},
    )
    assert lacks(coverage) == []


def test_hearing_that_began_within_the_window_is_not_enough():
    late = WINDOW.start + timedelta(days=3)
    since = days(late.date(), NOW.date())
    coverage = heard(hours=hours(late, NOW), days={Traced(READS, Whose.ACCOUNT): since})
    assert lacks(coverage) == [Lack.BEGAN_LATE, Lack.KIND_BEGAN_LATE]


@pytest.mark.parametrize(("minutes", "is_gap"), [(59, False), (61, True), (600, True)])
def test_silence_of_a_cluster_is_a_gap_when_it_is_too_long(minutes, is_gap):
    quiet_from = WINDOW.start + timedelta(days=9)
    quiet_to = quiet_from + timedelta(minutes=minutes)
    some = {
        hour: sum(
            1 << minute
            for minute in range(60)
            if not quiet_from < hour + timedelta(minutes=minute) < quiet_to
        )
        for hour in hours(BEFORE, NOW)
    }
    some = {hour: mask for hour, mask in some.items() if mask}
    evidence = could_have_seen(heard(hours=some), READS, WINDOW)
    assert [each.lack for each in evidence.missing] == ([Lack.GAP] if is_gap else [])
    if is_gap:
        assert evidence.missing[0].span == Span(quiet_from, quiet_to)


def test_a_log_that_ends_before_now_says_nothing_about_now():
    assert lacks(heard(hours=hours(BEFORE, NOW - timedelta(days=1)))) == [Lack.GAP]


def test_a_kind_that_falls_silent_may_have_been_dropped_from_the_log():
    quiet = days(date(2026, 5, 10), date(2026, 5, 20))
    coverage = heard(days={Traced(READS, Whose.ACCOUNT): days(SEEN[0], SEEN[-1], *quiet)})
    assert lacks(coverage) == [Lack.KIND_SILENT, Lack.ACCOUNTS_NOT_SEEN]
    assert lacks(coverage, silence=timedelta(days=12)) == []


def test_a_kind_that_is_silent_at_the_end_may_have_been_dropped_as_well():
    coverage = heard(days={Traced(READS, Whose.ACCOUNT): SEEN[:20]})
    assert Lack.KIND_SILENT in lacks(coverage)


def test_what_was_lost_may_have_been_the_one_that_counts():
    lost = Loss(WINDOW.start + timedelta(days=1), "broken", 3)
    assert lacks(heard(losses=(lost,))) == [Lack.LOSSES]
    assert lacks(heard(losses=(lost,)), losses=3) == []
    long_ago = Loss(WINDOW.start - timedelta(days=1), "broken", 3)
    assert lacks(heard(losses=(long_ago,))) == []


@pytest.mark.parametrize("verb", ["bind", "escalate", "approve", "sign", "use", "*"])
def test_a_verb_that_no_event_bears_is_never_unused(verb):
    kind = Kind(verb_class(verb), "rbac.authorization.k8s.io", "clusterroles")
    assert lacks(heard(), kind) == [Lack.UNSEEN_VERB]


def test_impersonation_is_seen_on_whatever_accounts_are_seen_to_do():
    writes = Kind(VerbClass.WRITE, "", "pods")
    both = {Traced(kind, Whose.ACCOUNT): SEEN for kind in (READS, writes)}
    assert lacks(heard(days=both), Kind(verb_class("impersonate"), "", "users")) == []


@pytest.mark.parametrize("of", [VerbClass.READ, VerbClass.WRITE])
def test_where_a_class_is_dropped_so_is_what_is_done_as_another(of):
    """A controller that only reads as others was said not to use that, where reads are dropped."""
    only_one = {Traced(Kind(of, "", "pods"), Whose.ACCOUNT): SEEN}
    impersonating = Kind(verb_class("impersonate"), "", "users")
    assert lacks(heard(days=only_one), impersonating) == [Lack.ACCOUNTS_NOT_SEEN]


@pytest.mark.parametrize(
    ("verb", "subresource", "found"),
    [
        ("get", "", VerbClass.READ),
        ("watch", "", VerbClass.READ),
        ("deletecollection", "", VerbClass.WRITE),
        ("create", "exec", VerbClass.CONNECT),
        ("get", "portforward", VerbClass.CONNECT),
        ("update", "proxy", VerbClass.CONNECT),
        ("get", "log", VerbClass.READ),
        ("impersonate-on:user-info:get", "", VerbClass.IMPERSONATE),
        ("bind", "", VerbClass.UNSEEN),
    ],
)
def test_verbs_have_classes(verb, subresource, found):
    assert verb_class(verb, subresource) is found


def test_coverage_is_made_of_what_was_read():
    some = [event(n, START + timedelta(days=n, minutes=n)) for n in range(3)]
    part = read(lines(*some)).parts["prod"]
    coverage = coverage_of("prod", part.seen, part.losses)
    assert coverage.since == START
    kind = Kind(VerbClass.READ, "", "configmaps")
    assert coverage.heard_on(kind) == days(START.date(), START.date() + timedelta(days=2))
    assert len(coverage.gaps(Span(START, START + timedelta(days=3)), HOUR)) == 3


def test_no_verdict_until_all_that_it_rests_on_is_older_than_the_window():
    month, old, young = timedelta(days=30), NOW - timedelta(days=31), NOW - timedelta(days=29)
    assert too_young(NOW, month, account=old, binding=old, tracking=old) == ()
    assert too_young(NOW, month, account=young, binding=old, tracking=None) == (
        TooYoung("account", young, young + month),
        TooYoung("tracking", None, None),
    )
    assert too_young(NOW, month, account=old, binding=None, tracking=old)[0].what == "binding"
    assert too_young(NOW, month, account=old, binding=None, tracking=old, has_binding=False) == ()


def test_the_longest_window_that_fits_counts():
    windows = Windows(
        timedelta(days=90),
        (
            WindowRule(timedelta(days=400), account="yearly-*"),
            WindowRule(timedelta(days=30), namespace="sandbox-*"),
            WindowRule(timedelta(days=10), rule="stale-account", namespace="sandbox-1"),
        ),
    )
    assert windows.of("stale-account", "shop", "web") == timedelta(days=90)
    assert windows.of("unused-permission", "sandbox-1", "web") == timedelta(days=30)
    assert windows.of("stale-account", "sandbox-1", "yearly-report") == timedelta(days=400)
