"""Corners of the roads: races between two looks, lost bindings, clusters that turned to others."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from grants.access.cancel_request import CancelRequest, cancel_request
from grants.access.closing import close
from grants.access.expire_leases import expire_leases
from grants.access.expire_requests import expire_requests
from grants.access.give_back import GiveBack, give_back
from grants.access.model import Cause, GrantState, ProofKind, RequestState
from grants.access.reconcile import reconcile_grant
from grants.access.request_access import SubmitDraft, submit_draft
from grants.access.revoke_grant import RevokeGrant, revoke_grant
from grants.access.see_clusters import see_cluster
from grants.access.sweep import Swept, sweep_cluster
from grants.errors import (
    AlreadyDone,
    ChangedMeanwhile,
    ClusterChanged,
    ClusterConflict,
    ClusterForbidden,
    ClusterRefused,
    ClusterUnavailable,
    NotFound,
    SignInTooOld,
    StoreRowUnreadable,
    StoreUnavailable,
    WrongState,
)
from grants.record.model import EventType
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.world import VIEW, World


@pytest.fixture
def world() -> World:
    return World()


def test_a_binding_made_by_a_lost_create_is_adopted_when_it_is_empty_and_ours(
    world: World,
) -> None:
    """Two workers: the other created between our look and our create."""
    grant = world.approved()
    place = world.place(grant)
    world.cluster.before(
        "create_empty", lambda: world.cluster.add_binding(place, VIEW, (), grant=grant.id)
    )
    done = world.reconcile(grant.id)
    assert done.state is GrantState.ACTIVE
    found = world.cluster.peek(place)
    assert found is not None
    assert (found.uid, found.subjects) == (done.binding_uid, (f"User:{grant.subject}",))


@pytest.mark.parametrize(
    "made", [{"grant": "gra-of-another"}, {"grant": None, "installation": "inst-of-another"}]
)
@pytest.mark.security("G3")
def test_a_name_found_taken_at_create_is_not_adopted(
    world: World, made: dict[str, str | None]
) -> None:
    grant = world.approved()
    place = world.place(grant)
    world.cluster.before(
        "create_empty",
        lambda: world.cluster.add_binding(place, VIEW, (), **made),  # type: ignore[arg-type]
    )
    ended = world.reconcile(grant.id)
    assert (ended.cause, ended.cause_detail) == (Cause.NEVER_ACTIVE, "name-taken")
    found = world.cluster.peek(place)
    assert found is not None
    assert found.subjects == ()


def test_a_filled_binding_found_at_create_is_not_adopted(world: World) -> None:
    grant = world.approved()
    place, subject = world.place(grant), f"User:{grant.subject}"
    world.cluster.before(
        "create_empty", lambda: world.cluster.add_binding(place, VIEW, (subject,), grant=grant.id)
    )
    ended = world.reconcile(grant.id)
    assert (ended.cause, ended.cause_detail) == (Cause.ALTERED_OUTSIDE, "filled-by-another")
    assert ended.state is GrantState.ENDED
    assert world.cluster.peek(place) is None


@pytest.mark.security("G3")
def test_another_binding_under_our_name_before_activation_ends_the_grant(world: World) -> None:
    grant = world.approved()
    place = world.place(grant)
    world.cluster.fail("fill")
    assert world.reconcile(grant.id).binding_uid is not None
    world.cluster.remove_binding(place)
    other = world.cluster.add_binding(place, VIEW, ("User:mallory",))
    ended = world.reconcile(grant.id)
    assert (ended.cause, ended.cause_detail) == (Cause.ALTERED_OUTSIDE, "another-uid")
    assert world.cluster.peek(place) == other, "what is not ours is left alone"


def test_a_fill_that_comes_after_the_end_is_not_made(world: World) -> None:
    """The worker slept between storing the end and the write: nobody gets what is over."""
    grant = world.approved()

    go_on = world.watch.after

    def after(step: str, of: str) -> None:
        go_on(step, of)
        if step == "activate.store-intent":
            world.clock.forward(hours=2)

    world.watch.after = after  # type: ignore[method-assign]
    ended = world.reconcile(grant.id)
    assert (ended.state, ended.cause_detail) == (GrantState.ENDED, "too-slow")
    assert ended.active_at is None
    assert "fill" not in world.cluster.calls


def test_what_is_not_seen_to_act_on_every_server_yet_is_noted(world: World) -> None:
    grant = world.approved()
    world.cluster.before("fill", lambda: world.cluster.cut_off(world.cluster.endpoints()[0]))
    done = world.reconcile(grant.id)
    with world.store.read() as tx:
        proof = tx.proof(grant.id, ProofKind.ACTIVE)
    assert done.state is GrantState.ACTIVE
    assert proof is not None
    assert "not-all-allowed-yet" in proof.notes or not proof.seen[0].ready


def test_a_deletion_that_meets_another_uid_looks_again(world: World) -> None:
    grant = world.active()
    world.clock.forward(hours=1)
    world.cluster.fail("delete", ClusterConflict)
    assert world.reconcile(grant.id).state is GrantState.ENDED
    assert world.cluster.peek(world.place(grant)) is None


def test_a_deletion_that_meets_another_uid_twice_is_tried_again_later(world: World) -> None:
    grant = world.active()
    world.clock.forward(hours=1)
    world.cluster.fail("delete", ClusterConflict, times=2)
    assert world.reconcile(grant.id).problem == "changed-meanwhile"
    assert world.grant(grant.id).state is GrantState.REVOKING
    assert world.reconcile(grant.id).state is GrantState.ENDED


def test_a_copy_under_another_uid_is_deleted_before_the_grant_is_said_to_have_ended(
    world: World,
) -> None:
    """A backup put the binding back by its name and labels, so that its uid is another one."""
    grant = world.active()
    place = world.place(grant)
    world.clock.forward(hours=1)
    world.cluster.remove_binding(place)
    world.cluster.add_binding(place, grant.role, (f"User:{grant.subject}",), grant=grant.id)
    assert world.reconcile(grant.id).state is GrantState.ENDED
    assert world.cluster.peek(place) is None


def test_without_bind_a_held_binding_is_freed_unemptied_and_that_is_noted(world: World) -> None:
    grant = world.active()
    world.cluster.add_finalizer(world.place(grant))
    world.cluster.forbid_bind(VIEW)
    world.clock.forward(hours=1)
    assert world.reconcile(grant.id).state is GrantState.ENDED
    with world.store.read() as tx:
        proof = tx.proof(grant.id, ProofKind.GONE)
    assert proof is not None
    assert "could-not-empty" in proof.notes
    assert world.cluster.peek(world.place(grant)) is None


def test_a_proof_that_can_not_be_read_keeps_no_access_from_ending(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """What was allowed before can't be held against what is allowed after: one sign less."""
    grant = world.active()
    world.clock.forward(hours=1)
    unreadable = StoreRowUnreadable("secret of the row", "proof", "prf-1")
    world.store.fail("proof", unreadable, of=lambda of: of == grant.id)
    ended = world.reconcile(grant.id)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.EXPIRED)
    assert world.cluster.all_bindings() == ()
    assert "a proof can't be read" in caplog.messages
    assert "secret of the row" not in caplog.text
    world.store.mend()
    with world.store.read() as tx:
        proof = tx.proof(grant.id, ProofKind.GONE)
    assert proof is not None
    assert [(one.binding_uid, one.answers) for one in proof.seen] == [(None, ())]


