"""The verb that reviews clusters and keeps what it saw: inventories, and findings over time."""

from collections.abc import Mapping, Sequence

from grants.review.findings.look import Look
from grants.review.findings.verdicts import UseEvidence
from grants.review.ports import ScanStore
from grants.review.scan import Scan, follow, judge
from grants.review.tracking import known_of


def keep_scan(
    looks: Sequence[Look], use: Mapping[str, UseEvidence] | None = None, *, store: ScanStore
) -> Scan:
    """Review clusters and keep it all in one transaction; what was known is not told as new.

    The judging is done before, so that no transaction waits for it.
    """
    judged = judge(looks, use)
    with store.write() as tx:
        for look in looks:
            tx.keep_inventory(look.inventory)
        known = tx.known_findings([look.cluster for look in looks])
        found = follow(judged, known)
        tx.keep_findings((*map(known_of, found.findings), *found.resolved))
    return found
