"""What machines ask: alive, ready, and how much."""

import json

import pytest
from prometheus_client import CollectorRegistry

from bot.web.health import Ready
from bot.web.ports import Check
from grants.errors import StoreUnavailable
from tests.support.web import Rig


def raising(error: Exception):
    def ask() -> str | None:
        raise error

    return ask


def ready(*checks: Check) -> tuple[int, dict]:
    answer = Rig(checks=checks).browser().get("/readyz")
    return answer.status_code, json.loads(answer.text)


def test_alive_looks_at_nothing_else():
    rig = Rig(checks=(Check("database", raising(AssertionError("asked"))),))
    answer = rig.browser().get("/livez")
    assert (answer.status_code, answer.json) == (200, {"status": "alive"})


def test_ready_when_all_is_well():
    status, said = ready(Check("database", lambda: None), Check("slack", lambda: None))
    assert (status, said["status"]) == (200, "ready")
    assert said["checks"] == {"database": "ok", "slack": "ok"}


@pytest.mark.parametrize(
    ("ask", "word"),
    [
        (lambda: "no-policy", "no-policy"),
        (raising(StoreUnavailable("postgresql://u:secret@h/db")), "store-unavailable"),
        (raising(RuntimeError("secret")), "broken"),
    ],
)
def test_not_ready_when_something_vital_is_not(ask, word):
    status, said = ready(Check("policy", ask), Check("slack", lambda: None))
    assert (status, said["status"]) == (503, "not ready")
    assert said["checks"] == {"policy": word, "slack": "ok"}
    assert "secret" not in json.dumps(said)


def test_what_is_not_vital_is_told_and_no_more():
    status, said = ready(Check("slack", lambda: "unavailable", vital=False))
    assert (status, said["status"]) == (200, "degraded")
    assert said["checks"] == {"slack": "unavailable"}


def test_the_checks_are_not_run_for_every_one_who_asks():
    asked = []
    rig = Rig(checks=(Check("database", lambda: asked.append(1)),))
    for _ in range(20):
        rig.browser().get("/readyz")
    assert 1 <= len(asked) <= 3  # kept for a second


def test_what_is_not_well_is_looked_at_again_sooner():
    now, words = [0.0], ["not-connected"]
    asked = Ready((Check("slack", lambda: words[0]),), CollectorRegistry(), lambda: now[0])
    assert asked._look() == {"slack": "not-connected"}
    words[0], now[0] = None, 0.09
    assert asked._look() == {"slack": "not-connected"}
    now[0] = 0.1
    assert asked._look() == {"slack": None}
    words[0], now[0] = "not-connected", 1.09
    assert asked._look() == {"slack": None}
    now[0] = 1.1
    assert asked._look() == {"slack": "not-connected"}


def test_metrics_count_requests_by_surface_and_hold_no_path():
    rig = Rig(checks=(Check("database", lambda: None),))
    token = rig.offer()
    rig.browser().get(f"/sign-in/{token}")
    rig.browser().get("/readyz")
    text = rig.browser().get("/metrics").text
    assert 'valetkey_http_requests_total{method="GET",status="200",surface="pages"} 1.0' in text
    assert 'valetkey_check_ok{check="database"} 1.0' in text
    assert token not in text


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")  # said of the test's own request
def test_a_made_up_method_makes_no_new_series():
    rig = Rig()
    for method in ("BREW", "MADEUP"):
        assert rig.browser().request(method, "/").status_code in {400, 405}
    assert "MADEUP" not in rig.browser().get("/metrics").text


def test_metrics_ask_for_their_token_where_one_is_set():
    rig = Rig(metrics_token="a token for figures")
    assert rig.browser().get("/metrics").status_code == 401
    wrong = rig.browser().get("/metrics", headers={"Authorization": "Bearer nonsense"})
    assert wrong.status_code == 401
    right = rig.browser().get("/metrics", headers={"Authorization": "Bearer a token for figures"})
    assert right.status_code == 200
