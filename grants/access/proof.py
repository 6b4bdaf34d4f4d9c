"""What counts as proof: pure judgement of what API servers showed."""

from dataclasses import dataclass
from datetime import datetime

from grants.access.cluster_port import BindingPlace
from grants.access.model import Grant, Proof, ProofKind, Seen
from grants.authz.model import Answer
from grants.ids import Prefix, new_id


@dataclass(frozen=True)
class Judged:
    """Whether access is proven gone; if not, `problem` codes the first thing in the way."""

    gone: bool
    problem: str = ""
    notes: tuple[str, ...] = ()


def names_binding(answer: Answer, place: BindingPlace) -> bool:
    """Tell whether a review's reason names the binding at this place, in Kubernetes' own words."""
    if place.namespace is None:
        return f'ClusterRoleBinding "{place.name}" of ' in answer.reason
    return f' RoleBinding "{place.name}/{place.namespace}" of ' in answer.reason


def judge_gone(grant: Grant, place: BindingPlace, seen: tuple[Seen, ...]) -> Judged:
    """Judge "ended": every endpoint must be ready, without our binding (by uid), and must deny.

    An answer that allows for another reason than our binding does not hold the end up: it is
    recorded verbatim. An answer that names a binding at our place counts as ours, unless the
    endpoint shows that another uid stands there now.
    """
    if not seen:
        return Judged(gone=False, problem="no-endpoint-asked")
    notes: list[str] = []
    for one in seen:
        problem = _in_the_way(grant, place, one)
        if problem:
            return Judged(gone=False, problem=problem)
        if any(answer.allowed for answer in one.answers):
            notes.append("still-allowed-by-other")
    if not any(one.answers for one in seen):
        notes.append("no-questions")
    return Judged(gone=True, notes=tuple(dict.fromkeys(notes)))


def _in_the_way(grant: Grant, place: BindingPlace, one: Seen) -> str:
    if one.problem or not one.ready:
        return "endpoint-not-ready"
    if one.binding_uid is not None and one.binding_uid == grant.binding_uid:
        return "binding-still-there"
    allowed_by_ours = any(a.allowed and names_binding(a, place) for a in one.answers)
    if allowed_by_ours and one.binding_uid is None:
        return "still-allowed-by-ours"
    return ""


def make_proof(
    grant: Grant,
    kind: ProofKind,
    at: datetime,
    seen: tuple[Seen, ...],
    *,
    notes: tuple[str, ...] = (),
    unsampled: int = 0,
    all_endpoints: bool = True,
) -> Proof:
    """Write a proof down; `one-endpoint` is noted where not every API server is known."""
    noted = notes if all_endpoints else (*notes, "one-endpoint")
    return Proof(
        id=new_id(Prefix.PROOF),
        grant=grant.id,
        kind=kind,
        at=at,
        binding_uid=grant.binding_uid,
        seen=seen,
        unsampled=unsampled,
        notes=noted,
    )


def adds_nothing(before: Proof) -> bool:
    """Tell whether everything sampled was allowed before the grant."""
    answers = [a for one in before.seen for a in one.answers]
    return bool(answers) and all(a.allowed for a in answers)
