"""`make bench`: every figure, one after the other on a machine that does nothing else.

`python -m tests.bench [NAME...] [--write FILE]`; names are those of `PARTS`, all by default. The
table replaces what stands between the markers in FILE.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bot.playground.certs import Authority
from bot.playground.controlplane import assets
from bot.playground.controlplane.config import bearer
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.relay import Relay
from bot.playground.slack import Delivery
from tests.bench import click, endings, hanging, review, starting, usage
from tests.bench.acks import BUSY_MS, IDLE_MS, Acked, Load
from tests.bench.bound import Wire, bind
from tests.bench.pairs import HEAD, PAIRS, Figure, in_turns, machine, median, ratios
from tests.bench.rows import Pattern, store_pending
from tests.replicas.stage import Stage
from tests.support.postgres import DURABLE, PostgresServer
from tests.support.stores import sqlite_url

GRANTS: Final = 1000
THREADS: Final = 16
DATABASES: Final = ("sqlite", "postgresql")
LOAD_A_SECOND: Final = 50
MARKERS: Final = ("<!-- figures -->", "<!-- /figures -->")


@dataclass
class Bench:
    """The machine's parts, started once; each figure gets a stage of its own."""

    folder: Path
    plane: ControlPlane
    postgres: PostgresServer
    stages: int = 0

    @contextmanager
    def stage(
        self, database: str, *, requesters: int = 12, by_http: bool = False, **settings: str
    ) -> Iterator[Stage]:
        """Give a stage with a fresh database, on which nothing runs yet."""
        self.stages += 1
        folder = self.folder / f"stage-{self.stages}"
        folder.mkdir()
        url = (
            sqlite_url(folder / "database" / "valetkey.db")
            if database == "sqlite"
            else self.postgres.url(self.postgres.fresh_database())
        )
        with Stage(
            folder,
            self.plane,
            url,
            seed=self.stages,
            requesters=requesters,
            settings={"WORKER_COUNT": str(THREADS), **settings},
            by_http=by_http,
        ) as stage:
            stage.slack.control.lift_rate_limits()
            yield stage


def bench_click(bench: Bench) -> list[Figure]:
    """From the final click to the first allowed access review."""
    figures = []
    admin = bench.plane.write_kubeconfig(bench.folder / "admin", bearer(bench.plane.admin_token))
    for database in DATABASES:
        with bench.stage(database, requesters=4 * PAIRS + 2) as stage:
            stage.start("both")
            wires = Wire(admin, 2), Wire(admin, 2)
            people = iter(stage.people["engineers"])
            first, second = in_turns(
                lambda: click.bare(*wires, stage.namespaces[0]),  # noqa: B023
                lambda: click.ours(stage, wires[1], next(people)),  # noqa: B023
                4 * PAIRS,
            )
        middle, said = ratios(second, first)
        figures.append(
            Figure(
                f"final click to first allowed review, {database}",
                median([1000 * s for s in second], "ms"),
                median([1000 * s for s in first], "ms"),
                said,
                "at most 5",
                middle <= 5,
            )
        )
    return figures


def patterns(stage: Stage, count: int = 5) -> list[Pattern]:
    """Have so many people get access by the form and a click."""
    people = stage.people["engineers"][:count]
    return [click.a_pattern(stage, who, stage.namespaces[0]) for who in people]


def bench_endings(bench: Bench) -> list[Figure]:
    """A thousand grants that end in the same second."""
    figures = []
    for database in DATABASES:
        with bench.stage(database) as stage:
            stage.start("both")
            models, runs, sharing = patterns(stage), list[endings.Ended](), list[float]()

            def ours() -> float:
                sharing.append(_bare(stage, sharing=True))  # noqa: B023
                runs.append(endings.ours(stage, models, GRANTS))  # noqa: B023
                return runs[-1].per_second  # noqa: B023

            first, second = in_turns(lambda: _bare(stage), ours)
        middle, said = ratios(second, first)
        last = runs[-1]
        figures.append(
            Figure(
                f"verified revocations of {GRANTS}, {database}",
                f"{median(second, 'a second', 0)}; lag p50 {last.lag(0.5):.1f} s, "
                f"p99 {last.lag(0.99):.1f} s",
                median(first, "a second", 0),
                said,
                "at least 0.7",
                middle >= 0.7,
            )
        )
        likewise = sharing[-len(second) :]
        _, said = ratios(second, likewise)
        figures.append(
            Figure(
                f"the same against a bare loop that shares reads likewise, {database}",
                median(second, "a second", 0),
                median(likewise, "a second", 0),
                said,
                "",
                None,
            )
        )
    return figures


def _bare(stage: Stage, *, sharing: bool = False) -> float:
    namespace, far = stage.namespaces[0], datetime.now(UTC) + timedelta(hours=1)
    bound = bind(stage.plane, namespace, GRANTS, far)
    kubeconfig = stage.folder / "bot.kubeconfig"
    return endings.bare(kubeconfig, namespace, bound, THREADS, sharing=sharing).per_second


