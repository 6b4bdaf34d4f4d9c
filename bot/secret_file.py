"""A secret that may be replaced while the process runs: its file is looked at again."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from bot.logs import get_logger

log = get_logger("secrets")

_LONGEST_BYTES: Final = 65_536
UNREADABLE: Final = "unreadable"
REFUSED: Final = "refused"


class SecretWatch(Protocol):
    """Is told how a secret that was replaced fared; never its value."""

    def replaced(self, secret: str, outcome: str) -> None:
        """Hear `taken`, `refused` or `unreadable`."""
        ...


class LiveSecret:
    """One secret, by a stable name. Without a path it stays what it is.

    `learn` hears a new value before anything else does, so that it is hidden in every log line.
    `try_out` says why a new value is no good (nothing when it is, None when that can't be told
    now); until it is good the former one stays in force. A value counts once two looks have found
    it: a file may be seen while it is written.
    """

    def __init__(
        self,
        name: str,
        value: str,
        path: Path | None = None,
        *,
        learn: Callable[[str], object] = lambda _: None,
        try_out: Callable[[str], str | None] = lambda _: "",
        watch: SecretWatch | None = None,
    ) -> None:
        self.name = name
        self._value = value
        self._path = path
        self._learn = learn
        self._try_out = try_out
        self._watch = watch
        self._lock = threading.Lock()
        self._seen = value
        self._problem = ""

    @property
    def value(self) -> str:
        """The value in force."""
        return self._value

    @property
    def problem(self) -> str:
        """Say what is wrong with a value that was to take its place: `refused`, `unreadable`."""
        return self._problem

    def look(self) -> bool:
        """Look at the file; True when another value is in force now."""
        if self._path is None:
            return False
        with self._lock:
            found = self._read(self._path)
            if found is None:
                self._note(UNREADABLE)
                return False
            if found == self._value:
                self._seen, self._problem = found, ""
                return False
            if found != self._seen:
                self._seen = found
                self._learn(found)
                return False
            return self._take(found)

    def _read(self, path: Path) -> str | None:
        try:
            with path.open(encoding="utf-8") as file:
                return file.read(_LONGEST_BYTES).strip() or None
        except (OSError, UnicodeError):
            return None

    def _take(self, found: str) -> bool:
        why = self._try_out(found)
        if why is None:
            return False
        if why:
            self._note(REFUSED)
            return False
        self._value, self._problem = found, ""
        self._tell("taken")
        self._taken()
        return True

    def _taken(self) -> None:
        """Do what follows from another value."""

    def _note(self, problem: str) -> None:
        if self._problem != problem:
            self._problem = problem
            self._tell(problem)

    def _tell(self, outcome: str) -> None:
        level = log.info if outcome == "taken" else log.error
        level("a secret's file changed", extra={"secret": self.name, "outcome": outcome})
        if self._watch is not None:
            self._watch.replaced(self.name, outcome)
