"""Findings from what bindings give: each role's rules are judged once, not once a binding."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from grants.authz.model import Rule
from grants.authz.objects import (
    ACCOUNTS_GROUP,
    ANONYMOUS,
    AUTHENTICATED,
    UNAUTHENTICATED,
    Binding,
    Role,
    Subject,
)
from grants.authz.risks import granted
from grants.authz.words import rule_lines
from grants.review.finding import Finding, Severity, binding_ref
from grants.review.findings.catalogue import CATALOGUE
from grants.review.findings.components import component_binding
from grants.review.findings.look import Look, subjects_of
from grants.review.findings.places import judge_place
from grants.review.findings.severity import only_get, severity_of, worse

# What is found by the same lines as one of these is told with it, not again (empty: whatever).
_WIDE: Final[dict[str, frozenset[str]]] = {
    "wildcard-all": frozenset(),
    "wildcard-resources": frozenset(),
    "wildcard-sensitive": frozenset(),
    # A kubelet opens shells and ports in every pod of its node.
    "nodes-proxy": frozenset({"pods-exec", "port-forward"}),
    # Whoever may start what they like gains little by changing or stopping it.
    "workload-create": frozenset({"pods-mutate", "destructive-delete"}),
}
# Whoever asks without proof, or any account at all: worse than one subject that somebody chose.
EVERYBODY: Final = frozenset({ANONYMOUS, UNAUTHENTICATED, AUTHENTICATED, ACCOUNTS_GROUP})


class Judged(NamedTuple):
    """One rule of the catalogue that a role's rules show, where they hold."""

    rule: str
    severity: Severity
    permission: tuple[str, ...]
    implies: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class Judge:
    """Judges the rules of roles, each set of rules once for each sort of place."""

    def __init__(self, own: frozenset[str] = frozenset()) -> None:
        """Take the namespaces of this bot."""
        self._own = own
        # The role is kept with what is known of it: another may get its id otherwise.
        self._known: dict[tuple[int, str | None], tuple[Role, tuple[Judged, ...]]] = {}
        self._by_rules: dict[tuple[tuple[Rule, ...], str | None], tuple[Judged, ...]] = {}

    def judge(self, role: Role, namespace: str | None) -> tuple[Judged, ...]:
        """Name what these rules show in a namespace (None: everywhere)."""
        place = self._sort_of(namespace)
        quick = id(role), place
        known = self._known.get(quick)
        if known is None:
            known = self._known[quick] = role, self._judge(role.rules, place)
        return known[1]

    def judge_rules(self, rules: tuple[Rule, ...], namespace: str | None) -> tuple[Judged, ...]:
        """Name what rules show that stand in no role."""
        return self._judge(rules, self._sort_of(namespace))

    def _judge(self, rules: tuple[Rule, ...], place: str | None) -> tuple[Judged, ...]:
        key = rules, place
        found = self._by_rules.get(key)
        if found is None:
            found = self._by_rules[key] = tuple(_judge(rules, place, self._own))
        return found

    def _sort_of(self, namespace: str | None) -> str | None:
        """All namespaces are alike but those of the system and of this bot."""
        if namespace is None or namespace.startswith("kube-") or namespace in self._own:
            return namespace
        return ""


def _judge(rules: tuple[Rule, ...], namespace: str | None, own: frozenset[str]) -> Iterator[Judged]:
    found = granted(rules, namespace)
    hosts = _hosts(found)
    for id_, guilty in found.items():
        if id_ in hosts:
            continue
        implied = tuple(sorted(one for one, host in hosts.items() if host == id_))
        severities = [severity_of(one, found[one], namespace) for one in (id_, *implied)]
        evidence = _limits(id_, found)
        yield Judged(id_, max(severities), rule_lines(guilty), implied, evidence)
    yield from (Judged(*one) for one in judge_place(rules, namespace, own, found))


def _hosts(found: dict[str, tuple[Rule, ...]]) -> dict[str, str]:
    """Say which finding tells of which others: those shown by lines that are all its own."""
    hosts: dict[str, str] = {}
    for wide, only in _WIDE.items():
        lines = found.get(wide)
        if lines is None or wide in hosts:
            continue
        for id_, guilty in found.items():
            may = id_ != wide and id_ not in hosts and (not only or id_ in only)
            if may and all(rule in lines for rule in guilty):
                hosts[id_] = wide
    return hosts


def _limits(id_: str, found: dict[str, tuple[Rule, ...]]) -> tuple[str, ...]:
    if id_ == "rbac-write" and not found.keys() & {"bind", "escalate"}:
        return ("Kubernetes lets it hand on no more than it holds itself",)
    if id_ == "pods-exec" and only_get(found[id_]):
        return ("newer clusters ask for `create` as well before they open a shell",)
    return ()


def granted_findings(look: Look, judge: Judge) -> Iterator[Finding]:
    """Give a finding for each binding, subject and rule of the catalogue that its role shows."""
    rbac = look.rbac
    for binding in rbac.bindings:
        role = rbac.role_of(binding)
        judged = judge.judge(role, binding.namespace) if role is not None else ()
        if role is not None and judged:
            for subject in subjects_of(binding):
                yield from _of_subject(look, binding, role, subject, judged)


def _of_subject(
    look: Look, binding: Binding, role: Role, subject: Subject, judged: tuple[Judged, ...]
) -> Iterator[Finding]:
    aside, why = component_binding(binding.meta, subject)
    ref, place = binding_ref(binding), binding.namespace
    reached, owner = look.reached_by(subject), look.owner_of(subject)
    step = 1 if subject.name in EVERYBODY else 0
    words = {"role": str(role.ref), "binding": str(ref), "subject": str(subject)}
    for one in judged:
        entry = CATALOGUE[one.rule]
        yield Finding(
            rule=one.rule,
            severity=worse(one.severity, step) if step else one.severity,
            cluster=look.cluster,
            title=entry.title,
            fix=entry.fix.format_map(words),
            subject=subject,
            namespace=place,
            role=role.ref,
            role_namespace=role.meta.namespace,
            binding=ref,
            permission=one.permission,
            origin=binding.meta.origin,
            evidence=(*one.evidence, *_through(role)),
            reached=reached,
            owner=owner,
            implies=one.implies,
            controls=entry.controls,
            aside=aside,
            aside_why=why,
        )


def _through(role: Role) -> tuple[str, ...]:
    return ("the role gathers its rules from others by label",) if role.aggregates else ()
