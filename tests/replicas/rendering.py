"""Says what each row of the outbox should show now, rendered anew by the product, as JSON.

Run with a replica's environment: `python -m tests.replicas.rendering`.
"""

import json
import sys
from contextlib import closing
from typing import Any

from sqlalchemy import select

from bot.settings import load_settings
from bot.slack.cards.parts import Message
from bot.slack.render import render
from bot.wiring import make_metrics, open_core, slack_ports
from grants.outbox.model import CardKind, Delivery, Place, PlaceKind
from grants.store import tables as t
from grants.store.engine import open_database


def main() -> None:
    settings = load_settings()
    _, metrics = make_metrics()
    core = open_core(settings, metrics)
    database = open_database(settings.database_url.get_secret_value())
    with closing(core), closing(database):
        ports = slack_ports(core, settings, lambda: None)
        with database.reading() as connection:
            rows = list(connection.execute(select(t.deliveries)))
        json.dump([_shown(ports, row) for row in rows], sys.stdout)


def _message(message: Message) -> dict[str, Any]:
    return {"text": message.text, "blocks": list(message.blocks)}


def _shown(ports: Any, row: Any) -> dict[str, Any]:
    delivery = Delivery(
        id=row.id,
        kind=CardKind(row.kind),
        about=row.about,
        place=Place(PlaceKind(row.place_kind), row.place_ref),
        wanted=row.wanted,
        sent=row.sent,
        attempts=row.attempts,
        since=row.next_at,
        code=row.code,
        facts=row.facts,
        channel=row.channel,
        ts=row.ts,
    )
    stands = delivery.place.kind is not PlaceKind.USER_GROUP
    # A notice is a sentence of its moment; a card shows what is now.
    card = None
    if delivery.kind is not CardKind.NOTICE and stands and delivery.sent:
        card = render(ports, delivery)
    return {
        "id": delivery.id,
        "card": str(delivery.kind),
        "about": delivery.about,
        "place": str(delivery.place),
        "wanted": delivery.wanted,
        "sent": delivery.sent,
        "dropped": row.dropped,
        "problem": row.problem,
        "channel": delivery.channel,
        "ts": delivery.ts,
        "message": _message(card.message) if card else None,
    }


if __name__ == "__main__":
    main()
