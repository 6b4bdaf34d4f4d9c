"""Verdicts of use: what nobody used, what nothing uses, and where it can't be told."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from grants.authz.model import Rule
from grants.authz.objects import Account, Binding, Meta, Role, Subject
from grants.policy.review_model import ReviewPolicy, Scope, Window
from grants.review.finding import Finding, Severity, Verdict
from grants.review.findings.look import Look
from grants.review.findings.scanning import review
from grants.review.findings.verdicts import UseEvidence, use_evidence
from grants.review.inventory import Seen as KindSeen
from grants.review.inventory import TokenSecret, Workload
from grants.usage.coverage import Coverage, Loss
from grants.usage.model import MANY, PATHS, Act, Kind, Use, VerbClass, Whose
from grants.usage.seen import Traced
from tests.support.rbac_objects import account, bind, group, paths, role, rule, user
from tests.support.reviews import ALL_SEEN, NOON, look_at, runs, sa

WINDOW = timedelta(days=30)
POLICY = ReviewPolicy(window=WINDOW)
OLD = NOON - timedelta(days=400)
APP = account("app", "shop")
USER = "system:serviceaccount:shop:app"
RBAC = "rbac.authorization.k8s.io"

READS, WRITES = VerbClass.READ, VerbClass.WRITE
KINDS = [
    *(Kind(of, "", what) for of in (READS, WRITES) for what in ("pods", "secrets", "configmaps")),
    Kind(READS, "", PATHS),
    Kind(WRITES, "", "pods/eviction"),
]


def heard(
    kinds: Iterable[Kind] = KINDS, days: int = 60, silent: tuple[int, int] = (0, 0)
) -> Coverage:
    """A cluster that was heard every minute for so many days, but for some days before now."""
    start = NOON - timedelta(days=days)
    hours = {
        (start + timedelta(hours=n)).replace(minute=0): (1 << 60) - 1 for n in range(days * 24 + 1)
    }
    all_days = [start.date() + timedelta(days=n) for n in range(days + 1)]
    quiet = {NOON.date() - timedelta(days=n) for n in range(*sorted(silent))}
    seen = [day for day in all_days if day not in quiet]
    return Coverage("prod", hours, {Traced(kind, w): seen for kind in kinds for w in Whose})


def did(
    verb: str, what: str, *, by: str = USER, name: str = "", ago: float = 1, **more: object
) -> Use:
    resource, _, sub = what.partition("/")
    act = Act(by, "", verb, "", resource, sub, "shop", name, "", True, "")
    act = act._replace(**more)  # type: ignore[arg-type]
    at = NOON - timedelta(days=ago)
    return Use("prod", act, at - timedelta(hours=1), at, 3)


def made(thing: Account | Role | Binding, at: datetime | None = OLD) -> Account | Role | Binding:
    return replace(thing, meta=replace(thing.meta, created=at))


def town(
    *rules: Rule,
    to: Subject = APP,
    namespace: str = "shop",
    born: datetime | None = OLD,
    bound: datetime | None = OLD,
    more: tuple[Account | Role | Binding | Workload | Meta, ...] = (),
    policy: ReviewPolicy = POLICY,
    seen: dict[str, KindSeen] | None = None,
) -> Look:
    given = role("role", *rules, namespace=namespace)
    binding = bind("binding", given, to, namespace=namespace)
    return look_at(
        made(sa("app"), born),
        made(given),
        made(binding, bound),
        *more,
        policy=policy,
        seen=seen or ALL_SEEN,
    )


def verdict(
    look: Look, rule_id: str, *uses: Use, coverage: Coverage | None = None
) -> Finding | None:
    evidence: UseEvidence = use_evidence(coverage or heard(), uses)
    found = [one for one in review(look, evidence).findings if one.rule == rule_id]
    assert len(found) <= 1
    return found[0] if found else None


def unused(look: Look, *uses: Use, coverage: Coverage | None = None) -> tuple[str, ...]:
    found = verdict(look, "unused-permission", *uses, coverage=coverage)
    if found is None:
        return ()
    assert found.verdict is Verdict.FOUND, found.missing
    return found.permission


def missing(look: Look, rule_id: str, *uses: Use, coverage: Coverage | None = None) -> str:
    found = verdict(look, rule_id, *uses, coverage=coverage)
    assert found is not None
    assert found.verdict is Verdict.INSUFFICIENT
    assert not found.is_open
    return "; ".join(found.missing)


# Rights that nobody used.


def test_what_was_not_used_in_the_window_is_told_by_verb_and_kind() -> None:
    look = town(rule("get list delete", "pods secrets"))
    assert unused(look, did("get", "pods"), did("list", "secrets")) == (
        "list,delete pods in core",
        "get,delete secrets in core",
    )


def test_what_was_all_used_is_no_finding() -> None:
    assert unused(town(rule("get", "pods")), did("get", "pods", name="web")) == ()


def test_what_was_used_before_the_window_is_unused() -> None:
    assert unused(town(rule("get", "pods")), did("get", "pods", ago=31)) == ("get pods in core",)


def test_denied_requests_are_no_use() -> None:
    look = town(rule("get", "pods"))
    assert unused(look, did("get", "pods", allowed=False)) == ("get pods in core",)


def test_others_and_other_namespaces_are_no_use() -> None:
    look = town(rule("get", "pods"))
    others = did("get", "pods", by="ann"), did("get", "pods", namespace="else")
    assert unused(look, *others) == ("get pods in core",)
    assert unused(town(rule("get", "pods"), namespace=""), others[1]) == ()


def test_names_are_kept_apart_unless_they_were_too_many() -> None:
    look = town(rule("get", "secrets", names="a b"))
    assert unused(look, did("get", "secrets", name="a")) == ("get secrets in core named b",)
    assert unused(look, did("get", "secrets", name=MANY)) == ()


def test_subresources_are_kept_apart() -> None:
    look = town(rule("create", "pods/eviction pods"))
    assert unused(look, did("create", "pods/eviction", name="x")) == ("create pods in core",)


def test_a_wildcard_is_used_by_whatever_it_allows() -> None:
    assert unused(town(rule("*", "pods")), did("get", "pods")) == ()
    assert unused(town(rule("get", "*")), did("get", "pods")) == ()
    assert unused(town(rule("*", "pods"))) == ("* pods in core",)


def test_paths_are_rights_too() -> None:
    look = town(paths("get", "/metrics /logs"), namespace="")
    act = did("get", "", path="/metrics", resource="", namespace="")
    assert unused(look, act) == ("get paths /logs",)
    many = did("get", "", path=MANY, resource="", namespace="")
    assert unused(look, many) == ()


def test_what_a_group_of_accounts_holds_is_used_by_any_of_them() -> None:
    look = town(rule("get list", "pods"), to=group("system:serviceaccounts:shop"),
                more=(made(sa("other")),))  # fmt: skip
    others = did("get", "pods", by="system:serviceaccount:shop:other")
    found = verdict(look, "unused-permission", others)
    assert found is not None
    assert (found.verdict, found.permission) == (Verdict.FOUND, ("list pods in core",))


@pytest.mark.parametrize("to", [user("ann"), group("devs"), group("system:authenticated")])
def test_of_people_nothing_is_said(to: Subject) -> None:
    assert verdict(town(rule("get", "pods"), to=to), "unused-permission") is None


def test_unused_rights_weigh_by_what_they_would_allow() -> None:
    found = verdict(town(rule("*", "secrets"), namespace=""), "unused-permission")
    assert found is not None
    assert (found.severity, found.title) == (
        Severity.MEDIUM,
        "used none of the rights that it holds",
    )


def test_an_apply_needs_to_create_what_no_log_shows() -> None:
    look = town(rule("create patch", "configmaps"))
    said = missing(look, "unused-permission", did("patch", "configmaps", name="x"))
    assert "apply" in said
    assert unused(look, did("get", "pods")) == ("create,patch configmaps in core",)


# Where it can't be told.


def test_what_the_audit_policy_drops_is_not_concluded_from() -> None:
    kinds = [kind for kind in KINDS if kind != Kind(READS, "", "secrets")]
    look = town(rule("get", "secrets"))
    assert "no read secrets was ever seen" in missing(
        look, "unused-permission", coverage=heard(kinds)
    )


def test_what_can_be_told_is_told_and_the_rest_is_counted() -> None:
    kinds = [kind for kind in KINDS if kind != Kind(READS, "", "secrets")]
    found = verdict(town(rule("get", "secrets pods")), "unused-permission", coverage=heard(kinds))
    assert found is not None
    assert found.permission == ("get pods in core",)
    assert "of 1 nothing can be said" in found.evidence[1]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"born": NOON - timedelta(days=29)}, "the account is younger"),
        ({"bound": NOON - timedelta(days=29)}, "the binding is younger"),
        ({"born": None}, "how old the account is"),
        ({"bound": None}, "how old the binding is"),
    ],
)
def test_nothing_is_said_before_account_and_binding_are_older_than_the_window(
    changed: dict[str, datetime | None], said: str
) -> None:
    look = town(rule("get", "pods"), **changed)  # type: ignore[arg-type]
    assert said in missing(look, "unused-permission")
    assert said in missing(look, "stale-account")


def test_nothing_is_said_before_tracking_is_older_than_the_window() -> None:
    look = town(rule("get", "pods"))
    young = heard(days=29)
    for rule_id in ("unused-permission", "stale-account"):
        assert "since" in missing(look, rule_id, coverage=young)


def test_nothing_is_said_without_any_audit_log() -> None:
    nothing = Coverage("prod")
    assert "no audit log" in missing(
        town(rule("get", "pods")), "unused-permission", coverage=nothing
    )


def test_nothing_is_said_over_a_gap_or_losses() -> None:
    look = town(rule("get", "pods"))
    whole = heard()
    gap = [hour for hour in whole.hours if NOON - hour > timedelta(days=3)]
    gapped = replace(whole, hours={hour: whole.hours[hour] for hour in gap})
    assert "nothing was heard from" in missing(look, "stale-account", coverage=gapped)
    lossy = replace(whole, losses=[Loss(NOON - timedelta(days=2), "broken", 7)])
    assert "7 events" in missing(look, "unused-permission", coverage=lossy)


def test_what_is_asked_inside_other_requests_is_never_unused() -> None:
    look = town(rule("bind", "clusterroles", RBAC), namespace="")
    assert "no log shows it" in missing(look, "unused-permission")


def test_the_window_may_be_another_for_some() -> None:
    yearly = Window(Scope(accounts=("shop/app",)), timedelta(days=365))
    look = town(rule("get", "pods"), policy=replace(POLICY, windows=(yearly,)))
    assert "since" in missing(look, "unused-permission")
    assert "since" in missing(look, "stale-account")


# Accounts that nothing uses.


def stale(look: Look, *uses: Use) -> bool:
    found = verdict(look, "stale-account", *uses)
    assert found is None or found.verdict is Verdict.FOUND, found.missing
    return found is not None


def test_an_account_that_nothing_runs_as_and_that_does_nothing_is_stale() -> None:
    assert stale(town(rule("get", "pods")))
    assert stale(look_at(made(sa("app")), policy=POLICY))


@pytest.mark.parametrize(
    "use",
    [
        did("get", "pods"),
        did("get", "pods", allowed=False),
        did("list", "nodes", namespace=""),
        did("create", "serviceaccounts/token", by="ann", name="app"),
    ],
)
def test_whatever_it_does_or_is_asked_for_keeps_it(use: Use) -> None:
    assert not stale(town(rule("get", "pods")), use)


def test_what_was_done_before_the_window_keeps_it_not() -> None:
    assert stale(town(rule("get", "pods")), did("get", "pods", ago=40))
    assert stale(town(), did("create", "serviceaccounts/token", by="ann", name="app", ago=40))


@pytest.mark.parametrize(
    "workload",
    [
        runs("web", "app"),
        runs("night", "app", kind="CronJob", suspended=True),
        runs("zero", "app", replicas=0),
        runs("pod", "app", kind="Pod"),
    ],
)
def test_what_runs_or_may_run_as_it_keeps_it(workload: Workload) -> None:
    assert not stale(town(rule("get", "pods"), more=(workload,)))


def test_where_secrets_were_not_seen_a_pod_that_is_given_some_may_hold_its_token() -> None:
    """An account whose token only another's pod held was stale, where no Secret was read."""
    unread = {**ALL_SEEN, "Secret": KindSeen.NOT_ASKED}
    host = runs("web", "other", secrets=("tls",))
    look = town(rule("get", "pods"), seen=unread, more=(host,))
    assert "Deployment/web: given Secrets that were not seen" in missing(look, "stale-account")
    elsewhere = runs("web", "other", namespace="till", secrets=("tls",))
    assert stale(town(rule("get", "pods"), seen=unread, more=(elsewhere,)))
    assert stale(town(rule("get", "pods"), more=(host,)))


