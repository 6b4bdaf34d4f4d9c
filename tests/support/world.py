"""A small world for verbs: a clock, rows in memory, a cluster in memory, a policy, some people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from grants.access.cluster_port import BindingPlace
from grants.access.decide import Decide, Decided, decide
from grants.access.model import AccessRequest, Grant, Verdict
from grants.access.naming import binding_name
from grants.access.ports import AccessTimes
from grants.access.reconcile import reconcile_grant
from grants.access.request_access import RequestAccess, request_access
from grants.access.see_clusters import see_cluster
from grants.authz.model import RoleRef
from grants.errors import ClusterError
from grants.ids import Prefix, new_id
from grants.people.model import Account, Known, Person, Profile, SignIn
from grants.policy.model import (
    ClusterPolicy,
    Entitlement,
    Notify,
    Policy,
    Stage,
    Who,
)
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.memory_store import MemoryStore

T = TypeVar("T")
START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
VIEW = RoleRef("ClusterRole", "view")
INSTALLATION = "inst-abcdefghabcdefghabcdefghab"


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def forward(self, **by: float) -> datetime:
        self._now += timedelta(**by)
        return self._now


class HerePolicy:
    """The policy in force, set by the test."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def current(self) -> Policy:
        return self.policy


class Later(Generic[T]):
    """What was started is made when it is waited for."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self.left = False

    def result(self) -> T:
        return self._call()

    def leave(self) -> None:
        self.left = True


class DirectLookups:
    """Runs reads at once, on the caller's thread."""

    def __init__(self) -> None:
        self.started: list[Later[Any]] = []

    def run(self, alias: str, call: Callable[[], T], within: timedelta) -> T:
        return call()

    def run_all(
        self, alias: str, calls: Sequence[Callable[[], object]], within: timedelta
    ) -> tuple[object, ...]:
        return tuple(call() for call in calls)

    def start(self, alias: str, call: Callable[[], T]) -> "Later[T]":
        self.started.append(Later(call))
        return self.started[-1]

    def run_beside(self, alias: str, calls: Sequence[Callable[[], T]]) -> tuple[T, ...]:
        return tuple(call() for call in calls)


@dataclass
class StepList:
    """Remembers the steps; may raise at one, as a crash would."""

    begun: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    crash_before: str = ""
    crash_after: str = ""

    def before(self, step: str, grant: str) -> None:
        self.begun.append(step)
        if step == self.crash_before:
            raise Crash(step)

    def after(self, step: str, grant: str) -> None:
        self.done.append(step)
        if step == self.crash_after:
            raise Crash(step)


class Crash(BaseException):
    """Stands for the end of the process: nothing catches it but the test."""


def a_policy(**changes: object) -> Policy:
    """One cluster, one entitlement `view-payments`: engineers ask, approvers decide."""
    entitlement = Entitlement(
        name="view-payments",
        description="Look at the payments namespaces",
        clusters=("prod",),
        namespaces=("payments-*",),
        cluster_wide=False,
        role=VIEW,
        ask=Who(groups=frozenset({"engineers"})),
        stages=(Stage(Who(groups=frozenset({"approvers"})), quorum=1),),
        notify=Notify(channels=("C0PLATFORM",)),
        duration_default=timedelta(hours=1),
        duration_maximum=timedelta(hours=8),
    )
    return Policy(
        digest="p" * 64,
        admins=Who(groups=frozenset({"admins"})),
        auditors=Who(groups=frozenset({"auditors"})),
        admin_notify=Notify(channels=("C0ADMINS",)),
        clusters=(ClusterPolicy("prod", "oidc:{email}", "oidc:{group}"),),
        entitlements=(replace(entitlement, **changes),),  # type: ignore[arg-type]
    )


