"""Which risks an entitlement does not accept."""

from dataclasses import replace

from grants.authz.model import Rule
from grants.policy.model import AcceptedRisk, Policy
from grants.policy.risk import unaccepted_risks
from tests.support.world import a_policy

SECRETS = (Rule(("get",), ("",), ("secrets",)),)
PODS = (Rule(("get",), ("",), ("pods",)),)


def accepting(*risks: str) -> Policy:
    policy = a_policy()
    (first, *rest) = policy.entitlements
    changed = replace(first, accept_risk=AcceptedRisk(frozenset(risks), "needed"))
    return replace(policy, entitlements=(changed, *rest))


def missing(policy: Policy, rules: tuple[Rule, ...], namespace: str, own: str = "") -> set[str]:
    name = a_policy().entitlements[0].name
    cluster = policy.clusters[0].alias
    return set(
        unaccepted_risks(
            policy, name, rules, cluster=cluster, namespace=namespace, process_namespace=own
        )
    )


def test_a_risk_must_be_accepted_by_name() -> None:
    assert missing(accepting(), PODS, "team") == set()
    assert missing(accepting(), SECRETS, "team") == {"secrets-read"}
    assert missing(accepting("secrets-read"), SECRETS, "team") == set()
    assert missing(accepting("secrets-write"), SECRETS, "team") == {"secrets-read"}


def test_the_bots_own_namespace_is_a_risk_by_policy_and_by_the_process() -> None:
    own = a_policy().clusters[0].own_namespace
    assert missing(accepting(), PODS, own) == {"own-namespace"}
    assert missing(accepting(), PODS, "here", own="here") == {"own-namespace"}
    assert missing(accepting("own-namespace"), PODS, "here", own="here") == set()


def test_an_entitlement_that_is_gone_accepts_nothing() -> None:
    gone = replace(accepting("secrets-read"), entitlements=())
    assert missing(gone, SECRETS, "team") == {"secrets-read"}
