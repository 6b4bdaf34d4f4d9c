"""What differs by chance between two answers, as words that say only whether it is the same."""

import re
from collections.abc import Mapping
from typing import Any, Final

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_TOKEN: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_VERSION_ASKED: Final = re.compile(r"(resourceVersion=)(\d{2,})")
_VERSION_TOLD: Final = re.compile(r"(ResourceVersion in (?:the precondition|record) \()(\d+)")
_CONTINUE_ASKED: Final = re.compile(r"(continue=)[^&\s]+")
_WHOLE_STORE: Final = "<version of the store>"


class Masks:
    """The words of one script: the same chance is the same word, another one is another word."""

    def __init__(self, known: Mapping[str, str]) -> None:
        # Longer ones first: a name may be part of another.
        self._known = dict(sorted(known.items(), key=lambda pair: -len(pair[0])))
        self._words: dict[str, dict[str, str]] = {}

    def know(self, text: str, word: str) -> None:
        """Show `text` as `word` from here on."""
        self._known = {text: word, **self._known}

    def of(self, value: Any) -> Any:
        """Mask an answer's body."""
        if isinstance(value, dict):
            return {self.text(key): self._field(value, key) for key in value}
        if isinstance(value, list):
            return [self.of(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """Mask a text."""
        for found, word in self._known.items():
            text = text.replace(found, word)
        text = _TOKEN.sub("<token>", text)
        text = _UUID.sub(lambda match: self._word("uid", match[0]), text)
        text = _VERSION_ASKED.sub(lambda match: match[1] + self._word("version", match[2]), text)
        text = _VERSION_TOLD.sub(lambda match: match[1] + self._word("version", match[2]), text)
        text = _CONTINUE_ASKED.sub(r"\1<continue>", text)
        return _TIME.sub("<time>", text)

    def _field(self, owner: dict[str, Any], key: str) -> Any:
        value = owner[key]
        if key == "metadata" and isinstance(value, dict) and _is_of_store(owner):
            return {name: _of_store(name, self.of(item)) for name, item in value.items()}
        if key == "resourceVersion" and isinstance(value, str) and value.isdigit() and value != "0":
            return self._word("version", value)
        return self.of(value)

    def _word(self, kind: str, text: str) -> str:
        words = self._words.setdefault(kind, {})
        return words.setdefault(text, f"<{kind} {len(words) + 1}>")


def _is_of_store(owner: dict[str, Any]) -> bool:
    """Tell whether a version is the whole store's, which others write to meanwhile."""
    if str(owner.get("kind", "")).endswith(("List", "Table")):
        return True
    metadata = owner.get("metadata") or {}
    return "uid" not in metadata and "name" not in metadata


def _of_store(name: str, value: Any) -> Any:
    if name == "resourceVersion" and value:
        return _WHOLE_STORE
    return "<continue>" if name == "continue" and value else value
