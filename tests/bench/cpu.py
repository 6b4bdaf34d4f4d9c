"""What a verb costs in CPU and in SQL statements, in this process, over SQLite in a new folder.

`python -m tests.bench.cpu [--rounds N] [--profile NAME]`. CPU is that of the calling thread, so a
busy machine spoils little; the number of Python's function calls is the same on any. The cluster is
in memory for verbs; calls of the adapter go to a server on this machine, whose threads don't count.
"""

import argparse
import cProfile
import json
import pstats
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any, Final

import urllib3
import yaml
from sqlalchemy import event

from bot.playground.certs import Authority
from grants.access.cluster_port import BindingPlace
from grants.access.decide import Decide, decide
from grants.access.expire_leases import expire_leases
from grants.access.model import GrantState, Verdict
from grants.access.reconcile import reconcile_grant
from grants.authz.model import Answer, Question
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig
from grants.store.engine import Database, open_database
from grants.store.schema import upgrade
from grants.store.store import Store
from tests.support.stores import sqlite_url
from tests.support.world import INSTALLATION, World

ROUNDS: Final = 150
WARM: Final = 20
COUNTED: Final = 7
"""How often calls are counted: no multiple of how many things take turns."""
THREADS: Final = 8
HEAD: Final = """
| what | CPU ms: median | a tenth below | function calls | statements |
|---|---|---|---|---|"""
WORKER: Final = "wrk-bench"
HOLD: Final = timedelta(seconds=5)
PLACE: Final = BindingPlace("a-binding", "payments-dev")
QUESTION: Final = Question("list", resource="pods", namespace="payments-dev")


@dataclass
class Cost:
    """What the runs of one thing took: CPU seconds of this thread, and statements."""

    seconds: list[float] = field(default_factory=list)
    statements: list[int] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)

    def row(self, name: str) -> str:
        """Give a line of a Markdown table."""
        ms = sorted(1000 * s for s in self.seconds)
        calls = median(self.calls or [0])
        return (
            f"| {name} | {median(ms):.2f} | {ms[len(ms) // 10]:.2f} | {calls:.0f} |"
            f" {median(self.statements):.0f} |"
        )


class Meter:
    """Takes the costs; the calls are counted now and then, which then counts for no more."""

    def __init__(self, profiled: str | None = None) -> None:
        self.costs: dict[str, Cost] = {}
        self.profile = pstats.Stats()
        self._profiled = profiled
        self._statements = 0
        self._turns = 0

    def watch(self, database: Database) -> None:
        """Count the statements of a database."""
        for engine in (database.writer, database.reader):
            event.listen(engine, "before_cursor_execute", self._counted)

    def _counted(self, *_: object) -> None:
        self._statements += 1

    @contextmanager
    def taking(self, name: str) -> Iterator[None]:
        """Take the cost of what is done meanwhile."""
        cost, before = self.costs.setdefault(name, Cost()), self._statements
        self._turns += 1
        if self._turns % COUNTED == 0:
            profile = cProfile.Profile()
            with profile:
                yield
            stats: Any = pstats.Stats(profile)
            cost.calls.append(stats.total_calls)
            if name == self._profiled:
                self.profile.add(stats)
            return
        began = time.thread_time()
        yield
        cost.seconds.append(time.thread_time() - began)
        cost.statements.append(self._statements - before)

    @contextmanager
    def taking_all(self, name: str, count: int) -> Iterator[None]:
        """Take the cost of each of so many that all threads of this process do meanwhile."""
        cost, before = self.costs.setdefault(name, Cost()), self._statements
        began = time.process_time()
        yield
        cost.seconds.append((time.process_time() - began) / count)
        cost.statements.append(round((self._statements - before) / count))


class _Gone:
    """The clusters, and the one there is: everything is gone from it, and it costs nothing."""

    def __init__(self, uid: str) -> None:
        self._uid = uid

    def get(self, _alias: str) -> "_Gone":
        return self

    def uid(self) -> str:
        return self._uid

    def endpoints(self) -> tuple[str, ...]:
        return ("https://here",)

    def knows_all_endpoints(self) -> bool:
        return False

    def delete(self, _place: BindingPlace, _uid: str) -> None:
        return None

    def ready(self, _endpoint: str) -> bool:
        return True

    def binding(self, _place: BindingPlace, _endpoint: str) -> None:
        return None

    def ask(
        self, _subject: str, _groups: Sequence[str], questions: Sequence[Question], _endpoint: str
    ) -> tuple[Answer, ...]:
        return tuple(Answer(one, allowed=False, reason="") for one in questions)


class StoredWorld(World):
    """The small world, over real rows."""

    def __init__(self, store: Any) -> None:
        self._store = store
        super().__init__()

    def new_store(self) -> Any:
        return self._store


