"""A process of its own on a store: `python -m tests.support.store_worker URL WORK ARG...`."""

import sys
from contextlib import closing
from dataclasses import replace

from grants.record.model import Event, EventType
from grants.store.engine import serve_lock
from grants.store.store import Store
from tests.support.store_values import NOW
from tests.support.stores import opened


def count_up(store: Store, grant: str, times: int) -> None:
    """Add `times` to a grant's attempts by read and write, one event each, nothing retried."""
    for _ in range(times):
        with store.write() as tx:
            found = tx.grant(grant)
            if found is None:
                raise LookupError(grant)
            tx.save_grant(replace(found, attempts=found.attempts + 1))
            tx.append(Event(EventType.GRANT_STUCK, NOW, "system", grant=grant))


def hold_serve_lock(url: str) -> None:
    """Hold the serve lock until killed."""
    lock = serve_lock(url)
    if lock is None:
        raise LookupError(url)
    lock.acquire()
    print("held", flush=True)
    sys.stdin.read()


def main(url: str, work: str, *arguments: str) -> None:
    if work == "hold":
        hold_serve_lock(url)
        return
    with closing(opened(url)) as store:
        count_up(store, arguments[0], int(arguments[1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
