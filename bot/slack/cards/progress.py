"""One line about where a grant stands, for cards and Home; mrkdwn."""

from bot.slack.text import date
from bot.wording import cause_sentence, grant_state_words, trouble_words
from grants.access.model import Grant, GrantState


def grant_line(grant: Grant) -> str:
    """Say where a grant stands now."""
    if grant.state is GrantState.ACTIVE and grant.expires_at:
        trouble = f", though {trouble_words(grant.problem)}" if grant.problem else ""
        return f"*Active* until {date(grant.expires_at)}{trouble}"
    if grant.state is GrantState.ENDED:
        when = f" {date(grant.ended_at)}" if grant.ended_at else ""
        cause = cause_sentence(grant.cause, grant.cause_detail) if grant.cause else ""
        return f"*Ended*{when}. {cause}"
    if grant.stuck:
        return f"*Stuck*: it could not be taken away yet, because {trouble_words(grant.problem)}"
    return f"*{grant_state_words(grant.state).capitalize()}*{_trouble(grant)}"


def _trouble(grant: Grant) -> str:
    """Say what it waits for; whoever waits with it wants to know since when."""
    if not grant.problem:
        return ""
    since = f" since {date(grant.failing_since)}" if grant.failing_since else ""
    return f", though {trouble_words(grant.problem)}{since}: tried again"
