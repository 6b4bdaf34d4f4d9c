"""Leases that are over, moved to revoking many at a time: what must end is durable at once."""

import logging

from grants.access.ending import revoking, tell_revoking
from grants.access.model import Cause
from grants.access.ports import AccessPorts
from grants.errors import StoreError

log = logging.getLogger("valetkey.access")

AT_ONCE = 50
"""How many in one transaction: few enough that nobody who clicks has to wait for it."""


def expire_leases(*, ports: AccessPorts) -> int:
    """Move active grants whose lease is over to revoking, at most `AT_ONCE`; tells how many.

    Each would be moved by its own walk too. But a thousand that end in the same second would be a
    thousand commits, one after the other, before the last of them is even known to be over.
    """
    now = ports.clock.now()
    with ports.store.read() as tx:
        # Four times a second nothing is over: then nobody who writes has to wait for this.
        if not tx.leases_over(now, 1):
            return 0
    try:
        with ports.store.write() as tx:
            over = tx.leases_over(now, AT_ONCE)
            moved = [revoking(grant, now, Cause.EXPIRED) for grant in over]
            for grant in moved:
                tell_revoking(tx, grant)
            tx.save_grants(moved)
    except StoreError:
        raise
    except Exception:
        # One that breaks must not hold up the others: each is moved by its own walk then.
        log.exception("leases could not be ended together")
        return 0
    return len(over)
