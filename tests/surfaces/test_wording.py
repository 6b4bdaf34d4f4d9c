"""Every state, cause, reason and error has one sentence, and no sentence is left unfilled."""

import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.slack.troubles import TOKENS
from bot.wording import (
    NOTICES,
    cause_sentence,
    clock_words,
    delivery_words,
    duration_words,
    error_sentence,
    grant_state_words,
    moment_words,
    note_sentence,
    notice_sentence,
    problem_sentence,
    proof_sentences,
    reason_sentence,
    request_state_words,
    trouble_words,
)
from bot.wording.errors import LINKS, SIGN_IN, STRANGERS, TERMS
from bot.wording.problems import PROBLEMS
from bot.wording.proofs import NOTES
from bot.wording.reasons import REASONS
from bot.wording.states import CLOSINGS, TROUBLES, closing_sentence
from bot.wording.undelivered import PROBLEMS as UNDELIVERED
from grants.access.model import Cause, GrantState, Proof, ProofKind, RequestState, Seen
from grants.authz.model import Answer, Question
from grants.errors import (
    BadInput,
    ClusterUnavailable,
    LinkRefused,
    LoginRefused,
    NotAllowed,
    Problem,
    Reason,
    Refused,
    SettingsInvalid,
    SignInNeeded,
    StrangerRefused,
    TermsChanged,
    ValetkeyError,
    WrongState,
)
from grants.policy.judge import REASON_CODES

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
GENERIC = "Something went wrong, and nothing was changed."


def kinds(of: type[ValetkeyError] = ValetkeyError) -> Iterator[type[ValetkeyError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def example(kind: type[ValetkeyError]) -> ValetkeyError:
    """Make an error of a kind, with something in each of its fields."""
    values = {
        "problems": (Problem("reason", "reason-empty"),),
        "reasons": (Reason("may-ask", holds=False, facts=(("entitlement", "view"),)),),
        "signed_in_at": NOON,
        "until": NOON,
        "draft": None,
    }
    given = {f.name: values.get(f.name, "something") for f in fields(kind) if f.default is MISSING}
    if kind.__name__ == "PolicyInvalid":
        given["problems"] = ()
    return kind(**given)


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=lambda k: k.__name__))
def test_every_kind_of_error_has_a_sentence_of_its_own(kind: type[ValetkeyError]) -> None:
    said = error_sentence(example(kind))
    assert said != GENERIC
    assert looks_said(said)


def looks_said(sentence: str) -> bool:
    """Tell whether a sentence reads as one: begins and ends well, nothing left open in it."""
    return (
        sentence[:1].isupper()
        and sentence.rstrip("`”").endswith((".", "?", ":"))
        and "{" not in sentence
        and not re.search(r"\?(?!$| )", sentence)
    )


@pytest.mark.parametrize("code", sorted(REASON_CODES))
def test_every_reason_of_policy_has_a_sentence(code: str) -> None:
    assert code in REASONS
    facts = tuple((name, "x") for name in re.findall(r"{(\w+)}", REASONS[code]))
    assert looks_said(reason_sentence(Reason(code, holds=False, facts=facts)))


def test_a_sentence_never_asks_for_a_fact_that_policy_does_not_give() -> None:
    """The facts of a code are in its description; a name that is not there would read as "?"."""
    for code, template in REASONS.items():
        if code not in REASON_CODES:
            continue
        for name in re.findall(r"{(\w+)}", template):
            assert re.search(rf"\b{name}\b", REASON_CODES[code]), (code, name)


def codes_in_source(pattern: str, *rooms: str) -> set[str]:
    root = Path(__file__).parents[2]
    return {
        found
        for room in rooms
        for path in (root / room).rglob("*.py")
        if "playground" not in path.parts
        for found in re.findall(pattern, path.read_text())
    }


def test_every_reason_that_verbs_add_has_a_sentence() -> None:
    found = codes_in_source(r'Reason\("([a-z-]+)"', "grants")
    assert len(found) > 20
    assert found <= set(REASONS)


def test_every_problem_that_is_raised_has_a_sentence() -> None:
    found = codes_in_source(r'\bProblem\([^,()]+, "([a-z-]+)"', "grants/access", "bot")
    found |= codes_in_source(r'\bProblem\([^,()]+, "([a-z-]+)"', "grants/clusters", "grants/store")
    found |= codes_in_source(r'[ (]_problem\([^,]+, "([a-z-]+)"', "bot")
    assert len(found) > 10
    assert found <= set(PROBLEMS)


def test_what_is_too_long_is_told_with_its_length_and_the_limit() -> None:
    facts = (("maximum", "500"), ("length", "501"))
    said = problem_sentence(Problem("reason", "reason-too-long", facts))
    assert said == "This is too long: 501 of at most 500 characters."


