"""A first look at a large cluster is kept in portions: nobody who clicks waits for all of it.

Afterwards little changes from look to look, and that is kept in one transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from grants.record.model import Event, EventType
from grants.review.details import detail_of
from grants.review.finding import Finding
from grants.review.findings.look import Look
from grants.review.ports import KnownTx, ScanStore, ScanTx
from grants.review.scan import Scan, follow
from grants.review.substance import Substance
from grants.review.tracking import Known, known_of

AT_ONCE: Final = 500
"""Findings of one transaction."""


def keep_first(
    judged: Scan,
    looks: Sequence[Look],
    substances: Mapping[str, Substance],
    *,
    store: ScanStore,
    actor: str,
) -> frozenset[str]:
    """Keep what first looks found, but for the last portion; gives the keys that were kept.

    Each finding is kept with its details and its event, and what was broken off is known at the
    next look. The look itself and the last portion are left to the transaction that ends it all.
    """
    done: set[str] = set()
    for look in looks:
        with store.read() as tx:
            if not _is_first(tx, look):
                continue
        # None is known: so all are new, as of this look.
        mine = [one for one in follow(judged, ()).findings if one.cluster == look.cluster]
        for portion in _portions(mine[: max(0, len(mine) - AT_ONCE)]):
            with store.write() as tx:
                lock_look(tx, look)
                if tx.looks(look.cluster, 1):
                    break  # somebody has looked meanwhile, and what is new is told by that
                known = {one.key for one in tx.known_findings([look.cluster])}
                new = [one for one in portion if one.key not in known]
                _keep(tx, look, new, substances, actor)
            done.update(one.key for one in new)
    return frozenset(done)


def lock_look(tx: ScanTx, look: Look) -> None:
    """Have others who look at a cluster for the first time wait."""
    tx.first_time(f"review-first:{look.cluster}", look.now)


def finding_event(kind: EventType, one: Known, look: Look, actor: str) -> Event:
    """Record what became of a finding: by its fingerprint alone, which has all names in it."""
    fingerprint = one.key.partition("@")[0]
    facts = {"cluster": one.cluster, "rule": one.rule, "finding": fingerprint}
    return Event(kind, look.now, actor, facts=facts)


def _is_first(tx: KnownTx, look: Look) -> bool:
    return not tx.looks(look.cluster, 1) and not tx.known_findings([look.cluster])


def _keep(
    tx: ScanTx,
    look: Look,
    new: Sequence[Finding],
    substances: Mapping[str, Substance],
    actor: str,
) -> None:
    known = [known_of(one) for one in new]
    tx.keep_findings(known)
    tx.keep_details(detail_of(one, substances[one.key]) for one in new)
    for one in known:
        tx.append(finding_event(EventType.FINDING_NEW, one, look, actor))


def _portions(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    left = iter(findings)
    while some := list(islice(left, AT_ONCE)):
        yield some
