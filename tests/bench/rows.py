"""Rows like those that the verbs wrote, many at a time: what a figure is taken over."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import func, select

from bot.playground.slack import Message
from grants.access.model import AccessRequest, Grant, GrantState, Proof, ProofKind, Seen
from grants.authz.model import Answer, Question
from grants.ids import Prefix, new_id
from grants.store import tables as t
from grants.store.access import LIVE
from grants.store.store import Store
from tests.bench.bound import QUESTIONS, Bound
from tests.replicas.stage import Resident, Stage


@dataclass(frozen=True)
class Pattern:
    """A request that somebody made by the real form, the grant it led to, and its card."""

    who: Resident
    request: AccessRequest
    card: Message
    grant: Grant | None


def store_active(
    store: Store,
    patterns: list[Pattern],
    bound: Iterable[Bound],
    expires: datetime,
    *,
    cluster: tuple[str, str] | None = None,
) -> None:
    """Store an active grant for each binding, with the proof that was taken before it.

    `cluster` is another cluster's alias and uid than that of the patterns.
    """
    now = datetime.now(UTC)
    with store.write() as tx:
        for number, one in enumerate(bound):
            pattern = patterns[number % len(patterns)]
            if pattern.grant is None:
                raise AssertionError("a pattern without a grant")
            item = replace(pattern.request.items[0], id=new_id(Prefix.ITEM))
            request = replace(pattern.request, id=new_id(Prefix.REQUEST), version=1, items=(item,))
            grant = replace(
                pattern.grant,
                id=one.grant,
                version=1,
                request=request.id,
                item=item.id,
                state=GrantState.ACTIVE,
                subject=one.subject,
                binding_name=one.name,
                binding_uid=one.uid,
                active_at=now,
                revoking_at=None,
                ended_at=None,
                cause=None,
                ended_by=None,
                expires_at=expires,
                due_at=expires,
                warned=True,
            )
            if cluster is not None:
                grant = replace(grant, cluster=cluster[0], cluster_uid=cluster[1])
            tx.add_request(request)
            tx.add_grant(grant)
            tx.add_proof(_before(grant, now))


def _before(grant: Grant, now: datetime) -> Proof:
    answers = tuple(
        Answer(Question(verb, resource="pods", namespace=grant.namespace), allowed=False, reason="")
        for verb in QUESTIONS
    )
    seen = (Seen("https://before", ready=True, binding_uid=None, answers=answers),)
    return Proof(new_id(Prefix.PROOF), grant.id, ProofKind.BEFORE, now, None, seen)


def store_pending(stage: Stage, pattern: Pattern, count: int, until: datetime) -> list[Message]:
    """Store so many pending requests, and post the card of each where approvers see it."""
    cards = []
    with stage.store.write() as tx:
        for number in range(count):
            item = replace(pattern.request.items[0], id=new_id(Prefix.ITEM))
            request = replace(
                pattern.request,
                id=new_id(Prefix.REQUEST),
                version=1,
                items=(item,),
                pending_until=until,
            )
            tx.add_request(request)
            cards.append(_card_like(pattern, request.id, number))
    for card in cards:
        stage.workspace.place(card)
    return cards


def _card_like(pattern: Pattern, request: str, number: int) -> Message:
    text = json.dumps(pattern.card.blocks).replace(pattern.request.id, request)
    seconds, _, micros = pattern.card.ts.partition(".")
    ts = f"{int(seconds) - 1 - number // 1_000_000}.{(int(micros or 0) + number) % 1_000_000:06d}"
    return replace(pattern.card, ts=ts, blocks=tuple(json.loads(text)), metadata=None)


def count_not_ended(store: Store, expires: datetime) -> int:
    """Count those of this expiry that have not ended yet, for little: it is asked meanwhile."""
    columns = t.grants.c
    left = select(func.count()).where(LIVE, columns.expires_at == expires)
    with store._database.reading() as connection:
        return int(connection.execute(left).scalar_one())


def lags(store: Store, grants: list[str], expires: datetime) -> list[float]:
    """Give how long after its expiry each grant was proven gone, in seconds, sorted."""
    found = []
    with store.read() as tx:
        for one in grants:
            grant = tx.grant(one)
            if grant is None or grant.ended_at is None:
                raise AssertionError(f"{one} has not ended")
            if tx.proof(one, ProofKind.GONE) is None:
                raise AssertionError(f"{one} has no proof")
            found.append((grant.ended_at - expires).total_seconds())
    return sorted(found)
