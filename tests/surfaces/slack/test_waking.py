"""The workers are waked once, and only after something changed."""

import pytest

from bot.slack.waking import waking
from grants.errors import NotAllowed, TermsChanged


def waked_by(error: Exception | None) -> int:
    waked: list[int] = []

    def verb(command: str) -> str:
        if error is not None:
            raise error
        return command

    call = waking(lambda: waked.append(1), verb)
    if error is None:
        assert call("done") == "done"
    else:
        with pytest.raises(type(error)):
            call("refused")
    return len(waked)


def test_a_change_wakes_and_a_refusal_does_not() -> None:
    assert waked_by(None) == 1
    assert waked_by(NotAllowed("give-back")) == 0


def test_a_request_that_is_closed_by_a_refusal_wakes() -> None:
    assert waked_by(TermsChanged("req-1", "role")) == 1
    assert waked_by(TermsChanged("req-1", "terms")) == 0, "a forged card closes nothing"
