"""What a restored copy is asked, and what of it is forgotten."""

import pytest

from grants.errors import StoreError
from grants.people.model import AttemptStep
from grants.record.model import Event, EventType
from tests.support.store_values import NOW, a_session, an_account, an_attempt


def test_the_last_number_is_that_of_the_newest_event_and_none_is_zero(store):
    with store.read() as tx:
        assert tx.last_number() == 0
    with store.write() as tx:
        for _event in range(3):
            tx.append(Event(EventType.POLICY_LOADED, NOW, "system"))
    with store.read() as tx:
        assert tx.last_number() == 3


def test_what_is_appended_within_the_transaction_has_no_number_yet(store):
    with store.write() as tx:
        tx.append(Event(EventType.POLICY_LOADED, NOW, "system"))
        assert tx.last_number() == 0


def test_every_session_and_sign_in_under_way_is_forgotten_and_counted(store, stored):
    sessions = [a_session(stored.ann), a_session(stored.bob)]
    attempts = [an_attempt(), an_attempt(step=AttemptStep.OPENED, browser_digest="b")]
    with store.write() as tx:
        for session in sessions:
            tx.add_session(session)
        for attempt in attempts:
            tx.add_attempt(attempt)
    with store.write() as tx:
        assert tx.forget_sessions() == 4
        assert tx.forget_sessions() == 0
    with store.read() as tx:
        assert [tx.session(session.secret_digest) for session in sessions] == [None, None]
        assert [tx.attempt(attempt.id) for attempt in attempts] == [None, None]


def test_who_somebody_is_is_not_forgotten_with_their_sessions(store, stored):
    with store.write() as tx:
        tx.add_session(a_session(stored.ann))
        before = tx.known(an_account("U1"))
        assert before.person == stored.ann
        tx.forget_sessions()
    with store.read() as tx:
        assert tx.known(an_account("U1")) == before


def test_forgetting_is_a_write(store, stored):
    with pytest.raises(StoreError), store.read() as tx:
        tx.forget_sessions()
