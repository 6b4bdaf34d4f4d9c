"""The scenes that a test can set in the store that keeps rows in dictionaries."""

from collections.abc import Callable
from typing import Any


class MemoryStage:
    """Races and faults, as `FakeState` has them for clusters; mixed into MemoryStore."""

    def __init__(self) -> None:
        self._before_write: list[Callable[[], object]] = []
        self._failing: dict[str, tuple[Exception, Callable[[Any], bool]]] = {}

    def before_write(self, act: Callable[[], object]) -> None:
        """Do something once, just before the next write transaction: another is first."""
        self._before_write.append(act)

    def fail(
        self, method: str, error: Exception, of: Callable[[Any], bool] = lambda _: True
    ) -> None:
        """Let a method of transactions fail until `mend`, for those first arguments alone."""
        self._failing[method] = (error, of)

    def mend(self) -> None:
        """Take every fault away."""
        self._failing.clear()

    def _act_before_write(self) -> None:
        if self._before_write:
            self._before_write.pop(0)()

    def _staged(self, tx: Any) -> Any:
        for method, (error, of) in self._failing.items():
            setattr(tx, method, _failing(getattr(tx, method), error, of))
        return tx


def _failing(
    real: Callable[..., Any], error: Exception, of: Callable[[Any], bool]
) -> Callable[..., Any]:
    def call(first: Any, *rest: Any, **named: Any) -> Any:
        if of(first):
            raise error
        return real(first, *rest, **named)

    return call
