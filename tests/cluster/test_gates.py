"""A listed API server that is dead costs one call now and then, not one for each proof."""

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import pytest

from grants.access.cluster_port import BindingPlace
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.gates import Gates
from grants.errors import ClusterForbidden, ClusterUnavailable
from tests.support.scripted_server import Asked, Said, Script, ScriptedServer, status

Serve = Callable[[Script], ScriptedServer]
At = Callable[..., KubernetesCluster]
A, B = "https://a.example", "https://b.example"
PLACE = BindingPlace("valetkey-x", "payments")


class Hand:
    """A clock in seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def gates(hand: Hand) -> Gates:
    return Gates("prod", hand)


def fails(gates: Gates, server: str = A) -> bool:
    """Have a call get no answer; tells whether it was sent at all."""
    sent = False
    with suppress(ClusterUnavailable), gates.passing(server, "get x"):
        sent = True
        raise ClusterUnavailable("prod", "get x", "no answer in time")
    return sent


def answers(gates: Gates, server: str = A) -> bool:
    sent = False
    with suppress(ClusterUnavailable), gates.passing(server, "get x"):
        sent = True
    return sent


def test_a_server_that_answers_is_always_asked(gates: Gates) -> None:
    assert [answers(gates) for _ in range(3)] == [True] * 3


def test_one_that_did_not_answer_is_asked_ever_more_seldom_and_the_others_as_before(
    gates: Gates, hand: Hand
) -> None:
    sent = []
    for tick in range(60 * 4):
        hand.now = tick / 4
        if fails(gates):
            sent.append(hand.now)
    waits = [later - sooner for sooner, later in pairwise(sent)]
    assert waits[:5] == [0.5, 1, 2, 4, 8]
    assert set(waits[4:]) == {8}
    assert answers(gates, B)


def test_its_first_answer_lets_everybody_through(gates: Gates, hand: Hand) -> None:
    fails(gates)
    assert not answers(gates)
    hand.now = 0.5
    assert answers(gates)
    assert answers(gates)
    assert fails(gates)
    hand.now = 1.0
    assert answers(gates), "the failures before are forgotten"


def test_a_server_that_reads_nothing_is_still_asked_for_reviews(gates: Gates) -> None:
    """Cut off from etcd it answers them, and that it still allows is what a proof must show."""
    fails(gates)
    with gates.passing(A, "create subjectaccessreviews"):
        pass
    assert not answers(gates)


def test_a_server_that_is_back_is_back_for_every_kind_of_call(gates: Gates, hand: Hand) -> None:
    for _failure in range(3):
        fails(gates)
        hand.now += 10
    with suppress(ClusterUnavailable), gates.passing(A, "get readyz"):
        raise ClusterUnavailable("prod", "get readyz")
    fails(gates)
    hand.now += 0.5
    with gates.passing(A, "get readyz"):
        pass
    assert answers(gates)


def test_one_call_at_a_time_tries(gates: Gates, hand: Hand) -> None:
    fails(gates)
    hand.now = 0.5
    with gates.passing(A, "get x"):
        assert not answers(gates)
    assert answers(gates)


def test_calls_that_were_out_together_are_one_failure(gates: Gates, hand: Hand) -> None:
    with suppress(ClusterUnavailable), gates.passing(A, "get x"):
        assert fails(gates)
        raise ClusterUnavailable("prod", "get x")
    hand.now = 0.5
    assert answers(gates)


def test_an_answer_that_is_no_and_credentials_that_fail_are_not_silence(gates: Gates) -> None:
    for error in (
        ClusterForbidden("prod", "get x"),
        ClusterUnavailable("prod", "load credentials"),
        KeyError("bug"),
    ):
        with suppress(ClusterForbidden, ClusterUnavailable, KeyError), gates.passing(A, "get x"):
            raise error
        assert answers(gates)


@pytest.mark.security("G4")
def test_a_dead_server_is_not_waited_for_by_each_proof(server: Serve, cluster_at: At) -> None:
    """A thousand endings each waited for the time-outs of one dead server of two."""

    def namespace(asked: Asked) -> Said:
        if asked.path.endswith("/kube-system"):
            return Said(200, {"metadata": {"name": "kube-system", "uid": "the-uid"}})
        return status(404, "NotFound", name=PLACE.name)

    def hang(asked: Asked) -> Said | None:
        if not hung.dead:
            return namespace(asked)
        hung.ended.wait()
        return None

    well, hung = server(namespace), server(hang)
    hung.dead = False  # type: ignore[attr-defined]
    cluster = cluster_at(well.url, endpoints=(well.url, hung.url))
    assert cluster.binding(PLACE, hung.url) is None
    hung.dead = True  # type: ignore[attr-defined]
    before = len(hung.asked)
    for _proof in range(50):
        assert not cluster.ready(hung.url)
        with pytest.raises(ClusterUnavailable):
            cluster.binding(PLACE, hung.url)
        assert cluster.binding(PLACE, well.url) is None
    assert 1 <= len(hung.asked) - before < 10, "of a hundred questions"
