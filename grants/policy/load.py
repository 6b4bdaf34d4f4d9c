"""From files to one valid version of policy, or every reason why it is none."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grants.errors import PolicyInvalid, PolicyProblem
from grants.garbage import without_gc
from grants.people.model import email_key
from grants.policy.build import build
from grants.policy.checks import Merged, check, merge
from grants.policy.fields import WhoShape
from grants.policy.model import Policy
from grants.policy.schema import NotifyShape
from grants.policy.shapes import Part, Report, read_document
from grants.policy.source import MAX_BYTES, PolicyFile, digest_of, pack


@dataclass(frozen=True)
class LoadedPolicy:
    """A valid version: `body` is the bytes that its digest names (see `pack`).

    `groups` and `people` are warnings ready for each name, once, at its first place: `unknown`
    picks from them. `places` tells where each entitlement stands, by its name.
    """

    policy: Policy
    body: bytes
    warnings: tuple[PolicyProblem, ...]
    groups: Mapping[str, PolicyProblem]
    people: Mapping[str, PolicyProblem]
    places: Mapping[str, Part]

    def unknown(
        self, known_groups: Collection[str] | None, known_emails: Collection[str] | None = None
    ) -> tuple[PolicyProblem, ...]:
        """Warn of groups and people that nobody has signed in with; None: not asked."""
        found = []
        if known_groups is not None:
            found += [p for name, p in self.groups.items() if name not in known_groups]
        if known_emails is not None:
            keys = {email_key(email) for email in known_emails}
            found += [p for name, p in self.people.items() if name not in keys]
        return tuple(found)


def load_policy(
    files: Sequence[PolicyFile],
    *,
    known_groups: Collection[str] | None = None,
    known_emails: Collection[str] | None = None,
) -> LoadedPolicy:
    """Load one file, or a folder's files as one; PolicyInvalid names every problem.

    Given the groups and verified emails of people who have signed in, others are warned of.
    """
    if not files:
        raise PolicyInvalid((PolicyProblem("", 1, 1, "unreadable", "there is no policy file"),))
    if sum(len(file.data) for file in files) > MAX_BYTES:
        message = f"more than {MAX_BYTES} bytes in all"
        raise PolicyInvalid((PolicyProblem(files[0].name, 1, 1, "too-big", message),))
    with without_gc():
        loaded = _load(files)
    more = loaded.unknown(known_groups, known_emails)
    return replace(loaded, warnings=in_order([*loaded.warnings, *more]))


def _load(files: Sequence[PolicyFile]) -> LoadedPolicy:
    report = Report()
    read = (read_document(file, report) for file in sorted(files, key=lambda f: f.name))
    documents = [document for document in read if document is not None]
    merged = merge(documents, report)
    check(merged, documents, report, complete=len(documents) == len(files))
    if report.problems:
        raise PolicyInvalid(in_order(report.problems))
    return _loaded(files, merged, report)


def load_review(files: Sequence[PolicyFile]) -> Policy:
    """Load what a review goes by, also from files that say nothing of clusters or admins.

    So a pipeline needs no more than a section `review:`; the bot still needs the whole.
    """
    if any(len(file.data) > MAX_BYTES for file in files):
        message = f"more than {MAX_BYTES} bytes in all"
        raise PolicyInvalid((PolicyProblem(files[0].name, 1, 1, "too-big", message),))
    report = Report()
    with without_gc():
        read = (read_document(file, report) for file in sorted(files, key=lambda f: f.name))
        documents = [document for document in read if document is not None]
        merged = merge(documents, report)
        check(merged, documents, report, complete=False)
    if report.problems:
        raise PolicyInvalid(in_order(report.problems))
    return build(merged, digest_of(files))


def in_order(problems: Sequence[PolicyProblem]) -> tuple[PolicyProblem, ...]:
    """Sort by place, each problem once."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.file, p.line, p.column, p.code)))


def _loaded(files: Sequence[PolicyFile], merged: Merged, report: Report) -> LoadedPolicy:
    groups: dict[str, PolicyProblem] = {}
    people: dict[str, PolicyProblem] = {}
    for part, who in _all_who(merged):
        for index, group in enumerate(who.groups):
            message = f"nobody has signed in with the group `{group}`"
            groups.setdefault(group, part.problem(("groups", index), "unknown-group", message))
        _name_people(part, who.people, people)
    for part, notify in _all_notify(merged):
        _name_people(part, notify.people, people)
    return LoadedPolicy(
        policy=build(merged, digest_of(files)),
        body=pack(files),
        warnings=tuple(report.warnings),
        groups=groups,
        people=people,
        places={found.shape.name: found.part for found in merged.entitlements},
    )


def _name_people(part: Part, emails: Sequence[str], found: dict[str, PolicyProblem]) -> None:
    for index, email in enumerate(emails):
        message = f"nobody has signed in as `{email}`"
        found.setdefault(
            email_key(email), part.problem(("people", index), "unknown-person", message)
        )


def _all_who(merged: Merged) -> Iterator[tuple[Part, WhoShape]]:
    for section in (merged.admins, merged.auditors):
        if section is not None:
            yield section.part, section.shape
    if merged.review and merged.review.shape.reviewers:
        yield merged.review.part.at("reviewers"), merged.review.shape.reviewers
    for found in merged.entitlements:
        yield found.part.at("ask"), found.shape.ask
        yield found.part.at("decide"), found.shape.decide


def _all_notify(merged: Merged) -> Iterator[tuple[Part, NotifyShape]]:
    if merged.admin_notify is not None:
        yield merged.admin_notify.part, merged.admin_notify.shape
    for found in merged.entitlements:
        yield found.part.at("notify"), found.shape.notify
