"""Events into rows: whatever their order, and however often they come."""

import itertools
import json
from datetime import timedelta

import pytest

from grants.usage.folded import FUTURE, NOBODY, REPEATED, UNTIMED
from grants.usage.model import DENIALS_KEPT, MANY, NAMES_KEPT, NODES, PATHS_KEPT, Kind, VerbClass
from tests.support.audit import (
    NOW,
    START,
    WEB,
    acts,
    denied,
    event,
    lines,
    only,
    read,
    reason,
    ref,
    stamp,
)

MINUTE = timedelta(minutes=1)


def test_an_act_is_one_row_with_when_it_was_first_and_last_seen_and_how_often():
    folded = read(lines(*(event(n, START + n * MINUTE) for n in range(5))))
    act, first, last, count = only(folded)
    assert (act.user, act.verb, act.resource, act.namespace, act.name) == (
        WEB,
        "get",
        "configmaps",
        "shop",
        "prices",
    )
    assert first == stamp(START)
    assert last == stamp(START + 4 * MINUTE + timedelta(milliseconds=4))
    assert count == 5
    assert folded.events == folded.lines == 5
    assert not folded.is_partial


def test_the_order_of_events_changes_nothing(dice):
    some = [event(n, START + n * timedelta(hours=7)) for n in range(40)]
    wanted = only(read(lines(*some)))
    for _ in range(5):
        dice.shuffle(some)
        assert only(read(lines(*some))) == wanted


def test_what_comes_again_is_not_counted_again():
    one, two = event(1), event(2, START + MINUTE)
    folded = read(lines(one, two, one, two, two))
    assert only(folded)[3] == 2
    assert folded.words[REPEATED] == 3


def test_beyond_the_window_what_comes_again_is_counted_again_and_first_and_last_stay():
    some = [event(n, START + n * MINUTE) for n in range(1000)]
    once, twice = read(lines(*some), kept=100), read(lines(*some, *some), kept=100)
    assert only(once)[:3] == only(twice)[:3]
    assert only(once)[3] == 1000
    assert only(twice)[3] > 1000


def test_the_binding_is_read_from_what_the_server_says():
    folded = read(lines(event()))
    (use,) = (act for act, _ in folded.parts["prod"].rows)
    assert use.reason == reason()


