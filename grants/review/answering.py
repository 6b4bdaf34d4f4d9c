"""What both answers to a finding have in common: who answers, what it is now, and refusals."""

from dataclasses import dataclass
from datetime import datetime

from grants.authz.objects import ACCOUNTS_GROUP, Subject
from grants.errors import (
    AlreadyDone,
    FindingChanged,
    NotFound,
    Reason,
    Refused,
    ValetkeyError,
    WrongState,
)
from grants.ids import Prefix, new_id
from grants.people.actors import actor_of, lacking, refuse
from grants.people.model import Account, Known
from grants.policy.answering import Answering, judge_reviewer
from grants.policy.benefit import Right
from grants.policy.verdict import Verdict
from grants.record.model import EventType
from grants.review.answer_ports import AnswerPorts, AnswerTx
from grants.review.answers import Answer, AnswerKind
from grants.review.details import Detail
from grants.review.finding import Finding
from grants.review.findings.exceptions import names_of
from grants.review.substance import Substance


@dataclass(frozen=True, slots=True)
class Click:
    """Who clicked (signed), under which inbound key, on which finding, and the hash of what that
    was when it was shown.
    """

    key: str
    account: Account
    finding: str
    shown_hash: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a click is about, as it is now, and who clicked; all of it is there."""

    known: Known
    detail: Detail
    substance: Substance

    @property
    def finding(self) -> Finding:
        """The finding."""
        return self.detail.finding


def answer_to(seen: Seen, kind: AnswerKind, now: datetime) -> Answer:
    """Give who clicked's answer to what they saw."""
    return Answer(
        id=new_id(Prefix.ANSWER),
        finding=seen.finding.key,
        cluster=seen.finding.cluster,
        kind=kind,
        person=seen.known.person.id,
        sign_in=seen.known.sign_in.id,
        at=now,
        substance=seen.substance,
    )


def facts_of(answer: Answer, seen: Seen) -> dict[str, str]:
    """Give what the event of any answer tells."""
    return {
        "cluster": answer.cluster,
        "rule": seen.finding.rule,
        "finding": seen.finding.fingerprint,
        "answer": answer.id,
        "sign_in": answer.sign_in,
    }


def see(tx: AnswerTx, click: Click, now: datetime, ports: AnswerPorts) -> Seen | ValetkeyError:
    """Read who clicks and what on, while no scan of that cluster is kept meanwhile.

    A finding that nobody has to act on, or that an older version kept, is answered by nobody.
    """
    tx.hold_looks(click.finding.rpartition("@")[2])
    known, detail = tx.known(click.account), tx.detail(click.finding)
    needed = lacking(known, now, ports.times.signin_max_age)
    if needed is not None or known is None:
        return needed or NotFound("person", "")
    named = judge_reviewer(ports.policy.current(), known)
    if not named.holds:
        return Refused((named,))  # before anything is said of what was found
    if detail is None:
        return NotFound("finding", "")
    if not detail.finding.is_open:
        return WrongState("finding", detail.finding.key, state_of(detail.finding))
    if detail.substance is None:
        return FindingChanged(detail.finding.key)
    return Seen(known, detail, detail.substance)


def state_of(finding: Finding) -> str:
    """Name why nobody has to act on a finding; "open" when somebody has to."""
    if finding.is_open:
        return "open"
    if finding.is_excepted:
        return "kept" if finding.exception and finding.exception.answer else "excepted"
    return "set-apart" if finding.aside else "insufficient"


def answering_of(tx: AnswerTx, seen: Seen, click: Click) -> Answering:
    """Give what policy judges."""
    return Answering(
        seen.known,
        right_of(seen.finding),
        click.shown_hash,
        seen.detail.shown_hash,
        _has_access(tx, seen),
    )


def right_of(finding: Finding) -> Right:
    """Say whose the right is that a finding is about."""
    account, other = names_of(finding.subject)
    return Right(finding.cluster, account, other, finding.owner)


def _has_access(tx: AnswerTx, seen: Seen) -> bool:
    """Tell whether who answers could use the account now: whoever may work in its namespace can."""
    subject, person = seen.finding.subject, seen.known.person.id
    account, _ = names_of(subject)
    if account:
        return tx.has_access(person, seen.finding.cluster, account.partition("/")[0])
    if subject is None or not _is_of_accounts(subject):
        return False
    namespace = subject.name.removeprefix(ACCOUNTS_GROUP).removeprefix(":")
    return tx.has_access(person, seen.finding.cluster, namespace or None)


def _is_of_accounts(subject: Subject) -> bool:
    return subject.name == ACCOUNTS_GROUP or subject.name.startswith(f"{ACCOUNTS_GROUP}:")


def error_of(finding: str, verdict: Verdict) -> ValetkeyError:
    """Say a verdict as what the clicking person can do about it."""
    failed = {reason.code for reason in verdict.failed}
    if failed == {"finding-same"}:
        return FindingChanged(finding)
    return Refused(verdict.failed)


def refused(tx: AnswerTx, click: Click, now: datetime, error: ValetkeyError) -> ValetkeyError:
    """Record a refusal, and give it back to be raised when that is committed."""
    if isinstance(error, AlreadyDone):
        return error
    fingerprint, _, cluster = click.finding.rpartition("@")
    about = {"cluster": cluster, "finding": fingerprint} if tx.detail(click.finding) else {}
    actor = actor_of(tx.known(click.account), click.account)
    kind = EventType.FINDING_ANSWER_REFUSED
    refuse(tx, kind, now, actor, error.code, failed=_codes(error), about=about)
    return error


def _codes(error: ValetkeyError) -> tuple[str, ...]:
    reasons: tuple[Reason, ...] = error.reasons if isinstance(error, Refused) else ()
    return tuple(reason.code for reason in reasons if not reason.holds)
