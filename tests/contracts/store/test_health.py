"""Clusters' health as rows, and what waits in each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from grants.access.health import ClusterHealth, Waiting
from grants.access.model import Cause, Grant, GrantState
from grants.record.model import Event, EventType
from tests.support.store_values import NOW, a_grant, a_request, ended, some_terms

MINUTE = timedelta(minutes=1)
G = GrantState
ACTIVE = {"state": G.ACTIVE, "binding_uid": None, "expires_at": NOW + 5 * MINUTE}
REVOKING = {"state": G.REVOKING, "cause": Cause.EXPIRED, "revoking_at": NOW}


def add(store, stored, *changes: dict) -> list[Grant]:
    """Add a grant for each of these changes."""
    request = a_request(stored.ann, *(some_terms() for _ in changes))
    grants = []
    with store.write() as tx:
        tx.add_request(request)
        for number, change in enumerate(changes):
            grant = replace(a_grant(request, number), **change)
            if grant.state is G.ACTIVE:
                grant = replace(grant, binding_uid=f"uid-{number}")
            tx.add_grant(grant)
            grants.append(grant)
    return grants


def note(store, now=NOW, clusters=("prod",), limit=100):
    with store.read() as tx:
        return tx.to_note(
            clusters,
            "cluster-unavailable",
            now,
            stuck_after=2 * MINUTE,
            warn_before=5 * MINUTE,
            limit=limit,
        )


def test_health_is_kept_for_clusters_that_were_seen(store):
    with store.write() as tx:
        tx.add_cluster("prod", "uid-1", NOW)
        tx.add_cluster("dev", "uid-2", NOW)
    failing = ClusterHealth("prod", "uid-1", "cluster-unavailable", NOW - MINUTE, NOW, NOW)
    with store.write() as tx:
        tx.save_health(failing)
        tx.save_health(ClusterHealth("never-seen", "x", "cluster-unavailable", NOW, NOW))
    with store.read() as tx:
        assert tx.cluster_healths() == (ClusterHealth("dev", "uid-2", seen_at=NOW), failing)
        assert tx.cluster_uid("prod") == "uid-1"


def test_a_key_that_came_is_known(store):
    with store.write() as tx:
        assert tx.came_at("k") is None
        tx.first_time("k", NOW)
    with store.read() as tx:
        assert tx.came_at("k") == NOW


def test_what_waits_is_counted_for_each_cluster(store, stored):
    long_ago = NOW - 30 * MINUTE
    late = ACTIVE | {"expires_at": NOW - MINUTE}
    given_back = REVOKING | {"revoking_at": long_ago, "expires_at": NOW + MINUTE, "stuck": True}
    expired = REVOKING | {"expires_at": NOW - 2 * MINUTE}
    later = {"due_at": NOW + MINUTE}
    add(store, stored, {"due_at": NOW}, ACTIVE | later, late | later, given_back, expired)
    add(store, stored, {"cluster": "dev"} | later)
    (gone,) = add(store, stored, {"cluster": "gone"})
    with store.write() as tx:
        tx.save_grant(ended(gone))
    with store.read() as tx:
        found = tx.waiting_by_cluster(NOW)
    assert found == {
        "prod": Waiting(live=5, due=3, activating=1, overdue=3, stuck=1, oldest_overdue=long_ago),
        "dev": Waiting(live=1, activating=1),
    }


def test_whoever_waits_without_the_reason_is_to_be_noted_the_oldest_end_first(store, stored):
    known = {"problem": "cluster-unavailable"}
    revoking, activating, *_ = add(
        store,
        stored,
        REVOKING | {"expires_at": NOW - MINUTE, "problem": "endpoint-not-ready"},
        {"activate_until": NOW + MINUTE},
        REVOKING | {"expires_at": NOW - MINUTE} | known,
        {"activate_until": NOW + MINUTE} | known,
        ACTIVE | {"duration": 9 * MINUTE},
        {"cluster": "dev"},
    )
    assert note(store) == (revoking.id, activating.id)
    assert note(store, limit=1) == (revoking.id,)
    assert note(store, clusters=()) == ()


@pytest.mark.parametrize(
    ("change", "moment"),
    [
        (ACTIVE | {"duration": 9 * MINUTE}, NOW + 5 * MINUTE),
        (ACTIVE | {"expires_at": NOW + 9 * MINUTE}, NOW + 4 * MINUTE),
        ({"problem": "cluster-unavailable", "activate_until": NOW + MINUTE}, NOW + MINUTE),
        (
            {
                "problem": "cluster-unavailable",
                "activate_until": NOW + MINUTE,
                "expires_at": NOW + 2 * MINUTE,
            },
            NOW + 2 * MINUTE,
        ),
        (REVOKING | {"problem": "cluster-unavailable"}, NOW + 2 * MINUTE),
    ],
    ids=["over", "to-warn", "too-late", "too-late-though-maybe-filled", "stuck"],
)
def test_a_row_that_must_change_is_found_when_its_time_has_come(store, stored, change, moment):
    (grant,) = add(store, stored, change)
    assert note(store, moment - timedelta(microseconds=1)) == ()
    assert note(store, moment) == (grant.id,)


@pytest.mark.parametrize(
    "change",
    [
        ACTIVE | {"expires_at": NOW + MINUTE, "warned": True},
        REVOKING
        | {"problem": "cluster-unavailable", "stuck": True, "revoking_at": NOW - 9 * MINUTE},
    ],
    ids=["warned", "stuck-already"],
)
def test_a_row_that_says_it_all_is_left_alone(store, stored, change):
    add(store, stored, change)
    assert note(store) == ()


def test_those_that_failed_are_made_due_as_if_they_never_had_and_keep_their_version(store, stored):
    later, failed = {"due_at": NOW + MINUTE}, {"problem": "x", "attempts": 3}
    asleep, at_rest, elsewhere, due = add(
        store,
        stored,
        later | failed,
        later,
        later | failed | {"cluster": "dev"},
        failed | {"due_at": NOW - MINUTE},
    )
    with store.write() as tx:
        assert tx.wake_grants(("prod",), NOW) == 2
    with store.read() as tx:
        for grant, due_at in ((asleep, NOW), (due, NOW - MINUTE)):
            woken = tx.grant(grant.id)
            assert woken is not None
            assert (woken.due_at, woken.attempts, woken.version) == (due_at, 0, grant.version)
        assert [tx.grant(g.id).due_at for g in (at_rest, elsewhere)] == [NOW + MINUTE] * 2


def test_what_the_record_last_told_of_a_cluster_is_found(store):
    def told(cluster: str, problem: str) -> Event:
        facts = {"cluster": cluster, "problem": problem, "since": NOW.isoformat()}
        return Event(EventType.CLUSTER_FAILING, NOW, actor="system", facts=facts)

    with store.write() as tx:
        for event in (told("a", "cluster-forbidden"), told("b", "x"), told("a", "cluster-twice")):
            tx.append(event)
    with store.read() as tx:
        assert tx.told_failing({"a", "c"}) == {"a": ("cluster-twice", NOW)}
        assert tx.told_failing(()) == {}
