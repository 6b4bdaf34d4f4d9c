"""Typed JSON on many threads."""

import multiprocessing
import sys
import threading

import msgspec

from grants.decoding import decoder

THREADS = 8
PROCESSES = 60


class Inner(msgspec.Struct):
    name: str = ""
    labels: dict[str, str] | None = None
    parts: list[str] | None = None


class First(msgspec.Struct):
    inner: Inner


class Second(msgspec.Struct):
    inner: Inner
    others: list[Inner] | None = None


def _meet() -> None:
    sys.setswitchinterval(1e-6)
    together = threading.Barrier(THREADS)
    body = b'{"inner":{"name":"a","labels":{"b":"c"},"parts":["d"]},"others":[{"name":"e"}]}'

    def read(number: int) -> None:
        together.wait(10)
        for kind in (First, Second) if number % 2 else (Second, First):
            assert decoder(kind).decode(body).inner.name == "a"

    threads = [threading.Thread(target=read, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)


def test_threads_that_meet_a_type_together_do_not_end_the_process() -> None:
    """A worker died of a segmentation fault at its first calls: two threads decoded the first
    answers of one kind at the same moment, each for the first time.
    """
    fork = multiprocessing.get_context("fork")
    for _ in range(PROCESSES):
        process = fork.Process(target=_meet)
        process.start()
        process.join(30)
        assert process.exitcode == 0


def test_a_decoder_is_made_once() -> None:
    assert decoder(First) is decoder(First)
