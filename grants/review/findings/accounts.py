"""Findings from service accounts themselves, and from what runs as them."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from grants.authz.objects import (
    ACCOUNTS_GROUP,
    AUTHENTICATED,
    SERVICE_ACCOUNT,
    Account,
    Subject,
    account_caller,
)
from grants.review.finding import Finding, Severity
from grants.review.findings.catalogue import CATALOGUE
from grants.review.findings.dangling import misplaced
from grants.review.findings.look import RUNNING_KINDS, Look, few, is_default

CLOUDS: Final = {
    "eks.amazonaws.com/role-arn": "AWS IAM role",
    "iam.gke.io/gcp-service-account": "Google service account",
    "azure.workload.identity/client-id": "Azure client",
    "pod-identity.alibabacloud.com/role-name": "Alibaba Cloud RAM role",
}
"""Annotations that give an account an identity in a cloud."""

# What is bound to these is given to every account alike.
EVERYBODY: Final = frozenset({AUTHENTICATED, ACCOUNTS_GROUP})


def account_findings(look: Look) -> Iterator[Finding]:
    """Give what shows by each account."""
    elsewhere = misplaced(look)
    for account in look.inventory.accounts:
        yield from _cloud(look, account)
        if (account.meta.namespace, account.meta.name) not in elsewhere:
            yield from _token(look, account)
        yield from _said(look, account)


def subject_of(account: Account) -> Subject:
    """Name an account as bindings do."""
    return Subject(SERVICE_ACCOUNT, account.meta.name, account.meta.namespace)


def about(
    look: Look,
    rule: str,
    severity: Severity,
    account: Account,
    evidence: tuple[str, ...],
    aspect: str = "",
) -> Finding:
    """Make a finding about an account itself."""
    entry, subject = CATALOGUE[rule], subject_of(account)
    aside, why = look.component(subject)
    return Finding(
        rule=rule,
        severity=severity,
        cluster=look.cluster,
        title=entry.title,
        fix=entry.fix.format_map({"subject": str(subject)}),
        subject=subject,
        namespace=account.meta.namespace,
        origin=account.meta.origin,
        evidence=evidence,
        reached=(subject,),
        owner=look.owner_of(subject),
        aspect=aspect,
        controls=entry.controls,
        aside=aside,
        aside_why=why,
    )


def _cloud(look: Look, account: Account) -> Iterator[Finding]:
    annotations = account.meta.annotations
    if not annotations:
        return
    for name, kind in CLOUDS.items():
        identity = annotations.get(name)
        if identity:
            severity = Severity.MEDIUM if is_default(subject_of(account)) else Severity.LOW
            evidence = (f"{kind}: {identity}", "what that may do in the cloud was not seen")
            yield about(look, "cloud-identity", severity, account, evidence, name)


def _token(look: Look, account: Account) -> Iterator[Finding]:
    """Tell of tokens in pods of an account that no binding gives anything of its own."""
    name = account.meta.namespace, account.meta.name
    mounting = look.names_of_users(name, with_token=True)
    if not mounting or _has_rights(look, account) or not _bindings_seen(look):
        return
    if any(account.meta.annotations.get(cloud) for cloud in CLOUDS):
        return  # the token is what the cloud's identity is asked for with
    evidence = (
        f"mounted in {few(mounting)}",
        "no binding gives the account anything to use it for",
    )
    yield about(look, "token-automount", Severity.LOW, account, evidence)


def _has_rights(look: Look, account: Account) -> bool:
    """Tell whether anything is given to this account that is not given to all."""
    caller = account_caller(account.meta.namespace, account.meta.name)
    return any(
        right.rules and right.subject.name not in EVERYBODY for right in look.rbac.rights(caller)
    )


def _bindings_seen(look: Look) -> bool:
    saw = look.inventory.saw
    return not look.is_cluster or (saw("RoleBinding") and saw("ClusterRoleBinding"))


def _said(look: Look, account: Account) -> Iterator[Finding]:
    """Tell of annotations that policy asks for and that are missing, wrong or past their day."""
    asked = look.policy.annotations
    if not asked.asked or is_default(subject_of(account)):
        return  # nobody makes the default accounts, so nobody can be asked for theirs
    held = account.meta.annotations
    missing = [name for name in asked.asked if not held.get(name, "").strip()]
    said = held.get(asked.review_by, "").strip() if asked.review_by else ""
    day = _day(said)
    wrong = [f"{asked.review_by} is no day: {said}"] if said and day is None else []
    if missing or wrong:
        lacks = [f"lacks {', '.join(missing)}"] if missing else []
        yield about(look, "owner-missing", Severity.LOW, account, (*lacks, *wrong))
    if day is not None and day < look.now.date():
        evidence = (f"to be reviewed by {day.isoformat()}",)
        yield about(look, "review-overdue", Severity.MEDIUM, account, evidence)


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        return None


def running_seen(look: Look) -> tuple[str, ...]:
    """Name the kinds that were not seen whole, without which "nothing runs as it" is a guess."""
    return tuple(kind for kind in RUNNING_KINDS if not look.inventory.saw(kind))
