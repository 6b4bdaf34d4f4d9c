"""A whole life of access in which, one after the other, each commit is lost: all as without."""

import json
from contextlib import closing
from datetime import timedelta

import pytest

from bot.wording import error_sentence
from grants.access.decide import Decide, decide
from grants.access.model import GrantState, Verdict
from grants.errors import AlreadyDone, StoreOutcomeUnknown, StoreUnavailable
from grants.store.engine import open_database
from grants.store.store import Store
from tests.support import store_fixtures as fixtures
from tests.support.commit_relay import CommitRelay, Cut
from tests.support.world import World

pytestmark = pytest.mark.needs_postgres

PATIENCE = timedelta(seconds=2)
MOST_COMMITS = 40

migrated_postgres_url = fixtures.migrated_postgres_url


class StoredWorld(World):
    """The small world, over rows that are reached by a relay."""

    def __init__(self, store):
        self._store = store
        super().__init__()

    def new_store(self):
        return self._store


@pytest.fixture
def relay(postgres):
    with CommitRelay(postgres.port) as relay:
        yield relay


@pytest.fixture
def world(relay, migrated_postgres_url):
    url = relay.url(migrated_postgres_url)
    with closing(Store(open_database(url, patience=PATIENCE))) as store:
        yield StoredWorld(store)


@pytest.fixture
def people(world):
    return world.person("erin", "engineers"), world.person("ada", "approvers")


def again(call):
    """Do as Slack, people and the worker do: come again with the very same."""
    for _ in range(3):
        try:
            return call()
        except AlreadyDone as error:
            return error
        except StoreUnavailable:
            continue
    raise AssertionError("thrice without a cut")


def live(world, people, relay, cut=None, spared=0):
    """Ask; approve, activate, run out and prove the end, each again when a commit was lost.

    Asking is undisturbed: that a form is sent again is the surface's to know.
    """
    erin, ada = people
    request = world.ask(erin)
    relay.spared, relay.cut = spared, cut
    command = Decide(world.key(), ada, request.id, request.terms_hash, Verdict.APPROVE)
    again(lambda: decide(command, ports=world))
    with world.store.read() as tx:
        (grant,) = tx.grant_of_request(request.id)
    walk(world, grant.id, GrantState.ACTIVE)
    world.clock.forward(hours=2)
    ended = walk(world, grant.id, GrantState.ENDED)
    relay.cut = None
    return request, ended


def walk(world, grant, until):
    for _ in range(6):
        again(lambda: world.reconcile(grant))
        found = world.grant(grant)
        if found.state is until:
            return found
        world.clock.forward(seconds=30)
    raise AssertionError(found)


def told(world, request):
    """Give the story of a request in the record: its events in order, without what was drawn."""
    with world.store.read() as tx:
        events = [json.loads(event.canonical) for event in tx.events_about(request.id)]
    return [(event["type"], event["facts"].get("cause")) for event in events]


@pytest.mark.security("G1")
@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_each_commit_of_a_life_may_be_lost(world, people, relay, cut):
    request, _ = live(world, people, relay)
    whole = told(world, request)
    for spared in range(MOST_COMMITS):
        world.sign_in("erin", "engineers")
        world.sign_in("ada", "approvers")
        before = relay.cuts
        request, grant = live(world, people, relay, cut, spared)
        if relay.cuts == before:
            break
        assert told(world, request) == whole
        assert world.cluster.binding(world.place(grant)) is None
    assert spared >= 6, "decided; before, uid, end and active stored; revoking; ended"


@pytest.mark.security("D6")
@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_a_click_whose_outcome_nobody_knows_is_told_so_and_counts_once(world, people, relay, cut):
    """The server stays away: whoever clicked hears "may or may not", and presses again."""
    erin, ada = people
    request = world.ask(erin)
    command = Decide(world.key(), ada, request.id, request.terms_hash, Verdict.APPROVE)
    relay.cut = cut
    with pytest.raises(StoreOutcomeUnknown) as caught:
        away(relay, lambda: decide(command, ports=world))
    assert "may or may not" in error_sentence(caught.value)
    assert "nothing was changed" not in error_sentence(caught.value)
    if cut is Cut.AFTER:
        with pytest.raises(AlreadyDone) as known:
            decide(command, ports=world)
        assert "dealt with" in error_sentence(known.value)
    else:
        assert decide(command, ports=world).grants
    with world.store.read() as tx:
        assert len(tx.decisions(request.id)) == 1
        assert len(tx.grant_of_request(request.id)) == 1


def away(relay, call):
    """Have the server take no new connection while a call is made."""
    relay.refuses = True
    try:
        return call()
    finally:
        relay.refuses = False
