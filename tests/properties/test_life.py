"""Everything that people, clusters, clocks and crashes can do, in any order; what must hold does.

The run's seed is printed, and so is the shortest story that breaks something.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from grants.access.cancel_request import CancelRequest, cancel_request
from grants.access.cluster_port import Binding
from grants.access.decide import Decide, decide
from grants.access.expire_requests import expire_requests
from grants.access.fresh import Handed, read_ends
from grants.access.give_back import GiveBack, give_back
from grants.access.model import (
    GRANT_MOVES,
    REQUEST_MOVES,
    Grant,
    GrantState,
    RequestState,
    Verdict,
)
from grants.access.ports import Hold
from grants.access.reconcile import ROADS, reconcile_grant
from grants.access.request_access import RequestAccess, SubmitDraft, request_access, submit_draft
from grants.access.revoke_grant import RevokeGrant, revoke_grant
from grants.access.sweep import sweep_cluster
from grants.authz.model import RoleSnapshot, Rule
from grants.errors import (
    ClusterConflict,
    ClusterError,
    ClusterForbidden,
    ClusterRefused,
    ClusterUnavailable,
    ValetkeyError,
)
from tests.support.fake_cluster import VIEW_RULES
from tests.support.life import CHECKS, every_grant, every_request, ours
from tests.support.world import VIEW, Crash, World

ENDPOINTS = ("https://a.example", "https://b.example")
PEOPLE = {
    "erin": ("engineers",),
    "eve": ("engineers",),
    "ada": ("approvers",),
    "both": ("engineers", "approvers"),
    "alex": ("admins",),
}
ACTIVATING = [step.name for step in ROADS[GrantState.ACTIVATING]]
STEPS = [step.name for road in ROADS.values() for step in road]
CALLS = ["binding", "create_empty", "fill", "empty", "drop_finalizers", "delete", "ask", "role"]
ERRORS = [ClusterUnavailable, ClusterForbidden, ClusterRefused, ClusterConflict]
OPEN = {RequestState.DRAFT, RequestState.PENDING}
HOLD = Hold("wrk-life", timedelta(seconds=5))

people = st.sampled_from(sorted(PEOPLE))
engineers = st.sampled_from(["erin", "eve", "both", "ada"])
approvers = st.sampled_from(["ada", "ada", "both", "both", "erin"])
which = st.integers(0, 5)  # one of those there are, counted from the newest
steps = st.sampled_from(STEPS)


meddling = st.sampled_from(["remove", "hold", "narrow", "widen", "relabel", "shorten"])
with_requests = precondition(lambda self: every_request(self.world))
with_grants = precondition(lambda self: every_grant(self.world))


class Life(RuleBasedStateMachine):
    """One world; people act, workers work and crash, the cluster fails and others meddle."""

    @initialize()
    def begin(self) -> None:
        self.world = World(endpoints=ENDPOINTS)
        self.accounts = {name: self.world.person(name, *of) for name, of in PEOPLE.items()}
        self.requests: dict[str, RequestState] = {}
        self.grants: dict[str, GrantState] = {}
        self.last: Callable[[], object] | None = None
        self.handed: list[Handed] = []

    # What people do.

    def _verb(self, call: Callable[[], object]) -> None:
        """Run a verb; any refusal of ours is fine, anything else is a bug. Kept for a replay."""
        self.last = call
        with suppress(ValetkeyError):
            call()

    @rule(who=engineers, minutes=st.sampled_from([1, 30, 480]))
    def ask(self, who: str, minutes: int) -> None:
        command = RequestAccess(
            self.world.key(),
            self.accounts[who],
            "prod",
            "payments-dev",
            "view-payments",
            timedelta(minutes=minutes),
            "Why",
        )
        self._verb(lambda: request_access(command, ports=self.world))

    @rule(
        who=st.sampled_from(["erin", "eve", "both"]),
        minutes=st.sampled_from([1, 30, 480]),
        until=st.sampled_from(["approved", "handed", "active", "active", *ACTIVATING]),
    )
    def ask_and_approve(self, who: str, minutes: int, until: str) -> None:
        """The usual way in one go: without it most stories would never come to a grant."""
        self.world.sign_in("ada", "approvers")
        self.world.sign_in(who, *PEOPLE[who])
        known = len(every_request(self.world))
        self.ask(who, minutes)
        if len(every_request(self.world)) > known:
            self.approve("ada", 0, forged=False)
        self._heal()
        if until in ACTIVATING:
            self.crash(0, until, after=True)
        elif until == "active":
            self.reconcile(0)
        elif until == "handed" and self.handed:
            self.walk_on(0)

    @rule(until=st.sampled_from(ACTIVATING), how=meddling)
    def interrupt(self, until: str, how: str) -> None:
        """A worker dies on the way, somebody meddles with what it left, another worker goes on."""
        known = len(every_grant(self.world))
        self.ask_and_approve("erin", 30, until)
        if len(every_grant(self.world)) == known:
            return
        grant = every_grant(self.world)[-1]
        left = self.world.cluster.peek(self.world.place(grant))
        if left is not None:
            self._meddle(left, how)
        self._look(grant.id)

    def _request(self, number: int) -> str:
        """Pick a request: an even number means one that is open, if there is any."""
        every = every_request(self.world)
        some = [r for r in every if r.state in OPEN and number % 2 == 0] or every
        return some[-1 - number // 2 % len(some)].id if some else "req-none"

    def _grant(self, number: int) -> str:
        """Pick a grant: an even number means one that is live, if there is any."""
        every = every_grant(self.world)
        live = [g for g in every if g.state is not GrantState.ENDED and number % 2 == 0]
        some = live or every
        return some[-1 - number // 2 % len(some)].id if some else "gra-none"

    @with_requests
    @rule(who=engineers, number=which)
    def submit_draft(self, who: str, number: int) -> None:
        person = self.world.known(self.accounts[who]).person.id
        command = SubmitDraft(person, self._request(number))
        self._verb(lambda: submit_draft(command, ports=self.world))

    @with_requests
    @rule(who=approvers, number=which, forged=st.sampled_from([False, False, True]))
    def deny(self, who: str, number: int, *, forged: bool) -> None:
        self._decide(who, number, Verdict.DENY, forged=forged)

    @with_requests
    @rule(who=approvers, number=which, forged=st.sampled_from([False, False, False, True]))
    def approve(self, who: str, number: int, *, forged: bool) -> None:
        self._decide(who, number, Verdict.APPROVE, forged=forged)

    def _decide(self, who: str, number: int, verdict: Verdict, *, forged: bool) -> None:
        request = self._request(number)
        found = self.world.store._rows.requests.get(request)
        shown = "0" * 64 if forged or found is None else found.terms_hash
        command = Decide(self.world.key(), self.accounts[who], request, shown, verdict, "Why")

        def call() -> None:
            done = decide(command, ports=self.world, holder=lambda _: HOLD)
            self.handed += done.held

        self._verb(call)

    @with_requests
    @rule(who=engineers, number=which)
    def cancel(self, who: str, number: int) -> None:
        command = CancelRequest(self.world.key(), self.accounts[who], self._request(number))
        self._verb(lambda: cancel_request(command, ports=self.world))

    @with_grants
    @rule(who=engineers, number=which)
    def give_back(self, who: str, number: int) -> None:
        command = GiveBack(self.world.key(), self.accounts[who], self._grant(number))
        self._verb(lambda: give_back(command, ports=self.world))

    @with_grants
    @rule(number=which, who=st.sampled_from(["alex", "alex", "erin"]))
    def revoke(self, number: int, who: str) -> None:
        command = RevokeGrant(self.world.key(), self.accounts[who], self._grant(number), "Why")
        self._verb(lambda: revoke_grant(command, ports=self.world))

    @precondition(lambda self: self.last is not None)
    @rule()
    def replay(self) -> None:
        """The same click or submit is delivered once more: nothing changes."""
        before = self.world.store._rows
        self._verb(self.last)  # type: ignore[arg-type]
        after = self.world.store._rows
        assert (after.requests, after.grants) == (before.requests, before.grants)
        assert len(after.decisions) == len(before.decisions)

    @rule(
        who=people,
        groups=st.sampled_from([None, (), ("engineers",), ("approvers",)]),
        email=st.sampled_from(["", "", "renamed@example.com"]),
    )
    def sign_in(self, who: str, groups: tuple[str, ...] | None, email: str) -> None:
        self.world.sign_in(
            who, *(PEOPLE[who] if groups is None else groups), email=email or f"{who}@example.com"
        )

    # What the worker does.

    @with_grants
    @rule(number=which)
    def reconcile(self, number: int) -> None:
        self._look(self._grant(number))

    @with_grants
    @rule()
    def read_ahead(self) -> None:
        """A worker reads at once what it has claimed, and walks it when there is a thread."""
        grants = [grant.id for grant in every_grant(self.world)]
        self.handed += read_ends(grants, self.world).values()

    @precondition(lambda self: self.handed)
    @rule(number=which)
    def walk_on(self, number: int) -> None:
        """What was handed over or read is walked as it was then: at once, or having slept since."""
        fresh = self.handed[-1 - number % len(self.handed)]
        self._look(fresh.grant.id, fresh)

    def _look(self, grant: str, fresh: Handed | None = None) -> None:
        before = self.world.store._rows.grants.get(grant)
        after = reconcile_grant(grant, ports=self.world, handed=fresh)
        if before is not None and fresh is not None and before.version != fresh.grant.version:
            return  # it moved on meanwhile: that is found out, and nothing looked at
        if before is None or after is None or after.problem or after.state is not GrantState.ACTIVE:
            return
        self._check_seen(after)
        if before.expires_at is None:
            role = self.world.cluster._roles[VIEW, None]
            assert RoleSnapshot(VIEW, role, self.world.clock.now()).digest == after.role_digest

    def _check_seen(self, grant: Grant) -> None:
        """What was just looked at and is active: its end is ahead, its binding as written."""
        binding = self.world.cluster.peek(self.world.place(grant))
        assert grant.expires_at is not None
        assert grant.expires_at > self.world.clock.now()
        assert binding is not None
        assert (binding.uid, binding.grant) == (grant.binding_uid, grant.id)
        assert binding.subjects == (f"User:{grant.subject}",)

    @rule()
    def work(self) -> None:
        """A worker goes once over all that is due."""
        for grant in every_grant(self.world):
            if grant.due_at <= self.world.clock.now():
                reconcile_grant(grant.id, ports=self.world)

    @with_grants
    @rule(number=which, step=steps, after=st.booleans())
    def crash(self, number: int, step: str, *, after: bool) -> None:
        watch = self.world.watch
        watch.crash_before, watch.crash_after = ("", step) if after else (step, "")
        with suppress(Crash):
            reconcile_grant(self._grant(number), ports=self.world)
        watch.crash_before = watch.crash_after = ""

    @with_grants
    @rule(
        number=which,
        call=st.sampled_from(CALLS),
        act=st.sampled_from(["ends", "works", "waits", "deletes"]),
    )
    def race(self, number: int, call: str, act: str) -> None:
        """Just before a call acts, somebody else is faster: a worker that wakes late."""
        grant = self._grant(number)
        found = self.world.store._rows.grants.get(grant)
        if found is None:
            return
        meanwhile = {
            "ends": lambda: self._end_now(grant),
            "works": lambda: reconcile_grant(grant, ports=self.world),
            "waits": lambda: self.world.clock.forward(minutes=16),
            "deletes": lambda: self.world.cluster.remove_binding(self.world.place(found)),
        }
        self.world.cluster.before(call, meanwhile[act])
        reconcile_grant(grant, ports=self.world)
        self.world.cluster._before.clear()

    def _end_now(self, grant: str) -> None:
        command = RevokeGrant(self.world.key(), self.accounts["alex"], grant, "Race")
        with suppress(ValetkeyError):
            revoke_grant(command, ports=self.world)
        reconcile_grant(grant, ports=self.world)

    @rule()
    def sweep(self) -> None:
        with suppress(ClusterError):
            sweep_cluster(self.world.cluster, ports=self.world)

    @rule()
    def expire(self) -> None:
        expire_requests(ports=self.world)

    @rule(minutes=st.sampled_from([1, 10, 30, 120, 800]))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.forward(minutes=minutes)

    # What goes wrong, and what others do.

    @rule(
        call=st.sampled_from([*CALLS, "ready", "*"]),
        error=st.sampled_from(ERRORS),
        times=st.integers(1, 3),
        done=st.booleans(),
    )
    def fail(self, call: str, error: type[ClusterError], times: int, *, done: bool) -> None:
        self.world.cluster.fail(call, error, times=times, done=done)

    @rule()
    def mend(self) -> None:
        self.world.cluster.mend()

    @rule(endpoint=st.sampled_from(ENDPOINTS))
    def cut_off(self, endpoint: str) -> None:
        self.world.cluster.cut_off(endpoint)

    @rule()
    def join(self) -> None:
        for endpoint in ENDPOINTS:
            self.world.cluster.join(endpoint)

    @rule(hold=st.sampled_from([(), ("example.com/hold",)]))
    def webhook(self, hold: tuple[str, ...]) -> None:
        self.world.cluster.hold_new_bindings(*hold)

    @rule(bindable=st.booleans())
    def bind(self, *, bindable: bool) -> None:
        cluster = self.world.cluster
        (cluster.allow_bind if bindable else cluster.forbid_bind)(VIEW)

    @rule(more=st.booleans())
    def edit_role(self, *, more: bool) -> None:
        rules = (*VIEW_RULES, Rule(("get",), ("",), ("services",))) if more else VIEW_RULES
        self.world.cluster.put_role(VIEW, rules)

    @with_grants
    @rule(
        number=which,
        how=meddling,
        seen=st.booleans(),
    )
    def meddle(self, number: int, how: str, *, seen: bool) -> None:
        """Somebody else has a hand in a binding of ours; `seen`: and the worker looks at once."""
        found = ours(self.world)
        if not found:
            return
        binding = found[number % len(found)]
        self._meddle(binding, how)
        of = [g.id for g in every_grant(self.world) if g.binding_uid == binding.uid]
        if seen and of:
            self._look(of[0])

    def _meddle(self, binding: Binding, how: str) -> None:
        cluster = self.world.cluster
        if how == "remove":
            cluster.remove_binding(binding.place)
        elif how == "hold":
            cluster.add_finalizer(binding.place)
        elif how == "narrow":
            cluster.edit_binding(binding.place, subjects=())
        elif how == "widen" and binding.subjects:
            cluster.edit_binding(binding.place, subjects=(*binding.subjects, "User:mallory"))
        elif how == "relabel":
            cluster.edit_binding(binding.place, grant=None, installation=None)
        elif how == "shorten" and binding.expires_at is not None:
            cluster.edit_binding(binding.place, expires_at=self.world.clock.now())

    # What must hold.

    @invariant()
    def holds(self) -> None:
        for check in CHECKS:
            check(self.world)
        self._check_moves()

    def _check_moves(self) -> None:
        """What is closed stays closed, and what has ended stays ended."""
        for request in every_request(self.world):
            before = self.requests.get(request.id)
            if before is not None and not REQUEST_MOVES[before]:
                assert request.state is before
            self.requests[request.id] = request.state
        for grant in every_grant(self.world):
            was = self.grants.get(grant.id)
            if was is not None and not GRANT_MOVES[was]:
                assert grant.state is was
            self.grants[grant.id] = grant.state
        assert set(self.requests) == {r.id for r in every_request(self.world)}

    def _heal(self) -> None:
        cluster = self.world.cluster
        cluster.mend()
        cluster._before.clear()
        cluster.hold_new_bindings()
        cluster.allow_bind(VIEW)
        cluster.put_role(VIEW, VIEW_RULES)
        self.join()

    def teardown(self) -> None:
        """Everything heals and time passes: all comes to rest, proven, and nothing is left."""
        if not hasattr(self, "world"):
            return
        cluster = self.world.cluster
        self._heal()
        for _round in range(3):
            self.world.clock.forward(hours=9)
            expire_requests(ports=self.world)
            for grant in every_grant(self.world):
                reconcile_grant(grant.id, ports=self.world)
            sweep_cluster(cluster, ports=self.world)
            self.holds()
        assert {g.state for g in every_grant(self.world)} <= {GrantState.ENDED}
        assert not {r.state for r in every_request(self.world)} & OPEN
        assert ours(self.world) == []


def test_what_must_hold_holds_whatever_happens() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=100,
            stateful_step_count=60,
            suppress_health_check=list(HealthCheck),
            deadline=None,
        ),
    )
