"""Who is told how what comes from Slack fares; metrics listen here."""

from typing import Protocol


class SlackWatch(Protocol):
    """Is told of connections and of everything that comes in."""

    def standing(self, count: int) -> None:
        """Hear how many Socket Mode connections stand."""
        ...

    def ended(self, why: str) -> None:
        """Hear that a connection ended, or could not be opened."""
        ...

    def came(self, way: str, kind: str, outcome: str, seconds: float) -> None:
        """Hear what became of something that came in by `socket` or `http`, and how long it took.

        Outcomes: `done`; `refused` (it can't be read); `failed`; `full` (no room for it); `late`
        (it waited for too long); `left` (we are being stopped). The last three are not acked.
        """
        ...


class NoWatch:
    """Nobody is told."""

    def standing(self, count: int) -> None:
        """Say nothing."""

    def ended(self, why: str) -> None:
        """Say nothing."""

    def came(self, way: str, kind: str, outcome: str, seconds: float) -> None:
        """Say nothing."""
