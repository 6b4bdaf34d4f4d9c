"""The intake of audit events: who may send, what is kept, and what a replay or a flood does."""

import gzip
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import falcon.testing
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bot.settings_audit import as_tokens
from bot.usage_metrics import UsageMetrics
from bot.web import audit
from bot.web.audit import AuditIntake
from bot.web.audit_tokens import digest_of, may_send, new_token, read_tokens
from bot.web.guard import shares
from grants.errors import StoreUnavailable
from tests.support.audit import NOW, START, event, lines
from tests.support.store_values import FixedClock
from tests.support.stores import copied, migrated_template, opened
from tests.support.web import Rig

PROD, OTHER = "a token of prod's", "a token of other's"
TOKENS = read_tokens(f"prod {digest_of(PROD)}\nother {digest_of(OTHER)} other {digest_of('old')}")


class Core:
    """What the intake is given: a real store on SQLite, and a clock."""

    def __init__(self, store) -> None:
        self.real = store
        self.clock = FixedClock(NOW)
        self.fails: list[Exception] = []

    @property
    def store(self) -> "Core":
        return self

    @contextmanager
    def write(self) -> Iterator[object]:
        """Fail after all was written and before the commit, as often as is asked for."""
        with self.real.write() as tx:
            yield tx
            if self.fails:
                raise self.fails.pop()

    def rows(self) -> dict[str, int]:
        with self.real.read() as tx:
            return {f"{use.cluster} {use.act.verb}": use.count for use in tx.usage()}


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    return migrated_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def core(template, tmp_path) -> Iterator[Core]:
    url = copied(template, tmp_path)
    with closing(opened(url)) as store:
        yield Core(store)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def rig(core, registry) -> Rig:
    return Rig(audit_intake=AuditIntake(core, lambda: TOKENS, UsageMetrics(registry)), threads=16)


def send(
    rig: Rig, body: object, cluster: str = "prod", token: str | None = PROD, **headers: str
) -> falcon.testing.Result:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    client = falcon.testing.TestClient(rig.app)
    return client.simulate_post(f"/audit/{cluster}", body=data, headers={**bearer, **named})


def batch(*numbers: int) -> dict:
    """What Kubernetes' webhook sends."""
    some = [event(n, START + timedelta(minutes=n)) for n in numbers]
    return {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": some}


def counted(registry: CollectorRegistry) -> str:
    return generate_latest(registry).decode()


def test_kubernetes_webhook_is_taken_in(rig, core, registry):
    answer = send(rig, batch(*range(400)))
    assert answer.status_code == 200
    assert answer.json == {"events": 400, "not_used": {}}
    assert core.rows() == {"prod get": 400}
    assert 'batches_total{cluster="prod",outcome="taken"} 1.0' in counted(registry)
    assert 'events_total{cluster="prod",outcome="used"} 400.0' in counted(registry)


@pytest.mark.parametrize(
    "body",
    [
        lines(event(1), event(2)),
        lines({"log": json.dumps(event(1))}, {"log": json.dumps(event(2))}),
        json.dumps([{"date": 1, **event(1)}, {"date": 2, **event(2)}]).encode(),
        lines({"message": json.dumps(event(1))}, {"message": json.dumps(event(2))}),
        json.dumps([event(1), event(2)], indent=1).encode(),
    ],
    ids=["json lines", "fluent bit", "fluent bit's list", "vector", "over many lines"],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_log_shippers_are_taken_in(rig, core, body, is_packed):
    packed = {"Content_Encoding": "gzip"} if is_packed else {}
    assert send(rig, gzip.compress(body) if is_packed else body, **packed).json["events"] == 2
    assert core.rows() == {"prod get": 2}


def test_the_same_batch_again_does_nothing(rig, core, registry):
    for _ in range(3):
        assert send(rig, batch(1, 2)).status_code == 200
    assert core.rows() == {"prod get": 2}
    assert 'batches_total{cluster="prod",outcome="known"} 2.0' in counted(registry)


def test_the_same_events_in_another_batch_are_counted_once(rig, core):
    send(rig, batch(1, 2, 3))
    answer = send(rig, batch(3, 4))
    assert answer.json == {"events": 2, "not_used": {"repeated": 1}}
    assert core.rows() == {"prod get": 4}


def test_the_same_batch_of_another_cluster_is_another(rig, core):
    send(rig, batch(1))
    send(rig, batch(1), "other", OTHER)
    send(rig, batch(1, 2), "other", "old")
    assert core.rows() == {"prod get": 1, "other get": 2}


@pytest.mark.parametrize("error", [StoreUnavailable("locked"), RuntimeError("a bug")])
def test_a_batch_that_fails_is_counted_once_when_it_comes_again(rig, core, error):
    core.fails = [error]
    assert send(rig, batch(1, 2)).status_code in {500, 503}
    assert core.rows() == {}
    assert send(rig, batch(1, 2)).json["events"] == 2
    assert core.rows() == {"prod get": 2}


@pytest.mark.parametrize(
    ("cluster", "token"),
    [
        ("prod", None),
        ("prod", ""),
        ("prod", OTHER),
        ("prod", digest_of(PROD)),
        ("nowhere", PROD),
        ("prod", "ü"),
    ],
)
def test_nothing_is_taken_from_others(rig, core, registry, cluster, token):
    answer = send(rig, batch(1), cluster, token)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert core.rows() == {}
    assert 'batches_total{cluster="",outcome="unknown"} 1.0' in counted(registry)
    assert "nowhere" not in counted(registry)


def test_another_scheme_is_no_bearer_token(rig):
    assert send(rig, batch(1), token=None, Authorization=f"Basic {PROD}").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        json.dumps(batch(1)).encode()[:-10],
        b"\x1f\x8bnot gzip",
        gzip.compress(json.dumps(batch(1)).encode())[:-30],
        gzip.compress(gzip.compress(lines(event(1)))),
        json.dumps({"kind": "EventList", "items": [event(1), 7]}).encode(),
    ],
    ids=["no JSON", "cut off", "no gzip", "gzip cut off", "gzip in gzip", "a wrong item"],
)
def test_a_batch_that_can_not_be_read_is_refused_whole(rig, core, registry, body):
    assert send(rig, body).status_code == 400
    assert core.rows() == {}
    assert 'outcome="unreadable"} 1.0' in counted(registry)
    with core.real.read() as tx:
        assert [loss.word for loss in tx.coverage("prod").losses] == ["broken"]


