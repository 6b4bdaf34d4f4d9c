"""Scans with a bit of everything, for tests of what reports make of them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from grants.authz.model import RoleRef
from grants.authz.objects import Origin, Subject
from grants.review.finding import Aside, BindingRef, Control, Excepted, Finding, Severity, Verdict
from grants.review.findings.escalations import path_findings, paths_of
from grants.review.findings.look import Look
from grants.review.findings.scanning import Gap, Review
from grants.review.inventory import Inventory, ReadProblem
from grants.review.scan import Scan
from grants.review.tracking import State
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
    return look_at(
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
        cluster="prod",
    )


def estate_scan() -> Scan:
    """Scan that cluster."""
    look = estate()
    found = tuple(path_findings(look, paths_of(look)))
    return scan_of((*found, *one_of_each()), look)


def nothing() -> Scan:
    """Scan files with nothing in them."""
    look = Look(Inventory("", NOON))
    return Scan((look,), (Review("", NOON, ()),), ())
