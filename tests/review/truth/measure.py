"""What was told of a cluster, held against its truth file."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.review.truth.form import Grant, Permission, Person, Truth

STALE, UNUSED, INSUFFICIENT, NOTHING = "stale", "unused", "insufficient", "nothing"
Found = list[dict[str, Any]]


@dataclass
class Tally:
    """How often what was told, by what should have been told; and each case that differs."""

    accounts: Counter[tuple[str, str]] = field(default_factory=Counter)
    rights: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong_stale: list[str] = field(default_factory=list)
    wrong_unused: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    lacks: Counter[str] = field(default_factory=Counter)
    casts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        for name in ("accounts", "rights", "lacks", "casts"):
            getattr(self, name).update(getattr(other, name))
        for name in ("wrong_stale", "wrong_unused", "differing"):
            getattr(self, name).extend(getattr(other, name))


def measure(truth: Truth, findings: Found) -> Tally:
    """Compare each account and each permission."""
    tally = Tally()
    told_of = {_subject(one): one for one in findings if one["rule"] == "stale-account"}
    for person in truth.people:
        told = _told(told_of.get(f"ServiceAccount {person.namespace}/{person.name}"), STALE)
        _count_account(tally, truth, person, told)
    by_grant = {_grant_of(one): one for one in findings if one["rule"] == "unused-permission"}
    for grant in truth.grants:
        _count_rights(tally, truth, grant, by_grant.get(_key(grant)))
    return tally


def expected_of(person: Person) -> str:
    """Say what should be told of an account."""
    if person.told != "judged" or person.seen:
        return NOTHING
    if person.lacks:
        return INSUFFICIENT
    assert person.stale, f"{person} is in use, and nothing could show it"
    return STALE


def expected_of_right(permission: Permission, grant: Grant) -> str:
    """Say what should be told of a permission."""
    if grant.told != "judged":
        return NOTHING
    if permission.lacks:
        return INSUFFICIENT
    return NOTHING if permission.used else UNUSED


def _told(finding: dict[str, Any] | None, word: str) -> str:
    if finding is None or finding["set_apart"]:
        return NOTHING
    return word if finding["verdict"] == "found" else INSUFFICIENT


def _count_account(tally: Tally, truth: Truth, person: Person, told: str) -> None:
    should = expected_of(person)
    tally.accounts[should, told] += 1
    tally.casts[person.cast, should, told] += 1
    if should == INSUFFICIENT:
        tally.lacks.update(person.lacks)
    said = f"seed {truth.seed} ({truth.lack or 'complete'}): {person.namespace}/{person.name}"
    said += f" [{person.cast}; {', '.join(person.lacks)}] should be {should}, is told {told}"
    if told == STALE and should != STALE:
        tally.wrong_stale.append(said)
    elif told != should:
        tally.differing.append(said)


def _count_rights(tally: Tally, truth: Truth, grant: Grant, finding: dict[str, Any] | None) -> None:
    told = _told(finding, UNUSED)
    listed = set(_parsed(finding["permission"])) if finding else set()
    for one in grant.permissions:
        should = expected_of_right(one, grant)
        is_listed = (one.verb, one.group, one.resource, one.name) in listed
        # Which permissions nothing can be said of is told by their number: see below.
        is_told = told if is_listed or told == INSUFFICIENT else NOTHING
        if is_told != UNUSED and told == UNUSED and should == INSUFFICIENT:
            is_told = INSUFFICIENT
        if is_told == INSUFFICIENT and should == NOTHING:
            is_told = NOTHING
        tally.rights[should, is_told] += 1
        said = f"seed {truth.seed} ({truth.lack or 'complete'}): {grant.namespace}/{grant.name}"
        said += f" {one} should be {should}, is told {is_told}"
        if is_told == UNUSED and should != UNUSED:
            tally.wrong_unused.append(said)
        elif is_told != should:
            tally.differing.append(said)
    _count_unsure(tally, truth, grant, finding, told)


def _count_unsure(
    tally: Tally, truth: Truth, grant: Grant, finding: dict[str, Any] | None, told: str
) -> None:
    """Hold the number of permissions of which nothing can be said against the truth's."""
    if grant.told != "judged":
        return
    should = sum(1 for one in grant.permissions if one.lacks)
    is_told = _unsure(finding) if finding else 0
    if finding and told == INSUFFICIENT:
        is_told += len(set(_parsed(finding["permission"])))
    if should != is_told:
        tally.differing.append(
            f"seed {truth.seed} ({truth.lack or 'complete'}): {grant.namespace}/{grant.name}: of"
            f" {should} nothing can be said, told {is_told}: {grant.permissions}"
        )


def _unsure(finding: dict[str, Any]) -> int:
    found = re.search(r"of (\d+) nothing can be said", " ".join(finding["evidence"]))
    return int(found[1]) if found else 0


def _parsed(lines: list[str]) -> Iterator[tuple[str, str, str, str]]:
    """Read lines such as `get,list pods in core named web`."""
    for line in lines:
        found = re.fullmatch(r"(\S+) (\S+) in (\S+)(?: named (\S+))?", line)
        assert found is not None, line
        for verb in found[1].split(","):
            group = "" if found[3] == "core" else found[3]
            yield verb, group, found[2], found[4] or ""


def _subject(finding: dict[str, Any]) -> str:
    subject = finding["subject"]
    return f"{subject['kind']} {subject['namespace']}/{subject['name']}"


def _grant_of(finding: dict[str, Any]) -> tuple[str, str]:
    binding = finding["binding"]
    return binding["namespace"] or "", binding["name"]


def _key(grant: Grant) -> tuple[str, str]:
    return grant.namespace, grant.name