def test_every_link_refusal_and_trouble_has_words() -> None:
    assert codes_in_source(r'LinkRefused\("([a-z-]+)"', "grants", "bot") <= set(LINKS)
    refusals = codes_in_source(
        r'refuse_for_good\([^"]*"([a-z-]+)"|record_failure\([^"]*"([a-z-]+)"', "grants"
    )
    logins = {"slack", "company"}
    assert {code for pair in refusals for code in pair if code} - logins <= set(LINKS)
    assert codes_in_source(r'problem="([a-z-]+)"', "grants/access") <= set(TROUBLES)
    details = codes_in_source(r'Cause\.[A-Z_]+, "([a-z-]+)"', "grants/access")
    assert len(details) > 5
    assert details <= set(TROUBLES)
    assert codes_in_source(r'TermsChanged\([^,]+, "([a-z]+)"', "grants/access") <= set(TERMS)


def test_every_notice_has_a_sentence() -> None:
    found = codes_in_source(r'Notice\("([a-z-]+)"', "grants", "bot")
    found |= {f"binding-{f}" for f in ("of-ended-grant", "wrong-uid", "unknown-runs")}
    found |= {"binding-unknown-over", "linked", "signed-in", "delivery-failed"}
    found |= {"cluster-failing", "cluster-back"}
    found |= {f"role-{what}{seen}" for what in ("changed", "restored") for seen in ("", "-seen")}
    assert found <= set(NOTICES)
    for code, template in NOTICES.items():
        facts = dict.fromkeys(re.findall(r"{(\w+)}", template), "x")
        assert looks_said(notice_sentence(code, facts))


def test_a_changed_role_is_told_with_what_was_gained_and_lost() -> None:
    facts = {"role": "ClusterRole/view", "cluster": "prod", "compared": "yes", "grants": "2"}
    access = {"entitlement": "view-shop", "namespace": "shop"}
    gained, lost = {"gained": "read secrets; delete pods"}, {"lost": "read pods"}
    assert notice_sentence("role-changed", facts | access | gained | lost) == (
        "The rules of ClusterRole/view, by which you have view-shop in shop on prod, were changed "
        "after it was approved. It now also gives the right to read secrets; delete pods. It no "
        "longer gives the right to read pods. Your access goes on."
    )
    revoked = notice_sentence("role-changed", facts | access | gained | {"revoked": "yes"})
    assert revoked.endswith("delete pods. So your access is being taken away.")
    gone = notice_sentence("role-changed-seen", facts | lost | {"gone": "yes", "namespace": ""})
    assert "on prod were changed while people have access by it: 2 in all. The role was" in gone
    home = notice_sentence("role-restored-seen", facts | {"namespace": "shop"})
    assert "on prod, namespace shop give again" in home
    assert "to be compared" in notice_sentence("role-changed", facts | {"compared": ""})


def test_every_state_and_cause_has_words() -> None:
    assert all(request_state_words(state) for state in RequestState)
    assert all(grant_state_words(state) for state in GrantState)
    assert all(looks_said(cause_sentence(cause)) for cause in Cause)
    assert looks_said(cause_sentence(Cause.NEVER_ACTIVE, "role-changed"))
    assert all(looks_said(sentence) for sentence in CLOSINGS.values())
    assert closing_sentence("") == ""


def test_a_code_without_words_is_said_as_a_code() -> None:
    assert "brand-new" in reason_sentence(Reason("brand-new", holds=False))
    assert "brand-new" in problem_sentence(Problem("x", "brand-new"))
    assert "brand-new" in trouble_words("brand-new")
    assert "brand-new" in notice_sentence("brand-new", {})
    assert "brand-new" in note_sentence("brand-new")
    assert "brand-new" in error_sentence(LinkRefused("brand-new"))
    assert "brand-new" in error_sentence(LoginRefused("brand-new"))


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (SignInNeeded("groups-unknown"), "which groups"),
        (StrangerRefused("guest"), "Guests"),
        (StrangerRefused("no such word"), STRANGERS["unknown"]),
        (SignInNeeded("no such word"), SIGN_IN["not-linked"]),
        (NotAllowed("revoke-grant"), "Only admins"),
        (TermsChanged("req-1", "role"), "rules of the role"),
        (WrongState("request", "req-1", "denied"), "This request is denied"),
        (WrongState("request", "req-1", "pending"), "This request waits for approval"),
        (WrongState("grant", "gra-1", "revoking"), "This access is being taken away"),
        (WrongState("grant", "gra-1", "ended"), "This access has ended"),
        (ClusterUnavailable("prod", "read role"), "The cluster prod does not answer"),
        (LoginRefused("aud", "company"), "was not accepted (aud)"),
        (LoginRefused("unavailable", "slack"), "Slack does not answer"),
        (
            SettingsInvalid((Problem("VALETKEY_X", "missing", (("detail", "set it"),)),)),
            "VALETKEY_X: set it.",
        ),
        (BadInput((Problem("a", "missing"), Problem("b", "reason-empty"))), "needed. Say why."),
    ],
)
def test_errors_say_what_happened(error: ValetkeyError, part: str) -> None:
    assert part in error_sentence(error)


def test_a_refusal_says_every_reason_once_and_none_that_holds() -> None:
    no = Reason("not-own", holds=False)
    yes = Reason("may-ask", holds=True, facts=(("entitlement", "view"),))
    said = error_sentence(Refused((no, yes, no)))
    assert said == REASONS["not-own"]
    assert error_sentence(Refused(())) == "The policy does not allow this."


