"""A process whose files may not grow: `python -m tests.support.full_disk URL LIMIT_BYTES`.

Prints what became of writes, of reads meanwhile, and after the limit is lifted.
"""

import resource
import secrets
import signal
import sys
from contextlib import closing

from grants.errors import StoreUnavailable
from grants.store.store import Store
from tests.support.store_values import NOW
from tests.support.stores import opened

ROWS = 100
ROW_CHARS = 2_000


def add(store: Store) -> str:
    """Store something of 200 kB in many rows of one transaction; gives what they begin with."""
    name = secrets.token_hex(8)
    with store.write() as tx:
        for number in range(ROWS):
            tx.first_time(f"{name}:{number}:{secrets.token_hex(ROW_CHARS // 2)}", NOW)
    return name


def main(url: str, limit: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with closing(opened(url)) as store:
        add(store)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
        try:
            while True:
                add(store)
        except StoreUnavailable as error:
            print("refused", error.code, error.detail, sep="|")
        print("reads", bool(store.installation()), sep="|")
        print("ready", store.readiness.problem(), sep="|")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        print("ready", store.readiness.problem(), sep="|")
        add(store)


if __name__ == "__main__":
    main(*sys.argv[1:])
