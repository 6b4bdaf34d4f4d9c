"""One scan: several looks together, and what became of findings since they were known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from grants.authz.paths.find import Paths
from grants.review.finding import Finding, Severity, worst_first
from grants.review.findings.escalations import PATH, paths_of
from grants.review.findings.look import Look
from grants.review.findings.scanning import Review, review
from grants.review.findings.verdicts import UseEvidence
from grants.review.inventory import Inventory, Seen
from grants.review.tracking import Changes, Known, State, track


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan gives: the looks, what each showed, and all findings together, worst first.

    `states` is empty where nothing was known before to compare with.
    """

    looks: tuple[Look, ...]
    reviews: tuple[Review, ...]
    findings: tuple[Finding, ...]
    states: dict[str, State] = field(default_factory=dict)
    resolved: tuple[Known, ...] = ()
    # What was heard of use, by cluster, and the escalation paths of each look, if looked for.
    use: Mapping[str, UseEvidence] = field(default_factory=dict)
    paths: tuple[Paths, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether something that was asked for could not be read."""
        return any(look.inventory.partial for look in self.looks)

    @property
    def silent(self) -> tuple[str, ...]:
        """The clusters that gave no answer at all."""
        return tuple(look.cluster for look in self.looks if _is_silent(look.inventory))

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters that were looked at; "" stands for files."""
        return tuple(look.cluster for look in self.looks)

    def fails_on(self, severity: Severity) -> tuple[Finding, ...]:
        """Give the open findings that weigh so much or more, and that were not known before."""
        return tuple(
            one
            for one in self.findings
            if one.is_open
            and one.severity >= severity
            and self.states.get(one.key) is not State.KNOWN
        )


def _is_silent(inventory: Inventory) -> bool:
    asked = [how for how in inventory.seen.values() if how is not Seen.NOT_ASKED]
    return bool(asked) and all(how is Seen.FAILED for how in asked)


def scan(
    looks: Sequence[Look],
    known: Iterable[Known] | None = None,
    use: Mapping[str, UseEvidence] | None = None,
    *,
    with_paths: bool = False,
) -> Scan:
    """Review each look; with what was known before, say what is new, back and gone.

    `use` is what was seen of use, by cluster.
    """
    judged = judge(looks, use, with_paths=with_paths)
    return judged if known is None else follow(judged, known)


def judge(
    looks: Sequence[Look],
    use: Mapping[str, UseEvidence] | None = None,
    *,
    with_paths: bool = False,
) -> Scan:
    """Review each look, whatever was known before."""
    heard = use or {}
    paths = tuple(paths_of(look) for look in looks) if with_paths else ()
    reviews = tuple(
        review(look, heard.get(look.cluster), paths[number] if with_paths else None)
        for number, look in enumerate(looks)
    )
    if len(reviews) == 1:
        return Scan(tuple(looks), reviews, reviews[0].findings, use=heard, paths=paths)
    every = (finding for one in reviews for finding in one.findings)
    found = tuple(sorted(every, key=worst_first))
    return Scan(tuple(looks), reviews, found, use=heard, paths=paths)


def follow(judged: Scan, known: Iterable[Known]) -> Scan:
    """Say of a scan what is new, back and gone since what was known."""
    whole = {look.cluster for look in judged.looks if not look.inventory.partial}
    now = max(look.now for look in judged.looks)
    # A path that was not looked for has not gone away.
    comparable = (one for one in known if judged.paths or one.rule != PATH)
    changes: Changes = track(comparable, judged.findings, now, whole)
    return replace(
        judged,
        findings=changes.findings,
        states=dict(changes.states),
        resolved=changes.resolved,
    )
