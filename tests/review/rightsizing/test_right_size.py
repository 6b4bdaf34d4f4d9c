"""Right-sizing by example: what becomes of each kind of use and of each kind of right."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from grants.authz.model import Question, RoleRef, Rule
from grants.authz.objects import (
    AUTHENTICATED,
    GROUP,
    SERVICE_ACCOUNT,
    USER,
    Binding,
    Meta,
    Role,
    Subject,
)
from grants.authz.rbac import Rbac, Right
from grants.clusters import labels
from grants.errors import InsufficientEvidence
from grants.review.rightsizing import cautions, companions, objects, unseen
from grants.review.rightsizing.evidence import Complete, Evidence
from grants.review.rightsizing.least import rules_of
from grants.review.rightsizing.model import Lack, Observed, Proposal, Target, Window
from grants.review.rightsizing.names import Names, looks_generated
from grants.review.rightsizing.objects import objects_of, stable_name
from grants.review.rightsizing.propose import ELECTION_NOTE, RightSize, right_size
from grants.usage.model import MANY
from tests.support.sizing import EARLY, LATE, SINCE, TARGET, WINDOW, observed

ACCOUNT = Subject(SERVICE_ACCOUNT, "worker", "shop")
OTHER = Subject(SERVICE_ACCOUNT, "other", "shop")
EVERYTHING = Rule(("*",), ("*",), ("*",))
RBAC = "rbac.authorization.k8s.io"


def bound(
    *rules: Rule, namespace: str = "", name: str = "old", subjects: tuple[Subject, ...] = (ACCOUNT,)
) -> tuple[Role, Binding]:
    role = Role("ClusterRole", Meta(name), rules)
    kind: Any = "RoleBinding" if namespace else "ClusterRoleBinding"
    return role, Binding(kind, Meta(name, namespace), RoleRef("ClusterRole", name), subjects)


def rbac(*pairs: tuple[Role, Binding]) -> Rbac:
    return Rbac([role for role, _ in pairs], [binding for _, binding in pairs])


def propose(
    held: Rbac, *seen: Question | Observed, evidence: Evidence | None = None, **more: Any
) -> Proposal:
    rows = tuple(one if isinstance(one, Observed) else observed(one) for one in seen)
    return right_size(RightSize(TARGET, rows, WINDOW, **more), held, evidence or Complete())


def given(found: Proposal) -> dict[str | None, tuple[Rule, ...]]:
    return {scoped.scope: scoped.plain for scoped in found.scopes}


def codes(found: Proposal) -> set[str]:
    return {caution.code for caution in found.cautions}


def get(resource: str, name: str = "", namespace: str | None = "shop", **more: Any) -> Question:
    return Question("get", resource=resource, name=name, namespace=namespace, **more)


def test_namespaces_are_kept_apart_and_only_what_was_cluster_wide_stays_so() -> None:
    found = propose(
        rbac(bound(EVERYTHING)),
        get("pods", "a"),
        get("pods", "a", "bank"),
        Question("list", resource="nodes"),
    )
    assert given(found) == {
        None: (Rule(("list",), ("",), ("nodes",)),),
        "bank": (Rule(("get",), ("",), ("pods",), ("a",)),),
        "shop": (Rule(("get",), ("",), ("pods",), ("a",)),),
    }
    assert found.replay.holds


def test_what_is_done_everywhere_is_not_given_in_namespaces_again() -> None:
    everywhere = Question("list", resource="pods")
    found = propose(rbac(bound(EVERYTHING)), everywhere, replace(everywhere, namespace="shop"))
    assert given(found) == {None: (Rule(("list",), ("",), ("pods",)),)}


def test_subresources_are_kinds_of_their_own() -> None:
    found = propose(rbac(bound(EVERYTHING)), get("pods", "a", subresource="log"))
    assert given(found) == {"shop": (Rule(("get",), ("",), ("pods/log",), ("a",)),)}


def test_verbs_share_a_rule_only_for_just_the_same_names() -> None:
    update = Question("update", resource="configmaps", name="a", namespace="shop")
    found = propose(rbac(bound(EVERYTHING)), get("configmaps", "a"), get("configmaps", "b"), update)
    assert given(found)["shop"] == (
        Rule(("update",), ("",), ("configmaps",), ("a",)),
        Rule(("get",), ("",), ("configmaps",), ("a", "b")),
    )


def test_no_cross_product_is_ever_made() -> None:
    found = propose(
        rbac(bound(EVERYTHING)),
        Question("list", "", "pods", namespace="shop"),
        Question("delete", "apps", "deployments", name="web", namespace="shop"),
        Question("list", "events.k8s.io", "events", namespace="shop"),
        Question("list", "", "events", namespace="shop"),
    )
    assert given(found)["shop"] == (
        Rule(("list",), ("",), ("events", "pods")),
        Rule(("delete",), ("apps",), ("deployments",), ("web",)),
        Rule(("list",), ("events.k8s.io",), ("events",)),
    )


def test_groups_share_a_rule_where_all_else_is_the_same() -> None:
    kinds = [("", "events"), ("events.k8s.io", "events")]
    found = propose(
        rbac(bound(EVERYTHING)), *(Question("create", *kind, namespace="shop") for kind in kinds)
    )
    assert given(found)["shop"] == (Rule(("create",), ("", "events.k8s.io"), ("events",)),)


def test_names_that_a_log_tells_of_a_create_are_not_what_was_asked_for() -> None:
    create = Question("create", resource="pods", name="a", namespace="shop")
    found = propose(rbac(bound(EVERYTHING)), create, replace(create, subresource="eviction"))
    assert given(found)["shop"] == (
        Rule(("create",), ("",), ("pods",)),
        Rule(("create",), ("",), ("pods/eviction",), ("a",)),
    )


def test_a_list_goes_by_name_only_where_it_asked_for_one() -> None:
    one = Question("list", resource="secrets", name="tls", namespace="shop")
    named = propose(rbac(bound(EVERYTHING)), one)
    assert given(named)["shop"] == (Rule(("list",), ("",), ("secrets",), ("tls",)),)
    every = propose(rbac(bound(EVERYTHING)), one, replace(one, name=""))
    assert given(every)["shop"] == (Rule(("list",), ("",), ("secrets",)),)


@pytest.mark.parametrize(
    "names",
    [
        [f"name{number}" for number in range(21)],
        ["web-7d4b9c6f5d-x2x7k"],
        ["backup-28461180"],
        ["2f1e7a3c-0000-4000-8000-123456789abc"],
        [MANY],
    ],
    ids=["many", "pod", "cron", "uuid", "collapsed"],
)
def test_names_that_will_be_others_tomorrow_are_not_written_down(names: list[str]) -> None:
    found = propose(rbac(bound(EVERYTHING)), *(get("pods", name) for name in names))
    assert given(found)["shop"] == (Rule(("get",), ("",), ("pods",)),)


def test_a_name_that_came_late_says_that_more_will_come() -> None:
    late = observed(get("pods", "b"), since=LATE)
    found = propose(rbac(bound(EVERYTHING)), get("pods", "a"), late)
    assert given(found)["shop"] == (Rule(("get",), ("",), ("pods",)),)
    always = propose(rbac(bound(EVERYTHING)), get("pods", "a"), late, names=Names.ALWAYS)
    assert given(always)["shop"] == (Rule(("get",), ("",), ("pods",), ("a", "b")),)


def test_where_todays_rights_go_by_name_no_other_name_is_given() -> None:
    held = rbac(bound(Rule(("get",), ("",), ("secrets",), ("a", "b", "c")), namespace="shop"))
    assert given(propose(held, get("secrets", "a"), names=Names.NEVER)) == {
        "shop": (Rule(("get",), ("",), ("secrets",), ("a",)),)
    }
    assert given(propose(held, get("secrets", MANY)))["shop"][0].resource_names == ("a", "b", "c")


def test_plain_names_are_not_taken_for_generated_ones() -> None:
    plain = ("tls", "web-front", "kube-root-ca.crt", "db-0", "my-class", "deadbeef", "node-12345")
    assert [name for name in plain if looks_generated(name)] == []


def test_what_was_denied_or_done_long_ago_is_no_need() -> None:
    old = Observed(get("pods"), allowed=True, first_seen=EARLY, last_seen=SINCE - timedelta(1))
    found = propose(rbac(bound(EVERYTHING)), observed(get("secrets"), allowed=False), old)
    assert found.scopes == ()
    assert cautions.NEVER_SEEN in codes(found)


def test_what_groups_give_anyway_is_not_given_again() -> None:
    everyone = bound(
        Rule(("get",), ("",), ("pods",)), name="all", subjects=(Subject(GROUP, AUTHENTICATED),)
    )
    found = propose(rbac(bound(EVERYTHING), everyone), get("pods", "a"), get("secrets", "s"))
    assert given(found) == {"shop": (Rule(("get",), ("",), ("secrets",), ("s",)),)}
    assert (found.replay.asked, found.replay.by_group) == (2, 1)
    assert all(one.binding.meta.name == "old" for one in found.replaced)


def test_discovery_comes_by_a_group_of_every_cluster() -> None:
    paths = [Question("get", path=path) for path in ("/apis/apps/v1", "/version", "/metrics")]
    review = Question("create", "authorization.k8s.io", "selfsubjectaccessreviews")
    held = rbac(bound(EVERYTHING, Rule(("*",), non_resource_urls=("*",))))
    found = propose(held, *paths, review)
    assert given(found) == {None: (Rule(("get",), non_resource_urls=("/metrics",)),)}


def test_a_cluster_that_took_discovery_away_is_believed() -> None:
    role, binding = bound(Rule(("get",), non_resource_urls=("*",)))
    held = Rbac([replace(role, meta=Meta("old", uid="u"))], [binding])
    found = propose(held, Question("get", path="/version"))
    assert given(found) == {None: (Rule(("get",), non_resource_urls=("/version",)),)}


def test_too_many_paths_keep_the_paths_that_rules_hold() -> None:
    held = rbac(bound(Rule(("get",), non_resource_urls=("/metrics", "/debug/*"))))
    found = propose(held, Question("get", path=MANY), exactly=True)
    assert given(found)[None] == (Rule(("get",), non_resource_urls=("/debug/*", "/metrics")),)


def test_whoever_leads_can_make_its_lease_anew() -> None:
    lease = ("coordination.k8s.io", "leases")
    renew = Question("update", *lease, name="lead", namespace="shop")
    found = propose(
        rbac(bound(EVERYTHING)),
        renew,
        replace(renew, verb="get"),
        get("configmaps", "lead"),
        get("configmaps", "settings"),
    )
    (scoped,) = found.scopes
    assert [(noted.rule, noted.notes) for noted in scoped.rules] == [
        (Rule(("get",), ("",), ("configmaps",), ("lead", "settings")), (ELECTION_NOTE,)),
        (Rule(("create",), lease[:1], lease[1:]), (companions.LEASE_ANEW,)),
        (Rule(("get", "update"), lease[:1], lease[1:], ("lead",)), (ELECTION_NOTE,)),
    ]
    assert len(propose(rbac(bound(EVERYTHING)), renew, exactly=True).scopes[0].rules) == 1


def test_a_watch_can_begin_anew_and_a_stream_can_come_by_websocket() -> None:
    watch = Question("watch", resource="pods", namespace="shop")
    stream = get("pods", "a", subresource="exec")
    found = propose(rbac(bound(EVERYTHING)), watch, stream)
    assert given(found)["shop"] == (
        Rule(("list", "watch"), ("",), ("pods",)),
        Rule(("create", "get"), ("",), ("pods/exec",), ("a",)),
    )
    less = rbac(bound(Rule(("watch",), ("",), ("pods",))))
    assert given(propose(less, watch))["shop"] == (Rule(("watch",), ("",), ("pods",)),)


def test_rights_whose_use_nobody_can_see_stay_and_say_why() -> None:
    hidden = (
        Rule(("get",), ("",), ("nodes/metrics", "nodes/status")),
        Rule(("get",), non_resource_urls=("/metrics", "*")),
        Rule(("use",), ("policy",), ("podsecuritypolicies",), ("p",)),
    )
    found = propose(rbac(bound(*hidden)))
    assert [(kept.rule, kept.why) for kept in found.kept] == [
        (Rule(("get",), ("",), ("nodes/metrics",)), unseen.KUBELET),
        (hidden[2], unseen.NOT_IN_REQUESTS),
        (Rule(("get",), non_resource_urls=("/metrics",)), unseen.OTHER_SERVERS),
    ]
    assert propose(rbac(bound(*hidden)), exactly=True).scopes == ()


def test_bind_stays_for_whoever_writes_bindings_and_goes_for_whoever_does_not() -> None:
    held = rbac(
        bound(
            Rule(("bind",), (RBAC,), ("clusterroles",), ("view",)),
            Rule(("create",), (RBAC,), ("rolebindings",)),
        )
    )
    writes = Question("create", RBAC, "rolebindings", namespace="shop")
    assert [kept.rule.verbs for kept in propose(held, writes).kept] == [("bind",)]
    assert propose(held, get("pods")).kept == ()


def test_what_an_asterisk_holds_is_not_kept_for_being_unseen() -> None:
    found = propose(rbac(bound(EVERYTHING)), Question("create", RBAC, "roles", namespace="shop"))
    assert found.kept == ()
    assert {cautions.WILDCARD, cautions.WRITES_ROLES} <= codes(found)


class ReadsUnseen:
    """A cluster whose audit policy drops reads."""

    def lacks(
        self, right: Right, verb: str, api_group: str | None, what: str, window: Window
    ) -> Lack | None:
        return Lack(verb, api_group or "", what, "dropped") if verb in {"get", "*"} else None


def test_nothing_is_proposed_where_use_could_have_gone_unseen() -> None:
    held = rbac(bound(Rule(("get", "delete"), ("",), ("secrets",))))
    with pytest.raises(InsufficientEvidence) as caught:
        propose(held, evidence=ReadsUnseen())
    assert caught.value.lacks == (("get", "", "secrets", "dropped"),)
    # What stays whole needs no evidence.
    here = rbac(bound(Rule(("get", "delete"), ("",), ("secrets",)), namespace="shop"))
    assert propose(here, get("secrets"), evidence=ReadsUnseen()).replay.holds


def test_what_can_not_be_judged_may_be_kept_instead() -> None:
    held = rbac(bound(Rule(("get", "delete"), ("",), ("secrets",))))
    found = propose(held, evidence=ReadsUnseen(), keep_unjudged=True)
    assert [(kept.rule.verbs, kept.why) for kept in found.kept] == [(("get",), unseen.NOT_COVERED)]
    assert [taken.rule.verbs for taken in found.taken] == [("delete",)]


def test_what_is_taken_away_says_by_which_binding_and_what_of_it_stays() -> None:
    held = rbac(bound(Rule(("get", "list"), ("",), ("secrets",))))
    found = propose(held, get("secrets", "tls"))
    lost = {taken.rule.verbs: taken for taken in found.taken}
    assert lost["get",].left_in == ("shop",)
    assert lost["get",].left_names == ("tls",)
    assert (lost["list",].left_in, lost["list",].left_names) == ((), ())
    assert [b.meta.name for b in lost["list",].bindings] == ["old"]


def test_a_binding_of_several_keeps_the_others() -> None:
    as_user = Subject(USER, TARGET.user)
    found = propose(rbac(bound(EVERYTHING, subjects=(ACCOUNT, OTHER, as_user))))
    (one,) = found.replaced
    assert one.stays == (OTHER,)


def test_a_binding_whose_role_is_missing_goes_too() -> None:
    """It would come alive with whatever role is made under that name."""
    binding = Binding("ClusterRoleBinding", Meta("b"), RoleRef("ClusterRole", "none"), (ACCOUNT,))
    assert [one.binding for one in propose(Rbac([], [binding])).replaced] == [binding]


def test_what_was_allowed_by_something_else_is_told_and_not_given() -> None:
    found = propose(rbac(bound(Rule(("get",), ("",), ("pods",)))), get("pods"), get("secrets"))
    assert found.unexplained == (get("secrets"),)
    assert given(found) == {"shop": (Rule(("get",), ("",), ("pods",)),)}
    assert cautions.NOT_BY_RBAC in codes(found)


def test_an_apply_may_create_and_new_namespaces_may_come() -> None:
    patch = Question("patch", "apps", "deployments", name="web", namespace="shop")
    later = observed(replace(patch, namespace="bank"), since=LATE)
    facts = {c.code: c.facts for c in propose(rbac(bound(EVERYTHING)), patch, later).cautions}
    assert facts[cautions.APPLY_CREATES] == {"kinds": "deployments"}
    assert facts[cautions.NEW_NAMESPACES] == {"namespaces": "bank"}


def test_an_account_that_holds_just_what_it_needs_keeps_it() -> None:
    held = rbac(bound(Rule(("list",), ("",), ("pods",)), namespace="shop"))
    found = propose(held, Question("list", resource="pods", namespace="shop"))
    assert found.changes_nothing


def test_names_of_objects_are_stable_and_no_two_accounts_share_one() -> None:
    assert stable_name(Target("a", "b-c")) != stable_name(Target("a-b", "c"))
    assert len(stable_name(Target("n" * 63, "x" * 253))) < 253
    ((role, binding),) = objects_of(TARGET, WINDOW, ((None, (EVERYTHING,)),))
    assert (role.ref, binding.subjects) == (binding.role, (ACCOUNT,))


def test_a_sweep_does_not_take_a_proposal_for_a_binding_of_the_bot() -> None:
    assert objects.PREFIX == labels.PREFIX
    ((_, binding),) = objects_of(TARGET, WINDOW, (("shop", (EVERYTHING,)),))
    assert labels.MANAGED_BY_LABEL not in binding.meta.labels
    assert labels.INSTALLATION_LABEL not in binding.meta.labels


def test_the_order_of_rules_depends_on_nothing_else() -> None:
    seen = [get("pods", "a"), get("secrets", "b"), Question("list", resource="nodes")]
    one, other = (propose(rbac(bound(EVERYTHING)), *rows) for rows in (seen, seen[::-1]))
    assert one.scopes == other.scopes
    assert rules_of(()) == ()
