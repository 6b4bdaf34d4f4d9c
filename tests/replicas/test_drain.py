"""A replica that is told to stop: it says so, finishes the message in its hand, and goes."""

import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import wait_until
from tests.replicas.eyes import Record, Reviews
from tests.replicas.folk import Story
from tests.replicas.stage import Stage, libpq_url

pytestmark = [pytest.mark.needs_postgres, pytest.mark.timeout(180)]
SLOW_SECONDS = 2.0


@pytest.fixture
def stage(
    control_plane: ControlPlane, postgres_url: str, tmp_path: Path, seed: int
) -> Iterator[Stage]:
    with Stage(tmp_path, control_plane, postgres_url, seed, requesters=1) as made:
        made.start("both")
        yield made


def _ask(stage: Stage) -> None:
    record = Record(stage.database_url, stage.log)
    record.start()
    reviews = Reviews(stage.plane, stage.log)
    try:
        with ThreadPoolExecutor(1) as crowd:
            (who,) = stage.people["engineers"]
            Story(stage, record, reviews, crowd, who, random.Random(stage.seed)).ask()
    finally:
        record.stop()


def _rows(stage: Stage, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(libpq_url(stage.database_url), autocommit=True) as connection:
        return connection.execute(query).fetchall()


def test_the_message_in_hand_is_told_and_readiness_says_that_it_stops(stage: Stage) -> None:
    (replica,) = stage.replicas
    slow = stage.slack.control.inject("chat.postMessage", times=None, delay_seconds=SLOW_SECONDS)
    _ask(stage)

    def in_hand() -> bool:
        return bool(_rows(stage, "SELECT 1 FROM deliveries WHERE sending_since IS NOT NULL"))

    wait_until(in_hand, within=timedelta(seconds=10), what="a message in hand")
    replica.tell_to_stop()
    stopping: dict[str, object] = {}

    def says_so() -> bool:
        status, text = replica.probe()
        stopping.update(json.loads(text)["checks"] if status == 503 else {})
        return stopping.get("process") == "stopping"

    wait_until(says_so, within=timedelta(seconds=SLOW_SECONDS), what="readiness says so")
    assert replica.probe("/livez")[0] == 200, "it must not be killed for that"
    took = replica.wait_ended()
    assert took < 10
    stage.slack.control.lift(slow)
    claimed = "SELECT id, claimed_until, sending_since FROM deliveries WHERE claimed_until > 0"
    assert _rows(stage, claimed) == []
    messages = [m for channel in stage.workspace.messages.values() for m in channel.values()]
    ids = [str((m.metadata or {}).get("event_payload")) for m in messages]
    assert len(ids) == len(set(ids)) > 0


def test_a_slack_that_hangs_does_not_keep_a_replica_from_stopping(stage: Stage) -> None:
    """Slack answers nothing at all: the stop ends in its time, and the row is told later."""
    (replica,) = stage.replicas
    stage.slack.control.inject("chat.*", trouble="stall", times=None)
    _ask(stage)
    began = time.monotonic()
    replica.tell_to_stop()
    replica.wait_ended()
    assert time.monotonic() - began < 22
    stage.slack.control.lift()
    replica.start()
    replica.wait_ready()
    wait_until(lambda: stage.untold() == 0, within=timedelta(seconds=60), what="all is told")
    messages = [m for channel in stage.workspace.messages.values() for m in channel.values()]
    ids = [str((m.metadata or {}).get("event_payload")) for m in messages]
    assert len(ids) == len(set(ids)) > 0
