"""Events of one transaction: gathered as they happen, numbered when it commits."""

from grants.ids import Prefix, new_id
from grants.record.canonical import Unnumbered, canonical
from grants.record.model import Event, StoredEvent


class EventBuffer:
    """What a transaction wants to append.

    An event is checked when it is added, so that a bad one fails where it was made; numbers are
    given last, under the order lock, so that they are gapless and the lock is held briefly.
    """

    def __init__(self) -> None:
        self._events: list[tuple[str, Event, Unnumbered]] = []

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: Event) -> None:
        """Check and keep an event; TypeError or ValueError when its facts can't be kept."""
        event_id = new_id(Prefix.EVENT)
        self._events.append((event_id, event, canonical(event_id, event)))

    def numbered(self, last: int) -> tuple[tuple[Event, StoredEvent], ...]:
        """Give the events with the numbers that end at `last`, in the order they were added."""
        first = last - len(self._events) + 1
        return tuple(
            (event, StoredEvent(number, event_id, told.numbered(number)))
            for number, (event_id, event, told) in enumerate(self._events, start=first)
        )
