"""Small valid values of people and access, for tests that store them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from grants.access.ending import _End
from grants.access.model import (
    AccessRequest,
    Cause,
    Decision,
    Grant,
    GrantState,
    Item,
    Proof,
    ProofKind,
    RequestState,
    Seen,
    Terms,
    Verdict,
)
from grants.authz.model import Answer, Question, RoleRef, RoleSnapshot, Rule
from grants.ids import Prefix, new_id
from grants.people.model import (
    Account,
    Attempt,
    AttemptStep,
    Person,
    Profile,
    SignIn,
    WebSession,
)

NOW = datetime(2026, 1, 5, 9, 30, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
ISSUER = "https://login.example.test"
CLUSTER_UID = "8c5ffb58-0000-4000-8000-1d9f24f3b0aa"
VIEW = RoleRef("ClusterRole", "view")
RULES = (
    Rule(verbs=("list", "get"), api_groups=("",), resources=("pods", "configmaps")),
    Rule(verbs=("get",), non_resource_urls=("/healthz",)),
)


class FixedClock:
    """A clock that a test moves."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


def a_person(subject: str = "ann") -> Person:
    return Person(new_id(Prefix.PERSON), ISSUER, subject)


def a_sign_in(person: Person, **changes: Any) -> SignIn:
    profile = Profile(person.subject.title(), f"{person.subject}@example.test", True)
    sign_in = SignIn(
        id=new_id(Prefix.SIGN_IN),
        person=person.id,
        at=NOW,
        auth_time=NOW - timedelta(minutes=1),
        groups=frozenset({"dev", "ops"}),
        acr="mfa",
        amr=("pwd", "otp"),
        profile=profile,
        claims={"email": profile.email, "nested": {"roles": ["a", "b"]}},
    )
    return replace(sign_in, **changes)


def an_account(user: str = "U1") -> Account:
    return Account("T1", user)


def an_attempt(**changes: Any) -> Attempt:
    attempt = Attempt(
        id=new_id(Prefix.ATTEMPT),
        account=an_account(),
        secret_digest=new_id(Prefix.ATTEMPT),
        step=AttemptStep.OFFERED,
        expires_at=NOW + timedelta(minutes=10),
    )
    return replace(attempt, **changes)


def a_session(person: Person, **changes: Any) -> WebSession:
    session_id = new_id(Prefix.SESSION)
    session = WebSession(session_id, f"digest-of-{session_id}", person.id, NOW, NOW + HOUR)
    return replace(session, **changes)


def a_role(ref: RoleRef = VIEW, rules: tuple[Rule, ...] = RULES) -> RoleSnapshot:
    return RoleSnapshot(ref, rules, NOW)


def some_terms(**changes: Any) -> Terms:
    terms = Terms(
        cluster_uid=CLUSTER_UID,
        cluster="prod",
        namespace="shop",
        role=VIEW,
        role_digest=a_role().digest,
        subject="oidc:ann@example.test",
        duration=HOUR,
        reason="incident 42: “carts” are empty",
        entitlement="look-around",
    )
    return replace(terms, **changes)


def a_request(person: Person, *terms: Terms, **changes: Any) -> AccessRequest:
    request = AccessRequest(
        id=new_id(Prefix.REQUEST),
        version=1,
        state=RequestState.PENDING,
        requester=person.id,
        recipient=person.id,
        items=tuple(Item(new_id(Prefix.ITEM), each) for each in terms or (some_terms(),)),
        salt=b"\x00salt\xff",
        groups=("oidc:dev", "oidc:ops"),
        policy_digest="0" * 64,
        created_at=NOW,
        pending_until=NOW + 4 * HOUR,
    )
    return replace(request, **changes)


def a_decision(request: AccessRequest, approver: Person, **changes: Any) -> Decision:
    decision = Decision(
        id=new_id(Prefix.DECISION),
        request=request.id,
        stage=0,
        approver=approver.id,
        verdict=Verdict.APPROVE,
        at=NOW,
        terms_hash=request.terms_hash,
        sign_in="",
    )
    return replace(decision, **changes)


def a_grant(request: AccessRequest, item: int = 0, **changes: Any) -> Grant:
    terms = request.items[item].terms
    grant_id = new_id(Prefix.GRANT)
    grant = Grant(
        id=grant_id,
        version=1,
        state=GrantState.ACTIVATING,
        request=request.id,
        item=request.items[item].id,
        requester=request.requester,
        recipient=request.recipient,
        approvers=("per-one", "per-two"),
        cluster_uid=terms.cluster_uid,
        cluster=terms.cluster,
        namespace=terms.namespace,
        role=terms.role,
        role_digest=terms.role_digest,
        subject=terms.subject,
        groups=request.groups,
        entitlement=terms.entitlement,
        duration=terms.duration,
        created_at=NOW,
        activate_until=NOW + timedelta(minutes=15),
        due_at=NOW,
        binding_name=f"valetkey-{grant_id}",
    )
    return replace(grant, **changes)


def active(grant: Grant, uid: str | None = None) -> Grant:
    """Give the grant as it stands once its binding is filled."""
    return replace(
        grant.moved(GrantState.ACTIVE),
        binding_uid=uid or f"uid-of-{grant.id}",
        expires_at=NOW + HOUR,
        active_at=NOW,
    )


def ended(grant: Grant, cause: Cause = Cause.EXPIRED) -> Grant:
    """Give the grant as it stands at its end."""
    revoking = replace(grant.moved(GrantState.REVOKING), cause=cause, revoking_at=NOW + HOUR)
    return replace(revoking.moved(GrantState.ENDED), ended_at=NOW + HOUR)


def a_proof(grant: Grant, kind: ProofKind = ProofKind.ACTIVE, **changes: Any) -> Proof:
    question = Question("get", "", "pods", "log", "", "shop")
    path = Question("get", path="/healthz")
    answers = (Answer(question, True, "RBAC: allowed by …"), Answer(path, False))
    proof = Proof(
        id=new_id(Prefix.PROOF),
        grant=grant.id,
        kind=kind,
        at=NOW,
        binding_uid="uid-1",
        seen=(Seen("https://10.0.0.1:6443", True, "uid-1", answers),),
        unsampled=3,
        notes=("one-endpoint",),
    )
    return replace(proof, **changes)


@dataclass(frozen=True)
class Stored:
    """What `populate` stored."""

    ann: Person
    bob: Person
    request: AccessRequest


def populate(store: Any) -> Stored:
    """Store two people who have signed in, with accounts, and ann's pending request."""
    ann, bob = a_person("ann"), a_person("bob")
    request = a_request(ann)
    with store.write() as tx:
        for person, user in ((ann, "U1"), (bob, "U2")):
            tx.add_person(person, NOW)
            tx.add_sign_in(a_sign_in(person))
            tx.link(an_account(user), person.id, NOW)
        tx.add_role(a_role())
        tx.add_request(request)
    return Stored(ann, bob, request)


def an_end(grant: Grant, cause: Cause = Cause.EXPIRED) -> _End:
    """Give what is stored of a grant that is proven ended."""
    proof = a_proof(grant, ProofKind.GONE, binding_uid=grant.binding_uid)
    return _End(ended(grant, cause), proof, was_stuck=False)
