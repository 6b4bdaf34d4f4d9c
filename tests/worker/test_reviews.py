"""Each cluster is reviewed when that is due, by whose turn it is, and what is found is kept."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import select

from bot.review_metrics import FindingGauges, ReviewMetrics
from bot.worker.reviews import AGAIN_AFTER, ON_TIME, TOLD_WITHIN, ReviewCalls, Reviews
from grants.authz.model import RoleRef
from grants.errors import StoreUnavailable
from grants.policy.model import Notify, Policy
from grants.policy.review_model import Digest, ReviewPolicy
from grants.review.inventory import KINDS, Inventory, Seen
from grants.store import tables as t
from grants.store.store import Store
from tests.support import store_fixtures as fixtures
from tests.support.policies import policy
from tests.support.rbac_objects import account, bind, role, rule
from tests.support.reviews import look_at, sa
from tests.support.store_values import FixedClock

clock = fixtures.clock
sqlite_template = fixtures.sqlite_template
sqlite_url = fixtures.sqlite_url

SOON = timedelta(seconds=10)
EVERY = timedelta(hours=6)


@dataclass
class Stage:
    """The running bot's review over a real database and clusters of a test's own."""

    store: Store
    clock: FixedClock
    policy: "Stage" = field(init=False)
    own_namespace: str | None = None
    heard: list[tuple[str, str]] = field(default_factory=list)
    now_seconds: float = 0.0
    digests: tuple[Digest, ...] = ()

    def __post_init__(self) -> None:
        self.policy = self

    def current(self) -> Policy:
        return replace(policy(), review=ReviewPolicy(digests=self.digests))

    def reviews(
        self,
        read: Callable[[str], Inventory],
        *aliases: str,
        turn: Callable[[str, timedelta], bool] = lambda *_: True,
    ) -> Reviews:
        calls = ReviewCalls(
            aliases=lambda: aliases or ("prod",),
            read=read,
            every=EVERY,
            my_turn=turn,
            heard=lambda *said: self.heard.append(said),
            ticks=lambda: self.now_seconds,
        )
        return Reviews(self, self, self.clock, calls)

    def read(self, alias: str, *verbs: str) -> Inventory:
        reads = role("reads", rule(" ".join(verbs or ("get",)), "secrets"))
        ref = RoleRef("ClusterRole", "reads")
        look = look_at(sa("app"), reads, bind("reads", ref, account("app", "shop")), cluster=alias)
        return replace(look.inventory, taken_at=self.clock.now())

    def types(self) -> list[str]:
        with self.store.read() as tx:
            return [one.canonical.decode().partition('"type":"')[2].partition('"')[0]
                    for one in tx.events()]  # fmt: skip


@pytest.fixture
def stage(sqlite_url: str, clock: FixedClock) -> Iterator[Stage]:
    with closing(fixtures.opened(sqlite_url, clock)) as store:
        yield Stage(store, clock)


def run(reviews: Reviews) -> None:
    reviews.begin()
    assert reviews.wait(SOON)


def test_a_review_is_kept_and_comes_again_when_it_is_due(stage: Stage) -> None:
    reviews = stage.reviews(stage.read)
    run(reviews)
    assert stage.heard == [("prod", "whole")]
    assert stage.types() == ["finding.new", "review.scanned"]
    stage.now_seconds += AGAIN_AFTER.total_seconds()
    run(reviews)
    run(stage.reviews(stage.read))  # and a restart brings none sooner
    assert len(stage.heard) == 1
    stage.clock.move(EVERY)
    run(reviews)
    assert stage.heard == [("prod", "whole")] * 2
    assert stage.types()[2:] == ["review.scanned"]


def test_what_comes_goes_and_comes_back_is_in_the_record(stage: Stage) -> None:
    for verbs in (("get",), ("patch",), ("get", "patch")):
        run(stage.reviews(lambda alias, verbs=verbs: stage.read(alias, *verbs)))
        stage.clock.move(EVERY)
    assert stage.types() == [
        "finding.new",
        "review.scanned",
        "finding.new",
        "finding.gone",
        "review.scanned",
        "finding.back",
        "review.scanned",
    ]


def test_of_a_cluster_without_an_answer_nothing_is_kept_and_it_is_left_alone(stage: Stage) -> None:
    asked: list[str] = []

    def silent(alias: str) -> Inventory:
        asked.append(alias)
        return Inventory(alias, stage.clock.now(), seen=dict.fromkeys(KINDS, Seen.FAILED))

    reviews = stage.reviews(silent)
    run(reviews)
    run(reviews)
    assert (asked, stage.heard, stage.types()) == (["prod"], [("prod", "no-answer")], [])
    stage.now_seconds += AGAIN_AFTER.total_seconds()
    run(reviews)
    assert asked == ["prod", "prod"]


def test_one_cluster_that_hangs_or_breaks_delays_no_other(stage: Stage) -> None:
    free = threading.Event()

    def read(alias: str) -> Inventory:
        if alias == "hangs":
            assert free.wait(SOON.total_seconds())
        if alias == "breaks":
            raise KeyError(alias)
        return stage.read(alias)

    reviews = stage.reviews(read, "hangs", "breaks", "prod")
    reviews.begin()
    assert not reviews.wait(timedelta(0))
    while ("prod", "whole") not in stage.heard:
        assert not free.wait(0.01)
    free.set()
    assert reviews.wait(SOON)
    assert sorted(stage.heard) == [("breaks", "failed"), ("hangs", "whole"), ("prod", "whole")]


def test_a_review_is_done_by_whose_turn_it_is(stage: Stage) -> None:
    run(stage.reviews(stage.read, "a", "b", turn=lambda scope, _: scope == "review:b"))
    assert stage.heard == [("b", "whole")]


def test_a_look_that_is_older_than_one_that_is_kept_changes_nothing(stage: Stage) -> None:
    old = stage.read("prod", "get")
    stage.clock.move(timedelta(seconds=1))
    run(stage.reviews(lambda alias: stage.read(alias, "patch")))
    before = stage.types()
    stage.clock.move(EVERY)
    run(stage.reviews(lambda _: old))
    assert stage.types() == before


def test_a_stop_begins_no_more(stage: Stage) -> None:
    reviews = stage.reviews(stage.read)
    assert reviews.stop(SOON)
    run(reviews)
    assert stage.heard == []


def test_findings_are_counted_from_the_rows(stage: Stage) -> None:
    run(stage.reviews(stage.read, "prod", "stage"))
    registry = CollectorRegistry()
    ReviewMetrics(registry).reviewed("prod", "whole")

    def counts() -> dict[tuple[str, int], int]:
        with stage.store.read() as tx:
            return dict(tx.open_counts(["prod"]))

    registry.register(FindingGauges(counts))
    said = generate_latest(registry).decode()
    assert 'valetkey_review_findings{cluster="prod",severity="high"} 1.0' in said
    assert 'cluster="stage"' not in said
    assert 'valetkey_review_scans_total{cluster="prod",outcome="whole"} 1.0' in said

    def away() -> dict[tuple[str, int], int]:
        raise StoreUnavailable("down")

    assert list(FindingGauges(away).collect()) == []


def test_a_change_that_was_heard_brings_the_next_review_sooner_and_once(stage: Stage) -> None:
    reviews = stage.reviews(stage.read)
    run(reviews)

    def later(seconds: int) -> None:
        stage.clock.move(timedelta(seconds=seconds))
        stage.now_seconds += seconds
        run(reviews)

    later(300)
    assert len(stage.heard) == 1, "nothing was heard, and it is not due"
    for _ in range(100):
        reviews.hear("prod")
    run(reviews)
    assert len(stage.heard) == 1, "it may not be all yet"
    later(10)
    assert len(stage.heard) == 2
    later(3600)
    assert len(stage.heard) == 2, "that one has seen it"
    reviews.hear("prod")
    later(10)
    reviews.hear("prod")
    later(20)
    assert len(stage.heard) == 3, "they are a minute apart"
    later(40)
    assert len(stage.heard) == 4


def test_a_hint_makes_no_haste_with_a_cluster_that_gave_no_answer(stage: Stage) -> None:
    asked: list[str] = []

    def silent(alias: str) -> Inventory:
        asked.append(alias)
        return Inventory(alias, stage.clock.now(), seen=dict.fromkeys(KINDS, Seen.FAILED))

    run(stage.reviews(stage.read))
    reviews = stage.reviews(silent)
    for minutes in (1, 2, 4, 8, 1):
        reviews.hear("prod")
        stage.clock.move(timedelta(minutes=minutes))
        stage.now_seconds += 60 * minutes
        run(reviews)
    assert asked == ["prod", "prod"]


def test_a_review_that_another_replica_did_sooner_is_not_done_again(stage: Stage) -> None:
    ours, theirs = stage.reviews(stage.read), stage.reviews(stage.read)
    run(ours)
    stage.clock.move(timedelta(minutes=5))
    for one in (ours, theirs):
        one.hear("prod")
    stage.clock.move(timedelta(seconds=30))
    stage.now_seconds += 330
    run(theirs)
    run(ours)
    assert len(stage.heard) == 2


def told(stage: Stage) -> list[dict[str, str]]:
    """Give the facts of each digest that waits to be told, the oldest first."""
    with stage.store.read() as tx:
        rows = tx._rows(select(t.deliveries).order_by(t.deliveries.c.seq))
    return [dict(row.facts) for row in rows]


def test_one_finding_in_many_clusters_is_one_line_of_one_digest(stage: Stage) -> None:
    stage.digests = (Digest(Notify(channels=("C1",)), at_least="low"),)
    names = tuple(f"c{number:02}" for number in range(12))
    free = threading.Event()

    def read(alias: str) -> Inventory:
        if alias == names[0]:
            assert free.wait(SOON.total_seconds())
        return stage.read(alias)

    reviews = stage.reviews(read, *names)
    reviews.begin()
    while len(stage.heard) < len(names) - 1:
        assert not free.wait(0.01)
    assert told(stage) == [], "the last one is waited for"
    free.set()
    assert reviews.wait(SOON)
    reviews.begin()
    (facts,) = told(stage)
    assert (facts["new"], facts["cluster"]) == ("1", "12 clusters")
    assert "in 12 of 12 clusters: c00, c01, c02 and 9 more" in facts["worst"]


def test_a_cluster_that_hangs_holds_no_digest_up_for_long(stage: Stage) -> None:
    stage.digests = (Digest(Notify(channels=("C1",)), at_least="low"),)
    free = threading.Event()

    def read(alias: str) -> Inventory:
        if alias == "hangs":
            assert free.wait(SOON.total_seconds())
        return stage.read(alias)

    reviews = stage.reviews(read, "hangs", "prod")
    reviews.begin()
    while ("prod", "whole") not in stage.heard:
        assert not free.wait(0.01)
    reviews.begin()
    assert told(stage) == []
    stage.now_seconds += TOLD_WITHIN[ON_TIME].total_seconds()
    reviews.begin()
    assert [facts["cluster"] for facts in told(stage)] == ["prod"]
    free.set()
    assert reviews.wait(SOON)
    reviews.begin()
    assert [facts["cluster"] for facts in told(stage)] == ["prod", "hangs"]
    assert "on hangs, now in 2 of 2 clusters" in told(stage)[1]["worst"]


def test_what_a_restart_left_untold_is_told_after_it(stage: Stage) -> None:
    run(stage.reviews(stage.read))
    assert told(stage) == []
    stage.digests = (Digest(Notify(channels=("C1",)), at_least="low"),)
    stage.reviews(stage.read).begin()
    assert [facts["new"] for facts in told(stage)] == ["1"]
