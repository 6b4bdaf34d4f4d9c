from dataclasses import replace
from datetime import timedelta

import pytest

from grants.errors import ChangedMeanwhile, StoreError
from grants.people.model import AttemptStep, Profile
from tests.support.store_values import (
    NOW,
    a_person,
    a_session,
    a_sign_in,
    an_account,
    an_attempt,
)
from tests.support.stores import roll_back


@pytest.fixture
def ann(store):
    person = a_person("ann")
    with store.write() as tx:
        tx.add_person(person, NOW)
    return person


def test_an_inbound_key_is_new_once(store):
    with store.write() as tx:
        assert tx.first_time("envelope:1", NOW)
        assert not tx.first_time("envelope:1", NOW)
    with store.write() as tx:
        assert not tx.first_time("envelope:1", NOW)
        assert tx.first_time("envelope:2", NOW)


def test_a_key_of_a_failed_transaction_is_new_again(store):
    roll_back(store, lambda tx: tx.first_time("envelope:1", NOW))
    with store.write() as tx:
        assert tx.first_time("envelope:1", NOW)


def test_an_attempt_comes_back_as_it_was_stored(store):
    attempt = an_attempt(
        step=AttemptStep.OPENED,
        browser_digest="b",
        link=False,
        draft="req-1",
        slack={"state": "s", "nonce": "n"},
        company={"verifier": "v"},
    )
    with store.write() as tx:
        tx.add_attempt(attempt)
    with store.read() as tx:
        assert tx.attempt(attempt.id) == attempt
        assert tx.attempt_by_secret(attempt.secret_digest) == attempt
        assert tx.attempt("att-unknown") is None
        assert tx.attempt_by_secret("unknown") is None


def test_a_saved_attempt_has_the_next_version(store):
    attempt = an_attempt()
    with store.write() as tx:
        tx.add_attempt(attempt)
    with store.write() as tx:
        moved = tx.save_attempt(replace(attempt, step=AttemptStep.OPENED, browser_digest="b"))
        assert tx.attempt(attempt.id) == moved
    assert moved.version == attempt.version + 1


def test_an_attempt_that_moved_on_is_not_saved(store):
    attempt = an_attempt()
    with store.write() as tx:
        tx.add_attempt(attempt)
        tx.save_attempt(replace(attempt, step=AttemptStep.OPENED))
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.save_attempt(replace(attempt, step=AttemptStep.REFUSED))
    with store.read() as tx:
        assert tx.attempt(attempt.id).step is AttemptStep.OPENED


def test_two_attempts_never_share_a_secret(store):
    attempt = an_attempt()
    with store.write() as tx:
        tx.add_attempt(attempt)
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.add_attempt(an_attempt(secret_digest=attempt.secret_digest))


def test_a_person_is_found_by_issuer_and_subject_alone(store, ann):
    with store.read() as tx:
        assert tx.person(ann.issuer, ann.subject) == ann
        assert tx.person(ann.issuer, "bob") is None
        assert tx.person("https://elsewhere.test", ann.subject) is None


def test_one_issuer_and_subject_is_one_person(store, ann):
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.add_person(a_person("ann"), NOW)


def test_nobody_is_known_before_their_first_sign_in(store, ann):
    with store.write() as tx:
        tx.link(an_account(), ann.id, NOW)
        assert tx.known(an_account()) is None
        assert tx.known_person(ann.id) is None


def test_somebody_is_known_by_their_last_sign_in(store, ann):
    first = a_sign_in(ann)
    last = a_sign_in(ann, groups=None, acr=None, amr=(), at=NOW + timedelta(seconds=1))
    with store.write() as tx:
        tx.link(an_account(), ann.id, NOW)
        tx.add_sign_in(first)
        tx.add_sign_in(last)
    with store.read() as tx:
        known = tx.known(an_account())
        assert known == replace(tx.known_person(ann.id), account=an_account())
    assert known.person == ann
    assert known.sign_in == last
    assert known.sign_in.groups is None
    assert known.emails == {"ann@example.test"}


def test_two_are_known_at_once_as_each_is_alone(store, ann):
    bob = a_person("bob")
    with store.write() as tx:
        tx.add_person(bob, NOW)
        tx.link(an_account(), ann.id, NOW)
        tx.add_sign_in(a_sign_in(ann, profile=Profile("Ann", "ann@example.test", True)))
        tx.add_sign_in(a_sign_in(ann, profile=Profile("Ann", "a@example.test", True)))
        tx.add_sign_in(a_sign_in(bob, profile=Profile("Bob", "bob@example.test", True)))
    with store.read() as tx:
        for account in (an_account(), an_account("U2")):
            for person in (ann.id, bob.id, "per-none"):
                both = tx.known_both(account, person)
                assert both == (tx.known(account), tx.known_person(person))
        assert tx.known_both(an_account(), bob.id)[0].emails == {
            "a@example.test",
            "ann@example.test",
        }


