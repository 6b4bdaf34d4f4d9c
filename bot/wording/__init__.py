"""Every state, cause, reason and error as one plain sentence; each surface escapes for itself."""

from bot.wording.errors import error_sentence
from bot.wording.notices import NOTICES, notice_sentence
from bot.wording.problems import problem_sentence
from bot.wording.proofs import note_sentence, proof_sentences
from bot.wording.reasons import reason_sentence
from bot.wording.states import (
    cause_sentence,
    grant_state_words,
    request_state_words,
    trouble_words,
)
from bot.wording.times import clock_words, duration_words, moment_words
from bot.wording.undelivered import delivery_words

__all__ = [
    "NOTICES",
    "cause_sentence",
    "clock_words",
    "delivery_words",
    "duration_words",
    "error_sentence",
    "grant_state_words",
    "moment_words",
    "note_sentence",
    "notice_sentence",
    "problem_sentence",
    "proof_sentences",
    "reason_sentence",
    "request_state_words",
    "trouble_words",
]
