"""Rounds of faults: a grant is brought through its life while its worker is killed or stopped."""

import multiprocessing
import os
import signal
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from sqlalchemy import update

from bot.playground.controlplane.plane import ControlPlane
from grants.access.decide import Decide, decide
from grants.access.give_back import GiveBack, give_back
from grants.access.model import Grant, Verdict
from grants.access.reconcile import ROADS
from grants.access.request_access import RequestAccess, request_access
from grants.access.see_clusters import see_cluster
from grants.access.sweep import sweep_cluster
from grants.clusters import labels
from grants.ids import Prefix, new_id
from grants.people.model import Account, Person, Profile, SignIn
from grants.store import tables as t
from tests.support.fault_worker import (
    Click,
    Failpoint,
    Fault,
    FaultCore,
    Job,
    Stage,
    wait_for,
    work,
)
from tests.support.fault_worker import click as decide_and_walk

RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
STEPS: Final = tuple(step.name for road in ROADS.values() for step in road)
FAULTS: Final = tuple(Fault(step, side) for step in STEPS for side in ("before", "after"))  # type: ignore[arg-type]
SETTLED_SECONDS: Final = 15.0
AGAIN: Final = frozenset({"activate.look", "activate.judge-found", "activate.create"})
"""Steps that a first attempt has no need of."""
UID_UNKNOWN: Final = frozenset({"end.find", "end.store-found", "end.delete"})
"""Steps for what a crash between create and commit leaves: a binding whose uid nobody stored."""


