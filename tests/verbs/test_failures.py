"""What fails is kept, tried again for ever and shown; it never stops what is due."""

from dataclasses import replace
from datetime import timedelta

import pytest

from grants.access.expire_requests import expire_requests
from grants.access.model import Cause, Grant, GrantState
from grants.access.reconcile import note_failure, reconcile_grant
from grants.access.sweep import sweep_cluster
from grants.errors import ChangedMeanwhile, ClusterForbidden, StoreError, StoreUnavailable
from tests.support.fake_cluster import FakeClusters
from tests.support.world import VIEW, StepList, World


class Broken(StepList):
    """Breaks at one step, as a bug of ours would."""

    def __init__(self, step: str, error: Exception) -> None:
        super().__init__()
        self._step, self._error = step, error

    def before(self, step: str, grant: str) -> None:
        super().before(step, grant)
        if step == self._step:
            raise self._error


@pytest.fixture
def world() -> World:
    return World()


def _again(world: World, grant: Grant, times: int = 1) -> Grant:
    for _try in range(times):
        world.clock.forward(seconds=31)
        grant = world.reconcile(grant.id)
    return grant


@pytest.mark.security("G1")
@pytest.mark.parametrize("error", [KeyError("x"), StoreError("a constraint was broken: x")])
def test_a_bug_in_a_revocation_is_kept_retried_and_shown_as_stuck(
    world: World, error: Exception
) -> None:
    """An error that was not ours left no trace on the row: the grant was tried every five
    seconds for ever, and nobody was told that access outlived its end.
    """
    grant = world.active()
    world.clock.forward(hours=1)
    world.watch = Broken("end.see", error)
    broken = world.reconcile(grant.id)
    assert (broken.state, broken.problem, broken.attempts) == (GrantState.REVOKING, "bug", 1)
    assert broken.due_at > world.clock.now()
    assert _again(world, grant, times=6).stuck
    assert world.events().count("grant.stuck") == 1
    world.watch = StepList()
    assert _again(world, grant).state is GrantState.ENDED


@pytest.mark.security("G1")
def test_a_lease_whose_end_a_bug_keeps_from_being_noticed_is_shown_as_stuck(world: World) -> None:
    grant = world.active()
    world.clock.forward(hours=1)
    world.watch = Broken("active.expire", ValueError())
    broken = world.reconcile(grant.id)
    assert (broken.state, broken.problem) == (GrantState.ACTIVE, "bug")
    assert broken.due_at > world.clock.now(), "a broken grant is not tried in a tight loop"
    assert _again(world, grant, times=5).stuck
    world.watch = StepList()
    assert _again(world, grant).state is GrantState.ENDED


def test_a_clash_with_nobody_is_not_tried_again_at_once(world: World) -> None:
    """A row that a constraint keeps from moving was due again at once, as fast as rows are read."""
    grant = world.active()
    world.clock.forward(seconds=31)
    world.watch = Broken("active.look", ChangedMeanwhile("grants", "binding"))
    clashed = world.reconcile(grant.id)
    assert clashed.problem == "changed-meanwhile"
    assert clashed.due_at > world.clock.now()


def test_a_database_that_is_away_is_no_problem_of_the_grant(world: World) -> None:
    grant = world.active()
    world.watch = Broken("active.look", StoreUnavailable("down"))
    world.clock.forward(seconds=31)
    with pytest.raises(StoreUnavailable):
        reconcile_grant(grant.id, ports=world)
    assert world.grant(grant.id).problem == ""


@pytest.mark.security("G1")
def test_a_lease_ends_though_its_cluster_is_not_configured_any_more(world: World) -> None:
    """The cluster was looked up before anything else, so the row stayed active for ever, was
    tried four times a second, and was never shown as stuck.
    """
    grant = world.active()
    there, world.clusters = world.clusters, FakeClusters()
    world.clock.forward(hours=1)
    over = world.reconcile(grant.id)
    assert (over.state, over.cause) == (GrantState.REVOKING, Cause.EXPIRED)
    assert over.due_at > world.clock.now()
    assert _again(world, grant, times=5).stuck
    world.clusters = there
    assert _again(world, grant).state is GrantState.ENDED


