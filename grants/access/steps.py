"""What a step of the reconciler is, and how a road of steps is walked.

A road is a table: activation and ending are each one tuple of steps. The table is what the tests
that kill at every step take their list from, so a step that is not in it can't exist.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from grants.access.before import Before
from grants.access.cluster_port import (
    Binding,
    BindingPlace,
    BindingWish,
    ClusterPort,
    Started,
)
from grants.access.fresh import Ending, Handed
from grants.access.model import Grant, GrantState, Proof, ProofKind, Seen
from grants.access.ports import AccessPorts, AccessTx
from grants.access.scope import first_alias
from grants.authz.model import RoleSnapshot, Rule
from grants.errors import ClusterChanged, ClusterUnavailable, StoreRowUnreadable, ValetkeyError

log = logging.getLogger("valetkey.access")


class Touches(StrEnum):
    """What a step reaches: one call to a cluster, or one transaction; never both."""

    CLUSTER = "cluster"
    RECORD = "record"


@dataclass(frozen=True)
class Work:
    """What one walk over one grant has learned so far.

    `turned` means that the grant took another road and the walk is over; `problem` that the
    walk can't go on now, by a stable code. `deleted` means that a DELETE by uid was answered:
    what `binding` then holds is held by finalizers. `before_is_new` means that the proof before
    is not stored yet. `rules` are those of the terms, for whoever asks what was allowed before.
    `recognised` means that the cluster has just said, for the decision, that it is the grant's own;
    `asking` is what has been asked since of what is allowed before.
    """

    grant: Grant
    now: datetime
    reached: ClusterPort | None
    rules: tuple[Rule, ...] = ()
    recognised: bool = False
    asking: Started[Before | None] | None = None
    before: Proof | None = None
    before_is_new: bool = False
    seen: tuple[Seen, ...] = ()
    notes: tuple[str, ...] = ()
    binding: Binding | None = None
    role_digest: str | None = None
    role: RoleSnapshot | None = None
    deleted: bool = False
    turned: bool = False
    problem: str = ""

    @property
    def cluster(self) -> ClusterPort:
        """The grant's cluster; ClusterUnavailable when it is not configured (any more).

        Raised here and not at the beginning: a lease is over whether its cluster is there or not.
        """
        if self.reached is None:
            raise ClusterUnavailable(self.grant.cluster, "find", "not configured")
        return self.reached

    @property
    def place(self) -> BindingPlace:
        """Where this grant's binding stands."""
        return place_of(self.grant)


def _always(_: Work) -> bool:
    return True


@dataclass(frozen=True)
class Step:
    """One idempotent step: its name, what it touches, whether it is needed, and what it does."""

    name: str
    touches: Touches
    run: Callable[[Work, AccessPorts], Work]
    needed: Callable[[Work], bool] = _always


def walk(road: tuple[Step, ...], work: Work, ports: AccessPorts) -> Work:
    """Walk a road until its end, a turn, or a problem; errors of the cluster go through."""
    for step in road:
        if not step.needed(work):
            continue
        ports.watch.before(step.name, work.grant.id)
        work = step.run(work, ports)
        ports.watch.after(step.name, work.grant.id)
        if work.turned or work.problem:
            break
    return work


def place_of(grant: Grant) -> BindingPlace:
    """Tell where a grant's binding stands."""
    return BindingPlace(grant.binding_name, grant.namespace)


def wish_of(grant: Grant) -> BindingWish:
    """Tell what binding a grant wants."""
    return BindingWish(
        place=place_of(grant),
        grant=grant.id,
        role=grant.role,
        subject=grant.subject,
        requester=grant.requester,
        approvers=grant.approvers,
    )


def begin(grant_id: str, ports: AccessPorts) -> Work | None:
    """Begin a walk over a grant as the record has it now; None when there is none."""
    with ports.store.read() as tx:
        grant = tx.grant(grant_id)
        if grant is None:
            return None
        before = _before(grant, tx)
        reached = _reach(grant, tx, ports)
        rules = _rules(grant, tx) if before is None else ()
    now = ports.clock.now()
    return Work(grant=grant, now=now, reached=reached, rules=rules, before=before)


def begin_with(handed: Handed, ports: AccessPorts) -> Work | None:
    """Begin a walk over a grant with what was handed over: nothing is read."""
    grant, now = handed.grant, ports.clock.now()
    reached = ports.clusters.get(grant.cluster)
    if reached is None:
        return begin(grant.id, ports)
    if isinstance(handed, Ending):
        return Work(grant=grant, now=now, reached=reached, before=handed.before)
    return Work(
        grant=grant,
        now=now,
        reached=reached,
        rules=handed.rules,
        recognised=True,
        asking=handed.asking,
    )


def _rules(grant: Grant, tx: AccessTx) -> tuple[Rule, ...]:
    """Give the rules that were agreed on, where it is yet to be asked what they add."""
    role = tx.role(grant.role_digest) if grant.state is GrantState.ACTIVATING else None
    return role.rules if role else ()


def _before(grant: Grant, tx: AccessTx) -> Proof | None:
    """Give the proof before; without one that can be read access ends all the same, by one less."""
    try:
        return tx.proof(grant.id, ProofKind.BEFORE)
    except StoreRowUnreadable as error:
        log.error("a proof can't be read", extra={"grant": grant.id, "code": error.code})  # noqa: TRY400 - the row's values belong in no log
        return None


def go_on(work: Work, now: datetime) -> Work:
    """Begin the next road with what does not change from one to the next."""
    return Work(grant=work.grant, now=now, reached=work.reached, before=work.before)


def _reach(grant: Grant, tx: AccessTx, ports: AccessPorts) -> ClusterPort | None:
    """Find the grant's cluster by its alias or, once that was changed, by its uid."""
    found = ports.clusters.get(grant.cluster)
    if found is not None:
        return found
    there = first_alias(tx, grant.cluster_uid, ports.clusters.aliases())
    return None if there is None else ports.clusters.get(there)


def recognise(work: Work) -> None:
    """Make sure that the address leads to the grant's own cluster, by asking it.

    In another one nothing stands and everything is denied, which would prove that access is gone;
    and a grant would be given where nobody agreed to it.
    """
    if work.cluster.uid() != work.grant.cluster_uid:
        raise ClusterChanged(work.grant.cluster, "compare uid", "another cluster than the grant's")


def look_there(work: Work) -> Binding | None:
    """Read what stands at the grant's place, in the grant's own cluster."""
    recognise(work)
    return work.cluster.binding(work.place)


def save(tx: AccessTx, work: Work, grant: Grant) -> Work:
    """Store a grant within a transaction and go on with its new version."""
    return replace(work, grant=tx.save_grant(grant))


def look_everywhere(work: Work, questions_of: Proof | None) -> tuple[Seen, ...]:
    """Ask every endpoint: ready, our binding by a consistent read, and the sample's questions."""
    questions = questions_of.questions() if questions_of else ()
    seen: list[Seen] = []
    for endpoint in work.cluster.endpoints():
        try:
            ready = work.cluster.ready(endpoint)
            there = work.cluster.binding(work.place, endpoint)
            answers = work.cluster.ask(work.grant.subject, work.grant.groups, questions, endpoint)
        except ValetkeyError as error:
            seen.append(
                Seen(endpoint, ready=False, binding_uid=None, answers=(), problem=error.code)
            )
            continue
        seen.append(Seen(endpoint, ready, there.uid if there else None, answers))
    return tuple(seen)
