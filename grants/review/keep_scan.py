"""The verb that reviews clusters and keeps what it saw: inventories, and findings over time.

What comes and goes is in the record, each finding by its fingerprint: names stand in rows apart.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from grants.record.model import Event, EventType
from grants.review.details import detail_of
from grants.review.findings.look import Look
from grants.review.findings.verdicts import UseEvidence
from grants.review.ports import ScanStore, ScanTx
from grants.review.scan import Scan, follow, judge
from grants.review.tracking import Known, State, known_of

ADMIN_CLI: Final = "admin-cli"


def keep_scan(
    looks: Sequence[Look],
    use: Mapping[str, UseEvidence] | None = None,
    *,
    store: ScanStore,
    actor: str = ADMIN_CLI,
    with_paths: bool = False,
) -> Scan:
    """Review clusters and keep it all in one transaction; what was known is not told as new.

    The judging is done before, so that no transaction waits for it. Of a cluster that was looked
    at later meanwhile nothing is kept: what is old must not undo what is newer.
    """
    judged = judge(looks, use, with_paths=with_paths)
    with store.write() as tx:
        fresh = {look.cluster for look in looks if _is_fresh(tx, look)}
        before = tx.known_findings([look.cluster for look in looks])
        found = follow(judged, before)
        kept = [one for one in found.findings if one.cluster in fresh]
        gone = [one for one in found.resolved if one.cluster in fresh]
        tx.keep_findings((*map(known_of, kept), *gone))
        tx.keep_details(map(detail_of, kept))
        for look in looks:
            if look.cluster in fresh:
                _record(tx, look, found, before, actor)
    return found


def _is_fresh(tx: ScanTx, look: Look) -> bool:
    """Keep what a look saw; the later look's row is locked, and a first one's key is."""
    tx.first_time(f"review-first:{look.cluster}", look.now)
    return tx.keep_inventory(look.inventory) is not None


def _record(tx: ScanTx, look: Look, found: Scan, before: Iterable[Known], actor: str) -> None:
    moves = dict(_moves(look.cluster, found, before))
    counts = dict.fromkeys(_KINDS.values(), 0)
    for known, kind in moves.items():
        counts[kind] += 1
        tx.append(_event(kind, known, look.now, actor))
    mine = [one for one in found.findings if one.cluster == look.cluster]
    facts = {
        "cluster": look.cluster,
        "open": sum(one.is_open for one in mine),
        "new": counts[EventType.FINDING_NEW],
        "back": counts[EventType.FINDING_BACK],
        "gone": counts[EventType.FINDING_GONE],
        "partial": look.inventory.partial,
    }
    tx.append(Event(EventType.REVIEW_SCANNED, look.now, actor, facts=facts))


_KINDS: Final = {
    State.NEW: EventType.FINDING_NEW,
    State.REOPENED: EventType.FINDING_BACK,
    None: EventType.FINDING_GONE,
}


def _moves(cluster: str, found: Scan, before: Iterable[Known]) -> Iterator[tuple[Known, EventType]]:
    """Give what came and what went in a cluster since it was looked at before."""
    for one in found.findings:
        kind = _KINDS.get(found.states[one.key])
        if one.cluster == cluster and kind is not None:
            yield known_of(one), kind
    was_there = {one.key for one in before if one.resolved_at is None}
    for gone in found.resolved:
        if gone.cluster == cluster and gone.key in was_there:
            yield gone, EventType.FINDING_GONE


def _event(kind: EventType, one: Known, at: datetime, actor: str) -> Event:
    # The fingerprint alone: rule, subject, binding and role in one digest.
    fingerprint = one.key.partition("@")[0]
    facts = {"cluster": one.cluster, "rule": one.rule, "finding": fingerprint}
    return Event(kind, at, actor, facts=facts)