@dataclass
class World:
    """Implements AccessPorts; people are added by name, with accounts `T1/U-NAME`."""

    clock: HandClock = field(default_factory=HandClock)
    times: AccessTimes = field(default_factory=AccessTimes)
    installation: str = INSTALLATION
    own_namespace: str | None = "valetkey"
    endpoints: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.store = self.new_store()
        self.cluster = FakeCluster(
            "prod", clock=self.clock, installation=self.installation, endpoints=self.endpoints
        )
        self.cluster.add_namespace("payments-dev")
        self.cluster.put_role(VIEW)
        self.clusters = FakeClusters(self.cluster)
        self.policy = HerePolicy(a_policy())
        self.lookups = DirectLookups()
        self.watch = StepList()
        self._keys = 0
        see_cluster(self.cluster, ports=self)

    def new_store(self) -> MemoryStore:
        """Make the rows; another world may have real ones."""
        return MemoryStore(self.clock)

    def key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"

    def person(
        self, name: str, *groups: str, unknown_groups: bool = False, account: str | None = None
    ) -> Account:
        """Add somebody who just signed in, linked to an account."""
        linked = Account("T1", account or f"U-{name.upper()}")
        with self.store.write() as tx:
            person = tx.person("https://idp", name)
            if person is None:
                person = Person(new_id(Prefix.PERSON), "https://idp", name)
                tx.add_person(person, self.clock.now())
            tx.link(linked, person.id, self.clock.now())
        self.sign_in(name, *groups, unknown_groups=unknown_groups)
        return linked

    def sign_in(
        self, name: str, *groups: str, unknown_groups: bool = False, email: str | None = None
    ) -> SignIn:
        """Have somebody sign in (again) now, with these groups."""
        with self.store.write() as tx:
            person = tx.person("https://idp", name)
            assert person is not None
            address = email or f"{name}@example.com"
            signed = SignIn(
                id=new_id(Prefix.SIGN_IN),
                person=person.id,
                at=self.clock.now(),
                auth_time=self.clock.now(),
                groups=None if unknown_groups else frozenset(groups),
                acr=None,
                amr=("pwd", "otp"),
                profile=Profile(name.title(), address, email_verified=True),
                claims={"email": address, "email_verified": True, "sub": name},
            )
            tx.add_sign_in(signed)
        return signed

    def known(self, account: Account) -> Known:
        with self.store.read() as tx:
            known = tx.known(account)
        assert known is not None
        return known

    def ask(self, account: Account, **changes: object) -> AccessRequest:
        """Ask for an hour of view in payments-dev."""
        command = RequestAccess(
            self.key(), account, "prod", "payments-dev", "view-payments", timedelta(hours=1), "Why"
        )
        return request_access(replace(command, **changes), ports=self)  # type: ignore[arg-type]

    def approve(self, account: Account, request: AccessRequest) -> Decided:
        command = Decide(self.key(), account, request.id, request.terms_hash, Verdict.APPROVE)
        return decide(command, ports=self)

    def request(self, request: str) -> AccessRequest:
        with self.store.read() as tx:
            found = tx.request(request)
        assert found is not None
        return found

    def grant(self, grant: str) -> Grant:
        with self.store.read() as tx:
            found = tx.grant(grant)
        assert found is not None
        return found

    def reconcile(self, grant: str) -> Grant:
        done = reconcile_grant(grant, ports=self)
        assert done is not None
        return done

    def approved(self) -> Grant:
        """Have Erin ask and Ada approve; gives the activating grant."""
        erin, ada = self.person("erin", "engineers"), self.person("ada", "approvers")
        decided = self.approve(ada, self.ask(erin))
        return self.grant(decided.grants[0])

    def active(self) -> Grant:
        return self.reconcile(self.approved().id)

    def place(self, grant: Grant) -> BindingPlace:
        return BindingPlace(binding_name(self.installation, grant.id), grant.namespace)

    def events(self) -> list[str]:
        return [str(event.type) for event in self.store.events]


def refusal(call: Callable[[], object]) -> ClusterError | BaseException:
    """Give what a call raises; a call that raises nothing is a failure."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - handed to the test to look at
        return error
    raise AssertionError("nothing was refused")
