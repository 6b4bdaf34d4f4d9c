"""What a card shows, read at delivery: one request with its people, role, decisions and grants."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from grants.access.model import (
    AccessRequest,
    Decision,
    Grant,
    Item,
    Proof,
    ProofKind,
    RequestState,
)
from grants.access.ports import AccessTx
from grants.authz.model import RoleSnapshot
from grants.people.model import Account, Known
from grants.policy.model import ClusterPolicy, Entitlement, Policy


@dataclass(frozen=True)
class Face:
    """A person as cards show them: what their login said, and the first account linked to them."""

    person: str
    known: Known | None = None
    account: Account | None = None

    @property
    def name(self) -> str:
        """What to call them; never empty."""
        return (self.known.sign_in.profile.name if self.known else "") or self.person

    @property
    def email(self) -> str:
        """Their address as the provider gave it, or nothing."""
        return (self.known.sign_in.profile.email or "") if self.known else ""


@dataclass(frozen=True)
class RequestFacts:
    """One request and all that its cards say. `roles` are by digest, `proofs` by grant and kind.

    `entitlement` is that of the first item, whose route is the request's; `entitlements` are all.
    `others` is the recipient's other live access, while the request is open.
    """

    request: AccessRequest
    requester: Face
    decisions: tuple[Decision, ...] = ()
    faces: Mapping[str, Face] = field(default_factory=dict)
    roles: Mapping[str, RoleSnapshot] = field(default_factory=dict)
    entitlement: Entitlement | None = None
    entitlements: tuple[Entitlement, ...] = ()
    clusters: Mapping[str, ClusterPolicy] = field(default_factory=dict)
    grants: tuple[Grant, ...] = ()
    proofs: Mapping[tuple[str, ProofKind], Proof] = field(default_factory=dict)
    others: tuple[Grant, ...] = ()

    @property
    def offered(self) -> tuple[Entitlement, ...]:
        """The entitlements that are asked for, each once, as policy has them now."""
        one = (self.entitlement,) if self.entitlement else ()
        return self.entitlements or one

    def face(self, person: str) -> Face:
        """Give a person's face, known or not."""
        return self.faces.get(person) or Face(person)

    def grant_of(self, item: Item) -> Grant | None:
        """Give the grant that followed an item."""
        return next((grant for grant in self.grants if grant.item == item.id), None)


def accounts_first(accounts: tuple[Account, ...], team: str) -> Account | None:
    """Choose where to write to somebody: the account of our workspace that was linked first."""
    return next((account for account in accounts if account.team == team), None)


def people_in(
    request: AccessRequest, decisions: tuple[Decision, ...], grants: tuple[Grant, ...]
) -> tuple[str, ...]:
    """Name every person that a request's cards may show."""
    ended_by = (grant.ended_by for grant in grants if grant.ended_by)
    named = (request.requester, request.recipient, *(d.approver for d in decisions), *ended_by)
    return tuple(dict.fromkeys(person for person in named if person.startswith("per-")))


def read_facts(tx: AccessTx, request: AccessRequest, policy: Policy) -> RequestFacts:
    """Read a request's facts within one read transaction; faces have no accounts yet."""
    decisions = tx.decisions(request.id)
    grants = tx.grant_of_request(request.id)
    people = people_in(request, decisions, grants)
    faces = {person: Face(person, tx.known_person(person)) for person in people}
    terms = [item.terms for item in request.items]
    is_open = request.state is RequestState.PENDING
    others = tx.live_grants(person=request.recipient) if is_open else ()
    digests = (
        *(t.role_digest for t in terms),
        *(g.role_now for g in grants if g.role_now),
        *(g.role_seen for g in others),
    )
    roles = {digest: role for digest in digests if (role := tx.role(digest))}
    asked = dict.fromkeys(t.entitlement for t in terms)
    kinds = [(grant.id, kind) for grant in grants for kind in ProofKind]
    clusters = {t.cluster: named for t in terms if (named := policy.cluster(t.cluster))}
    return RequestFacts(
        request=request,
        requester=faces.get(request.requester) or Face(request.requester),
        decisions=decisions,
        faces=faces,
        roles=roles,
        entitlement=policy.entitlement(terms[0].entitlement) if terms else None,
        entitlements=tuple(one for name in asked if (one := policy.entitlement(name))),
        clusters=clusters,
        grants=grants,
        proofs={key: proof for key in kinds if (proof := tx.proof(*key))},
        others=others,
    )
