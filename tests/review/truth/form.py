"""The form of a truth file: what there is, who does what, and what may be said of it."""

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

WINDOW = timedelta(days=30)
"""What policy says: so long nothing must have been seen."""
LONG = timedelta(days=400)
"""What policy says for the jobs that run once a year."""

# What log and evidence may lack. The words are those of the truth file, and of its table.
READS = "the audit policy drops reads"
SOME_READS = "the audit policy drops reads of secrets and configmaps"
ACCOUNTS = "the audit policy drops reads of service accounts"
TRACKING = "tracking is younger than the window"
GAP = "there is a gap"
LOSSES = "lines are broken"
NO_SECRETS = "the dump has no Secrets"
NO_CRONJOBS = "the dump has no CronJobs"

YOUNG_ACCOUNT = "the account is younger than the window"
YOUNG_BINDING = "the binding is younger than the window"
YOUNG_ROLE = "the role is younger than the window"
YEARLY = "a yearly job, and a year was not seen"
NOBODY = "nobody at all does this often enough"
INSIDE = "asked inside other requests"
BY_APPLY = "an apply may need it"
TOKENS = "too many tokens are asked for to keep whose they are"


@dataclass
class Permission:
    """One verb on one kind; `used` is whether it was, in the window, whatever the log shows."""

    verb: str
    group: str
    resource: str
    name: str = ""
    used: bool = False
    lacks: list[str] = field(default_factory=list)


@dataclass
class Grant:
    """A role of its own, bound to one subject; a namespace of "" is the whole cluster."""

    name: str
    namespace: str
    subject_kind: str
    subject_name: str
    subject_namespace: str
    permissions: list[Permission]
    days_old: float = 300
    role_days_old: float = 300
    told: str = "judged"  # or "apart": a managed component's


@dataclass
class Person:
    """A service account. `stale`: nobody and nothing needs it."""

    namespace: str
    name: str
    cast: str
    stale: bool
    lacks: list[str] = field(default_factory=list)
    days_old: float = 300
    yearly: bool = False
    told: str = "judged"  # or "never": a default account; or "apart": a managed component
    labels: dict[str, str] = field(default_factory=dict)
    seen: bool = False  # whether anything that can be read shows that it is in use


@dataclass
class Thing:
    """A workload, a pod or a token Secret; `how` says which form it has."""

    kind: str
    namespace: str
    name: str
    account: str
    how: str = ""
    secret: str = ""


@dataclass
class Deed:
    """What somebody does, and how many days before the end of the log, each time."""

    user: str
    verb: str
    group: str
    resource: str
    namespace: str
    name: str = ""
    acting_as: str = ""
    allowed: bool = True
    through: str = ""
    days_ago: list[float] = field(default_factory=list)


@dataclass
class Truth:
    """One cluster and its month."""

    seed: int
    now: str
    lack: str
    days_of_log: float
    gap: list[float] | None
    people: list[Person] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)

    @property
    def ends(self) -> datetime:
        return datetime.fromisoformat(self.now)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(read: dict[str, Any]) -> Truth:
    """Read a truth file again: objects and traffic are made from what is in it, and no more."""
    people = [Person(**one) for one in read.pop("people")]
    grants = [
        Grant(permissions=[Permission(**p) for p in one.pop("permissions")], **one)
        for one in read.pop("grants")
    ]
    things = [Thing(**one) for one in read.pop("things")]
    deeds = [Deed(**one) for one in read.pop("deeds")]
    return Truth(people=people, grants=grants, things=things, deeds=deeds, **read)
