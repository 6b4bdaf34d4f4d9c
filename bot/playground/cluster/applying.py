"""Server-side apply: who applies a field owns it, and two owners must agree."""

from typing import Final

from bot.playground.cluster.authorizing import User
from bot.playground.cluster.kinds import Json
from bot.playground.cluster.patches import merged
from bot.playground.cluster.store import Store
from bot.playground.cluster.writing import Place, Writer

APPLY: Final = "application/apply-patch+yaml"


class Applier:
    """Applies objects."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer

    def apply(self, place: Place, wanted: Json, user: User, *, dry_run: bool = False) -> Json:
        """Make an object, or bring one to what is wanted."""
        named = {**wanted, "metadata": {**wanted["metadata"], "name": place.name}}
        if self._store.get(place.kind, place.namespace, place.name) is None:
            return self._writer.create(place, named, user, dry_run=dry_run)
        return self._writer.change(
            place, lambda old: dict(merged(old, named)), user, dry_run=dry_run
        )
