"""Which loops there are, and what each calls."""

from collections.abc import Callable
from datetime import timedelta

from bot.worker.known_clusters import KnownClusters
from bot.worker.loops import LoopCalls, process_loops, worker_loops
from bot.worker.reconciler import Reconciler
from tests.support.world import World


def test_every_loop_is_there_and_calls_what_it_says() -> None:
    world, called = World(), list[str]()

    def note(name: str) -> Callable[[], object]:
        return lambda: called.append(name)

    calls = LoopCalls(
        tell=note("tell"),
        forget=note("forget"),
        note_waiting=note("waiting"),
        watch=note("watch"),
        sweep=note("sweep"),
        sweep_every=timedelta(minutes=1),
    )
    worker = Reconciler(
        world.store, note("walk"), note("hung"), worker="w", threads=1, hold=timedelta(seconds=5)
    )
    known = KnownClusters(world)
    both = (
        *worker_loops(world, worker, calls),
        *process_loops(note("policy"), known, note("clocks")),
    )
    loops = {loop.name: loop for loop in both}
    assert sorted(loops) == [
        "clocks",
        "close",
        "clusters",
        "due",
        "forget",
        "policy",
        "sweep",
        "tell",
        "waiting",
        "watch",
    ]
    assert loops["forget"].every == timedelta(days=1)
    for loop in loops.values():
        loop.call()
    assert known.stop(timedelta(seconds=10))
    assert sorted(called) == ["clocks", "forget", "policy", "sweep", "tell", "waiting", "watch"]
