"""Scans with a bit of everything, for tests of what reports make of them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from grants.authz.model import RoleRef
from grants.authz.objects import Origin, Subject
from grants.review.finding import Aside, BindingRef, Control, Excepted, Finding, Severity, Verdict
from grants.review.findings.look import Look
from grants.review.findings.scanning import Gap, Review
from grants.review.findings.verdicts import UseEvidence, use_evidence
from grants.review.inventory import Inventory, ReadProblem
from grants.review.scan import Scan, judge
from grants.review.tracking import State
from grants.usage.coverage import Coverage
from grants.usage.model import Act, Kind, Use, VerbClass, Whose
from grants.usage.seen import Traced
from tests.support.rbac_objects import account, bind, group, role, rule
from tests.support.reviews import NOON, look_at, runs, sa

HOSTILE = "<script>alert(1)</script>&\"'"
RBAC = "rbac.authorization.k8s.io"


def finding(number: int = 0, **more: object) -> Finding:
    """Make one of many findings."""
    made = Finding(
        rule="secrets-read",
        severity=Severity.HIGH,
        cluster="prod",
        title="may read Secrets, tokens in them included",
        fix="Name the objects (resourceNames) in ClusterRole/reader, or take it out.",
        subject=account(f"app-{number}", f"team-{number % 40}"),
        role=RoleRef("ClusterRole", "reader"),
        binding=BindingRef("ClusterRoleBinding", f"reader-{number}"),
        permission=("get,list secrets in core",),
        evidence=("it holds everywhere",),
        controls=(Control("CIS", "5.1.2"), Control("ATT&CK", "T1552.007")),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def one_of_each() -> tuple[Finding, ...]:
    """Give a finding of each standing."""
    held = Excepted("the backup reads them", "ops@example.com", date(2027, 1, 1))
    return (
        finding(0, severity=Severity.CRITICAL, rule="wildcard-all", first_seen=NOON),
        finding(1, origin=Origin("./charts/my app/rbac.yaml", 12)),
        finding(2, origin=Origin("/srv/dump.json"), severity=Severity.MEDIUM, owner="team-2"),
        finding(3, verdict=Verdict.INSUFFICIENT, missing=("reads: not logged",), fix=""),
        finding(4, exception=held),
        finding(5, exception=replace(held, fails="it ended on 2026-01-01")),
        finding(6, aside=Aside.SYSTEM, aside_why="a part of Kubernetes"),
        finding(7, rule="dangling-binding", subject=None, severity=Severity.LOW),
        finding(8, subject=Subject("Group", HOSTILE), title=HOSTILE, severity=Severity.INFO),
        finding(9, binding=None, role=None, permission=(), evidence=(), controls=()),
        finding(10, role=None),
    )


def scan_of(findings: Iterable[Finding], look: Look | None = None) -> Scan:
    """Put findings of one look into a scan."""
    seen = look or look_at(cluster="prod")
    every = tuple(findings)
    gaps = (Gap("outside-rbac"), Gap("no-use"))
    looked_at = (("accounts", 40), ("roles", 12), ("bindings", 30), ("workloads", 20))
    review = Review(seen.cluster, NOON + timedelta(hours=1), every, gaps, looked_at)
    return Scan((seen,), (review,), every)


def broken(scan: Scan) -> Scan:
    """Make a scan of which something could not be read."""
    problems = (
        ReadProblem("bad-yaml", Origin("broken.yaml", 3), (("problem", "it ends too soon"),)),
        ReadProblem("twice", Origin(""), (("object", "Role x"),)),
    )
    look = Look(replace(scan.looks[0].inventory, problems=problems))
    return replace(scan, looks=(look,))


def known(scan: Scan) -> Scan:
    """Make a scan that knows how its findings stood before."""
    states = (State.NEW, State.KNOWN, State.REOPENED)
    return replace(
        scan,
        states={one.key: states[number % 3] for number, one in enumerate(scan.findings)},
    )


def estate() -> Look:
    """Look at a cluster with several ways up, some through others."""
    admin = role("cluster-admin", rule("*", "*", "*"))
    ci = role("deployer", rule("create update", "deployments", "apps"), namespace="ci")
    shell = role("debugger", rule("create", "pods/exec"), namespace="shop")
    mint = role("minter", rule("create", "serviceaccounts/token"), namespace="platform")
    binder = role(
        "binder",
        rule("create", "clusterrolebindings", RBAC),
        rule("bind", "clusterroles", RBAC),
    )
    reader = role("secret-reader", rule("get list", "secrets"))
    names = {
        "ci": ("builder", "runner", "cache"),
        "shop": ("web", "cart", "support", "backup"),
        "platform": ("operator", "gitops", "metrics"),
    }
    things = (
        *(sa(name, place) for place, all_of in names.items() for name in all_of),
        *(runs(name, name, place) for place, all_of in names.items() for name in all_of),
        *(admin, ci, shell, mint, binder, reader),
        bind("operator-admin", admin, account("operator", "platform")),
        bind("gitops-binder", binder, account("gitops", "platform")),
        bind("metrics-minter", mint, account("metrics", "platform"), namespace="platform"),
        bind("ci-deployer", ci, group("system:serviceaccounts:ci"), namespace="ci"),
        bind("support-shell", shell, account("support", "shop"), namespace="shop"),
        bind("backup-secrets", reader, account("backup", "shop")),
        bind("runner-minter", mint, account("runner", "ci"), namespace="platform"),
    )
    return look_at(*(_a_year_old(one) for one in things), cluster="prod")


def _a_year_old(one: Any) -> Any:
    return replace(one, meta=replace(one.meta, created=NOON - timedelta(days=365)))


def estate_scan(*, with_use: bool = True) -> Scan:
    """Scan that cluster."""
    return judge((estate(),), heard() if with_use else None, with_paths=True)


def heard() -> dict[str, UseEvidence]:
    """What was heard of that cluster: every minute for a hundred days, and who did what."""
    days = 100
    start = NOON - timedelta(days=days)
    hours = {
        (start + timedelta(hours=n)).replace(minute=0): (1 << 60) - 1 for n in range(days * 24 + 1)
    }
    dates = [start.date() + timedelta(days=n) for n in range(days + 1)]
    kinds = (
        *(Kind(VerbClass.WRITE, "", what) for what in ("serviceaccounts/token", "pods")),
        *(Kind(VerbClass.WRITE, "apps", what) for what in ("deployments",)),
        Kind(VerbClass.READ, "", "secrets"),
    )
    coverage = Coverage("prod", hours, {Traced(kind, w): dates for kind in kinds for w in Whose})
    uses = (
        _did("ci:builder", "update", "apps", "deployments", "ci"),
        _did("ci:runner", "create", "", "serviceaccounts/token", "platform"),
        _did("shop:backup", "list", "", "secrets", "shop"),
        _did("shop:backup", "get", "", "secrets", "shop"),
    )
    return {"prod": use_evidence(coverage, uses)}


def _did(who: str, verb: str, api_group: str, what: str, namespace: str) -> Use:
    resource, _, sub = what.partition("/")
    user = f"system:serviceaccount:{who}"
    act = Act(user, "", verb, api_group, resource, sub, namespace, "some", "", True, "")
    return Use("prod", act, NOON - timedelta(days=2), NOON - timedelta(days=1), 3)


def nothing() -> Scan:
    """Scan files with nothing in them."""
    look = Look(Inventory("", NOON))
    return Scan((look,), (Review("", NOON, ()),), ())