def forkserver() -> Any:
    """A server that imported everything once, single-threaded, and forks workers quickly."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.fault_worker", "tests.support.broken"])
    return context


@dataclass
class Violation:
    """What the checker found, asked of the API server itself."""

    round: str
    what: str


@dataclass
class Faults:
    """One database and one namespace of a real cluster, and the rounds played in them."""

    plane: ControlPlane
    stage: Stage
    namespace: str
    hits: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._context = forkserver()
        self._core = FaultCore(self.stage, Failpoint(None))
        self._number = 0
        see_cluster(self._core.cluster(), ports=self._core)

    def close(self) -> None:
        self._core.close()

    def approved(self, *, seconds: int = 3600) -> tuple[Grant, Account]:
        """Have somebody new ask and somebody else approve, by the real verbs."""
        click, asker = self.asked(seconds=seconds)
        return self.grant(decide(click, ports=self._core).grants[0]), asker

    def asked(self, *, seconds: int = 3600) -> tuple[Decide, Account]:
        """Have somebody new ask; gives the click by which somebody else approves."""
        self._number += 1
        asker = self._person(f"erin-{new_id(Prefix.PERSON)}", "engineers")
        approver = self._person(f"ada-{new_id(Prefix.PERSON)}", "approvers")
        asked = RequestAccess(
            new_id(Prefix.EVENT),
            asker,
            "prod",
            self.namespace,
            "view-payments",
            timedelta(seconds=seconds),
            "Faults",
        )
        request = request_access(asked, ports=self._core)
        key = new_id(Prefix.EVENT)
        return Decide(key, approver, request.id, request.terms_hash, Verdict.APPROVE), asker

    def _person(self, name: str, group: str) -> Account:
        now = datetime.now(UTC)
        account = Account("T1", name)
        with self._core.store.write() as tx:
            person = Person(new_id(Prefix.PERSON), "https://idp", name)
            tx.add_person(person, now)
            email = f"{name}@example.com"
            tx.add_sign_in(
                SignIn(
                    id=new_id(Prefix.SIGN_IN),
                    person=person.id,
                    at=now,
                    auth_time=now,
                    groups=frozenset({group}),
                    acr=None,
                    amr=("pwd",),
                    profile=Profile(name, email, email_verified=True),
                    claims={"email": email, "email_verified": True},
                )
            )
            tx.link(account, person.id, now)
        return account

    def grant(self, grant: str) -> Grant:
        with self._core.store.read() as tx:
            found = tx.grant(grant)
        assert found is not None
        return found

    def reading(self) -> AbstractContextManager[Any]:
        """Open a read transaction on the rows."""
        return self._core.store.read()

    def make_way_to(self, step: str, grant: Grant) -> None:
        """Have a first attempt behind a grant where only a later one takes this step."""
        if step in AGAIN:
            self.edit_grant(grant.id, attempts=1)

    def edit_grant(self, grant: str, **columns: Any) -> None:
        """Change a row behind the core's back, also what a save leaves as it was given."""
        row = t.grants.c
        changed = {**columns, "version": row.version + 1}
        with self._core.store._database.writing() as connection:
            connection.execute(update(t.grants).where(row.id == grant).values(changed))

    def start(self, grant: Grant, *until: str, fault: Fault | None = None) -> BaseProcess:
        job = Job(self.stage, grant.id, until, fault)
        process: BaseProcess = self._context.Process(target=work, args=(job,))
        process.start()
        return process

    def clicked(self, click: Decide, fault: Fault) -> BaseProcess:
        """Have a process decide, and walk what that makes until a step."""
        process: BaseProcess = self._context.Process(
            target=decide_and_walk, args=(Click(self.stage, click, fault),)
        )
        process.start()
        return process

    def granted(self, request: str) -> Grant:
        """Give the one grant that followed a request."""
        with self._core.store.read() as tx:
            (grant,) = tx.grant_of_request(request)
        return grant

    def hit(self, grant: Grant, *until: str, fault: Fault) -> None:
        """Have a worker die at a step; that it died there is what counts as a hit."""
        self.wait_dead(self.start(grant, *until, fault=fault), fault)

    def wait_dead(self, process: BaseProcess, fault: Fault) -> None:
        """Wait until a process has died at its step."""
        process.join(SETTLED_SECONDS + 5)
        assert process.exitcode == -signal.SIGKILL, (fault, process.exitcode)
        self.hits[f"{fault.step} {fault.side}"] += 1

    def settle(self, grant: Grant, *until: str) -> None:
        """Have a whole worker bring the grant where it should stand, within 15 s."""
        process = self.start(grant, *until)
        process.join(SETTLED_SECONDS + 5)
        if process.exitcode != 0:
            stands = self.grant(grant.id)
            self._violates(grant, f"not settled in {until}: {stands.state} {stands.problem}")

    def stop_at(self, grant: Grant, *until: str, fault: Fault) -> BaseProcess:
        """Have a worker stand still (SIGSTOP) at a step."""
        process = self.start(grant, *until, fault=replace(fault, act="stop"))
        self.wait_stopped(process, fault)
        return process

    def wait_stopped(self, process: BaseProcess, fault: Fault) -> None:
        """Wait until a process stands still at its step."""
        wait_for(lambda: _stands_still(process), SETTLED_SECONDS, f"stopped at {fault}")
        self.hits[f"{fault.step} {fault.side} (stopped)"] += 1

    def go_on(self, process: BaseProcess) -> None:
        """Wake a worker that stood still, and wait until it has done what it will do."""
        assert process.pid is not None
        os.kill(process.pid, signal.SIGCONT)
        process.join(SETTLED_SECONDS + 5)
        assert process.exitcode is not None

    def give_back(self, grant: Grant, account: Account) -> None:
        give_back(GiveBack(new_id(Prefix.EVENT), account, grant.id), ports=self._core)

    def sweep(self) -> None:
        sweep_cluster(self._core.cluster(), ports=self._core)

    def hold(self, grant: Grant, finalizer: str = "example.com/hold") -> None:
        """Hold the grant's binding by a finalizer, as an admin."""
        path = f"{RBAC}/namespaces/{self.namespace}/rolebindings/{grant.binding_name}"
        found = self.plane.admin_request("GET", path)
        found["metadata"]["finalizers"] = [finalizer]
        self.plane.admin_request("PUT", path, found)

    def check(self, grant: Grant, round_name: str) -> None:
        """Ask the API server itself whether what the record says of this grant is so."""
        stands = self.grant(grant.id)
        there = [b for b in self._bindings() if _label(b) == grant.id]
        allowed = self._allowed(grant)
        now = datetime.now(UTC)
        filled = [b for b in there if b.get("subjects")]
        if stands.state == "ended" and (allowed or filled):
            self._violates(grant, f"ended while access counts ({round_name})")
        if filled and stands.state not in {"active", "activating", "revoking"}:
            self._violates(grant, f"a binding without a live grant ({round_name})")
        if stands.state == "active" and not allowed:
            self._violates(grant, f"active without access ({round_name})")
        for binding in filled:
            expires = binding["metadata"]["annotations"].get(labels.EXPIRES_ANNOTATION)
            if expires is None or datetime.fromisoformat(expires) < now - timedelta(seconds=15):
                self._violates(grant, f"a binding past its end ({round_name})")

    def labelled(self) -> list[str]:
        """Name every binding here that bears our label."""
        return [b["metadata"]["name"] for b in self._bindings() if _label(b)]

    def _violates(self, grant: Grant, what: str) -> None:
        self.violations.append(Violation(grant.id, what))

    def _bindings(self) -> list[dict[str, Any]]:
        path = f"{RBAC}/namespaces/{self.namespace}/rolebindings"
        items: list[dict[str, Any]] = self.plane.admin_request("GET", path)["items"]
        return items

    def _allowed(self, grant: Grant) -> bool:
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": grant.subject,
                "groups": ["system:authenticated"],
                "resourceAttributes": {
                    "verb": "list",
                    "resource": "pods",
                    "namespace": self.namespace,
                },
            },
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return bool(self.plane.admin_request("POST", path, review)["status"]["allowed"])


