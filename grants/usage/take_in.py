"""The verb of this room: keep what was read, once."""

from collections.abc import Mapping
from dataclasses import dataclass

from grants.usage.folded import Part
from grants.usage.ports import UsagePorts


@dataclass(frozen=True)
class TakeIn:
    """What was read, by cluster. `key` names what it was read from: the same again does nothing."""

    key: str
    parts: Mapping[str, Part]


def take_in(command: TakeIn, *, ports: UsagePorts) -> bool:
    """Keep it all in one transaction, or nothing; False when it came before."""
    now = ports.clock.now()
    with ports.store.write() as tx:
        if not tx.first_time(f"usage:{command.key}", now):
            return False
        # In one order, so that two at once wait for each other and never both for ever.
        for cluster in sorted(command.parts):
            tx.add_usage(cluster, command.parts[cluster])
    return True
