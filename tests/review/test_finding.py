"""What keeps a finding the same from scan to scan, and the same in every cluster."""

from dataclasses import replace
from datetime import date

from grants.authz.model import RoleRef
from grants.authz.objects import Subject
from grants.review.finding import (
    Aside,
    BindingRef,
    Excepted,
    Finding,
    Severity,
    Verdict,
    worst_first,
)

READS = Finding(
    rule="secrets-read",
    severity=Severity.HIGH,
    cluster="prod",
    title="may read Secrets",
    fix="Name the Secrets.",
    subject=Subject("ServiceAccount", "app", "shop"),
    namespace="shop",
    role=RoleRef("Role", "reads"),
    role_namespace="shop",
    binding=BindingRef("RoleBinding", "reads", "shop"),
)


def test_a_finding_of_another_worth_is_the_same_finding() -> None:
    later = replace(
        READS,
        severity=Severity.LOW,
        permission=("get secrets in core named one",),
        evidence=("seen",),
        verdict=Verdict.INSUFFICIENT,
    )
    assert later.key == READS.key


def test_another_cluster_has_another_key_and_the_same_fingerprint() -> None:
    there = replace(READS, cluster="stage")
    assert there.key != READS.key
    assert there.fingerprint == READS.fingerprint


def test_another_subject_binding_role_rule_or_aspect_is_another_finding() -> None:
    others = [
        replace(READS, rule="secrets-write"),
        replace(READS, subject=Subject("ServiceAccount", "app", "shop2")),
        replace(READS, binding=BindingRef("RoleBinding", "reads2", "shop")),
        replace(READS, role=RoleRef("ClusterRole", "reads")),
        replace(READS, aspect="cluster-admin"),
    ]
    assert len({one.fingerprint for one in [READS, *others]}) == len(others) + 1


def test_only_what_stands_and_is_nobody_elses_is_open() -> None:
    held = Excepted("it must", "ann@example.com", date(2030, 1, 1))
    assert READS.is_open
    assert not replace(READS, verdict=Verdict.INSUFFICIENT).is_open
    assert not replace(READS, aside=Aside.SYSTEM).is_open
    assert not replace(READS, exception=held).is_open
    assert replace(READS, exception=replace(held, fails="past its end")).is_open


def test_the_worst_that_can_be_acted_on_comes_first() -> None:
    worse = replace(READS, severity=Severity.CRITICAL, rule="wildcard-all")
    apart = replace(worse, aside=Aside.SYSTEM)
    assert sorted([apart, READS, worse], key=worst_first) == [worse, READS, apart]
