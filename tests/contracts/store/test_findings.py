"""Findings over time, on both databases: kept by their key, gone and back."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from grants.authz.model import RoleRef
from grants.errors import StoreError
from grants.review.findings.look import Look
from grants.review.keep_first import AT_ONCE
from grants.review.keep_scan import keep_scan
from grants.review.news import News
from grants.review.scan import Scan
from grants.review.tracking import Known, State
from tests.support.rbac_objects import account, bind, role, rule
from tests.support.reviews import look_at, sa

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ONE = Known("k1", "prod", "secrets-read", "ServiceAccount shop/app", MONDAY)
TWO = replace(
    ONE, key="k2", cluster="stage", subject="Group we\x00ird 'x' \u2028", first_seen=MONDAY
)


@pytest.fixture
def store(real_store):
    return real_store


def known(store, *clusters: str) -> tuple[Known, ...]:
    with store.read() as tx:
        return tx.known_findings(clusters)


def keep(store, *those: Known) -> None:
    with store.write() as tx:
        tx.keep_findings(those)


def test_what_is_kept_is_what_is_known_of_these_clusters(store):
    keep(store, TWO, ONE)
    assert known(store, "prod") == (ONE,)
    assert known(store, "stage", "prod") == (ONE, TWO)
    assert known(store, "none") == ()
    assert known(store) == ()


def test_what_is_gone_and_back_stays_one_row_with_its_first_day(store):
    keep(store, ONE)
    gone = replace(ONE, first_seen=MONDAY + DAY, resolved_at=MONDAY + DAY)
    keep(store, gone)
    assert known(store, "prod") == (replace(ONE, resolved_at=MONDAY + DAY),)
    keep(store, ONE)
    assert known(store, "prod") == (ONE,)


def test_thousands_are_kept_at_once(store):
    many = [replace(ONE, key=f"k{number:05}") for number in range(1_201)]
    keep(store, *many)
    assert known(store, "prod") == tuple(many)


def test_nothing_is_kept_in_a_read_transaction(store):
    with pytest.raises(StoreError), store.read() as tx:
        tx.keep_findings([ONE])


def looked(*verbs: str, day: int = 0) -> Look:
    reads = role("reads", rule(" ".join(verbs), "secrets"))
    look = look_at(sa("app"), reads, bind("reads", RoleRef("ClusterRole", "reads"),
                   account("app", "shop")))  # fmt: skip
    return replace(look, inventory=replace(look.inventory, taken_at=look.now + day * DAY))


def states(found: Scan) -> dict[str, State]:
    return {one.rule: found.states[one.key] for one in found.findings}


def test_a_scan_that_is_kept_tells_new_known_gone_and_back(store):
    first = keep_scan([looked("get")], store=store)
    assert states(first) == {"secrets-read": State.NEW}
    second = keep_scan([looked("patch", day=1)], store=store)
    assert states(second) == {"secrets-write": State.NEW}
    assert [one.rule for one in second.resolved] == ["secrets-read"]
    third = keep_scan([looked("get", "patch", day=2)], store=store)
    assert states(third) == {"secrets-read": State.REOPENED, "secrets-write": State.KNOWN}
    assert {one.first_seen for one in third.findings} == {
        looked().now,
        looked(day=1).now,
    }
    with store.read() as tx:
        assert list(tx.looks("prod", 5)) == [looked(day=d).now for d in (2, 1, 0)]


def test_a_list_gives_what_is_open_worst_first_with_all_that_it_is(store):
    found = keep_scan([looked("get", "impersonate")], store=store)
    aside = [one for one in found.findings if not one.is_open]
    with store.read() as tx:
        listed = [one.finding for one in tx.open_details(["prod"], 50)]
        assert tx.open_details(["stage"], 50) == ()
        assert tx.open_details(["prod"], 1)[0].finding == listed[0]
        assert tx.open_counts(["prod", "stage"]) == {("prod", int(listed[0].severity)): 1}
        assert tx.detail(listed[0].key).finding == listed[0]
        assert tx.detail("k") is None
    assert listed == [one for one in found.findings if one.is_open]
    assert len(listed) + len(aside) == len(found.findings)


def test_what_is_gone_is_in_no_list_and_is_there_again_when_it_is_back(store):
    keep_scan([looked("get")], store=store)
    keep_scan([looked("watch", day=1)], store=store)
    keep_scan([look_without_rights(day=2)], store=store)
    with store.read() as tx:
        assert tx.open_details(["prod"], 50) == ()
    keep_scan([looked("get", day=3)], store=store)
    with store.read() as tx:
        assert [one.finding.rule for one in tx.open_details(["prod"], 50)] == ["secrets-read"]


def look_without_rights(day: int) -> Look:
    look = look_at(sa("app"))
    return replace(look, inventory=replace(look.inventory, taken_at=look.now + day * DAY))


def untold(store) -> list[tuple[str, News]]:
    with store.write() as tx:
        return sorted((one.finding.rule, one.news) for one in tx.untold(["prod"]))


def tell(store) -> None:
    with store.write() as tx:
        tx.note_told({one.finding.key: one.news for one in tx.untold(["prod"])})


def test_news_is_what_differs_from_what_people_heard_last(store):
    keep_scan([looked("get")], store=store)
    assert untold(store) == [("secrets-read", News.NEW)]
    tell(store)
    assert untold(store) == []
    keep_scan([look_without_rights(day=1)], store=store)
    assert untold(store) == [("secrets-read", News.GONE)]
    keep_scan([looked("get", "patch", day=2)], store=store)
    assert untold(store) == [("secrets-write", News.NEW)]
    keep_scan([look_without_rights(day=3)], store=store)
    tell(store)
    assert untold(store) == []
    keep_scan([looked("get", day=4)], store=store)
    assert untold(store) == [("secrets-read", News.BACK)]


def test_a_finding_is_found_wherever_it_is_open(store):
    for cluster in ("prod", "stage", "old"):
        look = looked("get")
        keep_scan([replace(look, inventory=replace(look.inventory, cluster=cluster))], store=store)
    keep_scan([replace(gone := look_without_rights(day=1),
                       inventory=replace(gone.inventory, cluster="old"))], store=store)  # fmt: skip
    with store.read() as tx:
        fingerprint = tx.open_details(["prod"], 1)[0].finding.fingerprint
        many = [f"c{number}" for number in range(600)]
        found = tx.open_places([fingerprint, "f" * 32], ["prod", "stage", "old", *many])
        assert [one.finding.cluster for one in found] == ["prod", "stage"]
        assert tx.open_places([fingerprint], ["stage"])[0].finding.cluster == "stage"
        assert tx.open_places([], ["stage"]) == tx.open_places([fingerprint], []) == ()


def many(count: int, day: int = 0) -> Look:
    """A cluster in which so many accounts read Secrets, each by a binding of its own."""
    reads = role("reads", rule("get", "secrets"))
    ref = RoleRef("ClusterRole", "reads")
    bound = (bind(f"b{n}", ref, account(f"a{n}", "shop")) for n in range(count))
    look = look_at(*(sa(f"a{n}") for n in range(count)), reads, *bound)
    return replace(look, inventory=replace(look.inventory, taken_at=look.now + day * DAY))


def came(store) -> list[str]:
    with store.read() as tx:
        events = [json.loads(one.canonical) for one in tx.events(limit=10_000)]
    return [one["facts"]["finding"] for one in events if one["type"] == "finding.new"]


class Broken:
    """A store whose process ends when it would begin one write too many."""

    def __init__(self, store, writes: int) -> None:
        self._store, self._left = store, writes
        self.read = store.read

    def write(self):
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return self._store.write()


def test_a_first_look_at_a_large_cluster_is_kept_in_portions_and_tells_all_as_new(store):
    found = keep_scan([many(1_200)], store=store)
    assert set(found.states.values()) == {State.NEW}
    keys = sorted(one.key for one in found.findings)
    assert len(keys) == 1_200
    assert [one.key for one in known(store, "prod")] == keys
    assert sorted(came(store)) == sorted(one.fingerprint for one in found.findings)
    with store.read() as tx:
        assert len(tx.open_details(["prod"], 2_000)) == 1_200
    again = keep_scan([many(1_200, day=1)], store=store)
    assert set(again.states.values()) == {State.KNOWN}
    assert len(came(store)) == 1_200


def test_what_was_kept_of_a_first_look_that_broke_off_is_known_and_told_once(store):
    with pytest.raises(KeyboardInterrupt):
        keep_scan([many(1_200)], store=Broken(store, writes=1))
    assert len(known(store, "prod")) == len(came(store)) == AT_ONCE
    found = keep_scan([many(1_200, day=1)], store=store)
    told = list(found.states.values())
    assert (told.count(State.KNOWN), told.count(State.NEW)) == (AT_ONCE, 1_200 - AT_ONCE)
    assert len(came(store)) == len(set(came(store))) == 1_200


def test_a_first_look_ends_where_somebody_looked_meanwhile(store):
    """What they found since stands: an older look must not undo it."""

    class Late(Broken):
        def write(self):
            if self._left == 1:
                keep_scan([looked("get", day=1)], store=self._store)
            self._left -= 1
            return self._store.write()

    found = keep_scan([many(1_200)], store=Late(store, writes=2))
    assert len(found.findings) == 1_200
    there = [one for one in known(store, "prod") if one.resolved_at is None]
    # The portion that was kept before is gone by the later look, and nothing came after it.
    assert [one.subject for one in there] == ["ServiceAccount shop/app"]
