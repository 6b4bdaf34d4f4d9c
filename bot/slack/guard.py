"""Runs a handler so that its ack always leaves and whoever acts is told what happened."""

import secrets
from collections.abc import Callable
from typing import Final

from bot.logs import get_logger, log_ids
from bot.slack.inbound import Inbound, Kind
from bot.slack.ports import Answer
from bot.slack.sdk_log import code_of
from bot.slack.surface import SLACK_FAILS, Handler, Surface
from bot.slack.views import said_view
from bot.wording import error_sentence
from grants.errors import (
    ChangedMeanwhile,
    ClusterError,
    SignInNeeded,
    StoreError,
    TooMany,
    ValetkeyError,
)
from grants.ids import Prefix, is_id

log = get_logger("slack.guard")

NOT_TAKEN: Final = "Slack did not take the answer in time. Please try again."
PASSING: Final = (ChangedMeanwhile, ClusterError, StoreError, TooMany)
"""Errors after which the same thing may work in a moment."""

BROKEN: Final = (
    "Something broke on our side (reference {reference}). Please try again; "
    "if it stays so, tell an admin the reference."
)


def guarded(surface: Surface, inbound: Inbound, handler: Handler) -> Answer:
    """Run a handler. An un-acked click would spin and then say only that something went wrong."""
    with log_ids(**ids_of(inbound)):
        return _guarded(surface, inbound, handler)


def ids_of(inbound: Inbound) -> dict[str, str]:
    """Give the id that a button carries, by the name that log lines have for it."""
    carried = inbound.value.partition(":")[0]
    named = {"request": Prefix.REQUEST, "grant": Prefix.GRANT}
    return {name: carried for name, prefix in named.items() if is_id(carried, prefix)}


def _guarded(surface: Surface, inbound: Inbound, handler: Handler) -> Answer:
    try:
        return handler(surface, inbound)
    except ValetkeyError as error:
        log.info("refused %s %s: %s", inbound.kind, inbound.name[:80], error.code)
        return _tell(surface, inbound, error)
    except SLACK_FAILS as error:
        log.warning("Slack did not take what follows %s: %s", inbound.kind, code_of(error))
        return _passing(surface, inbound, NOT_TAKEN)
    except Exception:  # whatever broke, the ack must leave and name a reference
        reference = secrets.token_hex(4)
        log.exception("%s %r broke, reference %s", inbound.kind, inbound.name[:80], reference)
        return _passing(surface, inbound, BROKEN.format(reference=reference))


def _tell(surface: Surface, inbound: Inbound, error: ValetkeyError) -> Answer:
    if isinstance(error, SignInNeeded) and inbound.kind is not Kind.SUGGESTION:
        needed = error
        return safely(inbound, lambda: surface.ask_to_sign_in(inbound, needed))
    if isinstance(error, PASSING):
        return _passing(surface, inbound, error_sentence(error))
    return safely(inbound, lambda: surface.say(inbound, error_sentence(error)))


def _passing(surface: Surface, inbound: Inbound, sentence: str) -> Answer:
    """Say what may have passed in a moment; a form stays as it is filled in, to be sent again."""
    field = "reason" if "reason" in inbound.state else next(iter(inbound.state), "")
    if inbound.kind is Kind.SUBMISSION and field:
        return {"response_action": "errors", "errors": {field: sentence}}
    return safely(inbound, lambda: surface.say(inbound, sentence))


def safely(inbound: Inbound, say: Callable[[], Answer]) -> Answer:
    """Say it if it can be said; that it can't must not cost the ack."""
    try:
        return say()
    except ValetkeyError as error:
        # Most often the same click again: its link was made the first time.
        log.info("not said after %s: %s", inbound.kind, error.code)
        return last_word(inbound, error_sentence(error))
    except SLACK_FAILS as error:
        name, code = inbound.name[:80], code_of(error)
        log.warning("nobody could be told after %s %r: %s", inbound.kind, name, code)
        return last_word(inbound, NOT_TAKEN)
    except Exception:
        log.exception("nobody could be told after %s %r", inbound.kind, inbound.name[:80])
        return last_word(inbound, NOT_TAKEN)


def last_word(inbound: Inbound, sentence: str) -> Answer:
    """Give an answer that needs no call of Slack: a click in a message has none but its ack."""
    if inbound.kind is Kind.SUGGESTION:
        return {"options": []}
    if inbound.kind is Kind.COMMAND:
        return {"response_type": "ephemeral", "text": sentence}
    if inbound.kind is Kind.SUBMISSION:
        return {"response_action": "update", "view": said_view(sentence)}
    return None
