"""The verb that tells people what came and went since they last heard: worst first, once.

One finding in many clusters is one line that says in how many.

What each finding's people heard last stands in its row, so that a crash, another replica or a
scan by hand neither tells anything twice nor swallows it. What no digest is about stays untold.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from grants.outbox.model import Notice, Place, PlaceKind
from grants.people.model import Known as KnownPerson
from grants.policy.review_model import Digest
from grants.review.finding import Finding, Severity
from grants.review.findings.exceptions import covers
from grants.review.gathering_news import Gathered, gathered, where_words
from grants.review.news import News, Untold
from grants.review.ports import TellPorts, TellTx

DIGEST: Final = "review-digest"
SHOWN: Final = 10
"""Findings that a digest shows; the rest is counted, and stands in the list."""


def tell_findings(clusters: Sequence[str], *, ports: TellPorts) -> int:
    """Tell each place that policy names what is news to it; silent when nothing is.

    `clusters` are all that are configured. Gives how many places are told.
    """
    review = ports.policy.current().review
    with ports.store.write() as tx:
        untold = tx.untold(clusters) if review.digests else ()
        told: dict[Place, dict[str, Untold]] = {}
        for digest in review.digests:
            for one in untold:
                for place in places_of(tx, digest, one.finding):
                    told.setdefault(place, {})[one.finding.key] = one
        for place, news in told.items():
            facts = _facts(tx, gathered(news.values()), clusters)
            tx.notify(Notice(DIGEST, "review", place, facts))
        tx.note_told({key: one.news for news in told.values() for key, one in news.items()})
    return len(told)


class FindsPeople(Protocol):
    """Where people are found by address."""

    def people_with_email(self, email: str) -> tuple[KnownPerson, ...]:
        """Find people pinned to a verified email."""
        ...


def places_of(tx: FindsPeople, digest: Digest, finding: Finding) -> Iterator[Place]:
    """Give where a digest tells of a finding; people who never signed in have no place."""
    least = Severity[digest.at_least.upper()]
    if finding.severity < least or not covers(digest.scope, finding):
        return
    for channel in digest.notify.channels:
        yield Place(PlaceKind.CHANNEL, channel)
    yield from _people(tx, digest.notify.people)
    if digest.owners:
        yield from owner_places(tx, finding)


def owner_places(tx: FindsPeople, finding: Finding) -> Iterator[Place]:
    """Give where the owner is told, if the account names one who ever signed in."""
    if "@" in finding.owner:
        yield from _people(tx, (finding.owner,))


def _people(tx: FindsPeople, emails: Iterable[str]) -> Iterator[Place]:
    for email in emails:
        for known in tx.people_with_email(email):
            yield Place(PlaceKind.PERSON, known.person.id)


def _facts(tx: TellTx, told: Sequence[Gathered], clusters: Sequence[str]) -> dict[str, str]:
    """Say it in a notice's facts: counts, and the worst in order."""
    by_kind: dict[News, list[Gathered]] = {kind: [] for kind in News}
    for one in told:
        by_kind[one.news].append(one)
    there = [one for one in told if one.news is not News.GONE]
    where = sorted({cluster for one in told for cluster in one.clusters})
    return {
        "cluster": where[0] if len(where) == 1 else f"{len(where)} clusters",
        **{str(kind): str(len(those)) for kind, those in by_kind.items()},
        "worst": _lines(tx, there[:SHOWN], clusters),
        "resolved": _lines(tx, by_kind[News.GONE][:SHOWN], clusters),
    }


def _lines(tx: TellTx, those: Sequence[Gathered], clusters: Sequence[str]) -> str:
    places: dict[str, list[Finding]] = {}
    if len(clusters) > 1:
        for detail in tx.open_places([one.finding.fingerprint for one in those], clusters):
            places.setdefault(detail.finding.fingerprint, []).append(detail.finding)
    lines = []
    for one in those:
        found = one.finding
        where = where_words(one, places.get(found.fingerprint, ()), clusters)
        lines.append([str(one.news), found.severity.word, found.who, found.title, where])
    return json.dumps(lines)