def test_a_grant_whose_cluster_is_not_configured_any_more_waits_and_says_so(world: World) -> None:
    grant = world.active()
    world.clusters = FakeClusters()
    world.clock.forward(hours=1)
    assert world.reconcile(grant.id).problem == "cluster-unavailable"
    world.clusters = FakeClusters(world.cluster)
    assert world.reconcile(grant.id).state is GrantState.ENDED


def test_nothing_is_looked_at_for_a_grant_that_is_not_there(world: World) -> None:
    assert reconcile_grant("gra-none", ports=world) is None
    assert world.cluster.calls == ["uid"]


def test_a_cluster_that_turned_into_another_is_told(world: World) -> None:
    world.cluster.move_to("uid-of-a-new-one")
    with pytest.raises(ClusterChanged) as caught:
        see_cluster(world.cluster, ports=world)
    assert caught.value.cluster == "prod"
    with world.store.read() as tx:
        assert tx.cluster_uid("prod") == "uid-of-prod"


def test_two_processes_that_see_a_cluster_first_record_it_once(world: World) -> None:
    """Both have found it unknown; the second finds it known, and by the same uid."""
    new = FakeCluster("new", clock=world.clock, installation=world.installation)
    world.clusters = FakeClusters(world.cluster, new)
    world.store.before_write(lambda: see_cluster(new, ports=world))
    assert see_cluster(new, ports=world) == new.uid()
    assert world.events().count("cluster.first-seen") == 2, "one each of `prod` and `new`"


