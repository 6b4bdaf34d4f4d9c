"""Ours and a real kube-apiserver give the same answers.

`make test` asks a few thousand questions; `make agreement` asks many more, and writes the table of
docs/authz.md. What is recorded for the fast tests is the first round of the recorded seed.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.playground.controlplane.plane import ControlPlane
from tests.support.agreement import recording
from tests.support.agreement.rounds import make_round
from tests.support.agreement.run import Tally, hold, put_table, table
from tests.support.agreement.semantics import NEVER_ALLOWED, Semantic
from tests.support.agreement.server import Server

ROUNDS = int(os.environ.get("VALETKEY_TEST_AGREEMENT_ROUNDS", "1"))
REPORT = os.environ.get("VALETKEY_TEST_AGREEMENT_REPORT")
RECORD = os.environ.get("VALETKEY_TEST_AGREEMENT_RECORD")
EACH = 10
LEAST = 500
MOST_TOLD = 10


@pytest.fixture
def server(control_plane: ControlPlane) -> Iterator[Server]:
    made = Server(control_plane)
    yield made
    made.close()


def test_ours_and_a_real_api_server_agree(server: Server, seed: int) -> None:
    tally = Tally()
    for number in range(ROUNDS):
        hold(server, make_round(seed, number, EACH), tally)
    version = server.must("GET", "/version")["gitVersion"]
    text = table(tally, seed, version)
    print(text)
    print("\n".join(tally.disagreements[:MOST_TOLD]))
    assert tally.disagreements == []
    assert tally.allowed >= 0.4 * tally.total
    if REPORT:
        for semantic in Semantic:
            least = 0 if semantic in NEVER_ALLOWED else LEAST
            assert tally.seen[semantic, True] >= least, semantic
            assert tally.seen[semantic, False] >= LEAST, semantic
        put_table(Path(REPORT), text)


def test_what_is_recorded_for_the_fast_tests_is_what_the_server_says(server: Server) -> None:
    """With VALETKEY_TEST_AGREEMENT_RECORD set it is recorded anew."""
    tally = Tally()
    round_ = make_round(1, 0, 2, name="rec")
    hold(server, round_, tally)
    assert tally.disagreements == []
    text = recording.written(round_, tally.answers)
    if RECORD:
        recording.FILE.write_text(text)
    assert recording.FILE.read_text() == text
