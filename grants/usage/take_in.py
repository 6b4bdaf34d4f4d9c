"""The verb of this room: keep what was read, once."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from grants.usage.folded import Part
from grants.usage.ports import UsagePorts
from grants.usage.table import Rows

AT_ONCE: Final = 2_000
"""Rows that one transaction takes: nobody who clicks waits for the writer much longer."""


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


def take_in_much(command: TakeIn, *, ports: UsagePorts) -> bool:
    """Keep it in short transactions; one that was broken off is gone on with when it comes again.

    What was heard when is kept last: coverage must never be claimed of what is not there yet.
    """
    done = False
    for number, parts in _portions(command.parts):
        done |= take_in(TakeIn(f"{command.key}/{number}", parts), ports=ports)
    heard = {name: Part(Rows(), part.seen, part.losses) for name, part in command.parts.items()}
    return take_in(TakeIn(command.key, heard), ports=ports) or done


def _portions(parts: Mapping[str, Part]) -> Iterator[tuple[str, dict[str, Part]]]:
    """Share rows out, each to the same portion whenever the same is read again."""
    for cluster, part in sorted(parts.items()):
        count = 1 + len(part.rows) // AT_ONCE
        portions = [Part() for _ in range(count)]
        for act, row in part.rows:
            where = zlib.crc32(repr(act).encode(errors="replace")) % count
            portions[where].rows.merge(act, row.first, row.last, row.count)
        for number, portion in enumerate(portions):
            yield f"{cluster}/{count}/{number}", {cluster: portion}
