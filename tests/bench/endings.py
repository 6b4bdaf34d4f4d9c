"""Grants that end in the same second: ours against the same calls made bare.

Both end every binding by DELETE, readyz, GET, one access review for each question of the proof, and
the cluster's identity. Ours has every proof, event and card durable besides.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

from grants.clusters.sharing import SharedRead
from grants.errors import StoreError
from tests.bench.bound import QUESTIONS, REVIEWS, Bound, Wire, bind
from tests.bench.rows import Pattern, count_not_ended, lags, store_active
from tests.replicas.stage import Stage

KUBE_SYSTEM: Final = "/api/v1/namespaces/kube-system"
# What stood still is to be at rest again by then: a thousand events read, and Slack's sockets well.
LEAD: Final = timedelta(seconds=8)
WITHIN_SECONDS: Final = 180.0
LOOK_SECONDS: Final = 0.5
TRIES: Final = 10


@dataclass(frozen=True)
class Ended:
    """What one run gave: how long it took, and the lag of each ending past its expiry."""

    count: int
    seconds: float
    lags: tuple[float, ...] = ()

    @property
    def per_second(self) -> float:
        """How many were ended a second."""
        return self.count / self.seconds

    def lag(self, share: float) -> float:
        """Give the lag, in seconds, within which that share was proven gone."""
        return self.lags[min(len(self.lags) - 1, int(share * len(self.lags)))]


def bare(
    kubeconfig: Path, namespace: str, bound: list[Bound], threads: int, *, sharing: bool = False
) -> Ended:
    """End every binding with the calls that each takes, and nothing between them.

    `sharing`: those that say nothing of one binding are made once for all threads that ask at the
    same moment, as Valetkey does.
    """
    wire = Wire(kubeconfig, threads)

    def recognise() -> None:
        json.loads(wire.call("GET", KUBE_SYSTEM).data)["metadata"]["uid"]

    def see_ready() -> None:
        if wire.call("GET", "/readyz").status != HTTPStatus.OK:
            raise AssertionError("not ready")

    who = SharedRead(recognise) if sharing else recognise
    ready = SharedRead(see_ready) if sharing else see_ready

    def one(it: Bound) -> None:
        options = {"preconditions": {"uid": it.uid}, "propagationPolicy": "Background"}
        gone = wire.call("DELETE", it.path, options)
        if gone.status != HTTPStatus.OK or json.loads(gone.data)["kind"] != "Status":
            raise AssertionError(gone.data)
        who()
        ready()
        if wire.call("GET", it.path).status != HTTPStatus.NOT_FOUND:
            raise AssertionError("still there")
        for verb in QUESTIONS:
            review = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {
                    "user": it.subject,
                    "groups": ["system:authenticated"],
                    "resourceAttributes": {
                        "verb": verb,
                        "resource": "pods",
                        "namespace": namespace,
                    },
                },
            }
            while json.loads(wire.call("POST", REVIEWS, review).data)["status"]["allowed"]:
                pass
        who()

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, bound))
    seconds = time.perf_counter() - began
    wire.close()
    return Ended(len(bound), seconds)


@contextmanager
def standing_still(stage: Stage) -> Iterator[None]:
    """Pause the bot, at a moment when it keeps nobody else from writing."""
    (replica,) = stage.replicas
    for _ in range(TRIES):
        replica.pause()
        try:
            with stage.store.write():
                break
        except StoreError:
            replica.go_on()
    else:
        raise AssertionError("it is always writing")
    try:
        yield
    finally:
        replica.go_on()


class Running:
    """Grants of the running bot that all end at one moment; its own rows tell when each did."""

    def __init__(self, stage: Stage, patterns: list[Pattern], count: int) -> None:
        """Make bindings and rows, while the bot stands still: half of either would be drift."""
        namespace, far = stage.namespaces[0], datetime.now(UTC) + timedelta(hours=1)
        self._store = stage.store
        self._looked, self._left = 0.0, count
        with standing_still(stage):
            bound = bind(stage.plane, namespace, count, far, stage.store.installation())
            self._grants = [one.grant for one in bound]
            self.expires = datetime.now(UTC) + LEAD
            store_active(stage.store, patterns, bound, self.expires)
        if datetime.now(UTC) >= self.expires:
            raise AssertionError("storing took too long")

    def wait(self) -> None:
        """Wait for the moment at which they end."""
        time.sleep(max(0.0, (self.expires - datetime.now(UTC)).total_seconds()))

    def is_over(self) -> bool:
        """Tell whether the last of them was proven gone; looked at twice a second at most."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked, self._left = now, count_not_ended(self._store, self.expires)
        return not self._left

    def ended(self) -> Ended:
        """Give what came of it."""
        took = lags(self._store, self._grants, self.expires)
        return Ended(len(took), took[-1], tuple(took))


def ours(stage: Stage, patterns: list[Pattern], count: int) -> Ended:
    """Let the running bot end as many."""
    running = Running(stage, patterns, count)
    running.wait()
    deadline = time.monotonic() + WITHIN_SECONDS
    while not running.is_over():
        if time.monotonic() > deadline:
            raise AssertionError("not all have ended")
        time.sleep(0.2)
    return running.ended()
