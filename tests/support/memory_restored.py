"""What a restored copy is asked, for the store that keeps rows in dictionaries."""

from typing import Any


class MemoryRestored:
    """What RestoredTx asks for, beside what MemoryTx has; mixed into it."""

    rows: Any

    def last_number(self) -> int:
        return max(self.rows.events, default=0)

    def forget_sessions(self) -> int:
        self._must_write()  # type: ignore[attr-defined]
        ended = len(self.rows.sessions) + len(self.rows.attempts)
        self.rows.sessions.clear()
        self.rows.attempts.clear()
        return ended
