"""The end of a run: what the record and Slack hold then, written into the log."""

import json
import subprocess
import sys
import time
from datetime import datetime
from typing import Any

from bot.playground.processes import free_port
from bot.playground.slack import Delivery
from grants.access.model import Grant
from tests.replicas.log import Log
from tests.replicas.stage import Stage

_BOT = "system:serviceaccount:valetkey:valetkey"
_WRITES = frozenset({"create", "update", "patch", "delete"})


def write_ending(stage: Stage) -> None:
    """Add all that is known only now."""
    write_clicks(stage)
    _write_calls(stage)
    _write_rows(stage)
    _write_cards(stage)
    for binding in stage.bindings():
        stage.log.add(time.time(), "left", name=binding["metadata"]["name"])


def write_clicks(stage: Stage) -> None:
    """Add what the double sent and what came of it."""
    by_number = {done.number: done for done in stage.slack.deliveries}
    for entry in stage.workspace.log.entries():
        if entry.what not in {"sent", "acked"}:
            continue
        number = entry.facts["delivery"]
        at = entry.at.timestamp()
        if entry.what == "sent":
            stage.log.add(at, "sent", delivery=number, **_about(by_number[number]))
        else:
            stage.log.add(
                at,
                "acked",
                delivery=number,
                ok=entry.facts["ok"],
                error=entry.facts["error"] or "",
                after_ms=entry.facts["after_ms"],
            )


def _about(done: Delivery) -> dict[str, Any]:
    payload = done.payload
    action = (payload.get("actions") or [{}])[0]
    name = (
        payload.get("command")
        or action.get("action_id")
        or (payload.get("view") or {}).get("callback_id")
        or (payload.get("event") or {}).get("type")
        or ""
    )
    if payload.get("type") == "block_suggestion":
        name = f"options of {payload['action_id']}"
    user = payload.get("user_id") or (payload.get("user") or {}).get("id")
    user = user or (payload.get("event") or {}).get("user")
    return {
        "user": user,
        "action": name,
        "about": str(action.get("value") or "").partition(":")[0],
    }


def _write_calls(stage: Stage) -> None:
    """Add what the bot wrote to bindings, as the API server saw it."""

    def ours(event: dict[str, Any]) -> bool:
        what = event.get("objectRef") or {}
        return (
            what.get("namespace") in stage.namespaces
            and what.get("resource") == "rolebindings"
            and event["verb"] in _WRITES
            and event["user"]["username"] == _BOT
            and event["stage"] == "ResponseComplete"
        )

    for event in stage.plane.audit_lines(ours):
        status = event["responseStatus"]["code"]
        if status < 300:
            stage.log.add(
                _seconds(event["stageTimestamp"]),
                "call",
                verb=event["verb"],
                name=event["objectRef"]["name"],
                status=status,
            )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _write_rows(stage: Stage) -> None:
    with stage.store.read() as tx:
        for grant in _all_grants(stage):
            request = tx.request(grant.request)
            assert request is not None
            _write_grant(stage.log, grant)
            now = time.time()
            stage.log.add(now, "request", id=request.id, state=str(request.state))


def _all_grants(stage: Stage) -> list[Grant]:
    return list(stage.store.lists.grants(None, 1_000_000))


def _write_grant(log: Log, grant: Grant) -> None:
    log.add(
        time.time(),
        "grant",
        id=grant.id,
        request=grant.request,
        requester=grant.requester,
        entitlement=grant.entitlement,
        binding=grant.binding_name,
        state=str(grant.state),
        cause=str(grant.cause) if grant.cause else None,
        expires_at=grant.expires_at.timestamp() if grant.expires_at else None,
        active_at=grant.active_at.timestamp() if grant.active_at else None,
    )


def _write_cards(stage: Stage) -> None:
    """Hold each card that should stand against the message that does."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.replicas.rendering"],
        env=stage.environment(free_port()),
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr
    for row in json.loads(done.stdout):
        wanted = row.pop("message")
        row["differs"] = "" if wanted is None else _difference(stage, row, wanted)
        stage.log.add(time.time(), "card", **row)
    for channel, messages in stage.workspace.messages.items():
        for ts, message in messages.items():
            if message.visible_to is not None:
                stage.log.add(float(ts), "told", user=message.visible_to, text=message.text)
                continue
            of = ((message.metadata or {}).get("event_payload") or {}).get("id")
            stage.log.add(time.time(), "message", channel=channel, ts=ts, of=of)


def _difference(stage: Stage, row: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Tell how the message differs from what the row should show now; empty when it does not."""
    stands = stage.workspace.messages[row["channel"]].get(row["ts"])
    if stands is None:
        return "no message stands"
    if stands.text != wanted["text"]:
        return f"{stands.text!r} instead of {wanted['text']!r}"
    if _bare(list(stands.blocks)) != _bare(wanted["blocks"]):
        return f"other blocks: {_bare(list(stands.blocks))} instead of {_bare(wanted['blocks'])}"
    return ""


def _bare(blocks: list[dict[str, Any]]) -> str:
    """Leave out what Slack adds by itself."""
    return json.dumps([{k: v for k, v in b.items() if k != "block_id"} for b in blocks])
