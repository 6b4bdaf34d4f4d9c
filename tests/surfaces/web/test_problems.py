"""Every error has one HTTP status and one sentence."""

import json

import pytest

from bot.web.problems import STATUSES, problem_of
from bot.web.refusals import _LINKS, refusal_of
from bot.wording.errors import LINKS
from grants.errors import LinkRefused, LoginRefused, NotFound, ValetkeyError


def every_kind(kind: type[ValetkeyError] = ValetkeyError) -> list[type[ValetkeyError]]:
    return [kind, *(one for child in kind.__subclasses__() for one in every_kind(child))]


@pytest.mark.parametrize("kind", every_kind())
def test_every_error_has_a_status(kind):
    assert kind.code in STATUSES


def test_every_status_is_of_an_error():
    assert set(STATUSES) == {kind.code for kind in every_kind()}


@pytest.mark.parametrize("why", sorted(_LINKS))
def test_every_refusal_of_a_link_has_a_sentence_of_its_own(why):
    assert why in LINKS


def test_a_problem_says_code_status_and_sentence():
    status, body = problem_of(NotFound("request", "req-1"))
    said = json.loads(body)
    assert status == 404
    assert said["type"] == "urn:valetkey:problem:not-found"
    assert said["status"] == 404
    assert said["title"] == "Not Found"
    assert said["detail"]


def test_a_login_that_does_not_answer_is_not_the_persons_fault():
    assert refusal_of(LoginRefused("unavailable", "company")).status == 503
    assert refusal_of(LoginRefused("aud", "company")).status == 403
    assert refusal_of(LinkRefused("expired")).status == 410
