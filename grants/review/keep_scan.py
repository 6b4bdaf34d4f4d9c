"""The verb that reviews clusters and keeps what it saw: inventories, and findings over time.

What comes and goes is in the record, each finding by its fingerprint: names stand in rows apart.
So is what ends of what reviewers kept, and they are told.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from grants.outbox.model import Notice, Place, PlaceKind
from grants.record.model import Event, EventType
from grants.review.answers import Answer, AnswerKind
from grants.review.details import detail_of
from grants.review.finding import Finding
from grants.review.findings.look import Look
from grants.review.findings.verdicts import UseEvidence
from grants.review.keep_first import finding_event, keep_first, lock_look
from grants.review.kept import KeptObject, kept_objects
from grants.review.laying import Laying, ended_with
from grants.review.news import News
from grants.review.ports import ScanStore, ScanTx
from grants.review.scan import Scan, follow, judge
from grants.review.substance import Substance, substances_of
from grants.review.tracking import Known, State, known_of

ADMIN_CLI: Final = "admin-cli"
KEEP_ENDED: Final = "finding-keep-ended"


def keep_scan(
    looks: Sequence[Look],
    use: Mapping[str, UseEvidence] | None = None,
    *,
    store: ScanStore,
    actor: str = ADMIN_CLI,
    with_paths: bool = False,
    keep_at_most: timedelta | None = None,
) -> Scan:
    """Review clusters and keep it all in one transaction; what was known is not told as new.

    Judging, and writing out what stands there, is done before, so that no transaction waits for
    it; and what first looks found is kept before in portions. Of a cluster that was looked
    at later meanwhile nothing is kept: what is old must not undo what is newer.

    `keep_at_most` is given by whoever scans by the policy in force: such a scan ends what was kept
    and holds no longer. Any other lets it count or not, and ends none.
    """
    judged = judge(looks, use, with_paths=with_paths)
    substances = _substances(judged)
    clusters = [look.cluster for look in looks]
    objects = {look.cluster: tuple(kept_objects(look.inventory)) for look in looks}
    early = keep_first(judged, looks, substances, store=store, actor=actor)
    with store.write() as tx:
        fresh = [look for look in looks if _is_fresh(tx, look, objects[look.cluster])]
        # What was kept just now is no less new for that.
        before = [one for one in tx.known_findings(clusters) if one.key not in early]
        answers = tx.standing_answers(clusters)
        laid = _laying(looks, substances, keep_at_most).lay(judged.findings, answers)
        found = follow(replace(judged, findings=laid.findings), before)
        names = {look.cluster for look in fresh}
        kept = [one for one in found.findings if one.cluster in names]
        gone = [one for one in found.resolved if one.cluster in names]
        yet = [one for one in kept if one.key not in early]
        tx.keep_findings((*map(known_of, yet), *gone))
        tx.keep_details(detail_of(one, substances[one.key]) for one in yet)
        for look in fresh:
            _record(tx, look, found, before, early, actor)
        over = ended_with(answers, {one.key: one.resolved_at for one in gone if one.resolved_at})
        ended = [one for one in (*laid.ended, *over) if one.cluster in names]
        _end(tx, ended, {one.key: one for one in kept}, actor)
    return found


def _substances(judged: Scan) -> dict[str, Substance]:
    found: dict[str, Substance] = {}
    for look, review in zip(judged.looks, judged.reviews, strict=True):
        found.update(substances_of(look, review.findings))
    return found


def _laying(
    looks: Sequence[Look], substances: Mapping[str, Substance], keep_at_most: timedelta | None
) -> Laying:
    return Laying(
        substances,
        {look.cluster: look.now for look in looks},
        {look.cluster for look in looks if not look.inventory.partial},
        keep_at_most,
    )


def _end(tx: ScanTx, ended: Sequence[Answer], there: Mapping[str, Finding], actor: str) -> None:
    """Store what ended, record it, and tell whose keep it was; what is open again is news."""
    if not ended:
        return
    tx.end_answers(ended)
    for one in ended:
        if one.kind is not AnswerKind.KEPT or one.ended is None or one.ended_at is None:
            continue
        fingerprint = one.finding.partition("@")[0]
        facts = {
            "cluster": one.cluster,
            "finding": fingerprint,
            "answer": one.id,
            "cause": str(one.ended),
            "changed": one.ended_by,
        }
        tx.append(Event(EventType.FINDING_KEEP_ENDED, one.ended_at, actor, facts=facts))
        finding = there.get(one.finding)
        if finding is not None:
            tx.notify(_keep_ended(one, finding))
    tx.note_told(dict.fromkeys((o.finding for o in ended if o.finding in there), News.GONE))


def _keep_ended(one: Answer, finding: Finding) -> Notice:
    facts = {
        "cluster": one.cluster,
        "who": finding.who,
        "title": finding.title,
        "cause": str(one.ended),
        "changed": one.ended_by,
    }
    return Notice(KEEP_ENDED, one.finding, Place(PlaceKind.PERSON, one.person), facts)


def _is_fresh(tx: ScanTx, look: Look, objects: Sequence[KeptObject]) -> bool:
    """Keep what a look saw; the later look's row is locked, and a first one's key is."""
    lock_look(tx, look)
    return tx.keep_inventory(look.inventory, objects) is not None


def _record(
    tx: ScanTx,
    look: Look,
    found: Scan,
    before: Iterable[Known],
    early: frozenset[str],
    actor: str,
) -> None:
    moves = dict(_moves(look.cluster, found, before))
    counts = dict.fromkeys(_KINDS.values(), 0)
    for known, kind in moves.items():
        counts[kind] += 1
        if known.key not in early:
            tx.append(finding_event(kind, known, look, actor))
    mine = [one for one in found.findings if one.cluster == look.cluster]
    facts = {
        "cluster": look.cluster,
        "open": sum(one.is_open for one in mine),
        "new": counts[EventType.FINDING_NEW],
        "back": counts[EventType.FINDING_BACK],
        "gone": counts[EventType.FINDING_GONE],
        "partial": look.inventory.partial,
    }
    tx.append(Event(EventType.REVIEW_SCANNED, look.now, actor, facts=facts))


_KINDS: Final = {
    State.NEW: EventType.FINDING_NEW,
    State.REOPENED: EventType.FINDING_BACK,
    None: EventType.FINDING_GONE,
}


def _moves(cluster: str, found: Scan, before: Iterable[Known]) -> Iterator[tuple[Known, EventType]]:
    """Give what came and what went in a cluster since it was looked at before."""
    for one in found.findings:
        kind = _KINDS.get(found.states[one.key])
        if one.cluster == cluster and kind is not None:
            yield known_of(one), kind
    was_there = {one.key for one in before if one.resolved_at is None}
    for gone in found.resolved:
        if gone.cluster == cluster and gone.key in was_there:
            yield gone, EventType.FINDING_GONE