def _label(binding: dict[str, Any]) -> str | None:
    found: str | None = (binding["metadata"].get("labels") or {}).get(labels.GRANT_LABEL)
    return found


def _stands_still(process: BaseProcess) -> bool:
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] == "T"


def play(faults: Faults, fault: Fault) -> None:
    """One round: a grant's whole life with one death at `fault`, checked at each rest."""
    name = f"{fault.step} {fault.side}"
    seconds = 1 if fault.step == "active.expire" else 3600
    grant, account = faults.approved(seconds=seconds)
    if fault.step == "activate.judge-role":
        faults.edit_grant(grant.id, role_digest="0" * 64)
        faults.hit(grant, "active", "ended", fault=fault)
        faults.settle(grant, "ended")
        faults.check(grant, name)
        return
    if fault.step == "active.judge-role":
        # The rules that were agreed on are not on record, so those of now may well give more.
        faults.settle(grant, "active")
        faults.edit_grant(grant.id, role_digest="0" * 64, due_at=grant.created_at)
        faults.hit(grant, "ended", fault=fault)
        faults.settle(grant, "ended")
        faults.check(grant, name)
        return
    faults.make_way_to(fault.step, grant)
    if fault.step in UID_UNKNOWN:
        faults.hit(grant, "active", fault=Fault("activate.begin", "after"))
    else:
        _up(faults, grant, fault)
    faults.check(grant, name)
    if fault.step.startswith("end."):
        if fault.step in {"end.store-held", "end.empty", "end.drop-finalizers"}:
            faults.hold(grant)
        faults.give_back(grant, account)
        faults.hit(grant, "ended", fault=fault)
    elif fault.step != "active.expire":
        faults.give_back(grant, account)
    faults.settle(grant, "ended")
    faults.check(grant, name)


def _up(faults: Faults, grant: Grant, fault: Fault) -> None:
    if fault.step.startswith(("activate.", "active.")):
        until = "ended" if fault.step == "active.expire" else "active"
        # An active grant is looked at right after it became active: the worker goes on until then.
        stay = "never" if fault.step.startswith("active.") else until
        faults.hit(grant, stay, fault=fault)
        if fault.step == "active.expire":
            return
    faults.settle(grant, "active")
