"""What ties the parts of a policy together: what must agree, and what is probably a mistake."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from grants.authz.risks import OWN_NAMESPACE, SYSTEM_NAMESPACE, SYSTEM_NAMESPACES
from grants.policy.durations import format_duration
from grants.policy.fields import WhoShape
from grants.policy.patterns import is_literal, matches
from grants.policy.review_checks import check_review
from grants.policy.review_schema import ReviewShape
from grants.policy.schema import (
    ClusterShape,
    DecideShape,
    EntitlementShape,
    LimitsShape,
    NotifyShape,
)
from grants.policy.shapes import Document, Part, Report
from grants.policy.yaml_lines import Path

_S = TypeVar("_S")


@dataclass(frozen=True)
class Found(Generic[_S]):
    """A part of policy and where it stands."""

    part: Part
    shape: _S


@dataclass
class Merged:
    """A folder's files as one policy. `aliases` are all clusters', those of wrong form too."""

    admins: Found[WhoShape] | None = None
    auditors: Found[WhoShape] | None = None
    admin_notify: Found[NotifyShape] | None = None
    limits: Found[LimitsShape] | None = None
    review: Found[ReviewShape] | None = None
    clusters: list[Found[ClusterShape]] = field(default_factory=list)
    entitlements: list[Found[EntitlementShape]] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    sections: dict[str, Part] = field(default_factory=dict)


_ONCE: Final = ("admins", "auditors", "admin_notify", "limits", "review")


def merge(documents: Sequence[Document], report: Report) -> Merged:
    """Put files together: lists are joined, a section that is no list stands in one file only."""
    merged = Merged()
    for document in documents:
        part, shape = document.part, document.shape
        for name in document.sections & set(_ONCE):
            if name in merged.sections:
                first = merged.sections[name]
                report.wrong(
                    part,
                    (name,),
                    "duplicate-section",
                    f"`{name}` stands in {place_of(first)} already",
                    key=True,
                )
        merged.sections |= {
            name: part.at(name) for name in document.sections if name not in merged.sections
        }
        merged.admins = merged.admins or _section(part, "admins", shape.admins)
        merged.auditors = merged.auditors or _section(part, "auditors", shape.auditors)
        notify = _section(part, "admin_notify", shape.admin_notify)
        merged.admin_notify = merged.admin_notify or notify
        merged.limits = merged.limits or _section(part, "limits", shape.limits)
        merged.review = merged.review or _section(part, "review", shape.review)
        for index, cluster in zip(document.clusters, shape.clusters, strict=True):
            merged.clusters.append(Found(part.at("clusters", index), cluster))
        for index, entitlement in zip(document.entitlements, shape.entitlements, strict=True):
            merged.entitlements.append(Found(part.at("entitlements", index), entitlement))
        merged.aliases += document.aliases
    return merged


def _section(part: Part, name: str, shape: _S | None) -> Found[_S] | None:
    return None if shape is None else Found(part.at(name), shape)


def place_of(part: Part) -> str:
    """Say where a part stands, as compilers do."""
    line, column = part.lines.mark(part.base)
    return f"{part.file}:{line}:{column}"


def check(merged: Merged, documents: Sequence[Document], report: Report, *, complete: bool) -> None:
    """Check the whole. `complete` is False when a file could not be read at all: then nothing
    is said to be missing, because it may well stand there.
    """
    _check_names(merged.clusters, "cluster", report)
    _check_names(merged.entitlements, "entitlement", report)
    if merged.admins:
        _somebody(merged.admins.part, (), merged.admins.shape, report)
    if complete and documents:
        _check_presence(merged, documents, report)
    if merged.review:
        check_review(merged.review.part, merged.review.shape, report)
    places = _risky_places(merged.clusters)
    for found in merged.entitlements:
        if complete:
            _check_clusters(found, merged.aliases, report)
        _check_scope(found, report)
        _check_people(found, report)
        _check_durations(found, report)
        _check_places(found, places, report)


def _check_names(
    founds: Iterable[Found[ClusterShape]] | Iterable[Found[EntitlementShape]],
    kind: str,
    report: Report,
) -> None:
    first: dict[str, Part] = {}
    for found in founds:
        name = found.shape.name
        if name in first:
            report.wrong(
                found.part,
                ("name",),
                "duplicate-name",
                f"{kind} `{name}` stands in {place_of(first[name])} already",
            )
        first.setdefault(name, found.part.at("name"))


def _check_presence(merged: Merged, documents: Sequence[Document], report: Report) -> None:
    part = documents[0].part
    broken = {name for document in documents for name in document.broken}
    if "admins" not in merged.sections:
        report.wrong(part, (), "missing", "`admins` is missing: somebody must be able to revoke")
    if "clusters" not in merged.sections:
        report.wrong(part, (), "missing", "`clusters` is missing")
    if "clusters" in merged.sections.keys() - broken and not merged.aliases:
        report.wrong(merged.sections["clusters"], (), "empty-list", "must name a cluster")
    if not merged.entitlements and "entitlements" not in broken:
        report.warn(part, (), "no-entitlements", "there is nothing that anybody may ask for")
    notify = merged.admin_notify
    if "admin_notify" not in merged.sections or (notify and _tells_nobody(notify.shape)):
        report.warn(
            part.at("admin_notify"),
            (),
            "no-admin-notify",
            "`admin_notify` names nobody: who hears of a stuck revocation?",
        )


def _tells_nobody(shape: NotifyShape) -> bool:
    return not (shape.channels or shape.user_groups or shape.people)


def _somebody(part: Part, path: Path, shape: WhoShape, report: Report) -> bool:
    named = bool(shape.groups or shape.people)
    if not named:
        report.wrong(part, path, "nobody", f"`{(*part.base, *path)[-1]}` names nobody")
    return named


def _check_clusters(found: Found[EntitlementShape], aliases: Sequence[str], report: Report) -> None:
    for index, pattern in enumerate(found.shape.clusters):
        if not any(matches(pattern, alias) for alias in aliases):
            message = f"`{pattern}` matches no cluster; there are: {', '.join(aliases) or 'none'}"
            report.wrong(found.part, ("clusters", index), "no-cluster", message)


def _check_scope(found: Found[EntitlementShape], report: Report) -> None:
    shape, part = found.shape, found.part
    if shape.cluster_wide and shape.namespaces is not None:
        report.wrong(
            part,
            ("cluster_wide",),
            "scope",
            "say either `namespaces` or `cluster_wide: true`, not both",
        )
    if not shape.cluster_wide and shape.namespaces is None:
        report.wrong(part, (), "scope", "say for which `namespaces`, or `cluster_wide: true`")
    if shape.cluster_wide and shape.role.kind == "Role":
        report.wrong(
            part,
            ("role", "kind"),
            "scope",
            "a Role lives in one namespace; `cluster_wide` needs a ClusterRole",
        )


def _check_people(found: Found[EntitlementShape], report: Report) -> None:
    shape, part = found.shape, found.part
    if not shape.ask.everyone:
        _somebody(part, ("ask",), shape.ask, report)
    if _somebody(part, ("decide",), shape.decide, report):
        _check_quorum(part, shape.decide, report)
    if _tells_nobody(shape.notify):
        report.wrong(part, ("notify",), "nobody", "`notify` names nobody")


def _check_quorum(part: Part, decide: DecideShape, report: Report) -> None:
    people = len({email.lower() for email in decide.people})
    if not decide.groups and decide.quorum > people:
        report.wrong(
            part,
            ("decide", "quorum"),
            "quorum",
            f"{decide.quorum} must approve, but only {people} may",
        )


def _check_durations(found: Found[EntitlementShape], report: Report) -> None:
    duration = found.shape.duration
    if duration.default > duration.maximum:
        longest = format_duration(duration.maximum)
        report.wrong(
            found.part,
            ("duration", "default"),
            "duration-order",
            f"is longer than the maximum of {longest}",
        )


@dataclass(frozen=True)
class _RiskyPlace:
    """A namespace that needs accepting whatever the role says; `aliases` None: in any cluster."""

    risk: str
    namespace: str
    aliases: tuple[str, ...] | None = None

    def is_in(self, clusters: Sequence[str]) -> bool:
        if self.aliases is None:
            return True
        return any(matches(pattern, alias) for pattern in clusters for alias in self.aliases)


def _risky_places(clusters: Sequence[Found[ClusterShape]]) -> tuple[_RiskyPlace, ...]:
    own: dict[str, list[str]] = {}
    for cluster in clusters:
        own.setdefault(cluster.shape.own_namespace, []).append(cluster.shape.name)
    return (
        *(_RiskyPlace(SYSTEM_NAMESPACE, name) for name in sorted(SYSTEM_NAMESPACES)),
        *(_RiskyPlace(OWN_NAMESPACE, name, tuple(aliases)) for name, aliases in own.items()),
    )


def _check_places(
    found: Found[EntitlementShape], places: Sequence[_RiskyPlace], report: Report
) -> None:
    """Refuse a risky namespace that is named; warn where a pattern happens to match one."""
    shape = found.shape
    accepted = set(shape.accept_risk.rules) if shape.accept_risk else set()
    for index, pattern in enumerate(shape.namespaces or ()):
        for place in places:
            if not matches(pattern, place.namespace) or place.risk in accepted:
                continue
            if not place.is_in(shape.clusters):
                continue
            path = ("namespaces", index)
            needs = f"without `accept_risk` with `{place.risk}`"
            if is_literal(pattern):
                message = f"`{pattern}` is refused {needs}"
                report.wrong(found.part, path, "risk-not-accepted", message)
            else:
                message = f"`{pattern}` matches {place.namespace}: refused there {needs}"
                report.warn(found.part, path, "covers-risky-namespace", message)
