"""What must agree within the section `review:` of a policy."""

from grants.policy.review_schema import DigestShape, ReviewShape
from grants.policy.shapes import Part, Report


def check_review(part: Part, shape: ReviewShape, report: Report) -> None:
    """Check the section: who is named, and that owners can be found where they are to be told."""
    who = shape.reviewers
    if who is not None and not (who.groups or who.people):
        report.wrong(part, ("reviewers",), "nobody", "`reviewers` names nobody")
    has_owners = bool(shape.annotations and shape.annotations.owner)
    for index, digest in enumerate(shape.digests):
        _check_digest(part.at("digests", index), digest, report, has_owners=has_owners)


def _check_digest(part: Part, shape: DigestShape, report: Report, *, has_owners: bool) -> None:
    if not (shape.channels or shape.people or shape.owners):
        report.wrong(part, (), "nobody", "this digest names nobody")
    if shape.owners and not has_owners:
        message = "owners are told only where `annotations` says which annotation names them"
        report.wrong(part, ("owners",), "no-owner-annotation", message)