def test_where_it_was_not_kept_whose_tokens_were_asked_for_nobody_is_called_stale() -> None:
    """A robot that asks for tokens of more accounts than names are kept of hid one in use."""
    look = town(rule("get", "pods"))
    asked = did("create", "serviceaccounts/token", by="ci", name=MANY)
    assert "tokens of so many accounts" in missing(look, "stale-account", asked)
    assert stale(look, replace(asked, act=asked.act._replace(namespace="till")))


@pytest.mark.parametrize("dropped", [READS, WRITES])
def test_where_refusals_would_not_show_an_account_without_rights_is_not_stale(
    dropped: VerbClass,
) -> None:
    """One that asks for what it may not do is in use; a policy that drops reads hides it."""
    look = look_at(made(sa("app")), policy=POLICY)
    half = heard([kind for kind in KINDS if kind.verb_class is not dropped])
    assert "no service account was seen" in missing(look, "stale-account", coverage=half)


def test_a_default_account_is_never_stale() -> None:
    assert not stale(look_at(made(sa("default")), policy=POLICY))


def test_where_pods_were_not_seen_nobody_is_called_stale() -> None:
    half = {**ALL_SEEN, "CronJob": KindSeen.FORBIDDEN}
    assert "CronJob: not seen" in missing(town(rule("get", "pods"), seen=half), "stale-account")