def verbs(meter: Meter, folder: Path, rounds: int) -> None:
    """Have as many requests decided, activated, and ended together."""
    url = sqlite_url(folder / "database" / "valetkey.db")
    upgrade(url)
    database = open_database(url)
    meter.watch(database)
    with closing(Store(database)) as store:
        world = StoredWorld(store)
        erin, ada = world.person("erin", "engineers"), world.person("ada", "approvers")
        grants = []
        for _ in range(rounds):
            request = world.ask(erin)
            command = Decide(world.key(), ada, request.id, request.terms_hash, Verdict.APPROVE)
            with meter.taking("decide"):
                decided = decide(command, ports=world)
            grants += decided.grants
            with meter.taking("activate"):
                _walk(world, grants[-1], GrantState.ACTIVE)
        world.clock.forward(hours=2)
        world.clusters = _Gone(world.cluster.uid())
        while True:
            with meter.taking("expire 50"):
                count = expire_leases(ports=world)
            if not count:
                break
        for _ in range(rounds // 20):
            with meter.taking("claim 10"):
                claimed = store.claim_grants(WORKER, 10, HOLD)
            for one in claimed:
                with meter.taking("end"):
                    _end(world, one.grant)
        left = [one.grant for one in store.claim_grants(WORKER, rounds, HOLD)]
        with ThreadPoolExecutor(THREADS) as pool, meter.taking_all("end, 8 at once", len(left)):
            list(pool.map(lambda grant: _end(world, grant), left))


def _end(world: World, grant: str) -> None:
    done = reconcile_grant(grant, ports=world)
    if done is None or done.state is not GrantState.ENDED:
        raise AssertionError(done)


def _walk(world: World, grant: str, wanted: GrantState) -> None:
    """Claim a grant, bring it forward and give it back, as the worker does at a click."""
    if not world.store.claim_grant(grant, WORKER, HOLD):
        raise AssertionError(grant)
    done = reconcile_grant(grant, ports=world)
    world.store.release_grant(grant, WORKER)
    if done is None or done.state is not wanted:
        raise AssertionError(done)


class _Handler(BaseHTTPRequestHandler):
    """Answers as an API server does, with what the calls below ask for."""

    protocol_version = "HTTP/1.1"
    # Else the server's own wait for an ACK is in the figures.
    wbufsize = 65536

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata = {"name": name, "uid": "a-uid", "resourceVersion": "1", "creationTimestamp": made}
        if "rolebindings" in self.path:
            metadata["namespace"] = str(PLACE.namespace)
        ref = {"kind": "ClusterRole", "name": "view"}
        self._say(200, {"metadata": metadata, "roleRef": ref, "status": {"phase": "Active"}})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(201, {"status": {"allowed": True, "reason": 'RBAC: allowed by RoleBinding "x"'}})

    def _say(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def a_server(folder: Path) -> Iterator[Path]:
    """Start an https server on this machine; gives a kubeconfig for it."""
    authority = Authority.in_folder(folder / "authority")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    context = authority.leaf("server").server_context()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = folder / "kubeconfig"
    there = {
        "server": f"https://127.0.0.1:{server.server_port}",
        "certificate-authority": str(authority.ca_file),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": there}],
        "users": [{"name": "me", "user": {"token": "a-token"}}],
    }
    path.write_text(yaml.safe_dump(content))
    try:
        yield path
    finally:
        server.shutdown()
        server.server_close()


def calls(meter: Meter, folder: Path, rounds: int) -> None:
    """Make calls to a cluster, by the adapter and by the connection pool alone."""
    with a_server(folder) as kubeconfig:
        config = ClusterConfig("here", INSTALLATION, kubeconfig=kubeconfig)
        cluster = KubernetesCluster(config, SystemClock())
        (endpoint,) = cluster.endpoints()
        asked: dict[str, Callable[[], object]] = {
            "uid": cluster.uid,
            "binding": lambda: cluster.binding(PLACE, endpoint),
            "ask": lambda: cluster.ask("oidc:erin", ("oidc:engineers",), (QUESTION,), endpoint),
            "a bare POST": _bare(endpoint, folder),
        }
        for _ in range(rounds):
            for name, call in asked.items():
                with meter.taking(name):
                    call()
        cluster.close()


def _bare(endpoint: str, folder: Path) -> Callable[[], object]:
    """Give the same call as `ask` makes, by the least that can be done with urllib3."""
    context = ssl.create_default_context(cafile=str(folder / "authority" / "ca.pem"))
    pool = urllib3.PoolManager(ssl_context=context)
    url = f"{endpoint}/apis/authorization.k8s.io/v1/subjectaccessreviews"
    body = json.dumps({"spec": {"user": "oidc:erin"}}).encode()
    headers = {"Authorization": "Bearer a-token", "Content-Type": "application/json"}
    return lambda: pool.urlopen("POST", url, body=body, headers=headers, retries=False)


def main(argv: list[str]) -> None:
    """Take the figures and print them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cpu")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--profile", metavar="NAME")
    parsed = parser.parse_args(argv)
    meter = Meter(parsed.profile)
    with tempfile.TemporaryDirectory() as name:
        verbs(Meter(), Path(name) / "warm", WARM)
        verbs(meter, Path(name) / "verbs", parsed.rounds)
        folder = Path(name) / "calls"
        folder.mkdir()
        calls(meter, folder, parsed.rounds)
    print(HEAD)
    for what, cost in meter.costs.items():
        print(cost.row(what))
    if parsed.profile:
        meter.profile.sort_stats("tottime").print_stats(60)


if __name__ == "__main__":
    main(sys.argv[1:])
