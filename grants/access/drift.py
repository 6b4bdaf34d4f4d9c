"""Whether a binding is what the record says: pure, and the same for looks, lists and watches."""

from dataclasses import dataclass

from grants.access.cluster_port import Binding
from grants.access.model import Cause, Grant


@dataclass(frozen=True)
class Drift:
    """Why an active grant must end: the cause, and what exactly was seen."""

    cause: Cause
    detail: str


def subjects_of(grant: Grant) -> tuple[str, ...]:
    """Give the subjects that a grant's binding must have, in a port's form."""
    return (f"User:{grant.subject}",)


def drift_of(grant: Grant, found: Binding | None, installation: str) -> Drift | None:
    """Judge what stands at an active grant's place; None: it is as it should be.

    What is missing or narrowed was revoked outside, what was widened or relabelled was altered.
    """
    if found is None or found.uid != grant.binding_uid or found.deleting:
        return Drift(Cause.REVOKED_OUTSIDE, "binding-gone")
    if not set(subjects_of(grant)) <= set(found.subjects):
        return Drift(Cause.REVOKED_OUTSIDE, "subject-gone")
    if found.subjects != subjects_of(grant):
        return Drift(Cause.ALTERED_OUTSIDE, "subjects")
    if (found.grant, found.installation, found.managed) != (grant.id, installation, True):
        return Drift(Cause.ALTERED_OUTSIDE, "labels")
    return None
