"""What holds ours against a server: a difference of any kind is seen."""

from pathlib import Path

from grants.authz.model import Question
from grants.authz.objects import Caller
from grants.authz.rbac import Rbac
from tests.support.agreement.oracle import Ours, Verdict
from tests.support.agreement.rounds import make_round
from tests.support.agreement.run import Tally, put_table, table
from tests.support.agreement.semantics import NEVER_ALLOWED, Ask, Semantic

ASK = Ask(Semantic.EXACT, Caller("ada"), Question("get", resource="pods"))
YES = Verdict(allowed=True, reasons=frozenset({"by b"}))
NO = Verdict(allowed=False)


def test_what_agrees_is_counted_by_the_servers_answer() -> None:
    tally = Tally()
    tally.add(ASK, YES, [Verdict(allowed=True, reasons=frozenset({"by a", "by b"}))])
    tally.add(ASK, NO, [NO, NO])
    assert (tally.total, tally.allowed) == (2, 1)
    assert tally.disagreements == []


def test_another_answer_of_either_of_ours_and_another_reason_are_differences() -> None:
    tally = Tally()
    tally.add(ASK, YES, [NO])
    tally.add(ASK, NO, [NO, YES])
    tally.add(ASK, YES, [Verdict(allowed=True, reasons=frozenset({"by a"}))])
    assert len(tally.disagreements) == 3


def test_the_table_is_put_between_its_marks(tmp_path: Path) -> None:
    tally = Tally()
    tally.add(ASK, YES, [NO])
    page = tmp_path / "page.md"
    page.write_text("# Page\n<!-- agreement -->\noutdated\n<!-- /agreement -->\nrest\n")
    put_table(page, table(tally, 7, "v1"))
    text = page.read_text()
    assert text.startswith("# Page\n<!-- agreement -->\n1 questions of seed 7 to kube-apiserver v1")
    assert "| verb, group and kind to the letter | 1 | 0 | 1 |" in text
    assert text.endswith("<!-- /agreement -->\nrest\n")
    assert "outdated" not in text


def test_a_round_is_the_same_for_the_same_seed_and_asks_for_both_answers(seed: int) -> None:
    made, again = make_round(seed, 0, 3), make_round(seed, 0, 3)
    assert made == again
    assert made != make_round(seed, 1, 3)
    ours = Ours(Rbac([*made.roles, *made.late], made.bindings))
    found = {(a.semantic, ours.review(a.caller, a.question).allowed) for a in made.asks}
    found |= {(r.semantic, ours.request(r).allowed) for r in made.requests}
    asked_of = {semantic for semantic, _ in found}
    assert asked_of == set(Semantic)
    for semantic in set(Semantic) - NEVER_ALLOWED - {Semantic.WRITE_ROLE, Semantic.WRITE_BINDING}:
        assert (semantic, True) in found, semantic