def test_what_people_write_is_never_taken_for_a_template() -> None:
    reason = Reason("may-ask", holds=False, facts=(("entitlement", "{code.__class__}"),))
    assert "{code.__class__}" in reason_sentence(reason)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "no time"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(minutes=90), "1 hour 30 minutes"),
        (timedelta(days=2, hours=1, minutes=5), "2 days 1 hour"),
    ],
)
def test_lengths_read_as_people_say_them(length: timedelta, words: str) -> None:
    assert duration_words(length) == words


def test_times_read_in_the_persons_own_zone() -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert clock_words(NOON, NOON, zone) == "today 13:00 CET"
    assert clock_words(NOON + timedelta(hours=12), NOON, zone) == "tomorrow 01:00 CET"
    assert clock_words(NOON + timedelta(days=180), NOON, zone) == "Sat 4 Jul 14:00 CEST"
    assert moment_words(NOON) == "5 Jan 2026 12:00 UTC"


def proof(
    kind: ProofKind,
    *answers: bool,
    reason: str = "",
    notes: tuple[str, ...] = (),
    unsampled: int = 0,
) -> Proof:
    question = Question("get", resource="pods")
    seen = Seen("https://one", ready=True, binding_uid=None, answers=())
    given = tuple(Answer(question, allowed, reason if allowed else "") for allowed in answers)
    seen = Seen("https://one", ready=True, binding_uid=None, answers=given)
    return Proof("prf-1", "gra-1", kind, NOON, "uid", (seen,), unsampled, notes)


GONE = (
    proof(ProofKind.GONE, False, False, notes=("one-endpoint",)),
    (
        "Proven: the binding is gone, and all 2 questions were denied (1 API server asked). "
        "This is as seen from one endpoint."
    ),
)
GONE_YET_ALLOWED = (
    proof(
        ProofKind.GONE,
        True,
        False,
        reason='RBAC: allowed by RoleBinding "other/payments-dev"',
        notes=("still-allowed-by-other", "adds-nothing"),
        unsampled=3,
    ),
    (
        "Proven: the binding is gone, and 1 of 2 questions were denied (1 API server asked). "
        "Some of it is still allowed, though not by this access: still allowed by “RBAC: "
        'allowed by RoleBinding "other/payments-dev"”. This access adds nothing: all that was '
        "sampled was allowed before it, too. 3 more permissions of the role were not sampled."
    ),
)
GONE_UNASKED = (
    proof(ProofKind.GONE, notes=("no-questions",)),
    (
        "Proven: the binding is gone, and there was nothing to ask (1 API server asked). "
        "The role gave no question to ask, so only the binding was looked at."
    ),
)
ACTIVE = (
    proof(ProofKind.ACTIVE, True, unsampled=1),
    (
        "Seen: the binding is there, and the question was allowed. "
        "1 more permission of the role was not sampled."
    ),
)
BEFORE = (
    proof(ProofKind.BEFORE, False, True),
    "Before: 1 of 2 questions were allowed already.",
)


@pytest.mark.parametrize(("shown", "said"), [GONE, GONE_YET_ALLOWED, GONE_UNASKED, ACTIVE, BEFORE])
def test_proofs_are_said_in_sentences(shown: Proof, said: str) -> None:
    assert " ".join(proof_sentences(shown)) == said


def test_an_api_server_that_gave_no_answer_is_not_counted_as_one_that_denied() -> None:
    """The first of two was silent: the sentence said that there was nothing to ask."""
    silent = Seen("https://zero", ready=False, binding_uid=None, answers=(), problem="unavailable")
    for kind, said in (
        (ProofKind.ACTIVE, "Seen: the binding is there, and all 2 questions were allowed"),
        (ProofKind.BEFORE, "Before: all 2 questions were allowed already"),
    ):
        shown = proof(kind, True, True)
        with_silent = replace(shown, seen=(silent, *shown.seen))
        assert proof_sentences(with_silent) == (f"{said} (2 asked, 1 did not answer).",)
        assert with_silent.questions() == shown.questions()


def test_why_something_was_not_told_has_words_for_every_code() -> None:
    """Codes that Slack gives for a place, or for the whole app, and our own."""
    ours = codes_in_source(
        r'Gone\("([a-z_-]+)"\)|(?:given_up|passing)\(row, "([a-z-]+)"', "bot/slack"
    )
    codes = {code for pair in ours for code in pair if code} | TOKENS - {"not_allowed_token_type"}
    assert codes - {"not_authed"} <= set(UNDELIVERED)
    assert delivery_words("is_archived") == "the channel is archived (is_archived)"
    assert delivery_words("never_heard_of") == "never_heard_of"
    assert delivery_words("") == "it was not tried yet"


def test_every_note_of_a_proof_has_words() -> None:
    found = codes_in_source(r'notes=\([^)]*"([a-z-]+)"|\*work\.notes, "([a-z-]+)"', "grants/access")
    assert {code for pair in found for code in pair if code} <= set(NOTES)
