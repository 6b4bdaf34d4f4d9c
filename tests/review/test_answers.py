"""What reviewers answer: what is kept and for how long, what ends it, and who may not."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from grants.authz.model import RoleRef
from grants.errors import (
    AlreadyDone,
    BadInput,
    FindingChanged,
    NotFound,
    Refused,
    SignInNeeded,
    ValetkeyError,
    WrongState,
)
from grants.people.model import Account
from grants.policy.model import Notify
from grants.policy.review_model import Digest, ReviewException, Scope
from grants.review.answers import AnswerKind, Ended
from grants.review.inventory import KINDS, Seen
from grants.review.keep_finding import may_keep
from grants.review.news import News
from grants.review.substance import Substance
from tests.support import store_fixtures as fixtures
from tests.support.kept_findings import OWNER, REVIEW, ReviewedWorld, a_group
from tests.support.rbac_objects import account, bind
from tests.support.reviews import sa
from tests.support.store_values import FixedClock

clock = fixtures.clock
sqlite_template = fixtures.sqlite_template
sqlite_url = fixtures.sqlite_url


@pytest.fixture
def world(sqlite_url: str, clock: FixedClock) -> Iterator[ReviewedWorld]:
    with closing(fixtures.opened(sqlite_url, clock)) as store:
        world = ReviewedWorld(store)
        world.scan()
        yield world


@pytest.fixture
def sam(world: ReviewedWorld) -> Account:
    return world.person("sam", "security")


def failed(error: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [reason.code for reason in error.value.reasons if not reason.holds]


def test_what_is_kept_is_an_exception_at_once_and_at_each_scan(
    world: ReviewedWorld, sam: Account
) -> None:
    assert world.open_rules() == ["secrets-read"]
    answer = world.keep(sam)
    assert world.open_rules() == []
    for _ in range(2):
        held = world.detail().finding.exception
        assert held is not None
        assert (held.reason, held.owner) == ("It is the vault", world.person_id(sam))
        assert (held.until, held.fails, held.answer) == (world.day(30), "", answer.id)
        world.scan()
    assert world.open_rules() == []
    assert [one.stands for one in world.answers()] == [True]


def test_it_is_in_the_record_without_what_was_written(world: ReviewedWorld, sam: Account) -> None:
    answer = world.keep(sam, reason="Because of Ada")
    (event,) = world.written("finding.kept")
    finding = world.detail().finding
    assert event["actor"] == world.person_id(sam)
    assert event["facts"] == {
        "cluster": "prod",
        "rule": "secrets-read",
        "finding": finding.fingerprint,
        "answer": answer.id,
        "until": world.day(30).isoformat(),
        "sign_in": world.known(sam).sign_in.id,
    }
    assert event["terms_hash"] == world.detail().shown_hash
    assert event["policy_digest"] == world.policy.policy.digest
    assert event["why_digest"]
    assert "Ada" not in json.dumps(event)


def test_after_its_last_day_it_is_open_again_told_and_recorded(
    world: ReviewedWorld, sam: Account
) -> None:
    world.tell()
    world.keep(sam, days=30)
    world.clock.forward(days=30, hours=10)  # still its last day
    world.scan()
    assert (world.open_rules(), world.untold()) == ([], [])
    world.clock.forward(days=1)
    world.scan()
    assert world.open_rules() == ["secrets-read"]
    assert world.untold() == [("secrets-read", News.BACK)]
    (event,) = world.written("finding.keep-ended")
    assert (event["facts"]["cause"], event["actor"]) == ("over", "system")
    assert ("finding-keep-ended", "person", world.person_id(sam)) in world.told()
    assert [one.ended for one in world.answers()] == [Ended.OVER]


GROWN: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("rules", {"also": ["pods"]}, ("get",)),
    ("rules", {}, ("get", "list")),
    ("owner", {"owner": "security"}, ("get",)),
    ("owner", {"owner": ""}, ("get",)),
]


@pytest.mark.parametrize(("what", "changes", "verbs"), GROWN)
def test_what_grows_or_changes_is_open_again_for_good(
    what: str, changes: dict[str, Any], verbs: tuple[str, ...], world: ReviewedWorld, sam: Account
) -> None:
    world.keep(sam)
    world.scan(world.things(*verbs, **changes))
    assert "secrets-read" in world.open_rules()
    (answer,) = world.answers()
    assert (answer.ended, answer.ended_by) == (Ended.CHANGED, what)
    world.scan()  # as it was, but nobody has looked at it since
    assert world.open_rules() == ["secrets-read"]
    world.keep(sam)
    assert world.open_rules() == []


def test_what_weighs_more_is_open_again(world: ReviewedWorld, sam: Account) -> None:
    """The same role bound in one namespace and then everywhere is another finding; a heavier
    one by the catalogue is the same."""
    world.keep(sam)
    (answer,) = world.answers()
    heavier = replace(answer.substance, severity=answer.substance.severity + 1)
    assert answer.substance.outgrown_by(heavier) == "severity"
    assert heavier.outgrown_by(answer.substance) == ""
    assert heavier.hash_of("k") != answer.substance.hash_of("k") != answer.substance.hash_of("l")


def test_lines_may_become_fewer_but_not_more() -> None:
    two, one = Substance(1, lines=("a", "b")), Substance(1, lines=("b",))
    assert (two.outgrown_by(one), one.outgrown_by(two)) == ("", "lines")
    assert Substance(1, shown=("a",)).outgrown_by(Substance(1, shown=("b",))) == "shown"
    assert Substance(1, owner="a").outgrown_by(Substance(1, owner=None)) == ""


def test_what_is_gone_and_comes_back_is_asked_anew(world: ReviewedWorld, sam: Account) -> None:
    world.keep(sam)
    world.scan(world.things()[:1])
    assert [one.ended for one in world.answers()] == [Ended.GONE]
    world.scan()
    assert world.open_rules() == ["secrets-read"]
    assert [event["facts"]["cause"] for event in world.written("finding.keep-ended")] == ["gone"]


def test_a_scan_that_saw_not_all_ends_nothing(world: ReviewedWorld, sam: Account) -> None:
    """A 403 for an hour must not undo what was thought over; nor may it hide what may be other."""
    world.keep(sam)
    partly = dict.fromkeys(KINDS, Seen.SEEN) | {"ServiceAccount": Seen.FORBIDDEN}
    world.scan(world.things()[1:], seen=partly)
    assert "secrets-read" in world.open_rules()
    held = world.detail().finding.exception
    assert held is not None
    assert "somebody else's" in held.fails
    assert [one.stands for one in world.answers()] == [True]
    world.scan()
    assert world.open_rules() == []


def test_a_scan_by_hand_with_another_policy_ends_nothing(
    world: ReviewedWorld, sam: Account
) -> None:
    world.keep(sam)
    world.scan(by_hand=True, asks_for_owners=False)
    assert world.open_rules() == []
    world.scan(world.things("get", "list"), by_hand=True)
    assert world.open_rules() == ["secrets-read"]
    world.clock.forward(days=40)
    world.scan(by_hand=True)
    assert world.open_rules() == ["secrets-read"]
    assert [one.stands for one in world.answers()] == [True]


def test_a_policy_that_allows_less_now_shortens_what_was_kept(
    world: ReviewedWorld, sam: Account
) -> None:
    world.keep(sam, days=100)
    world.review(replace(REVIEW, keep_at_most=timedelta(days=10)))
    world.clock.forward(days=9)
    world.scan()
    held = world.detail().finding.exception
    assert held is not None
    assert held.until < world.day(2)
    world.clock.forward(days=2)
    world.scan()
    assert world.open_rules() == ["secrets-read"]


def test_one_cluster_is_kept_and_the_other_stays_open(world: ReviewedWorld, sam: Account) -> None:
    world.scan(cluster="stage")
    world.keep(sam)
    world.scan(cluster="stage")
    assert (world.open_rules("prod"), world.open_rules("stage")) == ([], ["secrets-read"])


def test_an_exception_of_policy_stays_what_is_shown(world: ReviewedWorld, sam: Account) -> None:
    world.keep(sam)
    scope = Scope(rules=frozenset({"secrets-read"}))
    ours = ReviewException(scope, "In the file", "ops", world.day(5))
    world.review(replace(REVIEW, exceptions=(ours,)))
    world.scan()
    held = world.detail().finding.exception
    assert held is not None
    assert held.reason == "In the file"
    with pytest.raises(WrongState):
        world.keep(sam)


def the_refused(call: Any, world: ReviewedWorld) -> ValetkeyError:
    """Give why it is refused; nothing is kept, nobody is told, and the record has it."""
    before = len(world.written("finding.answer-refused"))
    with pytest.raises(ValetkeyError) as refused:
        call()
    assert "secrets-read" in world.open_rules()
    assert world.answers() == []
    assert world.written("finding.kept") == []
    assert len(world.written("finding.answer-refused")) == before + 1
    return refused.value


@pytest.mark.security("P7")
def test_who_is_refused(world: ReviewedWorld, sam: Account) -> None:
    erin, kim = world.person("erin", "engineers"), world.person("kim", "admins", "auditors")
    blind = world.person("bea", unknown_groups=True)
    strangers = Account("T1", "U-NOBODY")
    assert isinstance(the_refused(lambda: world.keep(strangers), world), SignInNeeded)
    for who in (erin, kim, blind):
        assert isinstance(the_refused(lambda who=who: world.keep(who), world), Refused)
        assert isinstance(the_refused(lambda who=who: world.not_mine(who), world), Refused)
    world.clock.forward(days=1)
    assert isinstance(the_refused(lambda: world.keep(sam), world), SignInNeeded)


@pytest.mark.security("P7")
@pytest.mark.parametrize("owner", ["security", "sam@example.com", ""])
def test_the_beneficiary_keeps_nothing_also_by_a_second_account(
    owner: str, world: ReviewedWorld, sam: Account
) -> None:
    world.scan(world.things(owner=owner))
    again = world.person("sam", "security", account="U-SAM-2")
    for who in (sam, again):
        error = the_refused(lambda who=who: world.keep(who), world)
        assert isinstance(error, Refused)
        assert {r.code for r in error.reasons if not r.holds} <= {
            "not-beneficiary",
            "beneficiary-unknown",
        }


@pytest.mark.security("P7")
def test_a_reviewer_group_is_a_beneficiary_of_what_is_given_to_it(
    world: ReviewedWorld, sam: Account
) -> None:
    reads = RoleRef("ClusterRole", "reads")
    world.scan([world.things()[1], bind("reads", reads, a_group("oidc:security"))])
    error = the_refused(lambda: world.keep(sam), world)
    assert isinstance(error, Refused)
    assert [r.code for r in error.reasons if not r.holds] == ["not-beneficiary"]


@pytest.mark.security("P7")
def test_who_has_access_to_the_namespace_now_could_use_the_account(world: ReviewedWorld) -> None:
    sam = world.person("sam", "security", "engineers")
    reads, said = RoleRef("ClusterRole", "reads"), {OWNER: "team-shop"}
    there = sa("app", "payments-dev", said)
    world.scan([there, world.things()[1], bind("reads", reads, account("app", "payments-dev"))])
    ada = world.person("ada", "approvers")
    grant = world.approve(ada, world.ask(sam)).grants[0]
    detail = world.detail()
    with pytest.raises(Refused) as refused:
        world.keep(sam, detail=detail)
    assert failed(refused) == ["no-access-there"]
    world.reconcile(grant)
    with pytest.raises(Refused):
        world.keep(sam, detail=detail)
    pat = world.person("pat", "security")
    assert world.keep(pat, detail=detail).stands


@pytest.mark.security("P6")
def test_a_finding_that_is_not_what_was_shown_is_refused(
    world: ReviewedWorld, sam: Account
) -> None:
    shown = world.detail()
    world.scan(world.things("get", "list"))
    assert isinstance(the_refused(lambda: world.keep(sam, detail=shown), world), FindingChanged)
    assert isinstance(the_refused(lambda: world.not_mine(sam, detail=shown), world), FindingChanged)
    forged = replace(shown, substance=None)
    assert isinstance(the_refused(lambda: world.keep(sam, detail=forged), world), FindingChanged)
    world.keep(sam)


@pytest.mark.security("P6")
def test_between_the_look_and_the_click_policy_may_have_changed(
    world: ReviewedWorld, sam: Account
) -> None:
    click = world.click(sam)
    may_keep(click, ports=world)  # type: ignore[arg-type]
    world.sign_in("sam", "engineers")
    assert isinstance(the_refused(lambda: world.keep(sam), world), Refused)
    with pytest.raises(Refused):
        may_keep(click, ports=world)  # type: ignore[arg-type]
    assert len(world.written("finding.answer-refused")) == 1


@pytest.mark.parametrize(
    ("reason", "days", "field"),
    [("", 30, "reason"), ("  \n", 30, "reason"), ("x" * 1001, 30, "reason"),
     ("a\x00b", 30, "reason"), ("\ud800", 30, "reason"), ("ok", -1, "until"),
     ("ok", 181, "until")],
)  # fmt: skip
def test_a_reason_or_a_day_that_can_not_be_is_said_at_its_field(
    reason: str, days: int, field: str, world: ReviewedWorld, sam: Account
) -> None:
    with pytest.raises(BadInput) as wrong:
        world.keep(sam, days=days, reason=reason)
    assert [problem.field for problem in wrong.value.problems] == [field]
    assert world.answers() == []


def test_what_is_gone_set_apart_or_kept_is_not_answered(world: ReviewedWorld, sam: Account) -> None:
    shown = world.detail()
    world.scan(world.things()[:1])
    with pytest.raises(NotFound):
        world.keep(sam, detail=shown)
    with pytest.raises(NotFound):
        world.keep(sam, detail=shown, finding="k" * 32)
    world.scan()
    world.keep(sam)
    with pytest.raises(WrongState) as refused:
        world.keep(sam)
    assert refused.value.state == "kept"


@pytest.mark.security("D6")
def test_a_replay_keeps_nothing_twice(world: ReviewedWorld, sam: Account) -> None:
    click = world.click(sam)
    world.keep(sam, key=click.key)
    with pytest.raises(AlreadyDone):
        world.keep(sam, key=click.key)
    assert len(world.written("finding.kept")) == 1


def test_not_mine_tells_the_owner_then_where_digests_go_then_admins(
    world: ReviewedWorld, sam: Account
) -> None:
    olga = world.person("olga", "shop")
    world.scan(world.things(owner="olga@example.com"))
    assert world.not_mine(sam).told == 1
    assert world.told() == [("finding-not-mine", "person", world.person_id(olga))]
    assert world.open_rules() == ["secrets-read"]
    # Olga reviews, too, and it is not hers either, whatever the annotation says.
    world.sign_in("olga", "security")
    world.not_mine(olga)
    assert world.told()[1:] == [("finding-not-mine", "channel", "C0FINDINGS")]
    world.review(replace(REVIEW, digests=()))
    pat = world.person("pat", "security")
    world.scan()  # of team-shop, and so of nobody who can be written to
    world.not_mine(pat)
    assert world.told()[2:] == [("finding-not-mine", "channel", "C0ADMINS")]
    told = [event["facts"]["told"] for event in world.written("finding.not-mine")]
    assert told == [1, 1, 1]


def test_where_nobody_is_next_that_is_said(world: ReviewedWorld, sam: Account) -> None:
    alone = Digest(Notify(people=("sam@example.com",)), at_least="low")
    world.review(replace(REVIEW, digests=(alone,)))
    world.policy.policy = replace(world.policy.policy, admin_notify=Notify())
    assert world.not_mine(sam).told == 0
    assert world.told() == []


def test_not_mine_is_said_once_by_each_until_the_finding_is_gone(
    world: ReviewedWorld, sam: Account
) -> None:
    world.not_mine(sam)
    with pytest.raises(AlreadyDone):
        world.not_mine(sam)
    world.not_mine(world.person("pat", "security"))
    world.scan(world.things()[:1])
    world.scan()
    assert [one.ended for one in world.answers()] == [Ended.GONE] * 2
    world.not_mine(sam)
    world.keep(sam)
    kinds = [one.kind for one in world.answers() if one.stands]
    assert sorted(kinds) == [AnswerKind.KEPT, AnswerKind.NOT_MINE]
    assert [one["facts"]["cause"] for one in world.written("finding.keep-ended")] == []


@pytest.mark.security("P7")
def test_who_is_no_reviewer_hears_nothing_of_how_a_finding_stands(
    world: ReviewedWorld, sam: Account
) -> None:
    erin, shown = world.person("erin", "engineers"), world.detail()
    world.keep(sam)
    for detail in (shown, replace(shown, finding=replace(shown.finding, rule="nothing-such"))):
        with pytest.raises(Refused):
            world.not_mine(erin, detail=detail)
