"""Which runs there are: a short one with everything in it, and the long ones that make the table.

"Gone for an hour" is 75 seconds here. By then every back-off between tries has come to its longest
(`test_back_off.py`), and the two times by which the product judges how long something took are
set to less than that: so what an hour leads to, those seconds lead to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.outages.run import Plan, Round
from tests.outages.stage import Part
from tests.support.faulty_link import Fault

GONE_SECONDS: Final = 75.0
AS_FOR_AN_HOUR: Final = {"ACTIVATE_WITHIN": "20s", "STUCK_AFTER": "30s"}
"""Instead of 15 and 10 minutes: an hour is longer than both, and so is the outage."""
FAULT_SECONDS: Final = 8.0
FEW: Final = 5
"""So many people that their one channel keeps up: a message a second is posted to it."""
MANY: Final = 10
_OF_POSTGRES: Final = frozenset({Part.DATABASE, Part.ONE_DATABASE})
_BRIEF: Final = (Fault.NONE, Fault.STALL, Fault.RESET, Fault.SLOW, Fault.GARBAGE)


@dataclass(frozen=True)
class Session:
    """One run: what fails in it, and on which database it goes."""

    name: str
    rounds: tuple[Round, ...]
    on_postgres: bool
    newcomers: int
    requesters: int = FEW
    lively: int = 2
    patience_seconds: float = 60.0
    lease_seconds: tuple[int, int] = (2, 7)
    gone: bool = False
    program: str = "bot"
    finds: frozenset[str] = frozenset()
    """Which rules must be found broken."""

    def plan(self, seed: int) -> Plan:
        """Give the plan of the run."""
        return Plan(
            seed,
            self.rounds,
            replicas=2 if self.on_postgres else 1,
            requesters=self.requesters,
            newcomers=self.newcomers,
            lively=self.lively,
            patience_seconds=self.patience_seconds,
            lease_seconds=self.lease_seconds,
            settings=AS_FOR_AN_HOUR if self.gone else {},
            program=self.program,
        )


def short() -> Session:
    """Every part stalls and is reset, once each, with two replicas."""
    rounds = [
        one
        for part in Part
        if part is not Part.ONE_DATABASE
        for one in (Round(part, Fault.STALL, 3.5), Round(part, Fault.RESET, 1.0, at_once=True))
    ]
    return Session("every-part", tuple(rounds), on_postgres=True, newcomers=30)


def broken() -> Session:
    """A build that is broken on purpose: what ends access waits for Slack."""
    rounds = (Round(Part.SLACK_API, Fault.STALL, 12.0),)
    return Session(
        "broken-build",
        rounds,
        on_postgres=False,
        newcomers=0,
        program="tests.outages.broken_serve",
        finds=frozenset({"ends on time"}),
    )


def long(rounds: int) -> Iterator[Session]:
    """Each part by itself, each fault so many times on each database, and then gone for long."""
    for part in Part:
        for on_postgres in (True,) if part in _OF_POSTGRES else (False, True):
            what = part.name.lower().replace("_", "-")
            place = "two-on-postgres" if on_postgres else "one-on-sqlite"
            newcomers = 30 + 30 * rounds if part is Part.PROVIDER else 0
            brief = [Round(part, fault, FAULT_SECONDS) for fault in _BRIEF] * rounds
            yield Session(f"{what}-{place}", tuple(brief), on_postgres, newcomers, FEW)
            gone = (Round(part, Fault.GONE, GONE_SECONDS),)
            yield Session(
                f"{what}-gone-{place}",
                gone,
                on_postgres,
                newcomers and 60,
                requesters=MANY,
                lively=MANY // 2,
                patience_seconds=240.0,
                lease_seconds=(20, 60),
                gone=True,
            )
