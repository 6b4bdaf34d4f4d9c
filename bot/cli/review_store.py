"""`--store`: with a database, what was used counts, and a scan's findings are followed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

import click

from grants.review.findings.look import Look
from grants.review.findings.verdicts import UseEvidence
from grants.review.keep_scan import keep_scan
from grants.review.review_cluster import known_use
from grants.review.scan import Scan
from grants.store import schema as store_schema
from grants.store.engine import open_database
from grants.store.store import Store


@contextmanager
def _opened(database_url: str) -> Iterator[Store]:
    store_schema.check(database_url)
    with closing(Store(open_database(database_url))) as store:
        yield store


def stored_scan(
    database_url: str,
    looks: Sequence[Look],
    audit: Mapping[str, UseEvidence],
    *,
    with_paths: bool,
) -> Scan:
    """Review clusters by the use that the database knows of, and keep what was seen."""
    with _opened(database_url) as store:
        use = {**_known_use(store, looks), **audit}
        return keep_scan(looks, use, store=store, with_paths=with_paths)


def stored_use(database_url: str, cluster: str | None) -> UseEvidence:
    """Give what the database knows of a cluster's use; of the only one, where none is named."""
    with _opened(database_url) as store, store.read() as tx:
        known = sorted(tx.usage_clusters())
        if cluster is None and len(known) == 1:
            (cluster,) = known
        use = None if cluster is None else known_use(tx, cluster)
    if use is not None:
        return use
    those = f"; there is some of {', '.join(known)}" if known else ""
    if cluster is None and known:
        raise click.UsageError(f"say whose use counts by --used-in{those}")
    whose = "" if cluster is None else f" of {cluster}"
    raise click.UsageError(f"no use{whose} is in the database{those}")


def _known_use(store: Store, looks: Sequence[Look]) -> Mapping[str, UseEvidence]:
    """Give what was heard of use, of those clusters of which anything was."""
    with store.read() as tx:
        heard = ((look.cluster, known_use(tx, look.cluster)) for look in looks)
        return {cluster: use for cluster, use in heard if use is not None}
