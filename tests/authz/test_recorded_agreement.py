"""What a real kube-apiserver answered, asked again of ours and of broken variants of it.

The answers were recorded by tests/cluster/test_agreement.py, which also holds them to the server
of today and asks many more.
"""

from collections.abc import Mapping
from functools import cache
from types import ModuleType

import pytest

from grants.authz.model import Question
from grants.authz.objects import Caller
from tests.support.agreement import recording
from tests.support.agreement.oracle import Ours
from tests.support.agreement.semantics import NEVER_ALLOWED, Ask, Semantic
from tests.support.mutants import MUTANTS, Mutant, load

SCENES = cache(recording.read)


def wrong(authz: Mapping[str, ModuleType]) -> list[str]:
    """What a variant answers otherwise than the server did."""
    found = []
    for scene in SCENES():
        ours = Ours(authz["grants.authz.rbac"].Rbac(scene.roles, scene.bindings), authz)
        for heard in scene.heard:
            asked = heard.asked
            if isinstance(asked, Ask):
                verdict = ours.review(asked.caller, asked.question)
            else:
                verdict = ours.request(asked)
            if verdict.allowed is not heard.allowed:
                found.append(f"{asked}: the server said {heard.allowed}")
    return found


def test_ours_answers_as_the_server_did() -> None:
    assert wrong(load(None)) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.story)
def test_a_broken_variant_is_caught(mutant: Mutant) -> None:
    assert wrong(load(mutant)) != []


def test_every_semantic_was_heard_in_every_answer_it_can_have() -> None:
    heard = {(one.asked.semantic, one.allowed) for scene in SCENES() for one in scene.heard}
    # Tokens can't be put on file: the fast tests hear of them as callers.
    for semantic in Semantic:
        assert (semantic, False) in heard
        assert (semantic, True) in heard or semantic in NEVER_ALLOWED


def test_a_variant_is_built_from_what_stands_there() -> None:
    absent = Mutant("nothing", "rbac", "no such text", "")
    with pytest.raises(AssertionError, match="not there once"):
        load(absent)
    rbac = load(None)["grants.authz.rbac"].Rbac([], [])
    assert not rbac.allowed(Caller("ada"), Question("get"))
