"""Answers to findings, on both databases: one keep at once, ended once, erased from no event."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from grants.errors import AlreadyDone, StoreError, ValetkeyError, WrongState
from grants.review.answers import AnswerKind, Ended
from tests.support.kept_findings import ReviewedWorld


@pytest.fixture
def world(real_store):
    made = ReviewedWorld(real_store)
    made.scan()
    return made


@pytest.fixture
def sam(world):
    return world.person("sam", "security")


def test_an_answer_is_read_as_it_was_written(world, sam):
    odd = "Why: \u2028 <!channel> \U0001f600 'x' \\"
    kept = world.keep(sam, reason=odd)
    with world.store.read() as tx:
        assert tx.standing_answers(["prod"]) == (kept,)
        assert tx.standing_answers(["stage"]) == tx.standing_answers([]) == ()
        assert tx.answers_of(kept.finding, 5) == (kept,)
        assert tx.answers_of("k", 5) == ()
    assert (kept.reason, kept.until, len(kept.salt)) == (odd.strip(), world.day(30), 16)


def test_one_keep_stands_at_a_time_and_one_not_mine_of_each(world, sam):
    kept = world.keep(sam)
    said = replace(kept, id="ans-2", kind=AnswerKind.NOT_MINE, until=None, reason="")
    with world.store.write() as tx:
        assert not tx.add_answer(replace(kept, id="ans-3"))
        assert tx.add_answer(said)
        assert not tx.add_answer(replace(said, id="ans-4"))
        ended = replace(kept, ended=Ended.CHANGED, ended_at=world.clock.now(), ended_by="rules")
        tx.end_answers([ended])
        tx.end_answers([replace(ended, ended=Ended.OVER, ended_by="")])
        assert tx.add_answer(replace(kept, id="ans-5", at=kept.at + timedelta(seconds=1)))
    with world.store.read() as tx:
        assert [one.id for one in tx.standing_answers(["prod"])] == ["ans-2", "ans-5"]
        latest, *others = tx.answers_of(kept.finding, 5)
        assert latest.id == "ans-5"
        assert ended in others


def test_a_keep_without_a_day_or_an_end_without_a_time_is_none(world, sam):
    kept = world.keep(sam)
    wrong = [
        replace(kept, id="ans-2", finding="k", until=None),
        replace(kept, id="ans-2", finding="k", kind=AnswerKind.NOT_MINE),
        replace(kept, id="ans-2", finding="k", ended=Ended.OVER),
    ]
    for one in wrong:
        with pytest.raises((IntegrityError, StoreError)), world.store.write() as tx:
            tx.add_answer(one)


def test_nothing_is_answered_in_a_read_transaction(world, sam):
    kept = world.keep(sam)
    for call in ("add_answer", "end_answers"):
        with pytest.raises(StoreError), world.store.read() as tx:
            getattr(tx, call)(kept if call == "add_answer" else [kept])


def test_access_there_is_that_of_the_namespace_or_of_the_whole_cluster(world):
    erin, ada = world.person("erin", "engineers"), world.person("ada", "approvers")
    erin_id = world.person_id(erin)

    def has(cluster: str, namespace: str | None) -> bool:
        with world.store.read() as tx:
            return tx.has_access(erin_id, cluster, namespace)

    assert not has("prod", None)
    world.approve(ada, world.ask(erin))
    assert has("prod", "payments-dev")
    assert has("prod", None)
    assert not has("prod", "shop")
    assert not has("stage", None)


@pytest.mark.security("P8")
def test_many_clicks_at_once_keep_it_once(world, sam):
    """Reviewers, double clicks and a scan at the same moment: one keep, and it is in force."""
    reviewers = [sam, world.person("pat", "security")]
    for _ in range(10):
        world.scan(world.things()[:1])
        world.scan()
        clicks = [world.click(who) for who in reviewers for _ in range(2)]
        outcomes = at_once(world, [*clicks, None])
        assert outcomes.count("kept") == 1
        assert set(outcomes) <= {"kept", "refused", "scanned"}
        world.scan()
        assert world.open_rules() == []
        stands = [one for one in world.answers() if one.stands]
        assert [one.kind for one in stands] == [AnswerKind.KEPT]


def at_once(world, clicks) -> list[str]:
    """Keep by each of these clicks (None: scan) at the same moment; gives what became of each."""
    ready, found = threading.Barrier(len(clicks)), []

    def run(click) -> None:
        ready.wait()
        try:
            if click is None:
                world.scan()
                found.append("scanned")
            else:
                world.keep_by(click)
                found.append("kept")
        except (AlreadyDone, WrongState):
            found.append("refused")
        except ValetkeyError as error:
            found.append(error.code)

    threads = [threading.Thread(target=run, args=(click,)) for click in clicks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_what_an_older_version_kept_of_a_finding_is_answered_by_nobody(world, sam):
    detail = world.detail()
    with world.store.write() as tx:
        tx.keep_details([replace(detail, substance=None)])
    with pytest.raises(ValetkeyError) as refused:
        world.keep(sam, detail=detail)
    assert refused.value.code == "finding-changed"
