"""Everything that judges, in one place to import from."""

from grants.policy.asking import (
    Scope,
    askable,
    askable_clusters,
    askable_namespaces,
    may_ask,
    offer,
)
from grants.policy.deciding import Agreed, Click, judge_decision, quorum_of
from grants.policy.match import Match, is_admin, is_auditor, match
from grants.policy.reasons import REASON_CODES
from grants.policy.requesting import (
    REASON_MAX_CHARS,
    SNAPSHOT_MAX_AGE,
    Ask,
    RoleGap,
    judge_admin,
    judge_open,
    judge_request,
)
from grants.policy.subjects import render_connect, render_groups, render_subject
from grants.policy.verdict import Verdict

__all__ = [
    "REASON_CODES",
    "REASON_MAX_CHARS",
    "SNAPSHOT_MAX_AGE",
    "Agreed",
    "Ask",
    "Click",
    "Match",
    "RoleGap",
    "Scope",
    "Verdict",
    "askable",
    "askable_clusters",
    "askable_namespaces",
    "is_admin",
    "is_auditor",
    "judge_admin",
    "judge_decision",
    "judge_open",
    "judge_request",
    "match",
    "may_ask",
    "offer",
    "quorum_of",
    "render_connect",
    "render_groups",
    "render_subject",
]
