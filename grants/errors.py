"""What can go wrong, as values: a stable code, and the facts as fields.

No sentence, HTTP status or exit code stands here: `bot.wording` says each error to people
once, so that every surface says the same and a test can walk the tree for gaps.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import ClassVar


@dataclass(eq=False)
class ValetkeyError(Exception):
    """The root: everything that Valetkey refuses or fails at on purpose."""

    code: ClassVar[str] = "error"

    def facts(self) -> dict[str, object]:
        """Give the fields by name, for logs and sentences; never holds a secret."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def for_log(self) -> dict[str, object]:
        """Give code and facts as fields of a log line; one called `name` makes logging raise."""
        facts = {"which" if key == "name" else key: fact for key, fact in self.facts().items()}
        return {"code": self.code, **facts}

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self.facts().items())
        return f"{self.code}({facts})"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one field of what somebody sent; all are told at once."""

    field: str
    code: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reason:
    """One rule of policy that was judged: which, whether it holds, and the facts to say it with."""

    code: str
    holds: bool
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(eq=False)
class BadInput(ValetkeyError):
    """What was typed or sent is not usable; each problem names its field."""

    code: ClassVar[str] = "bad-input"
    problems: tuple[Problem, ...]


@dataclass(eq=False)
class Refused(ValetkeyError):
    """Policy says no; `reasons` holds every rule judged, those that failed included."""

    code: ClassVar[str] = "refused"
    reasons: tuple[Reason, ...]


@dataclass(eq=False)
class SignInNeeded(ValetkeyError):
    """Who asks is not known, or not known freshly enough.

    `why` is `not-linked`, `too-old` or `groups-unknown`; `draft` names the request kept meanwhile.
    """

    code: ClassVar[str] = "sign-in-needed"
    why: str
    draft: str | None = None


@dataclass(eq=False)
class StrangerRefused(ValetkeyError):
    """A guest, a Slack Connect stranger or another organisation's account; `why` says which."""

    code: ClassVar[str] = "stranger"
    why: str


@dataclass(eq=False)
class LinkRefused(ValetkeyError):
    """A sign-in attempt can't be gone on with; `why` is a stable word such as `expired`."""

    code: ClassVar[str] = "link-refused"
    why: str


@dataclass(eq=False)
class NotFound(ValetkeyError):
    """No such thing, or nothing that this person may see: both look alike from outside."""

    code: ClassVar[str] = "not-found"
    kind: str
    name: str


@dataclass(eq=False)
class NotAllowed(ValetkeyError):
    """This person may not do that."""

    code: ClassVar[str] = "not-allowed"
    action: str


@dataclass(eq=False)
class WrongState(ValetkeyError):
    """The thing is past that move: for example a decision on a request already decided."""

    code: ClassVar[str] = "wrong-state"
    kind: str
    name: str
    state: str


@dataclass(eq=False)
class TermsChanged(ValetkeyError):
    """What the card showed is no longer what would be granted; `what` names the difference."""

    code: ClassVar[str] = "terms-changed"
    request: str
    what: str


@dataclass(eq=False)
class FindingChanged(ValetkeyError):
    """A finding of a review is not what was shown any more; nothing was done about it."""

    code: ClassVar[str] = "finding-changed"
    finding: str


@dataclass(eq=False)
class AlreadyDone(ValetkeyError):
    """The same inbound thing came before; nothing was done twice."""

    code: ClassVar[str] = "already-done"
    key: str


@dataclass(eq=False)
class TooMany(ValetkeyError):
    """Somebody did so much of `what` of late that more has to wait, until `until`."""

    code: ClassVar[str] = "too-many"
    what: str
    until: datetime


@dataclass(eq=False)
class ChangedMeanwhile(ValetkeyError):
    """A row moved on between read and write; read it again and judge anew."""

    code: ClassVar[str] = "changed-meanwhile"
    kind: str
    name: str


@dataclass(frozen=True)
class PolicyProblem:
    """One thing wrong in a policy file: where (1-based), a stable code, and the sentence."""

    file: str
    line: int
    column: int
    code: str
    message: str


