"""Random scripts read alike over both servers, step by step."""

import random
import secrets

import pytest

from tests.contracts.api.served import Served
from tests.contracts.api.stage import MERGE, new_stage
from tests.contracts.api.walking import BINDINGS, KINDS, NAMES, Walk, Walker

STEPS = 120


@pytest.mark.parametrize("number", range(3))
def test_a_random_script_reads_alike(
    embedded_api: Served, real_api: Served, dice: random.Random, number: int
) -> None:
    word = secrets.token_hex(5)
    with new_stage(embedded_api, word) as double, new_stage(real_api, word) as real:
        walkers = [Walker(real), Walker(double)]
        walk = Walk(dice, walkers)
        for _ in range(STEPS):
            at = len(real.told)
            walk.step()
            assert double.told[at:] == real.told[at:]
        for stage in (real, double):
            freed = {"metadata": {"finalizers": None}}
            for path in KINDS:
                for name in NAMES:
                    stage.send("PATCH", f"{path}/{name}", freed, kind=MERGE)
            stage.send("DELETE", BINDINGS)
