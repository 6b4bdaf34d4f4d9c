"""The form of the section `review:` of a policy file."""

from datetime import date, timedelta
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from grants.authz.rule_ids import RULE_IDS
from grants.policy.durations import DURATION_PATTERN, format_duration, parse_duration
from grants.policy.fields import (
    Email,
    Pattern,
    Reference,
    Shape,
    WhoShape,
    checked_text,
    prose,
    wrong,
)
from grants.policy.review_model import KEEP_AT_MOST, WINDOW

LONGEST_WINDOW: Final = timedelta(days=3 * 366)

_DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_ANNOTATION: Final = (
    r"^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
_ACCOUNT: Final = r"^[-a-z0-9.*?]{1,63}/[-a-z0-9.*?]{1,253}$"
_SUBJECT: Final = r"^(?:User|Group) [^\[\]]{1,253}$"
_ROLE: Final = r"^(?:Role|ClusterRole) [^/%\[\]]{1,253}$"
_USER: Final = r"^[A-Z][A-Za-z]{0,62}/[-a-z0-9.*?]{1,253}$"
_DIGEST: Final = r"^[0-9a-f]{64}$"


def _rule_id(value: str) -> str:
    if value not in RULE_IDS:
        raise wrong("unknown-rule", f"`{value}` is no rule; those are: {', '.join(RULE_IDS)}")
    return value


def _day(value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise wrong("bad-day", "must be a day such as 2031-12-31") from None


def _window(value: object) -> timedelta:
    found = parse_duration(value) if isinstance(value, str) else None
    if found is None or not timedelta(0) < found <= LONGEST_WINDOW:
        longest = format_duration(LONGEST_WINDOW)
        raise wrong("bad-duration", f"must be a length of time such as 90d, at most {longest}")
    return found


RuleId = Annotated[
    str, AfterValidator(_rule_id), WithJsonSchema({"type": "string", "enum": list(RULE_IDS)})
]
SeverityWord = Literal["info", "low", "medium", "high", "critical"]
Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "pattern": _DAY})]
Length = Annotated[
    timedelta,
    PlainValidator(_window),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "minLength": 2}),
]
Annotation = Annotated[
    str, *checked_text(_ANNOTATION, "bad-name", "must be an annotation's name, as in team/owner")
]
AccountPattern = Annotated[
    str, *checked_text(_ACCOUNT, "bad-pattern", "must be namespace/name, with * and ? allowed")
]
SubjectPattern = Annotated[
    str, *checked_text(_SUBJECT, "bad-pattern", "must be `User NAME` or `Group NAME`")
]
RolePattern = Annotated[
    str, *checked_text(_ROLE, "bad-pattern", "must be `Role NAME` or `ClusterRole NAME`")
]
WorkloadPattern = Annotated[
    str, *checked_text(_USER, "bad-pattern", "must be Kind/name, as in Deployment/shop-*")
]
RulesDigest = Annotated[
    str, *checked_text(_DIGEST, "bad-digest", "must be the 64 digits that a finding tells")
]


class AnnotationsShape(Shape):
    """Annotations that each service account must have; what is left out is not asked for."""

    owner: Annotation | None = Field(default=None, description="Says whose it is.")
    purpose: Annotation | None = Field(default=None, description="Says what it is for.")
    review_by: Annotation | None = Field(
        default=None, description="Says by which day (2031-12-31) it must be looked at again."
    )


class ScopeShape(Shape):
    """Which findings: all keys that stand there must match, one of each list is enough."""

    rules: list[RuleId] = Field([], description="Ids of rules.")
    clusters: list[Pattern] = Field([], description="Aliases or patterns of them.")
    namespaces: list[Pattern] = Field([], description="Where the rights hold, or patterns.")
    accounts: list[AccountPattern] = Field([], description="Service accounts, namespace/name.")


class WindowShape(ScopeShape):
    """Another window for some rules, namespaces or accounts."""

    window: Length = Field(description="How long, at most three years.")


class SubjectScopeShape(ScopeShape):
    """Which findings, those of users, groups and roles too."""

    subjects: list[SubjectPattern] = Field([], description="`User NAME` or `Group NAME`.")
    roles: list[RolePattern] = Field([], description="`Role NAME` or `ClusterRole NAME`.")


class PremiseShape(Shape):
    """What must hold for the exception to count; checked again at each scan."""

    used_only_by: list[WorkloadPattern] = Field(
        [], description="What alone may run as the account, as Kind/name."
    )
    same_rules: RulesDigest | None = Field(
        default=None, description="The digest of the role's rules that somebody looked at."
    )
    named_only: bool = Field(default=False, description="The right is on named objects only.")
    namespace_labels: dict[str, str] = Field({}, description="Labels that the namespace must have.")


class ExceptionShape(SubjectScopeShape):
    """Findings that somebody answers for, until a day."""

    rules: list[RuleId] = Field(min_length=1, description="Ids of rules.")
    reason: Annotated[str, *prose(300)] = Field(description="Why that is right here.")
    owner: Annotated[str, *prose(253)] = Field(description="Who answers for it.")
    until: Day = Field(description="The last day on which it counts.")
    premise: PremiseShape | None = Field(default=None, description="What must hold.")


class AllowShape(SubjectScopeShape):
    """What manifests may give without failing `review diff`; a scan still shows it."""

    rules: list[RuleId] = Field(min_length=1, description="Ids of rules.")
    reason: Annotated[str, *prose(300)] = Field(description="Why that is right.")


class DigestShape(ScopeShape):
    """Who is told of findings, and of which."""

    channels: list[Reference] = Field([], description="Slack channels, by id or #name.")
    people: list[Email] = Field([], description="People, by verified email address.")
    owners: bool = Field(
        default=False, description="The account's owner, if the annotation is an email address."
    )
    at_least: SeverityWord = Field("medium", description="The least severity that is told.")


class ReviewShape(Shape):
    """What the review of service accounts goes by."""

    annotations: AnnotationsShape | None = None
    window: Length = Field(
        WINDOW, description="How long nothing must have been seen before it counts as unused."
    )
    windows: list[WindowShape] = Field([], description="The first that matches counts.")
    exceptions: list[ExceptionShape] = Field([], description="Findings somebody answers for.")
    allow: list[AllowShape] = Field([], description="What manifests may give.")
    reviewers: WhoShape | None = Field(default=None, description="Who may keep a finding.")
    keep_at_most: Length = Field(
        KEEP_AT_MOST, description="How long a reviewer may keep a finding from then on."
    )
    digests: list[DigestShape] = Field([], description="Who is told of findings.")
    fail_on: SeverityWord = Field("high", description="From where on `review scan` fails.")
    fail_on_gain: SeverityWord = Field("medium", description="From where on `review diff` fails.")


REVIEW_KEYS: Final[dict[tuple[str, ...], type[Shape]]] = {
    (): ReviewShape,
    ("annotations",): AnnotationsShape,
    ("windows",): WindowShape,
    ("exceptions",): ExceptionShape,
    ("exceptions", "premise"): PremiseShape,
    ("allow",): AllowShape,
    ("reviewers",): WhoShape,
    ("digests",): DigestShape,
}
"""Which form stands where within the section."""
