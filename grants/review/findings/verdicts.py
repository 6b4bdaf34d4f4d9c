"""Verdicts of use: accounts that nothing uses, rights that nobody used, or that it can't be told.

Nothing is concluded where nothing could have been seen, and nothing before account, binding and
tracking are all older than the window: then the finding says what is missing and how to get it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from grants.authz.objects import (
    ACCOUNT_PREFIX,
    AUTHENTICATED,
    Account,
    Binding,
    Role,
    Subject,
    account_caller,
)
from grants.authz.rbac import Right, effective
from grants.authz.risks import granted
from grants.authz.words import rule_lines
from grants.review.finding import Finding, Severity, Verdict
from grants.review.findings.accounts import EVERYBODY, about, running_seen, subject_of
from grants.review.findings.bound import of_binding
from grants.review.findings.granted import Judge
from grants.review.findings.lacking import lack_sentences, young_sentence
from grants.review.findings.look import Look, few, is_default, subjects_of
from grants.review.findings.severity import severity_of, worse
from grants.review.findings.unused import Sight, Split, as_rules, split
from grants.usage.coverage import Coverage, Judging, Lack
from grants.usage.model import MANY, Use
from grants.usage.verdict import looked_at, too_young

STALE: Final = "stale-account"
UNUSED: Final = "unused-permission"


@dataclass(frozen=True)
class UseEvidence:
    """What was seen of one cluster: who did what, and what could have been seen at all.

    `minted` says when somebody last asked for a token of an account: it may be used elsewhere.
    """

    coverage: Coverage
    uses: Mapping[str, Sequence[Use]] = field(default_factory=dict)
    minted: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    judging: Judging = field(default_factory=Judging)


def use_evidence(
    coverage: Coverage, uses: Iterable[Use], judging: Judging | None = None
) -> UseEvidence:
    """Put rows of use together by user."""
    found: dict[str, list[Use]] = {}
    minted: dict[tuple[str, str], datetime] = {}
    for use in uses:
        act = use.act
        found.setdefault(act.user, []).append(use)
        if (act.resource, act.subresource) == ("serviceaccounts", "token") and act.allowed:
            name = act.namespace, act.name
            minted[name] = max(use.last_seen, minted.get(name, use.last_seen))
    return UseEvidence(coverage, found, minted, judging or Judging())


class _Sights:
    """What could have been seen, for each length of window once."""

    def __init__(self, look: Look, evidence: UseEvidence) -> None:
        self._look = look
        self._evidence = evidence
        self._known: dict[timedelta, Sight] = {}

    def of(self, window: timedelta) -> Sight:
        sight = self._known.get(window)
        if sight is None:
            span = looked_at(self._look.now, window)
            sight = Sight(self._evidence.coverage, span, self._evidence.judging)
            self._known[window] = sight
        return sight


def use_findings(look: Look, evidence: UseEvidence, judge: Judge) -> Iterator[Finding]:
    """Judge each account, and each right of accounts by each binding."""
    sights = _Sights(look, evidence)
    for account in look.inventory.accounts:
        yield from _stale(look, evidence, sights, judge, account)
    for binding in look.rbac.bindings:
        role = look.rbac.role_of(binding)
        if role is None:
            continue
        for subject in subjects_of(binding):
            yield from _unused(look, evidence, sights, binding, role, subject)


def _window(look: Look, rule: str, account: Subject) -> timedelta:
    name = f"{account.namespace}/{account.name}"
    return look.policy.window_for(rule, look.cluster, namespace=account.namespace, account=name)


def _stale(
    look: Look, evidence: UseEvidence, sights: _Sights, judge: Judge, account: Account
) -> Iterator[Finding]:
    """Tell of an account that nothing runs as and that was not seen doing anything.

    The default accounts can't be deleted for good, so they are never stale.
    """
    subject = subject_of(account)
    if is_default(subject) or look.uses.get((subject.namespace, subject.name)):
        return
    window = _window(look, STALE, subject)
    since = look.now - window
    uses = evidence.uses.get(account.user, ())
    if any(use.last_seen > since for use in uses) or _token_used(look, account, since):
        return
    if _is_minted(evidence, subject.namespace, subject.name, since):
        return
    every = look.rbac.rights(account_caller(subject.namespace, subject.name))
    rights = [right for right in every if right.subject.name not in EVERYBODY]
    missing = [f"{few(kinds, 9)}: not seen" for kinds in (running_seen(look),) if kinds]
    missing += _tokens_unseen(look, evidence, subject.namespace, since)
    missing += _young(look, window, evidence, account, [right.binding for right in rights])
    missing += _blind(sights.of(window), rights)
    last = max((use.last_seen for use in uses), default=None)
    evidence_lines = (
        "no pod and no template runs as it",
        f"it was last seen on {last:%Y-%m-%d}" if last else "it was never seen doing anything",
        f"the window is {window.days} days",
    )
    severity = _stale_severity(judge, rights)
    found = about(look, STALE, severity, account, evidence_lines)
    yield _insufficient(found, missing) if missing else found


def _is_minted(evidence: UseEvidence, namespace: str, name: str, since: datetime) -> bool:
    return evidence.minted.get((namespace, name), since) > since


def _tokens_unseen(
    look: Look, evidence: UseEvidence, namespace: str, since: datetime
) -> Iterator[str]:
    """Say where a token of the account may be without its showing: in a Secret, or somewhere."""
    given = look.names_given_secrets(namespace)
    if given and not look.inventory.saw("Secret"):
        yield (
            f"{few(given)}: given Secrets that were not seen, one of which may hold its token:"
            " read them too (--token-secrets)"
        )
    if _is_minted(evidence, namespace, MANY, since):
        yield "tokens of so many accounts were asked for here that it was not kept of whom"


def _stale_severity(judge: Judge, rights: Sequence[Right]) -> Severity:
    worst = max(
        (one.severity for r in rights for one in judge.judge(r.role, r.namespace)),
        default=Severity.LOW,
    )
    return max(Severity.LOW, min(Severity.HIGH, worst))


def _token_used(look: Look, account: Account, since: datetime) -> bool:
    """Tell whether Kubernetes itself noted the use of a token in a Secret; by the day."""
    for secret in look.inventory.token_secrets:
        if (secret.meta.namespace, secret.account) == (account.meta.namespace, account.meta.name):
            said = secret.meta.labels.get("kubernetes.io/legacy-token-last-used", "")
            if said >= since.date().isoformat():
                return True
    return False


def _blind(sight: Sight, rights: Sequence[Right]) -> list[str]:
    """Say what its rights would let it do unseen. Whoever has none is seen by being refused."""
    found = split((rule for right in rights for rule in right.rules), None, (), sight)
    found.lacks.update(dict.fromkeys(sight.of_cluster()))
    # What no log ever shows is asked within requests that are shown.
    seen = [one for one in found.lacks if isinstance(one, str) or one.lack is not Lack.UNSEEN_VERB]
    return lack_sentences(seen)


def _unused(
    look: Look,
    evidence: UseEvidence,
    sights: _Sights,
    binding: Binding,
    role: Role,
    subject: Subject,
) -> Iterator[Finding]:
    """Tell of rights of accounts that none of those who hold them used.

    Of people and their groups this says nothing: it is about service accounts.
    """
    reached = look.reached_by(subject)
    rules = effective(role.rules, binding.namespace)
    # Everybody who is signed in is more than service accounts: their use is not all of it.
    if not reached or not rules or subject.name == AUTHENTICATED:
        return
    window = max(_window(look, UNUSED, one) for one in reached)
    since = look.now - window
    uses = [
        use
        for one in reached
        for use in evidence.uses.get(f"{ACCOUNT_PREFIX}{one.namespace}:{one.name}", ())
        if use.act.allowed and use.last_seen > since
    ]
    found = split(rules, binding.namespace, uses, sights.of(window))
    if not (found.unused or found.unsure):
        return
    account = look.accounts.get((subject.namespace, subject.name))
    young = _young(look, window, evidence, account, [binding], group=account is None)
    yield _of_split(look, binding, role, subject, found, young, window)


def _of_split(
    look: Look,
    binding: Binding,
    role: Role,
    subject: Subject,
    found: Split,
    young: list[str],
    window: timedelta,
) -> Finding:
    unsure = lack_sentences(found.lacks)
    rules = as_rules(found.unused)
    severities = [
        severity_of(id_, guilty, binding.namespace)
        for id_, guilty in granted(rules, binding.namespace).items()
    ]
    severity = max(Severity.LOW, worse(max(severities, default=Severity.LOW), -1))
    total = len(found.used) + len(found.unused) + len(found.unsure)
    evidence = (
        f"{len(found.unused)} of {total} permissions were not used in {window.days} days",
        *((f"of {len(found.unsure)} nothing can be said: {unsure[0]}",) if unsure else ()),
    )
    finding = of_binding(look, UNUSED, severity, binding, role, subject, evidence)
    finding = replace(finding, permission=rule_lines(rules))
    if young or not found.unused:
        return _insufficient(finding, [*young, *unsure])
    if not found.used and not found.unsure:
        return replace(finding, title="used none of the rights that it holds")
    return finding


def _young(
    look: Look,
    window: timedelta,
    evidence: UseEvidence,
    account: Account | None,
    bindings: Sequence[Binding],
    *,
    group: bool = False,
) -> list[str]:
    """Say what is younger than the window. A binding is as young as its role, made anew with it."""
    given = [_given_at(look, binding) for binding in bindings]
    newest = None if None in given else max((at for at in given if at), default=None)
    coverage_since = evidence.coverage.since
    ages = too_young(
        look.now,
        window,
        # A group's members come and go; what counts is since when the group holds the right.
        account=newest if group else (account.meta.created if account else None),
        binding=newest,
        tracking=coverage_since,
        has_binding=bool(bindings),
    )
    return [young_sentence(one) for one in ages if one.what != "tracking" or coverage_since]


def _given_at(look: Look, binding: Binding) -> datetime | None:
    role = look.rbac.role_of(binding)
    times = (binding.meta.created, role.meta.created if role else None)
    known = [at for at in times if at is not None]
    return max(known) if binding.meta.created is not None else None


def _insufficient(finding: Finding, missing: Sequence[str]) -> Finding:
    return replace(
        finding,
        verdict=Verdict.INSUFFICIENT,
        title="may be unused; not enough was seen to say so",
        missing=tuple(dict.fromkeys(missing)),
        fix="",
    )