def test_a_cluster_that_another_has_just_seen_as_something_else_is_told(world: World) -> None:
    """An alias led to one cluster for one process, and to another for the other."""
    new = FakeCluster("new", clock=world.clock, installation=world.installation)
    world.clusters = FakeClusters(world.cluster, new)

    def seen_by_another() -> None:
        with world.store.write() as tx:
            tx.add_cluster("new", "uid-of-something-else", world.clock.now())

    world.store.before_write(seen_by_another)
    with pytest.raises(ClusterChanged):
        see_cluster(new, ports=world)
    with world.store.read() as tx:
        assert tx.cluster_uid("new") == "uid-of-something-else"


def test_one_cluster_under_two_names_is_told(world: World) -> None:
    twin = FakeCluster(
        "twin", clock=world.clock, installation=world.installation, uid="uid-of-prod"
    )
    world.clusters = FakeClusters(world.cluster, twin)
    with pytest.raises(ClusterChanged):
        see_cluster(twin, ports=world)
    with world.store.read() as tx:
        assert tx.cluster_uid("twin") is None
    assert see_cluster(world.cluster, ports=world) == "uid-of-prod"
    assert world.events().count("cluster.first-seen") == 1


def test_a_leftover_that_moved_on_is_left_to_the_next_sweep(world: World) -> None:
    grant = world.active()
    world.clock.forward(hours=1)
    world.reconcile(grant.id)
    world.cluster.add_binding(world.place(grant), VIEW, (), grant=grant.id)
    world.cluster.fail("delete", ClusterConflict)
    assert sweep_cluster(world.cluster, ports=world) == Swept(1, 0, 0, 0)
    assert sweep_cluster(world.cluster, ports=world) == Swept(1, 1, 0, 0)
    assert world.cluster.all_bindings() == ()


def test_a_held_leftover_is_freed_by_the_sweep(world: World) -> None:
    grant = world.active()
    world.clock.forward(hours=1)
    world.reconcile(grant.id)
    subject = f"User:{grant.subject}"
    world.cluster.add_binding(
        world.place(grant), VIEW, (subject,), grant=grant.id, finalizers=("example.com/hold",)
    )
    assert sweep_cluster(world.cluster, ports=world).deleted == 1
    assert world.cluster.all_bindings() == ()


def test_a_held_leftover_of_a_role_that_may_not_be_bound_is_freed_unemptied(world: World) -> None:
    grant = world.active()
    world.clock.forward(hours=1)
    world.reconcile(grant.id)
    subject = f"User:{grant.subject}"
    world.cluster.add_binding(
        world.place(grant), VIEW, (subject,), grant=grant.id, finalizers=("example.com/hold",)
    )
    world.cluster.forbid_bind(VIEW)
    swept = sweep_cluster(world.cluster, ports=world)
    assert (swept.deleted, swept.failed) == (1, 0)
    assert world.cluster.all_bindings() == ()


@pytest.mark.parametrize("error", [ClusterForbidden, ClusterRefused])
def test_a_binding_that_can_not_be_deleted_keeps_no_other_there(
    world: World, error: type[ClusterForbidden]
) -> None:
    at = world.place(world.approved())
    for number in range(2):
        place = replace(at, name=f"valetkey-left-{number}")
        world.cluster.add_binding(place, VIEW, (), grant=None, installation=world.installation)
    world.cluster.fail("delete", error)
    swept = sweep_cluster(world.cluster, ports=world)
    assert (swept.deleted, swept.failed) == (1, 1)


def test_a_cluster_that_goes_away_under_a_sweep_is_not_waited_for_again(world: World) -> None:
    grant = world.active()
    world.clock.forward(hours=1)
    world.reconcile(grant.id)
    world.cluster.add_binding(world.place(grant), VIEW, (), grant=grant.id)
    world.cluster.fail("delete")
    with pytest.raises(ClusterUnavailable):
        sweep_cluster(world.cluster, ports=world)


def test_a_wrong_uid_beside_a_live_grant_is_deleted(world: World) -> None:
    grant = world.active()
    elsewhere = replace(world.place(grant), name="valetkey-copy")
    world.cluster.add_binding(elsewhere, VIEW, (f"User:{grant.subject}",), grant=grant.id)
    assert sweep_cluster(world.cluster, ports=world).deleted == 1
    assert world.cluster.peek(world.place(grant)) is not None
    assert world.cluster.peek(elsewhere) is None


