"""Findings in Slack: who sees the list, what a look at one says, and what no name in it can do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from bot.playground.slack import words
from bot.playground.slack.blockkit import check_blocks, check_view
from bot.slack.app import make_surface
from bot.slack.cards.findings import FindingList, finding_view, findings_view, list_blocks
from bot.slack.cards.home import home_view
from bot.slack.home import read_home
from grants.authz.model import RoleRef
from grants.authz.objects import Subject
from grants.outbox.model import Notice, Place, PlaceKind
from grants.policy.review_model import ReviewPolicy
from grants.policy.who import Who
from grants.review.answers import Answer
from grants.review.details import Detail, detail_of
from grants.review.finding import BindingRef, Control, Finding, Severity
from tests.support.card_facts import NOON
from tests.support.slack_bot import SlackBot, slack_bot
from tests.support.world import World

SECRETS = Finding(
    rule="secrets-read",
    severity=Severity.HIGH,
    cluster="prod",
    title="can read every Secret",
    fix="Take ClusterRoleBinding app away.",
    subject=Subject("ServiceAccount", "app", "shop"),
    role=RoleRef("ClusterRole", "reads"),
    binding=BindingRef("ClusterRoleBinding", "app"),
    permission=("get, list secrets",),
    evidence=("runs as it: Deployment/web",),
    owner="shop@example.com",
    controls=(Control("CIS", "5.1.2"),),
    first_seen=NOON,
)
PATH = replace(
    SECRETS,
    rule="escalation-path",
    severity=Severity.CRITICAL,
    title="can get to cluster-admin in 2 steps",
    evidence=("1. shop/app creates a pod as ops/admin", "2. ops/admin is cluster-admin"),
    reached=(SECRETS.subject, Subject("ServiceAccount", "x", "y")),  # type: ignore[arg-type]
)
EVIL = replace(
    SECRETS,
    title="*bold* <!channel> `code`",
    subject=Subject("Group", "a\u202eb``` <@U1> &" * 40),
    namespace="n" * 300,
    permission=tuple("&<>" * 50 for _ in range(100)),
    evidence=("```\n<!here>",) * 50,
)


@dataclass
class Kept:
    """What reviews found, in memory."""

    those: tuple[Detail, ...]

    def worst(self, limit: int) -> Sequence[Detail]:
        return self.those[:limit]

    def count(self) -> int:
        return len(self.those)

    def one(self, key: str) -> Detail | None:
        return next((one for one in self.those if one.finding.key == key), None)

    def clusters(self, key: str) -> Sequence[str]:
        fingerprint = key.partition("@")[0]
        found = [one.finding for one in self.those]
        return [one.cluster for one in found if one.fingerprint == fingerprint]

    def answers(self, key: str) -> Sequence[Answer]:
        return ()


@pytest.fixture
def shot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize("finding", [SECRETS, PATH], ids=["secrets", "path"])
def test_a_finding_says_who_can_do_what_by_what_and_what_mends_it(
    finding: Finding, shot: SnapshotAssertion
) -> None:
    view = finding_view(replace(detail_of(finding), reached=30 if finding is PATH else 1))
    assert check_view(view, ("modal",)) == []
    assert view == shot


def test_names_can_neither_break_a_limit_nor_speak_for_us() -> None:
    many = FindingList([detail_of(replace(EVIL, aspect=str(n))) for n in range(20)], 500)
    assert check_blocks(list_blocks(many, "review")) == []
    for view in (finding_view(many.worst[0]), findings_view(many)):
        assert check_view(view, ("modal",)) == []
        assert "<!here>" not in str(view)
        assert "<!channel>" not in str(view)
        assert "\u202e" not in str(view)


@pytest.fixture
def kept() -> Kept:
    return Kept((detail_of(PATH), detail_of(SECRETS)))


@pytest.fixture
def bot(world: World, kept: Kept) -> Iterator[SlackBot]:
    review = ReviewPolicy(reviewers=Who(groups=frozenset({"security"})))
    world.policy.policy = replace(world.policy.policy, review=review)
    with slack_bot(world, findings=kept) as bot:
        yield bot
        assert bot.workspace.refused == [], "Slack would have refused something"


def test_a_reviewer_lists_findings_and_looks_at_one(bot: SlackBot) -> None:
    sam = bot.person("sam", "security")
    assert sam.slash("/access", "review").ok
    listed = sam.messages()[-1]
    assert "2 findings to act on" in words(listed)
    assert words(listed).index("cluster-admin") < words(listed).index("every Secret")
    sam.click(listed, "finding", block_id=f"review:{PATH.key}")
    said = str(sam.view())
    assert "1. shop/app creates a pod as ops/admin" in said
    assert "Take ClusterRoleBinding app away." in said


def test_a_finding_that_is_gone_is_said_to_be_gone(bot: SlackBot, kept: Kept) -> None:
    sam = bot.person("sam", "security")
    sam.slash("/access", "review")
    listed = sam.messages()[-1]
    kept.those = ()
    sam.click(listed, "finding", block_id=f"review:{PATH.key}")
    assert "There is no such finding" in words(sam.messages()[-1])
    sam.slash("/access", "review")
    assert "Nothing to act on" in words(sam.messages()[-1])


def test_nobody_else_sees_what_reviews_found(bot: SlackBot) -> None:
    erin = bot.person("erin", "engineers")
    erin.slash("/access", "review")
    said = words(erin.messages()[-1])
    assert "Only reviewers, admins and auditors" in said
    assert "Secret" not in said
    assert "service accounts" not in home_of(bot, erin)


def test_home_lists_the_worst_for_those_who_review(bot: SlackBot) -> None:
    said = home_of(bot, bot.person("sam", "security"))
    assert "For reviewers: service accounts" in said
    assert "cluster-admin" in said


def home_of(bot: SlackBot, person: Any) -> str:
    view = home_view(read_home(make_surface(bot.ports), bot.account(person)))
    assert check_view(view, ("home",)) == []
    return str(view)


def test_where_nothing_is_reviewed_that_is_said(world: World) -> None:
    with slack_bot(world) as bot:
        kim = bot.person("kim", "admins")
        kim.slash("/access", "review")
        assert "VALETKEY_REVIEW_EVERY" in words(kim.messages()[-1])
        assert "service accounts" not in home_of(bot, kim)


def test_a_digest_leads_to_the_list(bot: SlackBot) -> None:
    sam = bot.person("sam", "security")
    known = bot.world.store.read()
    with known as tx:
        person = tx.known(bot.account(sam)).person.id
    facts = {"cluster": "prod", "new": "1", "worst": "[]", "resolved": "[]"}
    notice = Notice("review-digest", "review:prod", Place(PlaceKind.PERSON, person), facts)
    with bot.world.store.write() as tx:
        tx.notify(notice)
    bot.deliver()
    digest = sam.messages()[-1]
    assert "Service accounts of prod: 1 new." in words(digest)
    sam.click(digest, "findings")
    assert "every Secret" in str(sam.view())


def test_the_same_finding_in_many_clusters_is_one_line_and_its_look_names_them(
    bot: SlackBot, kept: Kept
) -> None:
    everywhere = [replace(SECRETS, cluster=f"c{number:02}") for number in range(30)]
    kept.those = tuple(detail_of(one) for one in [*everywhere, PATH])
    sam = bot.person("sam", "security")
    sam.slash("/access", "review")
    listed = sam.messages()[-1]
    lines = [str(block["text"]) for block in listed.blocks if block["type"] == "section"]
    assert len(lines) == 2
    assert "on 30 clusters: c00, c01, c02 and 27 more" in lines[0]
    assert "more: valetkey" not in words(listed), "all are shown"
    sam.click(listed, "finding", block_id=f"review:{everywhere[0].key}")
    said = str(sam.view().body)
    assert "In 30 clusters: c00, c01, c02" in said
    assert "An answer here is for c00 alone." in said
