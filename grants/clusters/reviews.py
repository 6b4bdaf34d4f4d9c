"""Access reviews: one API server asked what a subject may do, many questions at once."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, Final

from grants.authz.model import Answer, Question
from grants.clusters.api import Api
from grants.clusters.connection import Call, path_of
from grants.clusters.reply import Deadline
from grants.clusters.wire import ReviewIn
from grants.errors import ClusterUnavailable

ALL_AUTHENTICATED: Final = "system:authenticated"
REASON_MOST_CHARACTERS: Final = 1000

_ACTION: Final = "create subjectaccessreviews"
# Handing a question to another thread costs about as much as an answer takes.
_FEW: Final = 3


class Reviews:
    """Asks; each server has its own threads, so that one that hangs starves no other."""

    def __init__(self, api: Api, threads: int) -> None:
        self._api = api
        self._threads = threads
        self._lock = threading.Lock()
        self._pools: dict[str, ThreadPoolExecutor] = {}

    def ask(
        self, subject: str, groups: Sequence[str], questions: Sequence[Question], server: str
    ) -> tuple[Answer, ...]:
        """Answer every question in order, or raise: half an answer proves nothing.

        All of them together may take as long as one answer.
        """
        everyone = tuple(dict.fromkeys((*groups, ALL_AUTHENTICATED)))
        deadline = self._api.deadline()
        if len(questions) <= _FEW:
            return self._in_turn(subject, everyone, questions, server, deadline)
        pool = self._pool(server)
        asked = [pool.submit(self._one, subject, everyone, q, server) for q in questions]
        try:
            return tuple(one.result(timeout=deadline.left_seconds()) for one in asked)
        except TimeoutError:
            raise ClusterUnavailable(self._api.alias, _ACTION, "no answer in time") from None
        finally:
            for one in asked:
                one.cancel()

    def _in_turn(
        self,
        subject: str,
        groups: tuple[str, ...],
        questions: Sequence[Question],
        server: str,
        deadline: Deadline,
    ) -> tuple[Answer, ...]:
        answers: list[Answer] = []
        for question in questions:
            if deadline.left_seconds() <= 0:
                raise ClusterUnavailable(self._api.alias, _ACTION, "no answer in time")
            answers.append(self._one(subject, groups, question, server))
        return tuple(answers)

    def close(self) -> None:
        """Let the threads go; questions on their way end by their own time-outs."""
        with self._lock:
            pools = list(self._pools.values())
            self._pools = {}
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)

    def _one(
        self, subject: str, groups: tuple[str, ...], question: Question, server: str
    ) -> Answer:
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": subject, "groups": list(groups), **_attributes(question)},
        }
        path = path_of("apis", "authorization.k8s.io", "v1", "subjectaccessreviews")
        call = Call(_ACTION, "POST", path, body=body)
        reply = self._api.expect(call, self._api.reply(call, server), HTTPStatus.CREATED)
        return self._api.decode(call, reply, ReviewIn, lambda read: _answer(question, read))

    def _pool(self, server: str) -> ThreadPoolExecutor:
        with self._lock:
            pool = self._pools.get(server)
            if pool is None:
                pool = ThreadPoolExecutor(self._threads, f"ask-{self._api.alias}")
                self._pools[server] = pool
            return pool


def _attributes(question: Question) -> dict[str, Any]:
    if question.path is not None:
        return {"nonResourceAttributes": {"path": question.path, "verb": question.verb}}
    attributes = {
        "verb": question.verb,
        "group": question.api_group,
        "resource": question.resource,
        "subresource": question.subresource,
        "name": question.name,
        "namespace": question.namespace or "",
    }
    return {"resourceAttributes": {key: value for key, value in attributes.items() if value}}


def _answer(question: Question, read: ReviewIn) -> Answer:
    # A refusal because an authorizer failed says so in another field.
    reason = read.status.reason or read.status.evaluation_error
    return Answer(question, read.status.allowed, reason[:REASON_MOST_CHARACTERS])