@pytest.mark.parametrize("error", [ChangedMeanwhile("request", "x"), ValueError("broken")])
def test_a_request_that_can_not_be_expired_keeps_no_other_open(
    world: World, error: Exception
) -> None:
    erin = world.person("erin", "engineers")
    first, second = world.ask(erin), world.ask(erin)
    world.clock.forward(hours=5)
    world.store.fail("request", error, of=lambda request: request == first.id)
    assert expire_requests(ports=world) == 1
    world.store.mend()
    assert world.request(first.id).state is RequestState.PENDING
    assert world.request(second.id).state is RequestState.EXPIRED
    assert expire_requests(ports=world) == 1


def test_a_database_that_is_away_ends_the_round(world: World) -> None:
    world.ask(world.person("erin", "engineers"))
    world.clock.forward(hours=5)
    world.store.fail("request", StoreUnavailable("away"))
    with pytest.raises(StoreUnavailable):
        expire_requests(ports=world)


def test_two_workers_that_expire_one_request_expire_it_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Both have listed it; the second finds it closed, which is no error to be told of."""
    request = world.ask(world.person("erin", "engineers"))
    world.clock.forward(hours=5)
    other: list[int] = []
    world.store.before_write(lambda: other.append(expire_requests(ports=world)))
    assert expire_requests(ports=world) == 0
    assert other == [1]
    assert world.events().count("request.expired") == 1
    assert world.request(request.id).state is RequestState.EXPIRED
    assert caplog.records == []


def test_a_draft_that_was_submitted_meanwhile_is_expired_no_sooner_than_its_new_time(
    world: World,
) -> None:
    """It went on at a replica whose clock is a little behind, just as its time was up by ours."""
    erin = world.person("erin", "engineers")
    world.clock.forward(hours=13)
    with pytest.raises(SignInTooOld) as caught:
        world.ask(erin)
    draft = caught.value.draft
    assert draft is not None
    world.clock.forward(hours=4)

    def go_on() -> None:
        world.clock.forward(seconds=-1)
        person = world.sign_in("erin", "engineers").person
        submit_draft(SubmitDraft(person, draft), ports=world)
        world.clock.forward(seconds=1)

    world.store.before_write(go_on)
    assert expire_requests(ports=world) == 0
    assert world.request(draft).state is RequestState.PENDING
    assert world.request(draft).pending_until > world.clock.now()


def test_a_request_that_is_not_at_its_last_state_is_not_closed(world: World) -> None:
    request = world.ask(world.person("erin", "engineers"))
    recorded = world.events()
    with pytest.raises(WrongState), world.store.write() as tx:
        close(tx, request, EventType.REQUEST_EXPIRED, actor="system")
    assert world.events() == recorded
    assert world.request(request.id) == request


@pytest.mark.parametrize(
    ("act", "event"),
    [
        (lambda key, who: (cancel_request, CancelRequest(key, who, "req-none")), "request.refused"),
        (lambda key, who: (give_back, GiveBack(key, who, "gra-none")), "grant.action-refused"),
        (
            lambda key, who: (revoke_grant, RevokeGrant(key, who, "gra-none", "Why")),
            "grant.action-refused",
        ),
    ],
    ids=["cancel", "give-back", "revoke"],
)
def test_what_is_not_there_is_said_and_recorded_and_a_replay_is_not(
    world: World, act: Callable[..., tuple[Callable[..., object], object]], event: str
) -> None:
    verb, command = act("the-key", world.person("alex", "admins"))
    with pytest.raises(NotFound):
        verb(command, ports=world)
    recorded = world.events()
    assert recorded[-1] == event
    with pytest.raises(AlreadyDone):
        verb(command, ports=world)
    assert world.events() == recorded


@pytest.mark.parametrize(
    "ends_early", [pytest.param(True, id="given back"), pytest.param(False, id="expired")]
)
def test_whoever_decides_hears_when_access_ends_early_that_gave_what_is_asked_for(
    world: World, *, ends_early: bool
) -> None:
    """Their card says what the request adds to other access, and until when that lasts."""
    erin, ada = world.person("erin", "engineers"), world.person("ada", "approvers")
    (held,) = world.approve(ada, world.ask(erin)).grants
    grant = world.reconcile(held)
    pending = world.ask(erin)
    theirs = [card for card in world.store.cards if card.about == pending.id]
    before = [world.store.cards[card] for card in theirs]
    if ends_early:
        give_back(GiveBack(world.key(), erin, grant.id), ports=world)
    else:
        world.clock.forward(hours=2)
        expire_leases(ports=world)
    assert world.reconcile(grant.id).state is GrantState.ENDED
    after = [world.store.cards[card] for card in theirs]
    assert theirs
    assert [now - then for now, then in zip(after, before, strict=True)] == [
        int(ends_early) for _ in theirs
    ]