def test_of_lines_the_broken_ones_are_lost_and_the_loss_is_kept(rig, core):
    answer = send(rig, lines(event(1), b"{broken", event(2)))
    assert answer.json == {"events": 2, "not_used": {"broken": 1}}
    with core.real.read() as tx:
        assert [loss.word for loss in tx.coverage("prod").losses] == ["broken"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"kind": "EventList", "items": []}'])
def test_a_batch_with_nothing_in_it_is_fine(rig, core, body):
    assert send(rig, body).json["events"] == 0
    assert core.rows() == {}


def test_what_unpacks_to_too_much_is_refused_without_being_unpacked(rig, core, registry):
    bomb = gzip.compress(b" " * (audit.LARGEST_INFLATED_BYTES + 1))
    assert len(bomb) < 100_000
    assert send(rig, bomb, Content_Encoding="gzip").status_code == 413
    assert 'outcome="too-large"} 1.0' in counted(registry)


def test_another_packing_is_refused(rig):
    assert send(rig, batch(1), Content_Encoding="zstd").status_code == 415


def test_without_a_setting_there_is_no_such_address(core):
    assert send(Rig(), batch(1)).status_code == 404


def test_api_servers_may_ask_by_any_name_of_the_service(rig):
    assert send(rig, batch(1), Host="valetkey.valetkey.svc:8080").status_code == 200


def test_a_flood_of_audit_events_keeps_nobody_else_waiting(core):
    """Senders keep what is answered by 503 and send it again; people are answered."""
    go, busy = threading.Event(), threading.Semaphore(0)

    class Slow:
        def on_post(self, _req, resp, cluster):
            busy.release()
            assert go.wait(30)
            resp.text = cluster

    rig, answers = Rig(audit_intake=Slow(), threads=16), []
    room = shares(16, audit=True)["audit"]
    threads = [
        threading.Thread(target=lambda: answers.append(send(rig, b"").status_code))
        for _ in range(room)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert busy.acquire(timeout=30)
    full = send(rig, b"")
    assert (full.status_code, full.headers["Retry-After"]) == (503, "1")
    assert rig.browser().get("/").status_code == 200
    assert rig.browser().get("/livez").status_code == 200
    go.set()
    for thread in threads:
        thread.join(30)
    assert answers == [200] * room


@pytest.mark.parametrize("threads", [16, 40])
def test_the_shares_with_an_intake_leave_a_thread_to_say_no(threads):
    room = shares(threads, audit=True)
    assert min(room.values()) >= 1
    assert sum(room.values()) < threads
    assert "audit" not in shares(threads)


def test_no_log_line_holds_a_token_or_what_was_sent(rig, caplog):
    caplog.set_level(logging.DEBUG)
    send(rig, batch(1))
    send(rig, b"{broken")
    send(rig, batch(2), token="wrong-token-canary")
    assert PROD not in caplog.text
    assert "canary" not in caplog.text
    assert "prices" not in caplog.text


def test_tokens_are_kept_as_digests_alone():
    token = new_token()
    tokens = read_tokens(f"prod {digest_of(token)}")
    assert token not in str(tokens)
    assert may_send(tokens, "prod", token)
    assert not may_send(tokens, "prod", token + "x")
    assert len({new_token() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text",
    ["", "prod", f"prod {PROD}", "prod " + "F" * 64, f"a/b {'0' * 64}", f"prod {'0' * 64} x"],
)
def test_tokens_that_are_wrongly_set_are_refused_without_being_quoted(text):
    from pydantic import SecretStr  # noqa: PLC0415

    with pytest.raises(ValueError, match=r"^[a-zA-Z0-9': -]+[^:]*$") as refusal:
        as_tokens(SecretStr(text))
    assert PROD not in str(refusal.value)