@dataclass(eq=False)
class PolicyInvalid(ValetkeyError):
    """The policy can't be used; every problem is listed."""

    code: ClassVar[str] = "policy-invalid"
    problems: tuple[PolicyProblem, ...]


@dataclass(eq=False)
class ClusterError(ValetkeyError):
    """A cluster did not do what was asked; `action` is the verb and resource, never a body."""

    code: ClassVar[str] = "cluster-error"
    cluster: str
    action: str
    detail: str = ""


@dataclass(eq=False)
class ClusterUnavailable(ClusterError):
    """No answer in time, no connection, or a server error: nothing is known."""

    code: ClassVar[str] = "cluster-unavailable"


@dataclass(eq=False)
class ClusterForbidden(ClusterError):
    """The cluster refused the bot itself (401 or 403)."""

    code: ClassVar[str] = "cluster-forbidden"


@dataclass(eq=False)
class ClusterConflict(ClusterError):
    """Stale resourceVersion, another uid, or a name taken (409, or 422 on a uid)."""

    code: ClassVar[str] = "cluster-conflict"


@dataclass(eq=False)
class ClusterRefused(ClusterError):
    """The cluster refused the object: admission or validation (400, 422)."""

    code: ClassVar[str] = "cluster-refused"


@dataclass(eq=False)
class ClusterChanged(ClusterError):
    """The alias leads to another cluster than at first contact (kube-system has another uid)."""

    code: ClassVar[str] = "cluster-changed"


@dataclass(eq=False)
class ClusterTwice(ClusterChanged):
    """Another alias that was seen earlier leads to the same cluster; that one stays."""

    code: ClassVar[str] = "cluster-twice"


@dataclass(eq=False)
class StoreError(ValetkeyError):
    """The database did not do what was asked."""

    code: ClassVar[str] = "store-error"
    detail: str = ""


@dataclass(eq=False)
class StoreUnavailable(StoreError):
    """The database is down, locked for too long, or cut off; nothing was changed."""

    code: ClassVar[str] = "store-unavailable"


@dataclass(eq=False)
class StoreOutcomeUnknown(StoreUnavailable):
    """Cut off within a commit, and whether it was stored could not be learned in time.

    A kind of StoreUnavailable, for whoever reads again before acting does right with both; but
    nobody may be told that nothing was changed.
    """

    code: ClassVar[str] = "store-outcome-unknown"


@dataclass(eq=False)
class StoreRowUnreadable(StoreError):
    """A row holds what this version does not know: a newer replica's, or a damaged one."""

    code: ClassVar[str] = "store-row-unreadable"
    kind: str = ""
    name: str = ""


@dataclass(eq=False)
class StoreSchemaWrong(StoreError):
    """The schema is not this version's: `valetkey db upgrade` is the next step."""

    code: ClassVar[str] = "store-schema"


@dataclass(eq=False)
class StoreInUse(StoreError):
    """Another process serves from this SQLite file."""

    code: ClassVar[str] = "store-in-use"


@dataclass(eq=False)
class LoginRefused(ValetkeyError):
    """An answer of an identity provider did not pass; `why` is a stable word such as `aud`."""

    code: ClassVar[str] = "login-refused"
    why: str
    provider: str = ""


@dataclass(eq=False)
class SignInTooOld(SignInNeeded):
    """The last sign-in is older than `signin_max_age`."""

    code: ClassVar[str] = "sign-in-too-old"
    signed_in_at: datetime | None = None


@dataclass(eq=False)
class SettingsInvalid(ValetkeyError):
    """Settings are missing or do not fit together; every problem names its setting."""

    code: ClassVar[str] = "settings-invalid"
    problems: tuple[Problem, ...]


@dataclass(eq=False)
class InsufficientEvidence(ValetkeyError):
    """Use could have gone unseen, so nothing is concluded about `subject`.

    `lacks` are (verb, API group, kind, why); `why` is a stable word such as `young`.
    """

    code: ClassVar[str] = "insufficient-evidence"
    subject: str
    lacks: tuple[tuple[str, str, str, str], ...] = ()
