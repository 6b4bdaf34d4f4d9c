"""Threads and processes at once: no update lost, no number missed, no wait for ever."""

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from grants.access.model import RequestState
from grants.errors import ChangedMeanwhile, StoreUnavailable
from grants.store.engine import open_database
from grants.store.store import Store
from tests.support.store_values import (
    NOW,
    a_decision,
    a_grant,
    a_person,
    a_request,
    a_sign_in,
    populate,
)
from tests.support.store_worker import count_up
from tests.support.stores import opened

TURNS = 15


@pytest.fixture
def grant(real_store):
    stored = populate(real_store)
    grant = a_grant(stored.request)
    with real_store.write() as tx:
        tx.add_grant(grant)
    return grant


def assert_all_counted(store, grant, total):
    with store.read() as tx:
        assert tx.grant(grant.id).attempts == total
        assert tx.grant(grant.id).version == total + 1
        numbers = [json.loads(event.canonical)["number"] for event in tx.events()]
    assert numbers == list(range(1, total + 1))


def test_no_update_is_lost_between_threads(real_store, grant):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: count_up(real_store, grant.id, TURNS), range(4)))
    assert_all_counted(real_store, grant, 4 * TURNS)


def test_no_update_is_lost_between_processes(database_url, real_store, grant):
    """Two processes and this one, each by its own connections."""
    command = [sys.executable, "-m", "tests.support.store_worker", database_url, "count", grant.id]
    workers = [subprocess.Popen([*command, str(TURNS)]) for _ in range(2)]
    count_up(real_store, grant.id, TURNS)
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0]
    assert_all_counted(real_store, grant, 3 * TURNS)


def test_four_decide_at_once_and_one_moves_the_request(real_store):
    """What was read outside the transaction no longer holds inside it for three of them."""
    stored = populate(real_store)
    approvers = [a_person(f"approver-{n}") for n in range(4)]
    with real_store.write() as tx:
        for person in approvers:
            tx.add_person(person, NOW)
    start = threading.Barrier(4)

    def decide(person):
        start.wait(timeout=10)
        try:
            with real_store.write() as tx:
                tx.add_decision(a_decision(stored.request, person))
                tx.save_request(stored.request.moved(RequestState.APPROVED, NOW))
                tx.add_grant(a_grant(stored.request))
        except ChangedMeanwhile:
            return 0
        return 1

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(decide, approvers)) == 1
    with real_store.read() as tx:
        assert len(tx.decisions(stored.request.id)) == 1
        assert len(tx.grant_of_request(stored.request.id)) == 1


def test_one_inbound_thing_is_new_to_one_of_many(real_store):
    start = threading.Barrier(6)

    def take(_):
        start.wait(timeout=10)
        with real_store.write() as tx:
            return tx.first_time("envelope:1", NOW)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(take, range(6))) == [False] * 5 + [True]


def test_two_people_never_hold_one_name(real_store):
    stored = populate(real_store)
    start = threading.Barrier(2)

    def claim(person):
        start.wait(timeout=10)
        with real_store.write() as tx:
            return tx.claim_name("uid", "oidc:ann", person.id)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(claim, (stored.ann, stored.bob))) == [False, True]


def test_one_email_is_pinned_to_one_of_two_who_sign_in_at_once(real_store):
    twins = [a_person("twin-1"), a_person("twin-2")]
    profile = a_sign_in(a_person("shared")).profile
    with real_store.write() as tx:
        for twin in twins:
            tx.add_person(twin, NOW)
    start = threading.Barrier(2)

    def sign_in(twin):
        start.wait(timeout=10)
        with real_store.write() as tx:
            tx.add_sign_in(replace(a_sign_in(twin), profile=profile))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(sign_in, twins))
    with real_store.read() as tx:
        assert len(tx.people_with_email("shared@example.test")) == 1


def test_a_reader_sees_one_moment(real_store, grant):
    """Whatever is committed between its questions."""
    with real_store.read() as tx:
        before = tx.grant(grant.id)
        count_up(real_store, grant.id, 1)
        assert tx.grant(grant.id) == before
        assert tx.events() == ()
    with real_store.read() as tx:
        assert tx.grant(grant.id).attempts == 1


def test_a_row_read_for_writing_is_not_read_by_another_writer_meanwhile(real_store, grant):
    """The second one waits, and then sees what the first one wrote."""
    second_reads = threading.Event()

    def second():
        second_reads.set()
        with real_store.write() as tx:
            return tx.grant(grant.id).attempts

    with ThreadPoolExecutor(1) as pool:
        with real_store.write() as tx:
            found = tx.grant(grant.id)
            waiting = pool.submit(second)
            assert second_reads.wait(timeout=10)
            tx.save_grant(replace(found, attempts=9))
        assert waiting.result(timeout=10) == 9


@pytest.mark.parametrize("other", ["another thread", "another process"])
def test_a_lock_held_too_long_is_told_in_bounded_time(database_url, real_store, grant, other):
    """Another process is a store of its own: it shares no lock of this one's memory."""
    patience = timedelta(seconds=1)
    with closing(Store(open_database(database_url, patience=patience))) as impatient:
        holder = impatient if other == "another thread" else real_store
        with holder.write() as tx:
            tx.grant(grant.id)
            begun = time.monotonic()
            with ThreadPoolExecutor(1) as pool, pytest.raises(StoreUnavailable):
                pool.submit(count_up, impatient, grant.id, 1).result(timeout=30)
            assert time.monotonic() - begun < 10
    with closing(opened(database_url)) as after:
        count_up(after, grant.id, 1)


def test_more_threads_than_connections_wait_and_are_served(real_store, grant):
    with ThreadPoolExecutor(50) as pool:
        seen = list(pool.map(lambda _: read_grant(real_store, grant.id), range(100)))
    assert seen == [grant] * 100


def read_grant(store, grant):
    with store.read() as tx:
        return tx.grant(grant)


def test_claims_of_a_request_and_its_people_survive_a_crash_of_the_pool(real_store):
    """Closing every connection loses nothing: they are opened again when asked for."""
    stored = populate(real_store)
    request = a_request(stored.ann)
    with real_store.write() as tx:
        tx.add_request(request)
    real_store.close()
    with real_store.read() as tx:
        assert tx.request(request.id) == request
