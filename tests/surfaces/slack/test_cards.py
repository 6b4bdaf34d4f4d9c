"""Each card as it is drawn, and what no text in it can do."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from bot.playground.slack.blockkit import check_blocks, check_view
from bot.slack.cards.approval import approval_card
from bot.slack.cards.digest import digest_card
from bot.slack.cards.home import HomeFacts, Owned, home_view
from bot.slack.cards.notice import notice_card
from bot.slack.cards.parts import Message
from bot.slack.cards.progress import grant_line
from bot.slack.cards.request import request_card
from bot.slack.cards.stuck import stuck_card
from bot.slack.facts import RequestFacts
from bot.slack.views import deny_view, look_view, revoke_view, said_view
from grants.access.cluster_states import ClusterState, Standing
from grants.access.health import Waiting
from grants.access.model import ROLE_GONE, Cause, Grant, GrantState, RequestState, Verdict
from grants.authz.model import Answer, Question, RoleSnapshot, Rule
from grants.outbox.model import CardKind, Delivery, Place, PlaceKind
from grants.people.model import Profile
from tests.support import card_facts as c

PENDING = c.facts()
ONE_OF_TWO = c.facts(c.decision(c.ADA))
DENIED = c.closed(
    RequestState.DENIED, c.decision(c.ADA, Verdict.DENY, "Use the staging copy <b> *please*")
)
CANCELLED = c.closed(RequestState.CANCELLED)
CHANGED = c.closed(RequestState.CANCELLED, closed_detail="terms-changed")
EXPIRED = c.closed(RequestState.EXPIRED)
REVOKED = replace(
    c.ENDED, cause=Cause.REVOKED, ended_by=c.KIM.person, end_reason="Incident <!here> over"
)
NEVER = replace(
    c.ENDED, cause=Cause.NEVER_ACTIVE, cause_detail="role-changed", active_at=None, expires_at=None
)
TRYING = replace(c.GRANT, problem="cluster-unavailable")

REQUEST_CARDS = {
    "draft": c.facts(state=RequestState.DRAFT),
    "pending": PENDING,
    "one-of-two": ONE_OF_TWO,
    "denied": DENIED,
    "cancelled": CANCELLED,
    "changed": CHANGED,
    "expired": EXPIRED,
    "activating": c.granted(c.GRANT),
    "trying": c.granted(TRYING),
    "active": c.granted(c.ACTIVE),
    "revoking": c.granted(c.REVOKING),
    "stuck": c.granted(c.STUCK),
    "ended": c.granted(c.ENDED),
    "revoked": c.granted(REVOKED),
    "never-active": c.granted(NEVER),
}


@pytest.fixture
def shot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


def drawn(card: Message) -> dict[str, Any]:
    assert check_blocks(list(card.blocks)) == []
    assert card.text
    return {"text": card.text, "blocks": list(card.blocks)}


@pytest.mark.parametrize("name", sorted(REQUEST_CARDS))
def test_the_approvers_card(name: str, shot: SnapshotAssertion) -> None:
    assert drawn(approval_card(REQUEST_CARDS[name])) == shot


@pytest.mark.parametrize("name", sorted(REQUEST_CARDS))
def test_the_requesters_card(name: str, shot: SnapshotAssertion) -> None:
    assert drawn(request_card(REQUEST_CARDS[name])) == shot


@pytest.mark.parametrize("grant", [c.STUCK, c.ENDED], ids=["stuck", "solved"])
def test_the_stuck_card(grant: Grant, shot: SnapshotAssertion) -> None:
    assert drawn(stuck_card(c.granted(grant), grant)) == shot


def notice(code: str, **facts: str) -> Delivery:
    place = Place(PlaceKind.ACCOUNT, "T1/UERIN")
    return Delivery("crd-1", CardKind.NOTICE, "x", place, 1, 0, 0, c.NOON, code, facts)


NOTICES = {
    "expires-soon": notice("expires-soon", expires_at="2026-01-05T13:30:00+00:00", grant="gra-1"),
    "linked": notice("linked", name="Erin <@U1>", email="erin@example.com", draft=""),
    "linked-with-draft": notice("linked", name="Erin", email="", draft="req-1"),
    "linked-elsewhere": notice("linked-elsewhere", account="T1/UOTHER"),
    "sign-in-refused": notice("sign-in-refused", why="other-slack-account"),
    "binding-unknown-runs": notice("binding-unknown-runs", cluster="prod", binding="b"),
    "unlinked": notice("unlinked"),
    "cluster-failing": notice(
        "cluster-failing",
        cluster="prod",
        problem="cluster-forbidden",
        since_at="2026-01-05T13:30:00+00:00",
    ),
    "cluster-back": notice(
        "cluster-back",
        cluster="prod",
        problem="cluster-forbidden",
        since_at="2026-01-05T13:30:00+00:00",
    ),
    "role-changed": notice(
        "role-changed",
        role="ClusterRole/<debug>",
        entitlement="debug-payments",
        namespace="payments-dev",
        cluster="prod",
        gained="read secrets; `nodes/x` on *pods*",
        lost="",
        compared="yes",
        gone="",
        revoked="yes",
    ),
}


@pytest.mark.parametrize("name", sorted(NOTICES))
def test_notices(name: str, shot: SnapshotAssertion) -> None:
    assert drawn(notice_card(NOTICES[name])) == shot


def digest(new: int, back: int, gone: int, worst: object, resolved: object) -> Delivery:
    facts = {"new": str(new), "back": str(back), "gone": str(gone)}
    lines = {"worst": json.dumps(worst), "resolved": json.dumps(resolved)}
    return notice("review-digest", cluster="prod <b>", **facts, **lines)


LINE = ["new", "critical", "ServiceAccount shop/*app*", "can read `every` Secret <!here>", "shop"]
DIGESTS = {
    "new-and-resolved": digest(1, 1, 1, [LINE, ["back", *LINE[1:4], ""]], [["gone", *LINE[1:]]]),
    "more-than-fit": digest(40, 0, 0, [LINE] * 10, []),
    "only-resolved": digest(0, 0, 12, [], [["gone", *LINE[1:]]] * 10),
    "unreadable": notice("review-digest", cluster="prod", new="x", worst="{", resolved="[1]"),
}


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_digests(name: str, shot: SnapshotAssertion) -> None:
    assert drawn(digest_card(DIGESTS[name])) == shot


def test_a_digest_of_the_longest_names_keeps_slacks_limits() -> None:
    line = ["new", "critical", "&" * 500, "<" * 500, "x" * 500]
    drawn(digest_card(digest(10, 0, 10, [line] * 10, [line] * 10)))


MORE = RoleSnapshot(c.DEBUG, (*c.RULES[1:], Rule(("get",), ("",), ("secrets",))), c.NOON)


def changed(grant: Grant, role_now: str = MORE.digest) -> RequestFacts:
    """A grant whose role is another now than the one that was agreed on."""
    granted = c.granted(replace(grant, role_now=role_now))
    return replace(granted, roles={**granted.roles, MORE.digest: MORE})


ROLE_CHANGES = {
    "active": changed(c.ACTIVE),
    "revoking": changed(c.REVOKING),
    "ended": changed(replace(c.ENDED, cause=Cause.ROLE_CHANGED, cause_detail="role-wider")),
    "gone": changed(c.ACTIVE, ROLE_GONE),
    "not-kept": changed(c.ACTIVE, "f" * 64),
    "not-read": c.granted(replace(c.ACTIVE, problem="role-forbidden")),
}


@pytest.mark.parametrize("name", sorted(ROLE_CHANGES))
def test_the_card_of_a_grant_whose_role_changed(name: str, shot: SnapshotAssertion) -> None:
    assert drawn(request_card(ROLE_CHANGES[name])) == shot


def test_a_role_that_says_the_same_in_other_words_is_not_told_on_a_card() -> None:
    same = RoleSnapshot(c.DEBUG, tuple(reversed((*c.RULES, c.RULES[0]))), c.NOON)
    granted = c.granted(replace(c.ACTIVE, role_now=same.digest))
    granted = replace(granted, roles={**granted.roles, same.digest: same})
    assert drawn(request_card(granted)) == drawn(request_card(c.granted(c.ACTIVE)))


WAITS = Waiting(
    live=9, due=4, activating=1, overdue=3, stuck=2, oldest_overdue=c.NOON - timedelta(hours=1)
)
FAILING = [
    ClusterState(
        "prod",
        Standing.FAILING,
        problem="cluster-unavailable",
        since=c.NOON - timedelta(minutes=30),
        waiting=WAITS,
    ),
    ClusterState("dev", Standing.UP),
    ClusterState("again", Standing.UNSEEN, problem="cluster-twice"),
    *(ClusterState(f"more-{number:02}", Standing.UNLOOKED) for number in range(10)),
]

HOMES = {
    "unknown": HomeFacts(c.NOON, known=False),
    "empty": HomeFacts(c.NOON, known=True),
    "busy": HomeFacts(
        c.NOON,
        known=True,
        waiting=[ONE_OF_TWO],
        asked=[PENDING],
        mine=[c.ACTIVE, replace(c.REVOKING, id="gra-bbbbbbbbbbbbbbbbbbbbbbbbbb")],
    ),
    "admin": HomeFacts(
        c.NOON, known=True, stuck=[Owned(c.STUCK, c.ERIN)], live=[Owned(c.ACTIVE, c.ERIN)]
    ),
    "unsure-admin": HomeFacts(
        c.NOON,
        known=True,
        stuck=[],
        live=[Owned(replace(c.ACTIVE, problem="role-forbidden"), c.ERIN)],
    ),
    "idle-admin": HomeFacts(c.NOON, known=True, stuck=[], live=[]),
    "failing-admin": HomeFacts(c.NOON, known=True, stuck=[], live=[], failing=FAILING),
}


@pytest.mark.parametrize("name", sorted(HOMES))
def test_home(name: str, shot: SnapshotAssertion) -> None:
    view = home_view(HOMES[name])
    assert check_view(view, ("home",)) == []
    assert view == shot


def test_home_says_what_it_leaves_out() -> None:
    many = [
        replace(c.facts(), request=replace(c.REQUEST, id=f"req-{n}", version=n)) for n in range(40)
    ]
    live = [Owned(replace(c.ACTIVE, id=f"gra-{n}"), c.ERIN) for n in range(300)]
    view = home_view(HomeFacts(c.NOON, known=True, waiting=many, stuck=[], live=live))
    assert check_view(view, ("home",)) == []
    said = json.dumps(view)
    assert "30 more" in said
    assert "275 more" in said


def test_a_decided_card_has_no_button_and_other_block_ids() -> None:
    before = {b.get("block_id") for b in approval_card(PENDING).blocks}
    for name in ("denied", "cancelled", "expired", "active", "ended"):
        card = approval_card(REQUEST_CARDS[name])
        assert all(block["type"] != "actions" for block in card.blocks)
        assert not before & {b["block_id"] for b in card.blocks if "block_id" in b}


def test_a_button_carries_an_opaque_id_and_the_hash_of_what_was_shown() -> None:
    [row] = [b for b in approval_card(PENDING).blocks if b["type"] == "actions"]
    assert [e.get("style") for e in row["elements"]] == ["primary", None]
    for element in row["elements"]:
        assert element["value"] == f"{c.REQUEST.id}:{c.REQUEST.terms_hash}"


def test_an_entitlement_that_is_gone_and_a_role_not_kept_still_draw() -> None:
    bare = replace(PENDING, entitlement=None, roles={}, clusters={}, faces={})
    said = json.dumps(drawn(approval_card(bare)))
    assert "no longer offers" in said
    assert "not on record" in said
    drawn(request_card(bare))
    drawn(request_card(replace(bare, request=replace(c.REQUEST, state=RequestState.CANCELLED))))


def texts(value: Any) -> list[dict[str, Any]]:
    """Find every text object of a card."""
    if isinstance(value, dict):
        own = [value] if value.get("type") in {"mrkdwn", "plain_text"} else []
        return own + [found for one in value.values() for found in texts(one)]
    if isinstance(value, list | tuple):
        return [found for one in value for found in texts(one)]
    return []


HOSTILE = st.text(min_size=0, max_size=4000) | st.sampled_from(
    [
        "<!channel>",
        "<https://evil.example|Approve here>",
        "<@U0ADMIN> said yes",
        "```\n<!here>\n```",
        "&lt;!channel&gt;" * 400,
        "\u202e\u2066abc\x1b[31m",
        "😀" * 3000,
        "*a* _b_ ~c~ `d`",
        "\n" * 50,
    ]
)


def hostile_facts(text: str, grant: Grant | None) -> RequestFacts:
    """Put one text everywhere where people or clusters have a say."""
    label = text[:200]
    terms = replace(c.TERMS, reason=text, subject=label or "x")
    assert c.ERIN.known is not None
    sign_in = replace(
        c.ERIN.known.sign_in,
        profile=Profile(label, label, email_verified=False),
        groups=frozenset({label, label + "x"}),
        amr=(label,),
    )
    erin = replace(c.ERIN, known=replace(c.ERIN.known, sign_in=sign_in), account=None)
    rule = Rule((label,), (label,), (label,), (label,))
    made = c.facts(c.decision(c.ADA, Verdict.DENY, text)) if grant is None else c.granted(grant)
    item = replace(c.REQUEST.items[0], terms=terms)
    question = Question("get", resource="pods")
    proof = c.gone(Answer(question, allowed=True, reason=text), notes=("still-allowed-by-other",))
    return replace(
        made,
        request=replace(made.request, items=(item,)),
        requester=erin,
        faces={**c.FACES, erin.person: erin},
        roles={c.SNAPSHOT.digest: RoleSnapshot(c.DEBUG, (rule,) * 30, c.NOON)},
        entitlement=replace(c.ENTITLEMENT, description=text),
        proofs=dict.fromkeys(made.proofs, proof),
    )


@pytest.mark.security("D1")
@settings(max_examples=60)
@given(text=HOSTILE, state=st.sampled_from([None, *GrantState]))
def test_no_text_breaks_a_card_or_becomes_markup(text: str, state: GrantState | None) -> None:
    """Slack takes every card, whatever stands in it, and no mrkdwn holds a live `<` of theirs."""
    grants = {
        None: None,
        GrantState.ACTIVATING: c.GRANT,
        GrantState.ACTIVE: c.ACTIVE,
        GrantState.REVOKING: c.REVOKING,
        GrantState.ENDED: replace(REVOKED, end_reason=text),
    }
    grant = grants[state]
    facts = hostile_facts(text, grant)
    denied = replace(facts, request=replace(facts.request, state=RequestState.DENIED))
    cards = [approval_card(facts), request_card(facts), approval_card(denied), request_card(denied)]
    if grant is not None:
        cards.append(stuck_card(facts, grant))
    cards.append(notice_card(notice("linked", name=text, email=text)))
    for card in cards:
        assert check_blocks(list(card.blocks)) == []
        assert "<" not in card.text
        for one in texts(list(card.blocks)):
            assert all(ord(char) >= 32 or char == "\n" for char in one["text"])
            assert not set(one["text"]) & set("\u202e\u2066\u200b\ufeff")
            if one["type"] == "mrkdwn":
                assert one["verbatim"] is True
                ours = one["text"].split("<")[1:]
                assert all(part.startswith(("@U", "!date^")) for part in ours), one["text"]
    for view in (
        deny_view(text, "x"),
        revoke_view(text, "x"),
        said_view(text),
        look_view(cards[0]),
    ):
        assert check_view(view, ("modal",)) == []


def test_what_waits_for_a_cluster_says_since_when() -> None:
    waiting = replace(
        c.REVOKING, problem="cluster-unavailable", failing_since=c.NOON - timedelta(minutes=3)
    )
    said = grant_line(waiting)
    assert said.startswith("*Being taken away*, though the cluster does not answer since <!date^")