def test_each_binding_that_allowed_it_is_a_row():
    said = [
        {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": reason(name)}
        for name in ("one", "two", "one")
    ]
    folded = read(lines(*(event(n, annotations=each) for n, each in enumerate(said))))
    assert sorted(row.count for _, row in folded.parts["prod"].rows) == [1, 2]


def test_allowed_and_denied_are_apart_and_denied_has_no_names():
    folded = read(lines(event(1), denied(2), denied(3, objectRef=ref(name="other"))))
    assert acts(folded) == {
        "shop:web get configmaps shop/prices",
        "shop:web not get configmaps shop/",
    }


@pytest.mark.parametrize(("code", "allowed"), [(200, True), (404, True), (403, False)])
def test_without_a_decision_the_answer_tells(code, allowed):
    act, *_ = only(read(lines(event(annotations=None, responseStatus={"code": code}))))
    assert act.allowed is allowed


def test_an_apply_that_made_something_was_allowed_to_create_it():
    """The API server asks for `create` within the request; that it was answered 201 shows it."""
    made, there = {"code": 201}, {"code": 200}
    some = [
        event(1, verb="patch", responseStatus=there),
        event(2, START + MINUTE, verb="patch", responseStatus=made),
        event(3, START + 2 * MINUTE, verb="patch", responseStatus=there),
        event(4, START + 3 * MINUTE, verb="update", responseStatus=made),
        event(5, START + 4 * MINUTE, verb="create", responseStatus=made),
        event(6, START + 4 * MINUTE, verb="update", responseStatus=made,
              objectRef=ref("pods", subresource="status")),
    ]  # fmt: skip
    rows = read(lines(*some)).parts["prod"].rows
    name = event()["objectRef"]["name"]
    assert sorted((act.verb, act.resource, act.name, row.count) for act, row in rows) == [
        # By which binding an apply was allowed to, nothing says: so these two are apart.
        ("create", "configmaps", "", 1),
        ("create", "configmaps", "", 2),
        ("patch", "configmaps", name, 3),
        ("update", "configmaps", name, 1),
        ("update", "pods", "", 1),
    ]
    assert {row.count for act, row in rows if act.verb == "create" and not act.reason} == {2}


def test_who_acts_as_another_makes_things_as_that_other():
    as_other = event(1, verb="patch", responseStatus={"code": 201},
                     impersonatedUser={"username": "system:serviceaccount:shop:other"})  # fmt: skip
    found = acts(read(lines(as_other)))
    assert "shop:other via system:serviceaccount:shop:web create configmaps shop/" in found


def test_stages_of_one_request_are_one_use():
    """An open watch is seen before it ends, and counted when it does."""
    opened = event(1, stage="ResponseStarted", verb="watch")
    closed = event(1, verb="watch", stageTimestamp=stamp(START + timedelta(hours=2)))
    received = event(1, stage="RequestReceived", verb="watch", annotations=None)
    assert only(read(lines(received, opened)))[3] == 0
    _, first, last, count = only(read(lines(received, opened, closed)))
    assert (first, last, count) == (stamp(START), stamp(START + timedelta(hours=2)), 1)


def test_a_panic_is_a_use():
    folded = read(lines(event(1, stage="Panic"), event(1, stage="Panic")))
    assert only(folded)[3] == 1


def test_what_is_done_as_another_is_an_act_of_both():
    impersonated = {
        "username": WEB,
        "groups": [
            "system:serviceaccounts",
            "system:serviceaccounts:shop",
            "system:authenticated",
            "x",
        ],
    }
    folded = read(lines(event(user={"username": "ada"}, impersonatedUser=impersonated)))
    assert acts(folded) == {
        "shop:web via ada get configmaps shop/prices",
        "ada impersonate serviceaccounts shop/web",
        "ada impersonate groups /x",
    }


def test_impersonation_and_the_same_done_by_oneself_are_told_apart():
    as_web = {"username": WEB}
    folded = read(
        lines(event(1), event(2), event(3, user={"username": "ada"}, impersonatedUser=as_web))
    )
    rows = {(act.user, act.via): row.count for act, row in folded.parts["prod"].rows}
    assert rows == {(WEB, ""): 2, (WEB, "ada"): 1, ("ada", ""): 1}


def test_constrained_impersonation_needs_a_right_for_the_mode_and_one_for_the_act():
    folded = read(
        lines(
            event(
                user={"username": "ada"},
                impersonatedUser={"username": "bob", "extra": {"k": ["v"]}, "uid": "7"},
                authenticationMetadata={"impersonationConstraint": "impersonate:user-info"},
            )
        )
    )
    assert acts(folded) == {
        "bob via ada get configmaps shop/prices",
        "ada impersonate:user-info users.authentication.k8s.io /bob",
        "ada impersonate:user-info uids.authentication.k8s.io /7",
        "ada impersonate:user-info userextras/k.authentication.k8s.io /",
        "ada impersonate-on:user-info:get configmaps shop/prices",
    }


def test_whoever_acts_as_a_node_needs_a_right_to_that_node():
    node = {"username": "system:node:n1", "groups": ["system:nodes", "system:authenticated"]}
    mode = {"impersonationConstraint": "impersonate:arbitrary-node"}
    ada = {"username": "ada"}
    some = event(user=ada, impersonatedUser=node, authenticationMetadata=mode)
    assert acts(read(lines(some))) == {
        f"{NODES} via ada get configmaps shop/{MANY}",
        "ada impersonate:arbitrary-node nodes.authentication.k8s.io /n1",
        "ada impersonate-on:arbitrary-node:get configmaps shop/prices",
    }


def test_a_create_has_no_name_since_nobody_was_asked_about_one():
    """The event bears the name of what came to be; RBAC saw none."""
    token = ref("serviceaccounts", name="web", subresource="token")
    folded = read(
        lines(event(1, verb="create"), event(2, verb="create", objectRef=token)),
    )
    assert acts(folded) == {
        "shop:web create configmaps shop/",
        "shop:web create serviceaccounts/token shop/web",
    }


def test_paths_have_no_question_behind_them():
    uris = ["/healthz?verbose", "/apis/apps/v1", "/api/v1/pods", "/api/v1/namespaces/a/pods/b/log"]
    uris += ["/api/v1/namespaces/a", "/api/v1/namespaces/a/status", "/apis/apps/v1/deployments"]
    folded = read(
        lines(*(event(n, objectRef=None, requestURI=uri) for n, uri in enumerate(uris * 3)))
    )
    assert acts(folded) == {
        "shop:web get /healthz",
        "shop:web get /apis/apps/v1",
        "shop:web get pods /",
        "shop:web get pods/log a/b",
        "shop:web get namespaces a/a",
        "shop:web get namespaces/status a/a",
        "shop:web get deployments.apps /",
    }
    assert {row.count for _, row in folded.parts["prod"].rows} == {3}


def test_names_are_kept_until_there_are_too_many():
    def some(count):
        named = (event(n, START + n * MINUTE, objectRef=ref(name=f"n-{n}")) for n in range(count))
        return read(lines(*named, event(count, objectRef=ref("pods"), verb="list")))

    assert len(acts(some(NAMES_KEPT))) == NAMES_KEPT + 1
    folded = some(NAMES_KEPT + 7)
    assert acts(folded) == {f"shop:web get configmaps shop/{MANY}", "shop:web list pods shop/"}
    row = next(row for act, row in folded.parts["prod"].rows if act.name)
    assert (row.first, row.count) == (stamp(START), NAMES_KEPT + 7)


def test_names_that_were_at_hand_when_they_became_one_row_go_on_to_count():
    named = [event(n, objectRef=ref(name=f"n-{n % 60}")) for n in range(600)]
    assert only(read(lines(*named)))[3] == 600


def test_rows_stay_few_whatever_is_asked_for():
    """Whoever may do nothing can still ask for anything, and must not fill the table."""
    strange = (
        denied(n, objectRef=ref(f"r{n}", namespace=f"ns-{n}")) for n in range(DENIALS_KEPT + 50)
    )
    paths = (event(9000 + n, objectRef=None, requestURI=f"/p/{n}") for n in range(PATHS_KEPT + 9))
    nodes = (
        event(20000 + n, user={"username": f"system:node:n{n}"}, objectRef=ref(name=f"x{n}"))
        for n in range(200)
    )
    folded = read(lines(*strange, *paths, *nodes))
    assert len(folded.parts["prod"].rows) == 3
    assert {act.user for act, _ in folded.parts["prod"].rows} == {WEB, NODES}


def test_of_nodes_it_is_kept_whose_tokens_they_asked_for():
    """A pod that came and went and called nobody shows by its kubelet's asking, and by no more."""
    token = ref("serviceaccounts", name="web", subresource="token")
    node = {"username": "system:node:n1"}
    some = [event(n, user=node, verb="create", objectRef=token) for n in range(3)]
    act, *_ = only(read(lines(*some)))
    assert (act.user, act.subresource, act.namespace, act.name) == (NODES, "token", "shop", "web")


def test_text_that_no_database_holds_is_made_fit():
    bad = json.dumps(event(user={"username": "a\x00b" + "x" * 5000})).encode()
    act, *_ = only(read(bad))
    assert act.user.startswith("a\ufffdbx")
    assert len(act.user) == 1024


def test_an_event_from_the_future_is_refused_and_told():
    ahead = event(1, NOW + timedelta(hours=1))
    folded = read(lines(event(2), ahead, event(3)))
    assert only(folded)[2] < stamp(NOW)
    assert folded.words[FUTURE] == 1
    assert folded.is_partial
    assert folded.parts["prod"].losses == {("2026-03-02T08", FUTURE): 1}


@pytest.mark.parametrize("at", ["1970-01-01T00:00:00.000000Z", "yesterday", "", "2026-03-02"])
def test_a_time_that_is_none_is_refused_and_told(at):
    folded = read(lines(event(1), event(2, stageTimestamp=at)))
    assert only(folded)[3] == 1
    assert folded.words[UNTIMED] == 1


def test_times_of_other_forms_are_brought_into_the_one():
    odd = event(1, stageTimestamp="2026-03-02T10:00:05+02:00", requestReceivedTimestamp="")
    fine = event(2, stageTimestamp="2026-03-02T07:59:59.123456789Z")
    _, first, last, count = only(read(lines(odd, fine)))
    assert (first, last) == ("2026-03-02T07:59:59.123456Z", "2026-03-02T08:00:05.000000Z")
    assert count == 2


def test_a_clock_that_jumped_within_a_request_gives_no_time_behind_the_last():
    late = event(1, requestReceivedTimestamp=stamp(START + timedelta(days=3)))
    _, first, last, _ = only(read(lines(late)))
    assert first == last


def test_a_request_of_nobody_is_not_used():
    folded = read(lines(event(1, user={}), event(2, user=None), event(3)))
    assert only(folded)[3] == 1
    assert folded.words[NOBODY] == 2


def test_what_kinds_were_seen_is_kept_by_day_and_minute():
    days = (0, 0, 3)
    folded = read(lines(*(event(n, START + timedelta(days=d)) for n, d in enumerate(days))))
    seen = folded.parts["prod"].seen
    assert seen.hours == {"2026-03-02T08": 1, "2026-03-05T08": 1}
    ((traced, month),) = seen.months
    assert traced.kind == Kind(VerbClass.READ, "", "configmaps")
    assert (month, seen.months[traced, month]) == ("2026-03", 1 << 2 | 1 << 5)


def test_halves_of_a_log_read_apart_are_the_whole(dice):
    some = [
        event(n, START + n * MINUTE, objectRef=ref(name=f"n-{dice.randrange(80)}"), verb=verb)
        for n, verb in zip(range(300), itertools.cycle(["get", "update", "list"]), strict=False)
    ]
    whole = read(lines(*some))
    half = read(lines(*some[:150]))
    half.merge(read(lines(*some[150:])), half.lines)
    one = {act: (r.first, r.last, r.count) for act, r in whole.parts["prod"].rows}
    other = {act: (r.first, r.last, r.count) for act, r in half.parts["prod"].rows}
    assert one == other
    assert whole.parts["prod"].seen.months == half.parts["prod"].seen.months