def test_an_activation_is_given_up_in_time_though_the_cluster_never_answers(world: World) -> None:
    """It waited for the cluster to be looked at; people were not told before that."""
    grant = world.approved()
    world.cluster.fail_all()
    assert world.reconcile(grant.id).state is GrantState.ACTIVATING
    world.clock.forward(minutes=15)
    given_up = world.reconcile(grant.id)
    assert (given_up.state, given_up.cause) == (GrantState.REVOKING, Cause.NEVER_ACTIVE)
    assert given_up.cause_detail == "cluster-unavailable"
    assert _again(world, grant, times=5).stuck


def test_an_activation_that_may_be_filled_is_not_given_up_before_its_expiry(world: World) -> None:
    grant = world.approved()
    world.cluster.fail("fill", done=True)
    world.reconcile(grant.id)
    world.cluster.fail_all()
    world.clock.forward(minutes=20)
    assert world.reconcile(grant.id).state is GrantState.ACTIVATING
    world.clock.forward(minutes=40)
    over = world.reconcile(grant.id)
    assert (over.state, over.cause) == (GrantState.REVOKING, Cause.EXPIRED)


def test_a_walk_that_hangs_is_a_failure_like_any_other(world: World) -> None:
    grant = world.active()
    world.clock.forward(hours=1)
    world.cluster.fail("delete")
    assert world.reconcile(grant.id).state is GrantState.REVOKING
    world.clock.forward(minutes=3)
    noted = note_failure(grant.id, "hung", ports=world)
    assert noted is not None
    assert (noted.problem, noted.stuck) == ("hung", True)


def test_one_request_that_can_not_be_closed_keeps_no_other_open(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The first row that failed ended the round, and the rows after it waited for ever."""
    erin = world.person("erin", "engineers")
    first, second = world.ask(erin), world.ask(erin)
    world.clock.forward(hours=4)
    fails = min(first.id, second.id)
    error = ChangedMeanwhile("request", fails)
    world.store.fail("save_request", error, of=lambda request: request.id == fails)
    assert expire_requests(ports=world) == 1
    assert {world.request(r.id).state.value for r in (first, second)} == {"pending", "expired"}
    assert caplog.records == [], "that somebody else moved it is no error"


def test_one_binding_that_can_not_be_deleted_keeps_no_other_in_the_cluster(world: World) -> None:
    """The sweep stopped at the first binding that the cluster would not delete."""
    grant = world.approved()
    places = [replace(world.place(grant), name=f"valetkey-abcdefgh-gra-{n}") for n in "ab"]
    for place in places:
        world.cluster.add_binding(place, VIEW, ("User:x",), grant=f"gra-{place.name}")
    world.cluster.fail("delete", ClusterForbidden)
    swept = sweep_cluster(world.cluster, ports=world)
    assert (swept.deleted, swept.failed) == (1, 1)
    assert len(world.cluster.all_bindings()) == 1
    assert sweep_cluster(world.cluster, ports=world).deleted == 1
    assert world.cluster.all_bindings() == ()


def test_a_failing_look_at_an_active_grant_is_tried_again_no_later_than_its_end(
    world: World,
) -> None:
    grant = world.active()
    world.clock.forward(minutes=59, seconds=45)
    world.cluster.fail_all()
    failing = grant
    for _try in range(8):
        failing = world.reconcile(grant.id)
    assert failing.expires_at is not None
    assert failing.due_at <= failing.expires_at
    assert failing.due_at - world.clock.now() <= timedelta(seconds=15)


@pytest.mark.security("G1")
def test_an_activation_that_may_be_filled_is_tried_again_no_later_than_its_end(
    world: World,
) -> None:
    """The PUT's answer was lost, and reading it fails: what stands may give access until then."""
    grant = world.approved()
    world.cluster.fail("fill", done=True)
    filled = world.reconcile(grant.id)
    world.clock.forward(minutes=59, seconds=45)
    world.cluster.fail_all()
    for _try in range(8):
        filled = world.reconcile(grant.id)
    assert filled.state is GrantState.ACTIVATING
    assert filled.expires_at is not None
    assert filled.due_at <= filled.expires_at
