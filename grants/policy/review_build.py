"""From the checked form of `review:` to the values that a review goes by."""

from grants.people.model import email_key
from grants.policy.review_model import (
    Allowance,
    Annotations,
    Digest,
    Premise,
    ReviewException,
    ReviewPolicy,
    Scope,
    Window,
)
from grants.policy.review_schema import (
    AnnotationsShape,
    DigestShape,
    ExceptionShape,
    PremiseShape,
    ReviewShape,
    ScopeShape,
    SubjectScopeShape,
)
from grants.policy.who import Notify, Who


def build_review(shape: ReviewShape | None) -> ReviewPolicy:
    """Build the section; without one, what holds unless said."""
    if shape is None:
        return ReviewPolicy()
    who = shape.reviewers
    people = frozenset(email_key(email) for email in who.people) if who else frozenset()
    return ReviewPolicy(
        annotations=_annotations(shape.annotations),
        window=shape.window,
        windows=tuple(Window(_scope(one), one.window) for one in shape.windows),
        exceptions=tuple(_exception(one) for one in shape.exceptions),
        allow=tuple(Allowance(_scope(one), one.reason) for one in shape.allow),
        reviewers=Who(frozenset(who.groups), people) if who else Who(),
        keep_at_most=shape.keep_at_most,
        digests=tuple(_digest(one) for one in shape.digests),
        fail_on=shape.fail_on,
        fail_on_gain=shape.fail_on_gain,
    )


def _annotations(shape: AnnotationsShape | None) -> Annotations:
    if shape is None:
        return Annotations()
    return Annotations(shape.owner or "", shape.purpose or "", shape.review_by or "")


def _scope(shape: ScopeShape) -> Scope:
    more = shape if isinstance(shape, SubjectScopeShape) else None
    return Scope(
        frozenset(shape.rules),
        tuple(shape.clusters),
        tuple(shape.namespaces),
        tuple(shape.accounts),
        tuple(more.subjects) if more else (),
        tuple(more.roles) if more else (),
    )


def _exception(shape: ExceptionShape) -> ReviewException:
    return ReviewException(
        _scope(shape), shape.reason, shape.owner, shape.until, _premise(shape.premise)
    )


def _premise(shape: PremiseShape | None) -> Premise:
    if shape is None:
        return Premise()
    return Premise(
        tuple(shape.used_only_by),
        shape.same_rules or "",
        shape.named_only,
        tuple(sorted(shape.namespace_labels.items())),
    )


def _digest(shape: DigestShape) -> Digest:
    people = tuple(email_key(email) for email in shape.people)
    notify = Notify(channels=tuple(shape.channels), people=people)
    return Digest(notify, _scope(shape), shape.owners, shape.at_least)