def test_no_groups_is_another_thing_than_unknown_groups(store, ann):
    with store.write() as tx:
        tx.add_sign_in(a_sign_in(ann, groups=frozenset()))
        assert tx.known_person(ann.id).sign_in.groups == frozenset()


def test_the_first_person_with_a_verified_email_keeps_it(store, ann):
    late = a_person("late")
    with store.write() as tx:
        tx.add_person(late, NOW)
        tx.add_sign_in(a_sign_in(ann, profile=Profile("Ann", "Ann@Example.test", True)))
        tx.add_sign_in(a_sign_in(late, profile=Profile("Ann", "ann@example.TEST", True)))
    with store.read() as tx:
        assert [k.person for k in tx.people_with_email("ANN@example.test")] == [ann]
        assert tx.known_person(late.id).emails == frozenset()
        assert tx.known_person(ann.id).emails == {"ann@example.test"}


def test_an_unverified_email_is_a_label_only(store, ann):
    with store.write() as tx:
        tx.add_sign_in(a_sign_in(ann, profile=Profile("Ann", "ann@example.test", False)))
        assert tx.people_with_email("ann@example.test") == ()
        assert tx.known_person(ann.id).sign_in.profile.email == "ann@example.test"


def test_a_person_may_have_several_accounts(store, ann):
    with store.write() as tx:
        tx.link(an_account("U1"), ann.id, NOW)
        tx.link(an_account("U2"), ann.id, NOW + timedelta(seconds=1))
    with store.read() as tx:
        assert tx.accounts_of(ann.id) == (an_account("U1"), an_account("U2"))
        assert tx.known(an_account("U3")) is None


def test_an_account_has_one_person(store, ann):
    bob = a_person("bob")
    with store.write() as tx:
        tx.add_person(bob, NOW)
        tx.link(an_account(), ann.id, NOW)
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.link(an_account(), bob.id, NOW)


def test_unlinking_ends_the_persons_web_sessions(store, ann):
    bob, session = a_person("bob"), a_session(ann)
    other = a_session(bob)
    with store.write() as tx:
        tx.add_person(bob, NOW)
        tx.link(an_account(), ann.id, NOW)
        tx.add_session(session)
        tx.add_session(other)
    with store.write() as tx:
        assert tx.unlink(an_account())
        assert not tx.unlink(an_account())
    with store.read() as tx:
        assert tx.session(session.secret_digest) is None
        assert tx.session(other.secret_digest) == other


def test_a_session_ends_once_it_is_ended(store, ann):
    session = a_session(ann)
    with store.write() as tx:
        tx.add_session(session)
        assert tx.session(session.secret_digest) == session
        tx.end_session(session.id)
        tx.end_session(session.id)
    with store.read() as tx:
        assert tx.session(session.secret_digest) is None


def test_known_groups_are_those_of_last_sign_ins(store, ann):
    with store.write() as tx:
        tx.add_sign_in(a_sign_in(ann, groups=frozenset({"old"})))
        tx.add_sign_in(a_sign_in(ann, groups=frozenset({"new", "newer"})))
        assert tx.known_groups() == {"new", "newer"}


def test_a_sign_in_of_nobody_is_refused(store):
    with pytest.raises(StoreError), store.write() as tx:
        tx.add_sign_in(a_sign_in(a_person()))


@pytest.mark.parametrize(
    "write",
    [
        lambda tx, ann: tx.first_time("k", NOW),
        lambda tx, ann: tx.add_attempt(an_attempt()),
        lambda tx, ann: tx.add_person(a_person("x"), NOW),
        lambda tx, ann: tx.add_sign_in(a_sign_in(ann)),
        lambda tx, ann: tx.link(an_account(), ann.id, NOW),
        lambda tx, ann: tx.unlink(an_account()),
        lambda tx, ann: tx.add_session(a_session(ann)),
        lambda tx, ann: tx.end_session("ses-1"),
    ],
)
def test_a_reader_cannot_write_people(store, ann, write):
    with pytest.raises(StoreError), store.read() as tx:
        write(tx, ann)
