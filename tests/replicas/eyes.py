"""Those who look at a run from outside, each on a thread: at the record, and at the cluster."""

import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from bot.playground.controlplane.plane import ControlPlane
from grants.store import tables as t
from grants.store.engine import open_database
from tests.replicas.log import Log

REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
BY_BINDING: Final = re.compile(r'allowed by (?:Cluster)?RoleBinding "([^"/]+)')
_LOOK_SECONDS: Final = 0.02
_ROUND_SECONDS: Final = 0.1
_AFTER_END_SECONDS: Final = 20.0


class Looker:
    """Something done again and again on a thread until it is told to stop."""

    def __init__(self, name: str, look: Callable[[], object]) -> None:
        self._look = look
        self._stop = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._look()
        except BaseException as error:  # noqa: BLE001 - told by `stop`
            self.error = error

    def rest(self, seconds: float) -> None:
        self._stop.wait(seconds)


class Record:
    """Reads each event as soon as it can be read, and lets others wait for one."""

    def __init__(self, database_url: str, log: Log) -> None:
        self._database = open_database(database_url)
        self._log = log
        self._last = 0
        self._changed = threading.Condition()
        self._kinds: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        self._looker = Looker("record", self._look)

    def start(self) -> None:
        self._looker.start()

    def stop(self) -> None:
        self._looker.stop()
        self._database.close()

    def _look(self) -> None:
        events = t.events.c
        query = select(events.number, events.canonical).where(events.number > self._last)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(events.number)).all()
        now = time.time()
        for number, canonical in rows:
            body = json.loads(bytes(canonical))
            self._note(now, number, body)
            self._last = number
        if rows:
            with self._changed:
                self._changed.notify_all()
        self._looker.rest(_LOOK_SECONDS)

    def _note(self, now: float, number: int, body: dict[str, Any]) -> None:
        request, grant = body.get("request"), body.get("grant")
        self._log.add(
            now,
            "event",
            number=number,
            type=body["type"],
            event_at=datetime.fromisoformat(body["at"]).timestamp(),
            actor=body["actor"],
            request=request,
            grant=grant,
            facts=body.get("facts", {}),
        )
        with self._changed:
            for about in {request, grant, body["actor"]} - {None}:
                self._kinds[about].append((body["type"], body))

    def find(self, about: str, *kinds: str, after: int = 0) -> dict[str, Any] | None:
        """The first event of some types about a request, grant or person, after so many of them."""
        with self._changed:
            known = self._kinds[about][after:]
        return next((body for kind, body in known if kind in kinds), None)

    def count(self, about: str) -> int:
        """How many events there are about a request, grant or person."""
        with self._changed:
            return len(self._kinds[about])

    def wait(
        self, about: str, *kinds: str, seconds: float, after: int = 0
    ) -> dict[str, Any] | None:
        """Wait for such an event; None when none came in time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while (found := self.find(about, *kinds, after=after)) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)
        return found


class Reviews:
    """Asks the API server itself, again and again, what people may do."""

    def __init__(self, plane: ControlPlane, log: Log) -> None:
        self._plane = plane
        self._log = log
        self._lock = threading.Lock()
        # By subject and namespace: until when it is asked about.
        self._wanted: dict[tuple[str, str], float] = {}
        self._looker = Looker("reviews", self._round)

    def start(self) -> None:
        self._looker.start()

    def stop(self) -> None:
        self._looker.stop()

    def watch(self, subject: str, namespace: str, seconds: float = _AFTER_END_SECONDS) -> None:
        """Ask about somebody for so long from now on."""
        until = time.time() + seconds
        with self._lock:
            key = (subject, namespace)
            self._wanted[key] = max(until, self._wanted.get(key, 0.0))

    def _round(self) -> None:
        began = time.monotonic()
        with self._lock:
            wanted = [key for key, until in self._wanted.items() if until > time.time()]
        for subject, namespace in wanted:
            self._ask(subject, namespace)
        self._looker.rest(max(0.002, _ROUND_SECONDS - (time.monotonic() - began)))

    def _ask(self, subject: str, namespace: str) -> None:
        what = {"verb": "list", "resource": "pods", "namespace": namespace}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": subject,
                "groups": ["system:authenticated"],
                "resourceAttributes": what,
            },
        }
        asked = time.time()
        status = self._plane.admin_request("POST", REVIEWS, body)["status"]
        by = BY_BINDING.search(status.get("reason", ""))
        self._log.add(
            asked,
            "review",
            answered=time.time(),
            user=subject,
            namespace=namespace,
            allowed=bool(status["allowed"]),
            binding=by[1] if by else "",
        )
