"""What counts as proof that access is gone: every server, our binding by uid, and the reasons."""

from dataclasses import replace

import pytest

from grants.access.cluster_port import BindingPlace
from grants.access.model import GrantState, ProofKind, Seen
from grants.access.proof import adds_nothing, judge_gone, make_proof, names_binding
from grants.authz.model import Answer, Question
from tests.model.test_access import NOW, grant

PODS = Question("get", resource="pods", namespace="payments-dev")
PLACE = BindingPlace("valetkey-x", "payments-dev")
WIDE = BindingPlace("valetkey-x", None)
OURS = 'RBAC: allowed by RoleBinding "valetkey-x/payments-dev" of ClusterRole "view" to User "e"'
OF_ANOTHER = OURS.replace("valetkey-x/", "valetkey-xy/")
GRANT = replace(grant(GrantState.REVOKING), binding_uid="uid-1")


def seen(*answers: Answer, uid: str | None = None, ready: bool = True, problem: str = "") -> Seen:
    return Seen("https://a.example", ready, uid, answers, problem)


def allowed(reason: str) -> Answer:
    return Answer(PODS, allowed=True, reason=reason)


DENIED = Answer(PODS, allowed=False)


@pytest.mark.parametrize(
    ("servers", "problem"),
    [
        ((), "no-endpoint-asked"),
        ((seen(DENIED, ready=False),), "endpoint-not-ready"),
        ((seen(DENIED, problem="cluster-unavailable"),), "endpoint-not-ready"),
        ((seen(DENIED), seen(DENIED, ready=False)), "endpoint-not-ready"),
        ((seen(DENIED, uid="uid-1"),), "binding-still-there"),
        ((seen(DENIED), seen(DENIED, uid="uid-1")), "binding-still-there"),
        ((seen(allowed(OURS)),), "still-allowed-by-ours"),
        ((seen(DENIED, allowed(OURS)),), "still-allowed-by-ours"),
    ],
)
@pytest.mark.security("G2", "G4")
def test_anything_in_the_way_is_no_end(servers: tuple[Seen, ...], problem: str) -> None:
    judged = judge_gone(GRANT, PLACE, servers)
    assert (judged.gone, judged.problem) == (False, problem)


@pytest.mark.parametrize(
    ("servers", "notes"),
    [
        ((seen(DENIED),), ()),
        ((seen(allowed(OF_ANOTHER)),), ("still-allowed-by-other",)),
        ((seen(allowed("")),), ("still-allowed-by-other",)),
        ((seen(allowed(OF_ANOTHER)), seen(allowed("webhook"))), ("still-allowed-by-other",)),
        ((seen(DENIED, uid="uid-of-another"),), ()),
        ((seen(allowed(OURS), uid="uid-of-another"),), ("still-allowed-by-other",)),
        ((seen(),), ("no-questions",)),
    ],
)
def test_gone_is_gone_whatever_else_allows_and_that_is_noted(
    servers: tuple[Seen, ...], notes: tuple[str, ...]
) -> None:
    judged = judge_gone(GRANT, PLACE, servers)
    assert (judged.gone, judged.notes) == (True, notes)


@pytest.mark.parametrize(
    ("reason", "place", "named"),
    [
        (OURS, PLACE, True),
        (OF_ANOTHER, PLACE, False),
        (OURS, WIDE, False),
        (
            OURS.replace(
                'RoleBinding "valetkey-x/payments-dev"', 'ClusterRoleBinding "valetkey-x"'
            ),
            WIDE,
            True,
        ),
        (
            OURS.replace(
                'RoleBinding "valetkey-x/payments-dev"', 'ClusterRoleBinding "valetkey-x"'
            ),
            PLACE,
            False,
        ),
        (OURS.replace("payments-dev", "payments-prod"), PLACE, False),
        ("", PLACE, False),
    ],
)
def test_a_binding_is_named_by_kind_name_and_namespace(
    reason: str, place: BindingPlace, *, named: bool
) -> None:
    assert names_binding(allowed(reason), place) is named


def test_a_proof_from_one_of_unknown_many_says_so() -> None:
    known = make_proof(GRANT, ProofKind.GONE, NOW, (seen(DENIED),), notes=("x",))
    unknown = make_proof(GRANT, ProofKind.GONE, NOW, (seen(DENIED),), all_endpoints=False)
    assert (known.notes, unknown.notes) == (("x",), ("one-endpoint",))
    assert (known.binding_uid, known.questions()) == ("uid-1", (PODS,))
    assert make_proof(GRANT, ProofKind.GONE, NOW, ()).questions() == ()


def test_a_grant_adds_nothing_only_when_all_was_allowed_before() -> None:
    def before(*answers: Answer) -> bool:
        return adds_nothing(make_proof(GRANT, ProofKind.BEFORE, NOW, (seen(*answers),)))

    assert before(allowed("x"), allowed("y"))
    assert not before(allowed("x"), DENIED)
    assert not before()