def test_rights_of_everybody_blind_nobody() -> None:
    given = role("reviews", rule("create", "selfsubjectreviews", "authentication.k8s.io"))
    everybody = made(bind("all", made(given), group("system:authenticated")))  # type: ignore[arg-type]
    assert stale(town(rule("get", "pods"), more=(made(given), everybody)))


def test_a_wildcard_is_blind_where_any_kind_is() -> None:
    look = town(rule("*", "*"), namespace="")
    assert stale(look)
    half = [kind for kind in KINDS if kind != Kind(READS, "", "secrets")]
    assert "read secrets" in missing(look, "stale-account", coverage=heard(half))


def test_a_token_in_a_secret_that_was_used_keeps_its_account() -> None:
    look = town(rule("get", "pods"))
    for day, kept in [(date(2026, 11, 20), True), (date(2026, 10, 1), False)]:
        label = {"kubernetes.io/legacy-token-last-used": day.isoformat()}
        secret = TokenSecret(Meta("app-token", "shop", labels=label), "app")
        there = replace(look, inventory=replace(look.inventory, token_secrets=(secret,)))
        assert stale(there) is not kept


def test_a_stale_account_weighs_by_what_it_holds() -> None:
    weights = []
    for rules in ((), (rule("get", "pods"),), (rule("get", "secrets"),), (rule("*", "secrets"),)):
        found = verdict(town(*rules, namespace=""), "stale-account")
        assert found is not None
        weights.append(found.severity)
    assert weights == [Severity.LOW, Severity.LOW, Severity.HIGH, Severity.HIGH]


def test_it_stays_one_finding_whatever_can_be_said() -> None:
    look = town(rule("get", "pods"))
    found = verdict(look, "stale-account")
    unsure = verdict(look, "stale-account", coverage=heard(days=10))
    assert found is not None
    assert unsure is not None
    assert found.key == unsure.key


def test_without_any_evidence_of_use_one_line_says_so() -> None:
    found = review(town(rule("get", "pods")))
    assert [gap.code for gap in found.gaps if gap.code == "no-use"] == ["no-use"]
    assert not [one for one in found.findings if one.rule in {"stale-account", "unused-permission"}]


def test_times_are_utc() -> None:
    assert NOON.tzinfo is UTC
