"""What is needed though it was not seen: it goes with what was, and only in rarer moments."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from grants.authz.model import Question
from grants.review.rightsizing.held import Held
from grants.review.rightsizing.model import Need

LIST_AFTER_WATCH: Final = "list-after-watch"
LEASE_ANEW: Final = "lease-anew"
STREAM_BY_WEBSOCKET: Final = "stream-by-websocket"

LEASES: Final = ("coordination.k8s.io", "leases")
# Before leases, elections were held by these; some operators still do both.
ELECTION_KINDS: Final = frozenset({LEASES, ("", "configmaps"), ("", "endpoints")})
_STREAMS: Final = frozenset({"exec", "attach", "portforward"})


def with_companions(needs: Iterable[Need], held: Held) -> tuple[Need, ...]:
    """Add what follows from needs, as far as it is held today."""
    found = {need.question: need for need in needs}
    for need in tuple(found.values()):
        for question, why in _companions(need.question):
            if question not in found and held.allows(question):
                found[question] = replace(need, question=question, implied_by=why)
    return tuple(found.values())


def _companions(question: Question) -> Iterator[tuple[Question, str]]:
    if question.path is not None:
        return
    if question.verb == "watch":
        # One watch may go on for the whole window; when it is lost for long, a list comes first.
        yield replace(question, verb="list"), LIST_AFTER_WATCH
    if question.subresource in _STREAMS and question.verb == "get":
        # By WebSocket the second right is asked for in the same request, and no log tells.
        yield replace(question, verb="create"), STREAM_BY_WEBSOCKET
    if is_election(question):
        yield replace(question, verb="create", name=""), LEASE_ANEW


def is_election(question: Question) -> bool:
    """Tell whether this renews a lease: whoever does has to make it anew when it is gone."""
    kind = (question.api_group, question.resource)
    return kind == LEASES and not question.subresource and question.verb in {"update", "patch"}


def elections(needs: Iterable[Need]) -> frozenset[tuple[str | None, str, str, str]]:
    """Give (namespace, group, kind, name) of what elections of a leader are held by.

    Leases that are renewed, and config maps or endpoints of the same name beside them.
    """
    every = [need for need in needs if need.question.path is None and need.question.name]
    leases = {_place(need) for need in every if is_election(need.question)}
    names = {(place[0], place[3]) for place in leases}
    beside = {
        _place(need)
        for need in every
        if _kind(need) in ELECTION_KINDS and (need.question.namespace, need.question.name) in names
    }
    return frozenset(leases | beside)


def _kind(need: Need) -> tuple[str, str]:
    return need.question.api_group, need.question.resource


def _place(need: Need) -> tuple[str | None, str, str, str]:
    question = need.question
    return question.namespace, question.api_group, question.resource, question.name