def bench_hanging(bench: Bench) -> list[Figure]:
    """The same endings while a second cluster hangs, against the same without it."""
    found = assets.find(assets.AssetSources.from_environment(), progress=_say)
    authority = Authority.in_folder(bench.folder / "second-ca")
    with ControlPlane(bench.folder / "second", found, authority) as second:
        port = int(second.url.rpartition(":")[2])
        with Relay(port) as relay, bench.stage("sqlite") as stage:
            hanging.join(stage, second, relay)
            stage.start("both")
            models = patterns(stage)
            hanging.occupy(stage, second, models, 100)

            def without() -> float:
                relay.resume()
                return endings.ours(stage, models, GRANTS).seconds

            def with_it() -> float:
                relay.pause()
                return endings.ours(stage, models, GRANTS).seconds

            alone, beside = in_turns(without, with_it)
            relay.resume()
    middle, said = ratios(beside, alone)
    inside = middle <= max(alone) / min(alone)
    return [
        Figure(
            f"{GRANTS} endings while a second cluster hangs, sqlite",
            median(beside, "s"),
            f"{median(alone, 's')} without it",
            said,
            "at most 1.1, or inside the spread without it",
            middle <= 1.1 or inside,
        )
    ]


def bench_acks(bench: Bench) -> list[Figure]:
    """Acks at fifty a second during the revocations, and with nothing else to do."""
    figures = []
    for way, by_http in (("Socket Mode", False), ("HTTP", True)):
        with bench.stage("sqlite", requesters=20, by_http=by_http) as stage:
            stage.start("both")
            models = patterns(stage)
            pending = click.a_pattern(
                stage, stage.people["engineers"][6], stage.namespaces[0], approve=False
            )
            soon = datetime.now(UTC) + timedelta(minutes=30)
            cards = store_pending(stage, pending, 40 * LOAD_A_SECOND, soon)
            load = Load(
                stage, cards, stage.people["engineers"][8:14], stage.people["engineers"][14:20]
            )
            idle = Acked.of(load.run(5, lambda seconds: seconds < 20))
            figures.append(idle.figure(f"acks, 5 a second, nothing else, {way}", IDLE_MS))
            busy = Acked.of(_while_ending(stage, models, load))
            figures.append(
                busy.figure(f"acks, 50 a second during {GRANTS} revocations, {way}", BUSY_MS)
            )
    return figures


def _while_ending(stage: Stage, models: list[Pattern], load: Load) -> list[Delivery]:
    ending = endings.Running(stage, models, GRANTS)
    ending.wait()
    return load.run(LOAD_A_SECOND, lambda _: not ending.is_over())


def bench_start(bench: Bench) -> list[Figure]:
    """Start, memory, `--help`."""
    with bench.stage("sqlite") as stage:
        return starting.measure(stage)


def bench_review(bench: Bench) -> list[Figure]:
    """Dumps of large clusters reviewed, against bounds and beside others."""
    folder = bench.folder / "dumps"
    folder.mkdir()
    return review.figures(folder)


def bench_usage(bench: Bench) -> list[Figure]:
    """Audit logs folded, against a typed decode of the same file by as many processes."""
    path = bench.folder / "audit.log"
    usage.write(path, usage.EVENTS)
    try:
        return [
            usage.figure(path, usage.processors(), usage.EVENTS, peer=peer) for peer in usage.PEERS
        ]
    finally:
        path.unlink()


PARTS: Final[dict[str, Callable[[Bench], list[Figure]]]] = {
    "start": bench_start,
    "click": bench_click,
    "endings": bench_endings,
    "hanging": bench_hanging,
    "acks": bench_acks,
    "review": bench_review,
    "usage": bench_usage,
}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def run(names: list[str]) -> str:
    """Measure and give the table."""
    lines = [f"Measured {time.strftime('%Y-%m-%d')} on {machine()}.", "", HEAD]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        found = assets.find(assets.AssetSources.from_environment(), progress=_say)
        plane = stack.enter_context(
            ControlPlane(folder / "plane", found, Authority.in_folder(folder / "ca"))
        )
        postgres = stack.enter_context(PostgresServer(settings=DURABLE))
        bench = Bench(folder, plane, postgres)
        for name in names:
            for figure in PARTS[name](bench):
                _say(figure.as_row())
                lines.append(figure.as_row())
    return "\n".join(lines)


def main() -> None:
    """Parse the words after the command, measure, print, and write if that is asked for."""
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    # No `choices`: with "*" argparse holds an empty list against them, and refuses it.
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args()
    if unknown := [name for name in wanted.names if name not in PARTS]:
        parser.error(f"no figure is called {', '.join(unknown)}: there are {', '.join(PARTS)}")
    table = run(wanted.names or list(PARTS))
    sys.stdout.write(f"{table}\n")
    if wanted.write is not None:
        text = wanted.write.read_text()
        before, _, rest = text.partition(MARKERS[0])
        _, _, after = rest.partition(MARKERS[1])
        wanted.write.write_text(f"{before}{MARKERS[0]}\n{table}\n{MARKERS[1]}{after}")


if __name__ == "__main__":
    main()
