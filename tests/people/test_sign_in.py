"""Who somebody is: a link for one account, one browser, two proofs (P1, P2)."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from grants.errors import AlreadyDone, LinkRefused, NotFound, ValetkeyError, WrongState
from grants.outbox.model import Notice, Place, PlaceKind
from grants.people.end_session import end_session
from grants.people.fail_sign_in import FailSignIn, fail_sign_in
from grants.people.finish_sign_in import FinishSignIn, LoginFacts, SignedIn, finish_sign_in
from grants.people.model import ATTEMPT_MOVES, Account, Attempt, AttemptStep, Profile
from grants.people.offer_sign_in import OFFER_LASTS, OfferSignIn, offer_sign_in
from grants.people.open_attempt import OpenAttempt, Opened, open_attempt
from grants.people.prove_slack import ProveSlack, prove_slack
from grants.people.queries import accounts_of, known_account, look_at_attempt, session_person
from grants.people.run_login import KeepLogin, TakeLogin, keep_login, take_login
from grants.people.start_session import StartSession, start_session
from grants.people.tokens import digest_of
from grants.people.unlink import UnlinkAccount, unlink_account
from grants.record.model import EventType
from tests.support.memory_store import MemoryStore

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ADA = Account("T0ACME", "U0ADA")
BOB = Account("T0ACME", "U0BOB")
ISSUER = "https://login.acme.example"


@dataclass
class StoppedClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def pass_by(self, duration: timedelta) -> None:
        self.at += duration


@dataclass
class Ports:
    clock: StoppedClock = field(default_factory=StoppedClock)
    store: MemoryStore = field(default_factory=MemoryStore)


@pytest.fixture
def ports() -> Ports:
    return Ports()


def facts(subject: str = "ada", **changes: object) -> LoginFacts:
    name = subject.capitalize()
    login = LoginFacts(
        issuer=ISSUER,
        subject=subject,
        auth_time=NOW,
        groups=frozenset({"engineers"}),
        acr="two-factors",
        amr=("pwd", "otp"),
        profile=Profile(name, f"{subject}@acme.example", email_verified=True),
        claims={"sub": subject, "email": f"{subject}@acme.example"},
    )
    return replace(login, **changes)


def offered(ports: Ports, account: Account = ADA, draft: str | None = None) -> str:
    key = f"offer-{len(ports.store.events)}"
    return offer_sign_in(OfferSignIn(key, account, draft), ports=ports).token


def opened(ports: Ports, account: Account = ADA, draft: str | None = None) -> Opened:
    return open_attempt(OpenAttempt(offered(ports, account, draft)), ports=ports)


def proven(ports: Ports, account: Account = ADA, draft: str | None = None) -> Opened:
    at = opened(ports, account, draft)
    prove_slack(ProveSlack(at.attempt.id, at.browser, account), ports=ports)
    return at


def finish(ports: Ports, at: Opened, login: LoginFacts | None = None) -> SignedIn:
    command = FinishSignIn(at.attempt.id, at.browser, login or facts())
    return finish_sign_in(command, ports=ports)


def signed_in(ports: Ports, account: Account = ADA, login: LoginFacts | None = None) -> SignedIn:
    return finish(ports, proven(ports, account), login)


def step_of(ports: Ports, attempt: Attempt) -> AttemptStep:
    with ports.store.read() as tx:
        found = tx.attempt(attempt.id)
    assert found is not None
    return found.step


def failures(ports: Ports) -> list[object]:
    return [e.facts["why"] for e in ports.store.events if e.type is EventType.SIGN_IN_FAILED]


def told(ports: Ports, account: Account) -> list[str]:
    place = Place(PlaceKind.ACCOUNT, f"{account.team}/{account.user}")
    return [n.code for n in ports.store.notices if n.place == place]


def test_a_link_is_random_lives_ten_minutes_and_only_its_digest_is_kept(ports):
    first = offer_sign_in(OfferSignIn("one", ADA), ports=ports)
    second = offer_sign_in(OfferSignIn("two", ADA), ports=ports)
    assert first.token != second.token
    assert len(first.token) >= 43  # 256 bits in base64
    assert first.link
    assert first.expires_at == NOW + OFFER_LASTS == NOW + timedelta(minutes=10)
    attempt = look_at_attempt(first.token, ports=ports)
    assert attempt.secret_digest == digest_of(first.token)
    assert first.token not in repr(ports.store.__dict__)


def test_a_replayed_command_makes_no_second_link(ports):
    offer_sign_in(OfferSignIn("one", ADA), ports=ports)
    with pytest.raises(AlreadyDone):
        offer_sign_in(OfferSignIn("one", ADA), ports=ports)
    assert [e.type for e in ports.store.events] == [EventType.SIGN_IN_OFFERED]


def test_a_newer_link_does_not_spoil_an_older_one(ports):
    older = opened(ports)
    proven(ports)
    prove_slack(ProveSlack(older.attempt.id, older.browser, ADA), ports=ports)
    assert finish(ports, older).linked_now


@pytest.mark.parametrize("how", ["done", "refused"])
def test_at_rest_an_attempt_keeps_nothing_of_its_logins(ports, how):
    at = proven(ports)
    for login in ("slack", "company"):
        values = {"state": "s", "nonce": "n", "verifier": "v"}
        keep_login(KeepLogin(at.attempt.id, at.browser, login, values), ports=ports)
    if how == "done":
        finish(ports, at)
    else:
        fail_sign_in(FailSignIn(at.attempt.id, at.browser, "company", "aud"), ports=ports)
    with ports.store.read() as tx:
        attempt = tx.attempt(at.attempt.id)
    assert (attempt.step, attempt.slack, attempt.company) == (AttemptStep(how), {}, {})


def test_a_provider_whose_clock_runs_ahead_signs_people_in_freshly(ports):
    """A login dated two seconds ahead, which the leeway allows, did not count as fresh: the draft
    that should go on at once was refused for a sign-in that is too old.
    """
    done = signed_in(ports, login=facts(auth_time=NOW + timedelta(seconds=2)))
    assert done.sign_in.auth_time == NOW
    assert done.sign_in.is_fresh(NOW, timedelta(hours=12))


@pytest.mark.security("P1")
def test_two_proofs_in_one_browser_link_the_account(ports):
    done = finish(ports, proven(ports, draft="req-1"))
    assert done.linked_now
    assert done.draft == "req-1"
    known = known_account(ADA, ports=ports)
    assert known is not None
    assert known.person == done.person
    assert (known.person.issuer, known.person.subject) == (ISSUER, "ada")
    assert known.sign_in.groups == {"engineers"}
    assert accounts_of(done.person.id, ports=ports) == (ADA,)
    types = [e.type for e in ports.store.events]
    assert types == [EventType.SIGN_IN_OFFERED, EventType.ACCOUNT_LINKED, EventType.SIGN_IN_DONE]
    assert told(ports, ADA) == ["linked"]


@pytest.mark.security("P1")
def test_an_account_that_did_not_prove_slack_is_not_linked(ports):
    at = opened(ports)
    with pytest.raises(LinkRefused) as refusal:
        finish(ports, at)
    assert refusal.value.why == "slack-not-proven"
    assert known_account(ADA, ports=ports) is None
    assert step_of(ports, at.attempt) is AttemptStep.REFUSED


@pytest.mark.security("P1")
def test_another_browser_is_refused_and_the_initiator_told_once(ports):
    token = offered(ports)
    first = open_attempt(OpenAttempt(token), ports=ports)
    for browser in (None, "a guess", "another guess"):
        with pytest.raises(LinkRefused) as refusal:
            open_attempt(OpenAttempt(token, browser), ports=ports)
        assert refusal.value.why == "other-browser"
    assert told(ports, ADA) == ["sign-in-refused"]
    assert failures(ports) == ["other-browser"] * 3
    prove_slack(ProveSlack(first.attempt.id, first.browser, ADA), ports=ports)
    assert finish(ports, first).linked_now


def test_the_same_browser_may_open_its_link_again(ports):
    token = offered(ports)
    first = open_attempt(OpenAttempt(token), ports=ports)
    again = open_attempt(OpenAttempt(token, first.browser), ports=ports)
    assert again == first


@pytest.mark.security("P1")
@pytest.mark.parametrize("step", ["prove", "keep", "take", "finish"])
def test_no_step_is_taken_from_another_browser(ports, step):
    at = proven(ports)
    attempt, browser = at.attempt.id, "another browser's secret"
    login = FinishSignIn(attempt, browser, facts())
    steps = {
        "prove": lambda: prove_slack(ProveSlack(attempt, browser, ADA), ports=ports),
        "keep": lambda: keep_login(KeepLogin(attempt, browser, "slack", {}), ports=ports),
        "take": lambda: take_login(TakeLogin(attempt, browser, "slack", ""), ports=ports),
        "finish": lambda: finish_sign_in(login, ports=ports),
    }
    with pytest.raises(LinkRefused) as refusal:
        steps[step]()
    assert refusal.value.why == "other-browser"
    assert step_of(ports, at.attempt) is AttemptStep.SLACK_PROVEN
    assert known_account(ADA, ports=ports) is None


@pytest.mark.security("P1")
def test_the_wrong_slack_user_uses_the_link_up_and_the_initiator_is_told(ports):
    at = opened(ports)
    with pytest.raises(LinkRefused) as refusal:
        prove_slack(ProveSlack(at.attempt.id, at.browser, BOB), ports=ports)
    assert refusal.value.why == "other-slack-account"
    assert told(ports, ADA) == ["sign-in-refused"]
    assert told(ports, BOB) == []
    with pytest.raises(LinkRefused) as again:
        prove_slack(ProveSlack(at.attempt.id, at.browser, ADA), ports=ports)
    assert again.value.why == "refused-before"


@pytest.mark.security("P1")
def test_the_same_user_id_in_another_team_is_another_account(ports):
    at = opened(ports)
    stranger = Account("T0OTHER", ADA.user)
    with pytest.raises(LinkRefused):
        prove_slack(ProveSlack(at.attempt.id, at.browser, stranger), ports=ports)


@pytest.mark.security("P1")
def test_a_link_is_of_no_use_after_ten_minutes_at_any_step(ports):
    token = offered(ports)
    open_in_time = proven(ports)
    ports.clock.pass_by(OFFER_LASTS)
    with pytest.raises(LinkRefused) as late:
        open_attempt(OpenAttempt(token), ports=ports)
    assert late.value.why == "expired"
    with pytest.raises(LinkRefused) as too_late:
        finish(ports, open_in_time)
    assert too_late.value.why == "expired"
    assert known_account(ADA, ports=ports) is None
    assert failures(ports) == ["expired", "expired"]


@pytest.mark.security("P1")
def test_a_link_works_once(ports):
    token = offered(ports)
    at = open_attempt(OpenAttempt(token), ports=ports)
    prove_slack(ProveSlack(at.attempt.id, at.browser, ADA), ports=ports)
    finish(ports, at)
    for again in (
        lambda: finish(ports, at),
        lambda: open_attempt(OpenAttempt(token, at.browser), ports=ports),
        lambda: look_at_attempt(token, ports=ports),
    ):
        with pytest.raises(LinkRefused) as refusal:
            again()
        assert refusal.value.why == "used"
    assert failures(ports) == ["used", "used"]  # looking leaves no trace


def test_looking_at_a_link_uses_nothing_up(ports):
    token = offered(ports)
    before = len(ports.store.events)
    for _ in range(3):
        assert look_at_attempt(token, ports=ports).step is AttemptStep.OFFERED
    assert len(ports.store.events) == before


def test_a_guessed_link_is_unknown_and_fills_no_log(ports):
    with pytest.raises(LinkRefused) as refusal:
        open_attempt(OpenAttempt("a guess"), ports=ports)
    assert refusal.value.why == "unknown"
    with pytest.raises(LinkRefused):
        look_at_attempt("x" * 100_000, ports=ports)
    assert list(ports.store.events) == []


@pytest.mark.security("P1")
def test_a_later_sign_in_needs_no_slack_login_but_the_linked_person(ports):
    first = signed_in(ports)
    ports.clock.pass_by(timedelta(hours=13))
    later = facts(auth_time=ports.clock.now(), groups=frozenset({"engineers", "oncall"}))
    again = finish(ports, opened(ports), later)
    assert not again.linked_now
    assert again.person == first.person
    known = known_account(ADA, ports=ports)
    assert known is not None
    assert known.sign_in.groups == {"engineers", "oncall"}
    assert told(ports, ADA) == ["linked", "signed-in"]


@pytest.mark.security("P1")
@pytest.mark.parametrize("other_is_known", [True, False])
def test_another_identity_on_a_later_sign_in_is_refused(ports, other_is_known):
    first = signed_in(ports)
    if other_is_known:
        signed_in(ports, BOB, facts("bob"))
    at = proven(ports)
    with pytest.raises(LinkRefused) as refusal:
        finish(ports, at, facts("bob"))
    assert refusal.value.why == "other-person"
    known = known_account(ADA, ports=ports)
    assert known is not None
    assert known.person == first.person
    assert known.sign_in == first.sign_in
    assert told(ports, ADA) == ["linked", "sign-in-refused"]
    assert step_of(ports, at.attempt) is AttemptStep.REFUSED


@pytest.mark.security("P1")
def test_the_same_subject_of_another_issuer_is_another_person(ports):
    signed_in(ports)
    with pytest.raises(LinkRefused) as refusal:
        finish(ports, opened(ports), facts(issuer="https://evil.example"))
    assert refusal.value.why == "other-person"


@pytest.mark.security("P1")
def test_an_account_linked_before_to_the_identity_is_told_of_a_new_one(ports):
    first = signed_in(ports, ADA)
    second = signed_in(ports, BOB, facts("ada"))
    assert second.person == first.person
    assert told(ports, ADA) == ["linked", "linked-elsewhere"]
    assert told(ports, BOB) == ["linked"]
    notice = next(n for n in ports.store.notices if n.code == "linked-elsewhere")
    assert notice.facts == {"account": "T0ACME/U0BOB"}


def test_an_attempt_offered_as_renewal_links_nobody_after_an_unlinking(ports):
    """What counts is what is linked at the end, not when the link was offered."""
    signed_in(ports)
    at = opened(ports)
    unlink_account(UnlinkAccount(ADA), ports=ports)
    with pytest.raises(LinkRefused) as refusal:
        finish(ports, at, facts("mallory"))
    assert refusal.value.why == "slack-not-proven"


def test_groups_that_were_not_said_stay_unknown(ports):
    done = signed_in(ports, login=facts(groups=None))
    assert done.sign_in.groups is None
    linked = next(n for n in ports.store.notices if n.code == "linked")
    assert linked.facts["groups"] == "unknown"


def test_a_running_login_is_taken_once_and_only_by_its_own_answer(ports):
    at = opened(ports)
    values = {"state": "s1", "nonce": "n1", "verifier": "v1"}
    keep_login(KeepLogin(at.attempt.id, at.browser, "slack", values), ports=ports)
    forged = TakeLogin(at.attempt.id, at.browser, "slack", "another")
    with pytest.raises(LinkRefused) as wrong:
        take_login(forged, ports=ports)
    assert wrong.value.why == "state"
    company = TakeLogin(at.attempt.id, at.browser, "company", "s1")
    with pytest.raises(LinkRefused) as none_runs:
        take_login(company, ports=ports)
    assert none_runs.value.why == "no-login"
    right = TakeLogin(at.attempt.id, at.browser, "slack", "s1")
    assert take_login(right, ports=ports) == values
    with pytest.raises(LinkRefused) as replayed:
        take_login(right, ports=ports)
    assert replayed.value.why == "no-login"


def test_a_refused_login_uses_the_attempt_up_and_an_unanswered_one_does_not(ports):
    at = opened(ports)
    again = FailSignIn(at.attempt.id, at.browser, "company", "provider-down", final=False)
    fail_sign_in(again, ports=ports)
    assert step_of(ports, at.attempt) is AttemptStep.OPENED
    fail_sign_in(FailSignIn(at.attempt.id, at.browser, "company", "aud"), ports=ports)
    assert step_of(ports, at.attempt) is AttemptStep.REFUSED
    assert failures(ports) == ["provider-down", "aud"]
    event = ports.store.events[-1]
    assert event.facts["login"] == "company"


def test_a_failure_reported_by_another_browser_uses_nothing_up(ports):
    at = opened(ports)
    fail_sign_in(FailSignIn(at.attempt.id, "another", "company", "aud"), ports=ports)
    assert step_of(ports, at.attempt) is AttemptStep.OPENED


def test_nothing_of_the_logins_is_kept_when_the_attempt_is_done(ports):
    at = proven(ports)
    values = {"state": "s", "nonce": "n", "verifier": "the verifier"}
    keep_login(KeepLogin(at.attempt.id, at.browser, "company", values), ports=ports)
    finish(ports, at)
    with ports.store.read() as tx:
        done = tx.attempt(at.attempt.id)
    assert done is not None
    assert (done.slack, done.company) == ({}, {})


def test_events_hold_ids_and_no_labels(ports):
    login = facts(profile=Profile("Ada Lovelace", "ada@acme.example", email_verified=True))
    signed_in(ports, login=login)
    written = repr(ports.store.events)
    assert "Lovelace" not in written
    assert "@acme" not in written


def test_an_unlinked_account_is_known_no_more_and_its_sessions_end(ports):
    done = signed_in(ports)
    session = start_session(StartSession(done.person.id, timedelta(hours=1)), ports=ports)
    assert unlink_account(UnlinkAccount(ADA), ports=ports) == done.person
    assert known_account(ADA, ports=ports) is None
    assert session_person(session.secret, ports=ports) is None
    assert ports.store.events[-1].type is EventType.ACCOUNT_UNLINKED
    assert ports.store.events[-1].actor == "admin-cli"
    assert told(ports, ADA) == ["linked", "unlinked"]
    with pytest.raises(NotFound):
        unlink_account(UnlinkAccount(ADA), ports=ports)


def test_a_session_is_found_by_its_secret_until_its_time_is_up(ports):
    person = signed_in(ports).person
    session = start_session(StartSession(person.id, timedelta(hours=1)), ports=ports)
    known = session_person(session.secret, ports=ports)
    assert known is not None
    assert known.person == person
    assert session_person("a guess", ports=ports) is None
    assert session.secret not in repr(ports.store.__dict__)
    ports.clock.pass_by(timedelta(hours=1))
    assert session_person(session.secret, ports=ports) is None


@pytest.mark.security("P9")
def test_a_new_session_ends_the_one_before(ports):
    person = signed_in(ports).person
    hour = timedelta(hours=1)
    before = start_session(StartSession(person.id, hour), ports=ports)
    after = start_session(StartSession(person.id, hour, replaces=before.secret), ports=ports)
    assert before.secret != after.secret
    assert session_person(before.secret, ports=ports) is None
    assert session_person(after.secret, ports=ports) is not None


def test_signing_out_ends_the_session_and_is_recorded(ports):
    person = signed_in(ports).person
    session = start_session(StartSession(person.id, timedelta(hours=1)), ports=ports)
    assert end_session(session.secret, ports=ports)
    assert session_person(session.secret, ports=ports) is None
    assert ports.store.events[-1].type is EventType.SIGNED_OUT
    assert not end_session(session.secret, ports=ports)


@pytest.mark.parametrize("step", list(AttemptStep))
@pytest.mark.parametrize("to", list(AttemptStep))
def test_an_attempt_moves_only_as_the_table_says(step, to):
    attempt = Attempt("att-1", ADA, "digest", step, NOW)
    if to in ATTEMPT_MOVES[step]:
        assert attempt.moved(to).step is to
    else:
        with pytest.raises(WrongState):
            attempt.moved(to)


def test_every_refusal_of_people_is_one_of_ours():
    assert issubclass(LinkRefused, ValetkeyError)


def test_notices_carry_what_the_sentence_needs(ports):
    signed_in(ports)
    linked = [n for n in ports.store.notices if n.code == "linked"]
    place = Place(PlaceKind.ACCOUNT, "T0ACME/U0ADA")
    expected = {"name": "Ada", "email": "ada@acme.example", "groups": "1", "draft": ""}
    assert linked == [Notice("linked", linked[0].about, place, expected)]
