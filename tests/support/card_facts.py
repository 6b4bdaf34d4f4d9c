"""Facts for cards with fixed ids and times, so that what is drawn from them never changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.slack.facts import Face, RequestFacts
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
from grants.people.model import Account, Known, Person, Profile, SignIn
from grants.policy.model import AcceptedRisk, ClusterPolicy, Entitlement, Notify, Stage, Who

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
DEBUG = RoleRef("ClusterRole", "debug")
RULES = (
    Rule(("get", "list", "watch"), ("",), ("pods", "pods/log")),
    Rule(("create",), ("",), ("pods/exec",)),
    Rule(("get",), ("apps",), ("deployments",), ("checkout",)),
    Rule(("get",), non_resource_urls=("/metrics",)),
)


def face(name: str, *groups: str, amr: tuple[str, ...] = ("pwd", "otp")) -> Face:
    """Somebody with an account `U` + their name, signed in an hour before noon."""
    person = Person(f"per-{name}", "https://idp", name)
    sign_in = SignIn(
        id=f"sig-{name}",
        person=person.id,
        at=NOON - timedelta(hours=1),
        auth_time=NOON - timedelta(hours=1),
        groups=frozenset(groups),
        acr=None,
        amr=amr,
        profile=Profile(name.title(), f"{name}@example.com", email_verified=True),
    )
    return Face(person.id, Known(person, sign_in), Account("T1", f"U{name.upper()}"))


ERIN, ADA, BOB, KIM = (
    face("erin", "engineers", "oncall"),
    face("ada", "approvers"),
    face("bob", "approvers"),
    face("kim", "admins", amr=("pwd",)),
)
FACES = {one.person: one for one in (ERIN, ADA, BOB, KIM)}

ENTITLEMENT = Entitlement(
    name="debug-payments",
    description="Open a shell in pods of the payments team",
    clusters=("prod",),
    namespaces=("payments-*",),
    cluster_wide=False,
    role=DEBUG,
    ask=Who(groups=frozenset({"engineers"})),
    stages=(Stage(Who(groups=frozenset({"approvers"}), people=frozenset({"kim@example.com"})), 2),),
    notify=Notify(),
    duration_default=timedelta(hours=1),
    duration_maximum=timedelta(hours=8),
    accept_risk=AcceptedRisk(frozenset({"workload-create", "secrets-read"}), "On call needs it."),
)
CLUSTER = ClusterPolicy(
    "prod", "oidc:{email}", "", "kubectl --context {cluster} -n {namespace} get pods"
)
SNAPSHOT = RoleSnapshot(DEBUG, RULES, NOON)
TERMS = Terms(
    cluster_uid="uid-prod",
    cluster="prod",
    namespace="payments-dev",
    role=DEBUG,
    role_digest=SNAPSHOT.digest,
    subject="oidc:erin@example.com",
    duration=timedelta(minutes=90),
    reason="Checkout pods crash since the deploy",
    entitlement="debug-payments",
)
REQUEST = AccessRequest(
    id="req-aaaaaaaaaaaaaaaaaaaaaaaaaa",
    version=1,
    state=RequestState.PENDING,
    requester=ERIN.person,
    recipient=ERIN.person,
    items=(Item("itm-1", TERMS),),
    salt=b"salt",
    groups=(),
    policy_digest="p" * 64,
    created_at=NOON,
    pending_until=NOON + timedelta(hours=4),
)
GRANT = Grant(
    id="gra-aaaaaaaaaaaaaaaaaaaaaaaaaa",
    version=3,
    state=GrantState.ACTIVATING,
    request=REQUEST.id,
    item="itm-1",
    requester=ERIN.person,
    recipient=ERIN.person,
    approvers=(ADA.person, BOB.person),
    cluster_uid="uid-prod",
    cluster="prod",
    namespace="payments-dev",
    role=DEBUG,
    role_digest=SNAPSHOT.digest,
    subject="oidc:erin@example.com",
    groups=(),
    entitlement="debug-payments",
    duration=timedelta(minutes=90),
    created_at=NOON,
    activate_until=NOON + timedelta(minutes=15),
    due_at=NOON,
    binding_name="valetkey-abcd-gra-aaaa",
)
ACTIVE = replace(
    GRANT,
    state=GrantState.ACTIVE,
    active_at=NOON,
    expires_at=NOON + timedelta(minutes=90),
    binding_uid="uid-1",
)
REVOKING = replace(
    ACTIVE,
    state=GrantState.REVOKING,
    cause=Cause.EXPIRED,
    revoking_at=NOON + timedelta(minutes=90),
)
STUCK = replace(
    REVOKING,
    stuck=True,
    problem="cluster-unavailable",
    failing_since=NOON + timedelta(minutes=91),
)
ENDED = replace(REVOKING, state=GrantState.ENDED, ended_at=NOON + timedelta(minutes=91))


def decision(by: Face, verdict: Verdict = Verdict.APPROVE, reason: str = "") -> Decision:
    """Say yes or no, ten minutes after noon."""
    return Decision(
        id=f"dec-{by.person}",
        request=REQUEST.id,
        stage=0,
        approver=by.person,
        verdict=verdict,
        at=NOON + timedelta(minutes=10),
        terms_hash=REQUEST.terms_hash,
        sign_in="sig-1",
        reason=reason,
    )


def gone(*answers: Answer, notes: tuple[str, ...] = ("one-endpoint",)) -> Proof:
    """Prove a grant gone."""
    question = Question("get", resource="pods", namespace="payments-dev")
    seen = Seen("https://prod", True, None, answers or (Answer(question, allowed=False),))
    return Proof("prf-1", GRANT.id, ProofKind.GONE, NOON, "uid-1", (seen,), 2, notes)


def facts(*decisions: Decision, grant: Grant | None = None, **changes: object) -> RequestFacts:
    """Give a request's facts; changes are to the request."""
    request = replace(REQUEST, **changes)  # type: ignore[arg-type]
    return RequestFacts(
        request=request,
        requester=ERIN,
        decisions=decisions,
        faces=FACES,
        roles={SNAPSHOT.digest: SNAPSHOT},
        entitlement=ENTITLEMENT,
        clusters={"prod": CLUSTER},
        grants=(grant,) if grant else (),
        proofs={(GRANT.id, ProofKind.GONE): gone()},
    )


def closed(state: RequestState, *decisions: Decision, **changes: object) -> RequestFacts:
    """Give the facts of a closed request."""
    at = NOON + timedelta(minutes=11)
    return facts(*decisions, state=state, closed_at=at, version=2, **changes)


def granted(grant: Grant) -> RequestFacts:
    """Give the facts of an approved request with its grant."""
    approved = closed(RequestState.APPROVED, decision(ADA), decision(BOB))
    return replace(approved, grants=(grant,))
